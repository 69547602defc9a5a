//! A plugin that is slower than its pipe: what becomes of events for which its queue has no room.

use cometbot_tests::{Client, Comet, Home, Plugin, Process};

use crate::scrape::{Page, SERVED, Scraper};

const EVENTS: usize = 1000;

/// Takes some hundred microseconds for each event.
fn slow() -> Plugin {
    Plugin::new().hears("web_slow", []).sends("web_done").handle(
        r#"(local.set $n (i64.const 200000))
        (loop $next
            (local.set $n (i64.sub (local.get $n) (i64.const 1)))
            (br_if $next (i64.ne (local.get $n) (i64.const 0))))
        (call $send "web_done" "done" (local.get $data) (local.get $data_bytes))"#,
    )
}

/// A bot with such a plugin, whose queue has room for ten events.
async fn with(policy: &str, comet: &Comet) -> (Home, Process) {
    let home = Home::at(comet)
        .set("service", SERVED)
        .set("plugin.slow", &format!("queue-events = 10\nqueue-full = \"{policy}\""))
        .plugin("slow.wat", slow().text())
        .plugin("echo.wat", Plugin::answering("web_chat", "echo").text());
    let bot = home.live().await;
    (home, bot)
}

/// Floods the plugin; gives what it has handled, and the metrics.
async fn handled_under(policy: &str) -> (Vec<usize>, Page) {
    let comet = Comet::start().await;
    let (_home, bot) = with(policy, &comet).await;
    let metrics = Scraper::of(&bot).await;
    let mut client = Client::join(&comet, ["web_done"]).await;
    let texts: Vec<String> = (0..EVENTS).map(|number| number.to_string()).collect();
    client.send_all("web_slow", "msg", texts.iter().map(String::as_str));
    let accounted = |page: &Page| page.events("slow", "handled").unwrap() + page.events("slow", "dropped").unwrap();
    let page = metrics.until("an account of each event", |page| accounted(page) >= EVENTS as f64).await;
    assert_eq!(accounted(&page), EVENTS as f64, "each is handled or dropped");
    let handled = page.events("slow", "handled").unwrap() as usize;
    let lines = client.next_lines(handled).await;
    let numbers = lines.iter().map(|line| line.strip_prefix("done ").unwrap().parse().unwrap()).collect();
    assert_eq!(bot.stop().await.code, Some(0));
    (numbers, page)
}

fn is_in_order(numbers: &[usize]) -> bool {
    numbers.is_sorted_by(|one, next| one < next)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_are_dropped() {
    let (handled, page) = handled_under("drop-newest").await;
    assert!(page.events("slow", "dropped") > Some(0.0));
    assert!(is_in_order(&handled) && handled[0] == 0, "{handled:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oldest_are_dropped_where_the_newest_count() {
    let (handled, page) = handled_under("drop-oldest").await;
    assert!(page.events("slow", "dropped") > Some(0.0));
    assert!(is_in_order(&handled) && handled[handled.len() - 1] == EVENTS - 1, "{handled:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_is_dropped_where_the_connection_waits() {
    let (handled, _) = handled_under("wait").await;
    assert_eq!(handled, (0..EVENTS).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_takes_nothing_holds_the_connection_up_for_a_moment_only() {
    let comet = Comet::start().await;
    let failing = Plugin::new().hears("web_slow", []).handle("unreachable");
    let home = Home::at(&comet)
        .set("server", "answer-seconds = 2")
        .set("defaults", "retries = 0\nbreaker-failures = 1\nbreaker-seconds = 600\nprobation-events = 0")
        .set("plugin.dead", "queue-events = 10\nqueue-full = \"wait\"")
        .plugin("dead.wat", failing.text())
        .plugin("echo.wat", Plugin::answering("web_chat", "echo").text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    client.send("web_slow", "msg", "once");
    bot.wait_for("the breaker", |line| line.of("dead") && line.says("breaker")).await;
    client.send_all("web_slow", "msg", ["more"; 100]);
    for number in 0..5 {
        let text = number.to_string();
        assert_eq!(client.ask("web_chat", &text).await, format!("echo {text}"));
    }
    assert!(bot.lines(|line| line.says("connection lost")).is_empty());
    assert_eq!(bot.stop().await.code, Some(0));
}

/// The answer to a question lies behind the events that the reader does not read, and the plugin that asks is the one that
/// would make room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_asks_has_its_answers_while_its_queue_is_full() {
    const ASKED: usize = 4000;
    let comet = Comet::start().await;
    let asking = Plugin::new()
        .hears("web_slow", [])
        .sends("web_told")
        .counts("web_chat")
        .handle(r#"(call $tell_count "web_chat")"#);
    let home = Home::at(&comet)
        .set("server", "answer-seconds = 2")
        .set("service", SERVED)
        .set("plugin.asking", "queue-events = 10\nqueue-full = \"wait\"\nsends-per-second = 0")
        .plugin("asking.wat", asking.text());
    let bot = home.live().await;
    let metrics = Scraper::of(&bot).await;
    let mut client = Client::join(&comet, ["web_told"]).await;
    client.send_all("web_slow", "msg", ["what"; ASKED]);
    let page = metrics.until("an answer to each", |page| page.events("asking", "handled") >= Some(ASKED as f64)).await;
    assert_eq!(page.events("asking", "dropped"), Some(0.0));
    let told = client.next_lines(ASKED).await;
    assert!(told.iter().all(|line| line == "count 0"), "no question ran into its time: {told:?}");
    assert!(bot.troubles().is_empty(), "{:?}", bot.troubles());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_stops_in_order_while_its_connection_waits() {
    let comet = Comet::start().await;
    let (_home, bot) = with("wait", &comet).await;
    let metrics = Scraper::of(&bot).await;
    let client = Client::join(&comet, ["web_chat"]).await;
    client.send_all("web_slow", "msg", ["more"; EVENTS]);
    metrics.until("the first event", |page| page.events("slow", "handled") > Some(0.0)).await;
    assert_eq!(bot.stop().await.code, Some(0));
}
