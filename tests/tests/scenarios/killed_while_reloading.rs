//! A bot that is killed at any moment of a reload starts again, with a version that was good or the one in the folder.

use std::time::Duration;

use cometbot_tests::{Client, Comet, Home, Plugin};
use rand::RngExt as _;
use rustix::process::Signal;

/// Kills, unless COMETBOT_KILLS says otherwise.
const KILLS: usize = 30;
/// A reload takes less than that: a kill comes at any point of it, or of the next one.
const REACH: Duration = Duration::from_millis(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_the_bot_is_killed_it_starts_again_and_its_plugin_answers() {
    let kills = std::env::var("COMETBOT_KILLS").map_or(KILLS, |number| number.parse().expect("a number"));
    let comet = Comet::start().await;
    let home = Home::at(&comet).set("defaults", "probation-events = 3");
    let word = |number: usize| Plugin::answering("web_chat", &format!("v{number}"));
    home.write_plugin("word.wat", word(0).text());
    for number in 1..=kills {
        let bot = home.live().await;
        let mut client = Client::join(&comet, ["web_chat"]).await;
        comet.subscribed("web_chat", 2).await;
        // What answers is the version of before, which may have been on probation, or the one of before that.
        let answer = client.ask("web_chat", "x").await;
        let of: usize = answer.strip_prefix('v').and_then(|rest| rest.strip_suffix(" x")).unwrap().parse().unwrap();
        assert!(of + 2 > number, "at the kill {number} it was {answer}");
        let text = match number % 3 {
            0 => Plugin::new().hears("web_chat", ["msg"]).sends("web_chat").handle("unreachable").text(),
            _ => word(number).text(),
        };
        home.rename_plugin("word.wat", text);
        client.send_all("web_chat", "msg", ["1", "2", "3", "4"]);
        // By chance, and that is what is tested.
        tokio::time::sleep(rand::rng().random_range(Duration::ZERO..REACH)).await;
        bot.signal(Signal::KILL);
        assert_eq!(bot.end().await.code, None);
        if number % 3 == 0 {
            // The bad version is still in the folder: the next one begins with it, and then gets a good one.
            let bot = home.live().await;
            home.rename_plugin("word.wat", word(number).text());
            bot.wait_for("the good version", |line| line.says("plugin replaced")).await;
            while client.ask("web_chat", "y").await != format!("v{number} y") {}
        }
        comet.subscribed("web_chat", 1).await;
    }
}
