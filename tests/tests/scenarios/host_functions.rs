//! What a plugin can call, each function with its answers and its errors as the plugin sees them.

use cometbot_tests::{Client, Comet, HASH, Home, Plugin, USER, Wire};

/// Somebody who asks the plugin in web_ask and hears in web_told what it tells.
async fn told(comet: &Comet) -> Client {
    Client::join(comet, ["web_told"]).await
}

/// A plugin that does `body` for each message in web_ask.
fn asked(body: &str) -> Plugin {
    Plugin::new().hears("web_ask", ["msg"]).sends("web_told").handle(body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_gives_the_newest_rows_oldest_first_up_to_the_limit() {
    let comet = Comet::start().await;
    let plugin = asked(
        r#"(if (call $is (local.get $data) (local.get $data_bytes) "0") (then (call $tell_log "web_log" (i32.const 0))))
        (if (call $is (local.get $data) (local.get $data_bytes) "1") (then (call $tell_log "web_log" (i32.const 1))))
        (if (call $is (local.get $data) (local.get $data_bytes) "3") (then (call $tell_log "web_log" (i32.const 3))))
        (if (call $is (local.get $data) (local.get $data_bytes) "all") (then (call $tell_log "web_log" (i32.const -1))))
        (if (call $is (local.get $data) (local.get $data_bytes) "none")
            (then (call $tell_log "web_without_a_log" (i32.const 99))))"#,
    )
    .logs("web_*");
    let home = Home::at(&comet).plugin("reader.wat", plugin.text());
    let _bot = home.live().await;
    let mut told = told(&comet).await;

    for limit in ["0", "1", "all", "none"] {
        told.send("web_ask", "msg", limit);
        assert_eq!(told.next_lines(1).await, ["rows 0"], "of an empty log");
    }
    let mut writer = Client::join(&comet, []).await;
    writer.send_and_wait("web_log", "first", r#"{"text":"it's \"quoted\" \\ and\nbroken"}"#).await;
    told.send("web_ask", "msg", "all");
    assert_eq!(told.next_lines(2).await, [r#"first {"text":"it's \"quoted\" \\ and\nbroken"}"#, "rows 1"]);

    comet.control.set_log_length("web_log", 0);
    comet.control.set_log_length("web_log", 99);
    let numbers: Vec<String> = (0..99).map(|number| format!("{number:02}")).collect();
    writer.send_all("web_log", "row", numbers.iter().map(String::as_str));
    writer.send_and_wait("web_nobody", "fence", "").await;
    while comet_rows(&mut told).await < 99 {}

    told.send("web_ask", "msg", "0");
    assert_eq!(told.next_lines(1).await, ["rows 0"]);
    told.send("web_ask", "msg", "1");
    assert_eq!(told.next_lines(2).await, ["row 98", "rows 1"]);
    told.send("web_ask", "msg", "3");
    assert_eq!(told.next_lines(4).await, ["row 96", "row 97", "row 98", "rows 3"]);
    told.send("web_ask", "msg", "all");
    let mut wanted: Vec<String> = numbers.iter().map(|number| format!("row {number}")).collect();
    wanted.push("rows 99".to_owned());
    assert_eq!(told.next_lines(100).await, wanted);

    // A hundred rows and more are stored: 99 come, and the oldest at that, as the real server has it.
    comet.control.set_log_length("web_log", 150);
    writer.send_and_wait("web_log", "row", "one more").await;
    told.send("web_ask", "msg", "all");
    assert_eq!(told.next_lines(100).await.pop().unwrap(), "rows 99");
}

/// How many rows the plugin finds now.
async fn comet_rows(told: &mut Client) -> usize {
    told.send("web_ask", "msg", "all");
    loop {
        let heard = told.next().await;
        if heard.event == "rows" {
            return heard.data.parse().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn count_gives_the_subscribers_of_a_pipe() {
    let comet = Comet::start().await;
    let plugin = asked(r#"(call $tell_count "web_chat") (call $tell_count "web_ask") (call $tell_count "track_room")"#)
        .counts("web_*")
        .counts("track_room");
    let home = Home::at(&comet).plugin("counter.wat", plugin.text());
    let _bot = home.live().await;
    let mut told = told(&comet).await;
    let _others = (Client::join(&comet, ["web_chat"]).await, Client::join(&comet, ["web_chat", "track_room"]).await);
    told.send("web_ask", "msg", "x");
    assert_eq!(told.next_lines(3).await, ["count 2", "count 1", "count 1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_asked_for_in_setup_is_denied() {
    let comet = Comet::start().await;
    let plugin = asked(
        r#"(call $try_send "web_other" "e" "x" (i32.const 0x100)) (call $tell_outcome (i32.const 0x100))
        (call $try_send "@web_other" "e" "x" (i32.const 0x100)) (call $tell_outcome (i32.const 0x100))
        (call $try_send "web_tol" "e" "x" (i32.const 0x100)) (call $tell_outcome (i32.const 0x100))
        (call $tell_log "web_ask" (i32.const 1))
        (call $tell_count "web_ask")"#,
    );
    let home = Home::at(&comet).plugin("bold.wat", plugin.text());
    let _bot = home.live().await;
    let mut told = told(&comet).await;
    told.send("web_ask", "msg", "x");
    assert_eq!(
        told.next_lines(5).await,
        [
            "denied `setup` did not ask to send in the pipe \"web_other\": name it in the list `send`",
            "denied `setup` did not ask to send in the pipe \"web_other\": name it in the list `send`",
            "denied `setup` did not ask to send in the pipe \"web_tol\": name it in the list `send`",
            "denied `setup` did not ask to log in the pipe \"web_ask\": name it in the list `log`",
            "denied `setup` did not ask to count in the pipe \"web_ask\": name it in the list `count`",
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_could_not_take_is_invalid() {
    let comet = Comet::start().await;
    let plugin = asked(
        r#"(call $try_send "chat" "e" "x" (i32.const 0x100)) (call $tell_outcome (i32.const 0x100))
        (call $try_send "web_ a" "e" "x" (i32.const 0x100)) (call $tell_outcome (i32.const 0x100))
        (call $try_send "web_told" "e v" "x" (i32.const 0x100)) (call $tell_outcome (i32.const 0x100))
        (call $try_send "@webauth_a" "e" "x" (i32.const 0x100)) (call $tell_outcome (i32.const 0x100))
        (call $try_send "web_told" "e" (i32.const 0x1c0) (i32.const 1) (i32.const 0x100))
        (call $tell_outcome (i32.const 0x100))
        (call $tell_log "web chat" (i32.const 1))
        (call $tell_count "chat")
        (call $tell_count "w")"#,
    )
    .sends("*")
    .logs("*")
    .counts("*");
    let home = Home::at(&comet).plugin("careless.wat", plugin.text());
    let bot = home.live().await;
    let mut told = told(&comet).await;
    told.send("web_ask", "msg", "x");
    let lines = told.next_lines(8).await;
    for (line, words) in lines.iter().zip([
        "clients may send only to pipes that begin with web_ or webauth_",
        "pipe name \"web_ a\" has the character ' '",
        "event name \"e v\" has the character ' '",
        "the form with @ works only for pipes that begin with web_",
        "NUL character",
        "pipe name \"web chat\" has the character ' '",
        "the server counts only pipes that begin with web_ or track_",
        "too short",
    ]) {
        assert!(line.starts_with("invalid ") && line.contains(words), "{words}: {line}");
    }
    assert_eq!(bot.lines(|line| line.says("the server refuses")).len(), 0, "none of it was sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_can_be_sent_anonymously() {
    let comet = Comet::start().await;
    let plugin = asked(r#"(call $send "@web_told" "anonymous" "x") (call $send "web_told" "named" "x")"#);
    let home = Home::at(&comet)
        .set("server", &format!("user-id = {}\ntoken = \"{}\"", USER, HASH))
        .plugin("shy.wat", plugin.text());
    let _bot = home.live().await;
    let mut told = told(&comet).await;
    told.send("web_ask", "msg", "x");
    let (one, two) = (told.next().await, told.next().await);
    assert_eq!((one.event.as_str(), one.user), ("anonymous", Some(0)));
    assert_eq!((two.event.as_str(), two.user), ("named", Some(7)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_plugins_ask_at_once_and_each_gets_its_own_answer() {
    const PLUGINS: usize = 12;
    let comet = Comet::start().await;
    let mut writer = Client::join(&comet, []).await;
    let mut home = Home::at(&comet);
    for number in 0..PLUGINS {
        let pipe = format!("web_log{number:02}");
        writer.send_and_wait(&pipe, "row", &format!("of {pipe}")).await;
        // Its own log, a log that all of them read, and a count, twice.
        let body = format!(
            r#"(call $tell_log "{pipe}" (i32.const 9)) (call $tell_log "web_log00" (i32.const 9))
            (call $tell_count "web_ask") (call $tell_log "{pipe}" (i32.const 9))"#
        );
        let plugin =
            Plugin::new().hears("web_ask", ["msg"]).sends("web_told").logs("web_*").counts("web_*").handle(&body);
        home = home.plugin(&format!("asker{number:02}.wat"), plugin.text());
    }
    let bot = home.live().await;
    let mut told = told(&comet).await;
    for _ in 0..3 {
        told.send("web_ask", "msg", "go");
        let mut lines = told.next_lines(PLUGINS * 7).await;
        lines.sort();
        let mut wanted = Vec::new();
        for number in 0..PLUGINS {
            wanted.extend([format!("row of web_log{number:02}"), format!("row of web_log{number:02}")]);
            wanted.extend(["rows 1", "rows 1", "rows 1", "count 1", "row of web_log00"].map(str::to_owned));
        }
        wanted.sort();
        assert_eq!(lines, wanted);
    }
    assert_eq!(bot.lines(|line| line.says("failed on an event")).len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_plugin_waits_for_an_answer_and_no_other_does() {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let home = Home::at_url(&wire.url())
        .plugin("asking.wat", asked(r#"(call $tell_count "web_ask")"#).counts("web_*").text())
        .plugin(
            "logging.wat",
            logging(r#"(call $log (i32.const 2) "" (local.get $data) (local.get $data_bytes))"#).text(),
        );
    let bot = home.live().await;
    let mut told = told(&comet).await;
    wire.clamp();
    for text in ["one", "two", "three"] {
        told.send("web_ask", "msg", text);
        bot.wait_for(text, |line| line.of("logging") && line.message() == text).await;
    }
    wire.release();
    assert_eq!(told.next_lines(3).await, ["count 1", "count 1", "count 1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_is_not_answered_in_time_is_an_error_to_the_plugin_and_the_link_stays() {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let plugin = asked(r#"(call $tell_count "web_ask") (call $log (i32.const 2) "" "the question is over")"#);
    let home = Home::at_url(&wire.url())
        // Waiting costs no time of the plugin's own.
        .set("defaults", "time-per-event-ms = 100")
        .plugin("asking.wat", plugin.writes_log().counts("web_*").text());
    let mut bot = home.live().await;
    let mut told = told(&comet).await;
    bot.forget();
    wire.clamp();
    told.send("web_ask", "msg", "x");
    bot.wait_until_it_says("the question is over").await;
    wire.release();
    assert_eq!(told.next_lines(1).await, ["timed-out "]);
    // The late answer is nobody's, and the next question gets its own.
    told.send("web_ask", "msg", "again");
    assert_eq!(told.next_lines(1).await, ["count 1"]);
    assert_eq!(bot.lines(|line| line.says("connection lost") || line.says("failed on an event")).len(), 0);
}

fn logging(body: &str) -> Plugin {
    asked(body).writes_log()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_lines_have_the_level_and_the_context_that_the_plugin_gives() {
    let comet = Comet::start().await;
    let plugin = logging(
        r#"(call $log (i32.const 0) "at zero" "a trace") (call $log (i32.const 1) "at one" "a detail")
        (call $log (i32.const 2) "at two" "a fact") (call $log (i32.const 3) "at three" "a warning")
        (call $log (i32.const 4) "at four" "an error") (call $log (i32.const 5) "" "a disaster")"#,
    );
    for (level, lines) in [("trace", 6), ("info,plugin=debug", 5), ("info", 4), ("warn,plugin=error", 2)] {
        let home = Home::at(&comet).set("log", &format!("level = \"{level}\"")).plugin("wordy.wat", plugin.text());
        let bot = home.start();
        comet.subscribed("web_ask", 1).await;
        let client = Client::join(&comet, []).await;
        client.send("web_ask", "msg", "x");
        bot.wait_until_it_says("a disaster").await;
        let said = bot.lines(|line| line.of("wordy") && line.field("target") == "plugin");
        let said: Vec<String> = said
            .iter()
            .map(|line| format!("{} {} {}", line.field("level"), line.field("context"), line.message()))
            .collect();
        let all = [
            "TRACE at zero a trace",
            "DEBUG at one a detail",
            "INFO at two a fact",
            "WARN at three a warning",
            "ERROR at four an error",
            "ERROR  a disaster",
        ];
        assert_eq!(said, all[6 - lines..], "{level}");
        bot.stop().await;
        comet.subscribed("web_ask", 0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_line_that_is_not_a_line_stays_one() {
    let comet = Comet::start().await;
    let plugin = logging(
        r#"(memory.fill (i32.const 0x8000) (i32.const 10) (i32.const 2))
        (call $log (i32.const 2) (i32.const 0x8000) (i32.const 2) (i32.const 0x8000) (i32.const 2))
        (memory.fill (i32.const 0x8000) (i32.const 120) (i32.const 0x8000))
        (call $log (i32.const 2) "" (i32.const 0x8000) (i32.const 0x8000))
        (call $log (i32.const 2) "" "the end")"#,
    );
    let home = Home::at(&comet).plugin("wordy.wat", plugin.text());
    let bot = home.live().await;
    let client = Client::join(&comet, []).await;
    client.send("web_ask", "msg", "x");
    bot.wait_until_it_says("the end").await;
    let said = bot.lines(|line| line.field("target") == "plugin");
    assert_eq!(said.len(), 3);
    assert_eq!(said[0].message(), "\\n\\n");
    assert!(said[1].message().len() <= 8 * 1024, "{} bytes", said[1].message().len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn config_gives_the_values_of_the_plugins_own_table_as_text() {
    let comet = Comet::start().await;
    let plugin = asked(
        r#"(call $get (local.get $data) (local.get $data_bytes) (i32.const 0x200))
        (if (i32.load8_u (i32.const 0x200)) (then (unreachable)))
        (if (i32.load8_u (i32.const 0x204))
            (then (call $send "web_told" "value" (i32.load (i32.const 0x208)) (i32.load (i32.const 0x20c))))
            (else (call $send "web_told" "nothing" (local.get $data) (local.get $data_bytes))))"#,
    )
    .import(r#"(import "wasi:config/store@0.2.0-rc.1" "get" (func $get (param i32 i32 i32)))"#);
    let home = Home::at(&comet)
        .set(
            "plugin.reader.config",
            "text = \"it's\\n\\\"so\\\"\"\nnumber = 3\nhalf = 0.5\ntruth = true\nwords = [\"a\", \"b c\"]\nempty = \"\"",
        )
        .set("plugin.other.config", "theirs = \"x\"")
        .variable("COMETBOT_PLUGIN__READER__CONFIG__NUMBER", "4")
        .plugin("reader.wat", plugin.text());
    let _bot = home.live().await;
    let mut told = told(&comet).await;
    for (key, wanted) in [
        ("text", "value it's\n\"so\""),
        ("number", "value 4"),
        ("half", "value 0.5"),
        ("truth", "value true"),
        ("words", "value a,b c"),
        ("empty", "value "),
        ("missing", "nothing missing"),
        ("theirs", "nothing theirs"),
        ("", "nothing "),
    ] {
        told.send("web_ask", "msg", key);
        assert_eq!(told.next_lines(1).await, [wanted]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_and_random_give_values() {
    let comet = Comet::start().await;
    let plugin = asked(
        r#"(call $wall (i32.const 0x200))
        (call $send "web_told" "seconds" (call $decimal (i64.load (i32.const 0x200))))
        (local.set $n (call $monotonic))
        (loop $spin (br_if $spin (i64.eq (call $monotonic) (local.get $n))))
        (call $send "web_told" "elapsed"
            (call $decimal (i64.extend_i32_u (i64.gt_u (call $monotonic) (local.get $n)))))
        (call $send "web_told" "random" (call $decimal (call $random)))
        (call $send "web_told" "random" (call $decimal (call $random)))"#,
    )
    .import(r#"(import "wasi:clocks/wall-clock@0.2.12" "now" (func $wall (param i32)))"#)
    .import(r#"(import "wasi:clocks/monotonic-clock@0.2.12" "now" (func $monotonic (result i64)))"#)
    .import(r#"(import "wasi:random/random@0.2.12" "get-random-u64" (func $random (result i64)))"#);
    let home = Home::at(&comet).plugin("clock.wat", plugin.text());
    let _bot = home.live().await;
    let mut told = told(&comet).await;
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let before = now();
    told.send("web_ask", "msg", "x");
    let lines = told.next_lines(4).await;
    let seconds: u64 = lines[0].strip_prefix("seconds ").unwrap().parse().unwrap();
    assert!((before..=now()).contains(&seconds), "{seconds}");
    assert_eq!(lines[1], "elapsed 1");
    assert_ne!(lines[2], lines[3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_fails_after_a_question_sends_nothing() {
    let comet = Comet::start().await;
    // A question lets what earlier handlers sent go first; what this one sent must still wait for its end.
    let plugin = Plugin::rogue(r#"(call $ask_count "web_chat" (i32.const 0x140)) (unreachable)"#).counts("web_*");
    let home = Home::at(&comet).plugin("rogue.wat", plugin.text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    client.send_all("web_chat", "msg", ["one", "misbehave", "two"]);
    assert_eq!(client.next_lines(4).await, ["before one", "echo one", "before two", "echo two"]);
    bot.failed("rogue").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_refuses_is_in_the_log_with_the_plugin_that_sent_it() {
    let comet = Comet::start().await;
    let send = |pipe: &str| {
        let send = format!(r#"(call $send "{pipe}" "msg" "x")"#);
        Plugin::new().hears("web_ask", ["msg"]).sends("*").handle(&send)
    };
    let home = Home::at(&comet)
        .plugin("allowed.wat", send("web_told").text())
        .plugin("not_allowed.wat", send("webauth_room").text());
    let bot = home.live().await;
    let told = told(&comet).await;
    told.send("web_ask", "msg", "x");
    let line = bot.wait_until_it_says("the server refuses").await;
    assert!(line.says("can not send messages anonim users"), "{}", line.raw);
    assert_eq!(line.field("plugin"), "not_allowed");
}
