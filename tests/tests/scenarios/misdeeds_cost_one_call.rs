//! Whatever a plugin does wrong costs it the call in which it did it, and nobody else anything.

use cometbot_tests::{Client, Comet, Home, Line, Plugin, Process};

/// What a rogue's neighbour says to each message.
const NEIGHBOUR: &str = "neighbour";

/// What it fails on it does not get again, so that it fails once for each misdeed.
const AT_ONCE: &str = "retries = 0\nbreaker-failures = 0";

/// Lets a rogue of web_chat misbehave between two good events, beside a plugin that does nothing wrong, and looks at all
/// that follows from it. Gives the line that names the failure.
async fn misbehaving(home: Home, comet: &Comet, rogue: Plugin) -> (Process, Line) {
    let neighbour = Plugin::answering("web_chat", NEIGHBOUR);
    let home = home.set("defaults", AT_ONCE).plugin("rogue.wat", rogue.text()).plugin("good.wat", neighbour.text());
    let bot = home.live().await;
    let mut client = Client::join(comet, ["web_chat"]).await;
    let messages = ["one", "misbehave", "two", "misbehave", "three"];
    client.send_all("web_chat", "msg", messages);
    let (neighbours, rogues): (Vec<String>, Vec<String>) =
        client.next_lines(11).await.into_iter().partition(|line| line.starts_with(NEIGHBOUR));
    assert_eq!(neighbours, messages.map(|message| format!("{NEIGHBOUR} {message}")), "the neighbour hears everything");
    assert_eq!(
        rogues,
        ["before one", "echo one", "before two", "echo two", "before three", "echo three"],
        "the sends of good calls leave, those of bad ones do not"
    );
    assert_eq!(client.rest(), []);
    let is_failure = |line: &Line| line.of("rogue") && line.says("failed on an event");
    let failure = bot.wait_for_all("both failures", 2, is_failure).await.remove(0);
    assert_eq!((failure.field("pipe"), failure.field("event")), ("web_chat".to_owned(), "msg".to_owned()));
    assert!(!failure.field("version").is_empty(), "{}", failure.raw);
    assert_eq!(bot.lines(is_failure).len(), 2, "each failure is one line");
    (bot, failure)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_loop_is_stopped_after_its_time_and_named() {
    let comet = Comet::start().await;
    let rogue = Plugin::rogue("(call $spin_for_ever)").function("(func $spin_for_ever (loop $again (br $again)))");
    let home = Home::at(&comet).set("defaults", "time-per-event-ms = 100");
    let (_bot, failure) = misbehaving(home, &comet, rogue).await;
    assert!(failure.says("ran longer than 100 ms and was stopped"), "{}", failure.raw);
    assert!(failure.says("(in spin_for_ever)"), "{}", failure.raw);
    assert_eq!(failure.field("backtrace"), "spin_for_ever < handle");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_go_on_while_a_plugin_loops() {
    let comet = Comet::start().await;
    let rogue = Plugin::rogue("(loop $again (br $again))");
    let home = Home::at(&comet)
        .set("defaults", "time-per-event-ms = 3000")
        .set("defaults", AT_ONCE)
        .plugin("rogue.wat", rogue.text())
        .plugin("good.wat", Plugin::answering("web_chat", NEIGHBOUR).text());
    let _bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    client.send("web_chat", "msg", "misbehave");
    assert_eq!(client.next_lines(1).await, ["neighbour misbehave"]);
    // One after the other, so that each went there and back while the rogue was at it.
    for number in 0..50 {
        let text = number.to_string();
        assert_eq!(client.ask("web_chat", &text).await, format!("{NEIGHBOUR} {text}"));
    }
    assert_eq!(client.next_lines(2).await, ["before 0", "echo 0"], "and the rogue has lost none of them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_loops_than_processors_do_not_stop_the_others() {
    let comet = Comet::start().await;
    let rogue = Plugin::rogue("(loop $again (br $again))");
    let mut home = Home::at(&comet)
        .set("defaults", "time-per-event-ms = 3000")
        .plugin("good.wat", Plugin::answering("web_chat", NEIGHBOUR).text());
    for number in 0..8 {
        home = home.plugin(&format!("rogue{number}.wat"), rogue.text());
    }
    let _bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    client.send("web_chat", "msg", "misbehave");
    assert_eq!(client.next_lines(1).await, ["neighbour misbehave"]);
    for number in 0..5 {
        let text = number.to_string();
        assert_eq!(client.ask("web_chat", &text).await, format!("{NEIGHBOUR} {text}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trap_costs_the_instance_and_the_next_event_gets_a_new_one() {
    let comet = Comet::start().await;
    let rogue = Plugin::rogue("(call $step_on_a_mine)").function("(func $step_on_a_mine unreachable)");
    let (_bot, failure) = misbehaving(Home::at(&comet), &comet, rogue).await;
    assert!(failure.says("it trapped: wasm trap: wasm `unreachable` instruction executed"), "{}", failure.raw);
    assert_eq!(failure.field("backtrace"), "step_on_a_mine < handle");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_beyond_the_limit_is_not_given_and_the_reason_is_named() {
    let comet = Comet::start().await;
    let rogue = Plugin::rogue("(call $eat)").function(
        "(func $eat (loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable)",
    );
    let home = Home::at(&comet).set("defaults", "memory-mib = 2");
    let (_bot, failure) = misbehaving(home, &comet, rogue).await;
    assert!(failure.says("it had asked for more memory than it may have"), "{}", failure.raw);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_that_grows_without_end_is_a_trap() {
    let comet = Comet::start().await;
    let rogue = Plugin::rogue("(call $down (i64.const 0))")
        .function("(func $down (param i64) (call $down (i64.add (local.get 0) (i64.const 1))))");
    let (_bot, failure) = misbehaving(Home::at(&comet), &comet, rogue).await;
    assert!(failure.says("call stack exhausted"), "{}", failure.raw);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_is_reported_in_its_own_words_and_costs_no_instance() {
    let comet = Comet::start().await;
    let rogue = Plugin::rogue(
        r#"(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (if (i32.ge_u (global.get $calls) (i32.const 2)) (then (return (call $fail "my memory is still here"))))
        (return (call $fail "I would rather not"))"#,
    )
    .function("(global $calls (mut i32) (i32.const 0))");
    let (bot, failure) = misbehaving(Home::at(&comet), &comet, rogue).await;
    assert!(failure.says("it returned an error: I would rather not"), "{}", failure.raw);
    assert_eq!(failure.field("backtrace"), "");
    bot.wait_until_it_says("it returned an error: my memory is still here").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_that_lies_outside_of_memory_is_a_trap() {
    let comet = Comet::start().await;
    let rogue = Plugin::rogue(r#"(call $send "web_chat" "echo" (i32.const 0x7fffff00) (i32.const 64))"#);
    let (_bot, failure) = misbehaving(Home::at(&comet), &comet, rogue).await;
    assert!(
        failure.says("its call of `send` of `cometbot:plugin/comet@1.0.0` failed: a string lies outside of its memory"),
        "{}",
        failure.raw
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_that_is_not_utf8_is_a_trap_and_never_reaches_the_server() {
    let comet = Comet::start().await;
    let rogue = Plugin::rogue(
        r#"(i32.store (i32.const 0x200) (i32.const 0xfffefdfc))
        (call $send "web_chat" "echo" (i32.const 0x200) (i32.const 4))"#,
    );
    let (_bot, failure) = misbehaving(Home::at(&comet), &comet, rogue).await;
    assert!(failure.says("utf-8"), "{}", failure.raw);
    assert_eq!(comet.control.crashes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_sends_than_one_event_may_have_are_refused() {
    let comet = Comet::start().await;
    // 40 messages of 32 KiB are more than the mebibyte that one event may send; the refusal is a trap of the prelude.
    let rogue = Plugin::rogue(
        r#"(memory.fill (i32.const 0x8000) (i32.const 120) (i32.const 0x8000))
        (loop $again
          (call $send "web_chat" "echo" (i32.const 0x8000) (i32.const 0x8000))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get $i) (i32.const 40))))"#,
    );
    let (_bot, failure) = misbehaving(Home::at(&comet), &comet, rogue).await;
    assert!(failure.says("the_send_was_refused"), "{}", failure.raw);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_whose_setup_never_ends_or_traps_is_not_started_and_the_others_are() {
    let comet = Comet::start().await;
    let home = Home::at(&comet)
        .plugin("endless.wat", Plugin::new().setup("(loop $again (br $again))").text())
        .plugin("trapping.wat", Plugin::new().setup("(call $mine)").function("(func $mine unreachable)").text())
        .plugin("refusing.wat", Plugin::new().setup(r#"(return (call $fail "set my config first"))"#).text())
        .plugin("good.wat", Plugin::answering("web_chat", NEIGHBOUR).text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "hello").await, "neighbour hello");
    let line = bot.rejected("endless").await;
    // Which bound comes first depends on how busy the machine is.
    let bounds =
        ["its `setup` failed: it ran longer than 5000 ms and was stopped", "its `setup` waited longer than 10 s"];
    assert!(bounds.iter().any(|words| line.says(words)), "{}", line.raw);
    for (plugin, words) in [
        ("trapping", "its `setup` failed: it trapped: wasm trap: wasm `unreachable` instruction executed (in mine)"),
        ("refusing", "it refuses to run: set my config first"),
    ] {
        let line = bot.rejected(plugin).await;
        assert!(line.says(words), "{}", line.raw);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_fails_again_and_again_uses_nothing_up() {
    let comet = Comet::start().await;
    // With room for one plugin only, an instance that were not given back would soon be one too many.
    let home = Home::at(&comet)
        .set("plugins", "max = 1")
        .set("defaults", AT_ONCE)
        .plugin("rogue.wat", Plugin::rogue("unreachable").text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    client.send_all("web_chat", "msg", ["misbehave"; 300]);
    client.send("web_chat", "msg", "the end");
    assert_eq!(client.next_lines(2).await, ["before the end", "echo the end"]);
    bot.failed("rogue").await;
    let lines = bot.lines(|line| line.says("it trapped")).len();
    assert!((1..100).contains(&lines), "a flood of failures is no flood of {lines} lines");
    let ended = bot.stop().await;
    assert!(ended.err.contains("\"handled\":1,\"failed\":300"), "and each of them counts: {}", ended.err);
}
