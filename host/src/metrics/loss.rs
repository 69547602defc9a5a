//! Why a link has no connection.

use std::{fmt, time::Duration};

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};

/// Why there is no connection any more, or none came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LossReason {
    /// The server closed it.
    Closed,
    /// Reading failed.
    Reading,
    /// Writing failed.
    Writing,
    /// Something was sent or asked and not answered in time.
    Stalled,
    /// The subscription was not confirmed.
    NotSubscribed,
    /// A frame was larger than what is taken.
    FrameTooLarge,
    /// The server had let us in and does not know us any more.
    Disowned,
    /// A mistake of ours.
    Internal,
    /// No login could be read: its file or command gave none.
    Login,
    /// No TCP connection.
    Unreachable,
    /// No TLS connection.
    Tls,
    /// There are no certificate authorities to trust.
    Authorities,
    /// What answers is no comet server.
    NoCometServer,
    /// The server did not say in time who we are.
    Silent,
    /// The server closed the connection before it said who we are.
    ClosedEarly,
    /// The server refuses the address or the version.
    Refused,
    /// The server does not accept the login.
    NotAuthorized,
}

impl LossReason {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Closed,
        Self::Reading,
        Self::Writing,
        Self::Stalled,
        Self::NotSubscribed,
        Self::FrameTooLarge,
        Self::Disowned,
        Self::Internal,
        Self::Login,
        Self::Unreachable,
        Self::Tls,
        Self::Authorities,
        Self::NoCometServer,
        Self::Silent,
        Self::ClosedEarly,
        Self::Refused,
        Self::NotAuthorized,
    ];

    /// Whether there had been a connection on which the server had said who we are.
    #[must_use]
    pub const fn had_connection(self) -> bool {
        matches!(
            self,
            Self::Closed
                | Self::Reading
                | Self::Writing
                | Self::Stalled
                | Self::NotSubscribed
                | Self::FrameTooLarge
                | Self::Disowned
                | Self::Internal
        )
    }

    /// The value of the label `reason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Reading => "reading",
            Self::Writing => "writing",
            Self::Stalled => "stalled",
            Self::NotSubscribed => "not_subscribed",
            Self::FrameTooLarge => "frame_too_large",
            Self::Disowned => "disowned",
            Self::Internal => "internal",
            Self::Login => "login",
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::Authorities => "authorities",
            Self::NoCometServer => "no_comet_server",
            Self::Silent => "silent",
            Self::ClosedEarly => "closed_early",
            Self::Refused => "refused",
            Self::NotAuthorized => "not_authorized",
        }
    }
}

impl EncodeLabelValue for LossReason {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        self.as_str().encode(encoder)
    }
}

/// The end of a connection, or of a try to get one.
pub struct Loss<'a> {
    /// Why, for the metric.
    pub reason: LossReason,
    /// Why, in the words of the error.
    pub why: &'a dyn fmt::Display,
    /// The server.
    pub server: &'a dyn fmt::Display,
    /// Sends of which nobody knows whether they arrived.
    pub unanswered_sends: usize,
    /// The next try comes after this.
    pub pause: Duration,
}
