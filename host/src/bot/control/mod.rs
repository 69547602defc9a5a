//! The control socket: how the commands of this program reach a bot that runs.
//!
//! A Unix socket of the bot's user alone, with one JSON object a line each way: a [`Request`], then its [`Answer`]. The
//! socket decides nothing: each request goes to whoever [`Control::serve`] was given, and comes back as it was answered.
//! Whoever is slow, talks nonsense or never reads holds one of a few places for a while, and nothing else.
//!
//! [`Control`] is called by `bot`, [`client::ask`] by `cli`.

use tokio::sync::{mpsc, oneshot};

mod answer;
mod request;

#[cfg(unix)]
pub mod client;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod socket;
#[cfg(unix)]
mod visit;

#[cfg(not(unix))]
#[path = "elsewhere/client.rs"]
pub mod client;
#[cfg(not(unix))]
#[path = "elsewhere/server.rs"]
mod server;

pub use self::{
    answer::{Answer, BreakerReport, CandidateReport, KeptVersion, PluginReport, PluginState},
    request::Request,
    server::{Control, ControlError},
};

/// A request on its way to whoever answers it. A receiver that is gone means that the client is.
pub type Asked = (Request, oneshot::Sender<Answer>);

/// Where requests go.
pub type Requests = mpsc::Sender<Asked>;

#[cfg(all(test, unix))]
mod tests;
