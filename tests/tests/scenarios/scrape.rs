//! The metrics of a bot, read as Prometheus reads them. For a bot with [`SERVED`] in its `[service]`.

use std::{net::SocketAddr, time::Instant};

use cometbot_tests::{PATIENCE, Process, within};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Metrics at any free port.
pub const SERVED: &str = "metrics = \"127.0.0.1:0\"";

/// Where a bot serves its metrics.
pub struct Scraper(SocketAddr);

/// What it served at one time.
pub struct Page(String);

impl Scraper {
    /// As the bot's log says.
    pub async fn of(bot: &Process) -> Self {
        let line = bot.wait_until_it_says("metrics are at http://").await;
        let address = line.message().trim_start_matches("metrics are at http://").trim_end_matches("/metrics");
        Self(address.parse().unwrap())
    }

    /// All metrics as they are now.
    pub async fn page(&self) -> Page {
        let mut answer = String::new();
        within("the metrics", async {
            let mut stream = TcpStream::connect(self.0).await.unwrap();
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: bot\r\nConnection: close\r\n\r\n").await.unwrap();
            stream.read_to_string(&mut answer).await.unwrap();
        })
        .await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        Page(answer)
    }

    /// Reads them again and again until they fit.
    pub async fn until(&self, what: &str, fits: impl Fn(&Page) -> bool) -> Page {
        let since = Instant::now();
        loop {
            let page = self.page().await;
            if fits(&page) {
                return page;
            }
            assert!(since.elapsed() < PATIENCE, "waited in vain for {what}:\n{}", page.0);
        }
    }

    /// Waits until link 0 is in a state.
    pub async fn state(&self, state: &str) -> Page {
        self.until(&format!("the state {state}"), |page| page.states() == [state]).await
    }
}

impl Page {
    /// Whether a text stands anywhere in it.
    pub fn has(&self, text: &str) -> bool {
        self.0.contains(text)
    }

    /// The value of a series, written as it is served, such as `cometbot_sends_total{outcome="lost"}`; none if there is
    /// no such series.
    pub fn value(&self, series: &str) -> Option<f64> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map(|value| value.parse().unwrap())
    }

    /// The states in which link 0 is said to be: one, or for a moment none.
    pub fn states(&self) -> Vec<&'static str> {
        let is_in =
            |state: &&str| self.value(&format!("cometbot_link_state{{link=\"0\",state=\"{state}\"}}")) == Some(1.0);
        ["connecting", "authorizing", "live", "waiting"].into_iter().filter(is_in).collect()
    }

    /// How often link 0 lost its connection, or tried in vain, for this reason.
    pub fn losses(&self, reason: &str) -> Option<f64> {
        self.value(&format!("cometbot_link_losses_total{{link=\"0\",reason=\"{reason}\"}}"))
    }

    /// How many sends came out this way.
    pub fn sends(&self, outcome: &str) -> Option<f64> {
        self.value(&format!("cometbot_sends_total{{outcome=\"{outcome}\"}}"))
    }

    /// How many events of a plugin came out this way.
    pub fn events(&self, plugin: &str, outcome: &str) -> Option<f64> {
        self.value(&format!("cometbot_plugin_events_total{{plugin=\"{plugin}\",outcome=\"{outcome}\"}}"))
    }
}
