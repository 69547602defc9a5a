//! Messages to the bot's user come over each of its connections; plugins hear each once, whatever becomes of the
//! connections meanwhile.

use std::collections::BTreeMap;

use cometbot::local::Personal;
use cometbot_tests::{Comet, End, HASH, Home, Line, Plugin, Process, Refusal, USER, Way, Wire, within};

/// More than one connection can have.
const PIPES: usize = 40;
const LINKS: u64 = 2;

/// A bot of two links that is logged in. It writes what it hears into its log: what is sent may come twice.
async fn two_links(wire: &Wire) -> (Home, Process) {
    let mut plugin = Plugin::new()
        .hears("msg", [])
        .hears("web_end", [])
        .writes_log()
        .handle(r#"(call $log (i32.const 2) "heard" (local.get $data) (local.get $data_bytes))"#);
    for pipe in 0..PIPES {
        plugin = plugin.hears(&format!("web_room_{pipe}"), []);
    }
    let home = Home::at_url(&wire.url())
        .set("server", &format!("user-id = {USER}\ntoken = \"{HASH}\"\nretry-min-ms = 10\nretry-max-seconds = 1"))
        .plugin("ears.wat", plugin.text());
    let bot = home.live().await;
    assert_eq!(wire.counts().open, LINKS);
    (home, bot)
}

/// What the plugin heard since the log was last forgotten, each with how often, up to a last word.
async fn heard(comet: &Comet, bot: &Process) -> BTreeMap<String, usize> {
    let is_heard = |line: &Line| line.of("ears") && line.field("context") == "heard";
    comet.control.publish("web_end", "end", "the end").unwrap();
    bot.wait_for("the end", |line| is_heard(line) && line.message() == "the end").await;
    let mut heard = BTreeMap::new();
    for line in bot.lines(|line| is_heard(line) && line.message() != "the end") {
        *heard.entry(line.message().to_owned()).or_default() += 1;
    }
    heard
}

fn once_each(texts: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    texts.into_iter().map(|text| (text, 1)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_heard_once_though_it_comes_over_two_links() {
    const MESSAGES: usize = 500;
    const EQUAL: usize = 10;
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let (_home, mut bot) = two_links(&wire).await;
    bot.forget();
    let texts: Vec<String> = (0..MESSAGES).map(|number| number.to_string()).collect();
    for text in texts.iter().map(String::as_str).chain(["equal"; EQUAL]) {
        assert_eq!(comet.control.personal(USER, "said", text), Ok(Personal::Sent(LINKS)));
    }
    // Each link has brought all of them when it has brought what was said last.
    let last = |line: &Line| line.of("ears") && line.message() == "last";
    comet.control.personal(USER, "said", "last").unwrap();
    bot.wait_for("the last message", last).await;
    comet.control.publish("web_room_39", "said", "behind it").unwrap();
    bot.wait_until_it_says("behind it").await;
    let mut wanted = once_each(texts.into_iter().chain(["last".to_owned(), "behind it".to_owned()]));
    wanted.insert("equal".to_owned(), EQUAL);
    assert_eq!(heard(&comet, &bot).await, wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_heard_once_while_links_come_and_go() {
    const MESSAGES: usize = 40;
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let (_home, mut bot) = two_links(&wire).await;
    for end in [End::Fin, End::Reset, End::Fin, End::Reset] {
        bot.forget();
        // One of the two ends in the middle of a message; the other brings it.
        wire.cut_after(Way::Down, 100, end);
        let mut wanted = BTreeMap::new();
        let mut say = |when: &str| {
            for number in 0..MESSAGES {
                let text = format!("{when} {number}");
                comet.control.personal(USER, "said", &text).unwrap();
                wanted.insert(text, 1);
            }
        };
        say("while one breaks");
        bot.wait_until_it_says("connection lost").await;
        say("while one is away");
        bot.wait_until_it_says("live: events reach the plugins").await;
        say("when both are back");
        assert_eq!(heard(&comet, &bot).await, wanted);
        wire.carries(LINKS).await;
    }
    assert_eq!(wire.counts().cut, 4);
}

/// The queue comes to whoever logs in first, and what was put into it in the second of a login comes again at the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_while_the_bot_was_away_is_heard_once_too() {
    /// All rounds together are what one login brings at most.
    const MESSAGES: usize = 3;
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let (_home, mut bot) = two_links(&wire).await;
    for round in ["one", "two", "three"] {
        bot.forget();
        wire.refuse(Refusal::NoListener);
        wire.cut(End::Reset);
        within("the end of both links", comet.control.wait_for_connections(0)).await;
        let texts: Vec<String> = (0..MESSAGES).map(|number| format!("round {round}, {number}")).collect();
        for text in &texts {
            assert_eq!(comet.control.personal(USER, "said", text), Ok(Personal::Queued));
        }
        wire.heal();
        bot.wait_until_it_says("live: events reach the plugins").await;
        assert_eq!(heard(&comet, &bot).await, once_each(texts));
    }
}
