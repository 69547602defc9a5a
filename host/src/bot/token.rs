//! The token of the login, watched: whoever runs the bot hears in time that it expires.

use std::time::Duration;

use crate::{
    comet::login::{LoginSource, TokenNews, watch},
    metrics::Metrics,
};

/// A source that gives no login is read again after so long. That it gives none is said where the link connects.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Watches the token for ever.
pub(super) async fn follow(source: &LoginSource, metrics: &Metrics) {
    let login = loop {
        match source.read().await {
            Ok(login) => break login,
            Err(_) => tokio::time::sleep(LOOK_AGAIN_AFTER).await,
        }
    };
    metrics.token_expires(login.expires());
    watch(source, login, |news| match &news {
        TokenNews::Renewed { expires } => {
            metrics.token_expires(*expires);
            tracing::info!("{news}");
        }
        TokenNews::ExpiresSoon { .. } => tracing::warn!("{news}"),
        TokenNews::Expired { .. } => tracing::error!("{news}"),
    })
    .await;
}
