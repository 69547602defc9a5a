//! Versions that cannot take over, each in its own way, under load: the one that runs goes on, and nothing is lost.

use cometbot_tests::{Client, Comet, Home, Line, Load, Plugin, Process};

const PIPES: [&str; 2] = ["web_a", "web_b"];
const RATE: u64 = 2_000;

fn good() -> Plugin {
    Plugin::counting(&PIPES, "good")
}

/// Replaces a counting plugin by `bad` under load. Gives the line of the log for which `fits` holds; by then nothing may
/// have been lost, and the count of the version that runs must be exact.
async fn replaced_by(bad: impl AsRef<[u8]>, what: &str, fits: impl Fn(&Line) -> bool) -> (Process, Line) {
    let comet = Comet::start().await;
    let home = Home::at(&comet).granting("word", "web_*").plugin("word.wat", good().text());
    let bot = home.live().await;
    let load = Load::start(&comet, PIPES, RATE).await;
    home.rename_plugin("word.wat", bad);
    let line = bot.wait_for(what, |line| line.of("word") && fits(line)).await;
    let book = load.finish().await;
    book.nothing_is_lost_doubled_or_reordered();
    let mut client = Client::join(&comet, ["web_told"]).await;
    client.send("web_ask", "msg", "");
    let told = client.next().await;
    assert_eq!((told.event.as_str(), told.data), ("good", book.sent.to_string()));
    (bot, line)
}

async fn rejected(bad: impl AsRef<[u8]>, why: &str) {
    rejected_for_one_of(bad, &[why]).await;
}

/// The same where it depends on how busy the machine is which of two bounds comes first.
async fn rejected_for_one_of(bad: impl AsRef<[u8]>, reasons: &[&str]) {
    let (_bot, line) = replaced_by(bad, "a refusal", |line| line.is("ERROR")).await;
    assert!(line.says("the new file does not run, the old version goes on"), "{}", line.raw);
    assert!(reasons.iter().any(|why| line.says(why)), "{}", line.raw);
}

async fn rolled_back(bad: Plugin, why: &str) {
    let back = |line: &Line| line.says("an earlier version is back");
    let (bot, line) = replaced_by(bad.binary(), "the way back", back).await;
    assert!(line.says(why), "{}", line.raw);
    let failures = bot.lines(|line| line.says("failed on an event")).len();
    assert!(failures >= 3, "each failure is told: {failures}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_does_not_compile_is_rejected() {
    rejected("(module (oops))", "its text does not assemble").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_whose_setup_traps_is_rejected() {
    rejected(good().setup("unreachable").text(), "its `setup` failed: it trapped").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_whose_setup_hangs_is_rejected() {
    rejected_for_one_of(
        good().setup("(loop $again (br $again))").text(),
        &["its `setup` failed: it ran longer than 5000 ms", "its `setup` waited longer than 10 s"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_refuses_the_state_is_rejected() {
    let bad = good().state("(i32.const 0) (i32.const 0)", r#"(return (call $fail "what is this?"))"#);
    rejected(bad.text(), "its `restore` failed: it returned an error: what is this?").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_whose_restore_traps_or_hangs_is_rejected() {
    let bad = good().state("(i32.const 0) (i32.const 0)", "unreachable");
    rejected(bad.text(), "its `restore` failed: it trapped").await;
    let bad = good().state("(i32.const 0) (i32.const 0)", "(loop $again (br $again))");
    rejected_for_one_of(
        bad.text(),
        &["its `restore` failed: it ran longer than 1000 ms", "its `restore` failed: it waited longer than 2 s"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_asks_for_more_waits_and_the_old_one_goes_on() {
    let waits = |line: &Line| line.says("waits for you");
    let (_bot, line) = replaced_by(good().counts("web_a").text(), "the request", waits).await;
    assert!(line.is("WARN") && line.says("(count web_a)") && line.says("cometbot grant word"), "{}", line.raw);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_traps_on_its_first_event_gives_way_to_the_last_good_one() {
    rolled_back(good().handle("unreachable"), "it failed on 3 of its first 3 events").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_returns_an_error_each_time_gives_way() {
    rolled_back(good().handle(r#"(return (call $fail "no"))"#), "the last was: it returned an error: no").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_version_has_answered_before_it_failed_is_not_answered_again() {
    // It handles eleven events as it should, and counts them; then it fails.
    let bad = good().handle(
        r#"(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (if (i32.gt_u (global.get $calls) (i32.const 11)) (then (return (call $fail "enough"))))
        (call $send (local.get $pipe) (local.get $pipe_bytes) "bad" (local.get $data) (local.get $data_bytes))"#,
    );
    rolled_back(bad.function("(global $calls (mut i32) (i32.const 0))"), "it failed on 3 of its first 14 events").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_the_new_version_did_not_even_ask_for_come_to_the_old_one_when_it_is_back() {
    let bad = Plugin::new().hears("web_a", []).sends("web_*").handle("unreachable");
    rolled_back(bad, "it failed on 3 of its first").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_bad_version_has_failed_on_goes_to_the_better_one_that_replaces_it() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("word.wat", Plugin::answering("web_chat", "good").text());
    let mut bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    let bad = Plugin::new().hears("web_chat", ["msg"]).sends("web_chat").handle("unreachable");
    home.rename_plugin("word.wat", bad.text());
    bot.replaced("word").await;
    client.send_all("web_chat", "msg", ["1", "2"]);
    bot.wait_for_all("two failures", 2, |line| line.says("failed on an event")).await;
    bot.forget();
    home.rename_plugin("word.wat", Plugin::answering("web_chat", "better").text());
    bot.replaced("word").await;
    client.send("web_chat", "msg", "3");
    assert_eq!(client.next_lines(3).await, ["better 1", "better 2", "better 3"]);
    // And if that is no better, they go to the last good one.
    let home_again = Home::at(&comet).plugin("word.wat", Plugin::answering("web_chat", "good").text());
    drop(bot);
    let mut bot = home_again.live().await;
    home_again.rename_plugin("word.wat", bad.text());
    bot.replaced("word").await;
    client.send_all("web_chat", "msg", ["1", "2"]);
    bot.wait_for_all("two failures", 2, |line| line.says("failed on an event")).await;
    bot.forget();
    home_again.rename_plugin("word.wat", format!("{}\n;; no better", bad.text()));
    bot.replaced("word").await;
    client.send("web_chat", "msg", "3");
    assert_eq!(client.next_lines(3).await, ["good 1", "good 2", "good 3"]);
}
