//! A plugin's file is replaced again and again while events come without a pause: each event is handled once, in order,
//! by the version before the switch or by the one after it.

use cometbot_tests::{Book, Client, Comet, Home, Load, Plugin, Process};

const PIPES: [&str; 4] = ["web_a", "web_b", "web_c", "web_d"];
/// Events a second, as far as the machine has time for them.
const RATE: u64 = 10_000;
/// Replacements of the file, unless COMETBOT_RELOADS says otherwise.
const RELOADS: usize = 1_000;

fn answering(word: &str) -> Plugin {
    let hearing = PIPES.iter().fold(Plugin::new(), |plugin, pipe| plugin.hears(pipe, []));
    hearing.sends("web_*").handle(&format!(
        r#"(call $send (local.get $pipe) (local.get $pipe_bytes) "{word}" (local.get $data) (local.get $data_bytes))"#
    ))
}

fn reloads() -> usize {
    std::env::var("COMETBOT_RELOADS").map_or(RELOADS, |number| number.parse().expect("a number"))
}

/// Replaces the file so many times, alternating between the two, under load. Every replacement is waited for.
async fn replaced_under_load(home: &Home, comet: &Comet, versions: [Vec<u8>; 2]) -> (Process, Book) {
    home.write_plugin("word.wasm", &versions[0]);
    let mut bot = home.live().await;
    let load = Load::start(comet, PIPES, RATE).await;
    for number in 1..=reloads() {
        bot.forget();
        home.rename_plugin("word.wasm", &versions[number % 2]);
        bot.replaced("word").await;
    }
    let book = load.finish().await;
    say(&format!("{} events in {:?}, {:.0} a second", book.sent, book.took, book.rate()));
    (bot, book)
}

#[allow(clippy::print_stderr, reason = "whoever runs it for its own sake wants to see figures")]
fn say(text: &str) {
    eprintln!("{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_lost_doubled_or_reordered_and_no_old_version_answers_after_the_new_one() {
    let comet = Comet::start().await;
    let versions = ["odd", "even"].map(|word| answering(word).binary());
    let (_bot, book) = replaced_under_load(&Home::at(&comet), &comet, versions).await;
    book.nothing_is_lost_doubled_or_reordered();
    // One change for each replacement: if an old version had answered once more after the new one, there would be three.
    assert!(book.changes() <= reloads(), "{} changes at {} replacements", book.changes(), reloads());
    // On a busy machine several replacements may fall between two events, but not nearly all of them.
    assert!(book.changes() > reloads() / 10, "there were events between the replacements: {} changes", book.changes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_that_is_carried_over_each_time_is_exact_in_the_end() {
    let comet = Comet::start().await;
    let versions = ["odd", "even"].map(|word| Plugin::counting(&PIPES, word).binary());
    let (_bot, book) = replaced_under_load(&Home::at(&comet), &comet, versions).await;
    book.nothing_is_lost_doubled_or_reordered();
    let mut client = Client::join(&comet, ["web_told"]).await;
    client.send("web_ask", "msg", "");
    let told = client.next().await;
    assert_eq!(told.data, book.sent.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipes_that_stay_are_heard_without_a_gap_while_others_come_and_go() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).set("defaults", "new-grants = \"grant\"\nprobation-events = 0");
    let version = |word: &str| answering(word).hears(&format!("web_of_{word}"), []).binary();
    home.write_plugin("word.wasm", version("odd"));
    let _bot = home.live().await;
    let load = Load::start(&comet, PIPES, RATE).await;
    for word in ["even", "odd"].into_iter().cycle().take(50) {
        home.rename_plugin("word.wasm", version(word));
        // Each time the subscription has followed before the next one.
        comet.subscribed(&format!("web_of_{word}"), 1).await;
        let other = if word == "odd" { "even" } else { "odd" };
        comet.subscribed(&format!("web_of_{other}"), 0).await;
    }
    load.finish().await.nothing_is_lost_doubled_or_reordered();
}
