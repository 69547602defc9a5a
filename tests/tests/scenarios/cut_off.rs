//! A bot that has no connection, and a plugin that works on all the same. It hears nothing new then: what it works on
//! arrived before, and waited until the connection was gone.

use cometbot_tests::{Client, Comet, End, Home, Plugin, Process, Refusal, Way, Wire};

use super::scrape::SERVED;

/// The message that a plugin waits at.
const GATE: &str = "gate";
/// The last message.
const END: &str = "end";

/// A plugin that hears web_work and sends to web_told. For the message `gate` it waits until there is no connection; for
/// `end` it does `at_end` and says in the log that this was the end; for all others it does `body`.
pub fn working(body: &str, at_end: &str) -> Plugin {
    Plugin::new().hears("web_work", ["msg"]).sends("web_told").counts("web_work").writes_log().handle(&format!(
        r#"(if (call $is (local.get $data) (local.get $data_bytes) "{GATE}")
            (then (call $ask_count "web_work" (i32.const 0x140)) (return (i32.const 0x1c0))))
        (if (call $is (local.get $data) (local.get $data_bytes) "{END}")
            (then {at_end} (call $log (i32.const 2) "" "this was the end") (return (i32.const 0x1c0))))
        {body}"#
    ))
}

/// Sends each message on.
pub const SAY: &str = r#"(call $send "web_told" "said" (local.get $data) (local.get $data_bytes))"#;

/// A bot whose connection can be cut, with the plugin `worker`; its home; who talks to it; who hears what it says.
pub struct Site {
    _comet: Comet,
    pub wire: Wire,
    pub home: Home,
    pub client: Client,
    pub told: Client,
}

impl Site {
    /// `service` are lines of `[service]`.
    pub async fn with(service: &str, worker: &Plugin) -> Self {
        let comet = Comet::start().await;
        let wire = Wire::to(&comet).await;
        let witness = Plugin::new().hears("web_work", ["msg"]).writes_log().handle(&format!(
            r#"(if (call $is (local.get $data) (local.get $data_bytes) "{END}")
                (then (call $log (i32.const 2) "" "all has arrived")))"#
        ));
        let home = Home::at_url(&wire.url())
            .set("server", "retry-min-ms = 10\nretry-max-seconds = 1\nanswer-seconds = 60")
            .set("service", &format!("{SERVED}\n{service}"))
            .plugin("worker.wat", worker.text())
            .plugin("witness.wat", witness.text());
        let client = Client::join(&comet, []).await;
        let told = Client::join(&comet, ["web_told"]).await;
        Self { _comet: comet, wire, home, client, told }
    }

    /// Cuts the bot off for good when `messages` have arrived; the worker begins with them when it has no connection.
    pub async fn cut_off(&self, bot: &mut Process, messages: &[String]) {
        bot.forget();
        self.wire.hold(Way::Up);
        let messages = messages.iter().map(String::as_str);
        self.client.send_all("web_work", "msg", [GATE].into_iter().chain(messages).chain([END]));
        bot.wait_until_it_says("all has arrived").await;
        self.wire.refuse(Refusal::NoListener);
        self.wire.cut(End::Fin);
        bot.wait_until_it_says("connection lost").await;
    }

    /// Lets the bot come back.
    pub async fn let_back(&self, bot: &mut Process) {
        bot.forget();
        self.wire.heal();
        bot.wait_until_it_says("live: events reach the plugins").await;
    }

    /// What the bot says until it says something that it is told only now.
    pub async fn said_before_anything_new(&mut self) -> Vec<String> {
        const NEW: &str = "something new";
        self.client.send("web_work", "msg", NEW);
        let mut said = Vec::new();
        loop {
            match self.told.next().await.data {
                data if data == NEW => return said,
                data => said.push(data),
            }
        }
    }
}

/// So many messages, numbered from 0, each of at least so many bytes.
pub fn numbered(count: usize, bytes: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:x<bytes$}", number = format!("{number} "))).collect()
}
