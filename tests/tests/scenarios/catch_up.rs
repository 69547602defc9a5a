//! What is said while the bot is away comes out of the pipe's log when it is back: once, as history, before what is new.

use cometbot::local::Era;
use cometbot_tests::{Client, Comet, End, Plugin, Process, Way, Wire};

use crate::scribe::{
    gaps, home, notes, reopen, said_long_ago, say, scribe, settled, settled_bot, shut, words, words_up_to,
};

const NOTHING: [&str; 0] = [];

/// The reasons of all gaps in `web_log` that the bot tells of.
fn reasons(bot: &Process) -> Vec<String> {
    gaps(bot).iter().filter(|line| line.field("pipe") == "web_log").map(|line| line.field("reason")).collect()
}

fn numbered(word: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{word} {number}")).collect()
}

fn missed(words: &[String]) -> Vec<String> {
    words.iter().map(|word| format!("+{word}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_while_the_bot_was_away_comes_once_and_before_what_is_new() {
    for era in [Era::V409, Era::V331] {
        let comet = Comet::start_like(era).await;
        said_long_ago(&comet, "web_log", 3);
        let bot = settled_bot(&comet, &home(&comet.url(), &scribe(["web_log"]))).await;
        say(&comet, "web_log", ["here"]);
        words_up_to(&bot, "web_log", "here").await;
        shut(&comet);
        let while_away = numbered("away", 10);
        say(&comet, "web_log", &while_away);
        reopen(&comet).await;
        say(&comet, "web_log", ["back"]);
        let expected = [vec!["here".to_owned()], missed(&while_away), vec!["back".to_owned()]].concat();
        assert_eq!(words_up_to(&bot, "web_log", "back").await, expected, "{era:?}");
        assert!(notes(&bot).iter().all(|note| note.name == "msg"));
        // Another loss with nothing said brings nothing again.
        shut(&comet);
        reopen(&comet).await;
        say(&comet, "web_log", ["back again"]);
        let expected = [expected, vec!["back again".to_owned()]].concat();
        assert_eq!(words_up_to(&bot, "web_log", "back again").await, expected, "{era:?}");
        assert_eq!(reasons(&bot), NOTHING, "{era:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_bot_said_itself_is_never_heard_not_even_out_of_the_log() {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    said_long_ago(&comet, "web_log", 1);
    let answering = Plugin::new()
        .hears("web_log", ["question"])
        .sends("web_log")
        .handle(r#"(call $send "web_log" "msg" (local.get $data) (local.get $data_bytes))"#);
    let home = home(&wire.url(), &scribe(["web_log"])).plugin("answering.wat", answering.text());
    let bot = settled_bot(&comet, &home).await;
    let mut witness = Client::join(&comet, ["web_log"]).await;
    comet.control.publish("web_log", "question", "answered in time").unwrap();
    assert_eq!(witness.next_lines(2).await, ["question answered in time", "msg answered in time"]);
    settled(&comet, &bot).await;
    // The server takes this one, but its answer stays on the way.
    wire.hold(Way::Down);
    comet.control.publish("web_log", "question", "unanswered").unwrap();
    // The question does not reach the bot either before it is cut off: what it missed, it answers afterwards.
    wire.cut(End::Reset);
    wire.heal();
    assert_eq!(witness.next_lines(2).await, ["question unanswered", "msg unanswered"]);
    comet.subscribed("web_log", 2).await;
    settled(&comet, &bot).await;
    shut(&comet);
    reopen(&comet).await;
    say(&comet, "web_log", ["last"]);
    let words = words_up_to(&bot, "web_log", "last").await;
    assert_eq!(words, ["answered in time", "+unanswered", "last"], "the questions, and no answer");
    assert_eq!(notes(&bot).iter().filter(|note| note.pipe == "web_log" && note.name == "msg").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_that_was_taken_and_not_answered_is_not_heard_out_of_the_log() {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    said_long_ago(&comet, "web_log", 1);
    let answering = Plugin::new()
        .hears("web_start", ["go"])
        .sends("web_log")
        .writes_log()
        .handle(r#"(call $log (i32.const 2) "" "about to send") (call $send "web_log" "msg" "mine")"#);
    let home = home(&wire.url(), &scribe(["web_log"])).plugin("answering.wat", answering.text());
    let bot = settled_bot(&comet, &home).await;
    let mut witness = Client::join(&comet, ["web_log"]).await;
    // What the bot sends waits on the wire, so that the answers can be stopped before it passes.
    wire.hold(Way::Up);
    let sent = wire.counts().came.up;
    comet.control.publish("web_start", "go", "").unwrap();
    wire.until("the send", |counts| counts.came.up > sent).await;
    wire.hold(Way::Down);
    wire.release();
    assert_eq!(witness.next_lines(1).await, ["msg mine"]);
    wire.cut(End::Reset);
    wire.heal();
    // It is sent again, as nobody could know that it had arrived.
    assert_eq!(witness.next_lines(1).await, ["msg mine"]);
    comet.subscribed("web_log", 2).await;
    say(&comet, "web_log", ["last"]);
    assert_eq!(words_up_to(&bot, "web_log", "last").await, ["last"]);
    assert_eq!(reasons(&bot), NOTHING);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_texts_come_as_often_as_they_were_said() {
    let comet = Comet::start().await;
    said_long_ago(&comet, "web_log", 1);
    let bot = settled_bot(&comet, &home(&comet.url(), &scribe(["web_log"]))).await;
    say(&comet, "web_log", ["ok", "ok", "here"]);
    words_up_to(&bot, "web_log", "here").await;
    shut(&comet);
    say(&comet, "web_log", ["ok", "ok", "ok"]);
    // What is said within a second of the last of them may be one of them: see the bot's way to tell.
    comet.control.shift_clock(3);
    reopen(&comet).await;
    say(&comet, "web_log", ["ok", "back"]);
    let words = words_up_to(&bot, "web_log", "back").await;
    assert_eq!(words, ["ok", "ok", "here", "+ok", "+ok", "+ok", "ok", "back"]);
    assert_eq!(reasons(&bot), NOTHING);
}

/// The log has no place for characters of four bytes, and calls an event without a name `undefined`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_log_cannot_hold_does_not_disturb_the_rest() {
    let comet = Comet::start().await;
    said_long_ago(&comet, "web_log", 1);
    let bot = settled_bot(&comet, &home(&comet.url(), &scribe(["web_log"]))).await;
    say(&comet, "web_log", ["one", "\u{1f600}"]);
    comet.control.publish("web_log", "", "nameless").unwrap();
    words_up_to(&bot, "web_log", "nameless").await;
    shut(&comet);
    say(&comet, "web_log", ["two", "\u{1f680}"]);
    comet.control.publish("web_log", "", "nameless too").unwrap();
    say(&comet, "web_log", ["жук €"]);
    reopen(&comet).await;
    say(&comet, "web_log", ["back \u{1f600}"]);
    let words = words_up_to(&bot, "web_log", "back \u{1f600}").await;
    assert_eq!(words, ["one", "\u{1f600}", "nameless", "+two", "+nameless too", "+жук €", "back \u{1f600}"]);
    let named = |data: &str| notes(&bot).into_iter().find(|note| note.data == data).unwrap().name;
    assert_eq!([named("nameless"), named("nameless too")], ["", "undefined"]);
    assert_eq!(reasons(&bot), NOTHING);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_more_than_the_log_holds_what_is_there_comes_behind_a_gap() {
    let comet = Comet::start().await;
    comet.control.set_log_length("web_log", 50);
    said_long_ago(&comet, "web_log", 10);
    let bot = settled_bot(&comet, &home(&comet.url(), &scribe(["web_log"]))).await;
    say(&comet, "web_log", ["here"]);
    words_up_to(&bot, "web_log", "here").await;
    shut(&comet);
    let while_away = numbered("away", 80);
    say(&comet, "web_log", &while_away);
    reopen(&comet).await;
    say(&comet, "web_log", ["back"]);
    let words = words_up_to(&bot, "web_log", "back").await;
    // What is said after the return may push out of the log what was to be read: at most the one.
    let recovered = words.len() - 2;
    assert!((49..=50).contains(&recovered), "{words:?}");
    assert_eq!(words[1..=recovered], missed(&while_away[80 - recovered..]));
    let gaps: Vec<_> = gaps(&bot).into_iter().filter(|line| line.field("pipe") == "web_log").collect();
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].field("reason"), "log_too_short");
    assert_eq!(gaps[0].field("recovered"), recovered.to_string());
}

/// A log of more than 99 rows gives the oldest 99.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_longer_than_what_the_server_hands_out_is_a_gap() {
    let comet = Comet::start().await;
    comet.control.set_log_length("web_log", 200);
    said_long_ago(&comet, "web_log", 120);
    let bot = settled_bot(&comet, &home(&comet.url(), &scribe(["web_log"]))).await;
    say(&comet, "web_log", ["here"]);
    words_up_to(&bot, "web_log", "here").await;
    shut(&comet);
    say(&comet, "web_log", numbered("away", 10));
    reopen(&comet).await;
    say(&comet, "web_log", ["back"]);
    assert_eq!(words_up_to(&bot, "web_log", "back").await, ["here", "back"]);
    let gap = gaps(&bot).into_iter().find(|line| line.field("pipe") == "web_log").expect("a gap");
    assert_eq!(gap.field("reason"), "newest_out_of_reach");
    assert!(gap.says("set its length to 98 or less"), "{}", gap.raw);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_heard_before_the_log_is_read_comes_behind_what_was_missed() {
    /// So slowly the bot's commands pass: a tenth of a second lies between its subscription and the question for the log.
    const BYTES_PER_SECOND: u32 = 400;
    const LATENCY: std::time::Duration = std::time::Duration::from_millis(300);
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    said_long_ago(&comet, "web_log", 1);
    let bot = settled_bot(&comet, &home(&wire.url(), &scribe(["web_log"]))).await;
    say(&comet, "web_log", ["here"]);
    words_up_to(&bot, "web_log", "here").await;
    shut(&comet);
    say(&comet, "web_log", numbered("away", 3));
    // The server takes a request in one piece only, so the way becomes slow when that has passed and before the bot goes on.
    let before = wire.counts();
    wire.delay(Way::Down, LATENCY);
    comet.control.refuse_connections(false);
    wire.until("the answer to the request", |counts| counts.came.down > before.came.down).await;
    wire.throttle(Way::Up, BYTES_PER_SECOND);
    reopen(&comet).await;
    wire.hold(Way::Up);
    say(&comet, "web_log", numbered("between", 3));
    let counts = wire.counts();
    wire.heal();
    say(&comet, "web_log", ["back"]);
    let words = words_up_to(&bot, "web_log", "back").await;
    let expected =
        ["here", "+away 0", "+away 1", "+away 2", "between 0", "between 1", "between 2", "back"].map(str::to_owned);
    assert_eq!(words, expected);
    assert!(counts.passed.up < counts.came.up, "the question for the log was still on its way: {counts:?}");
    assert_eq!(reasons(&bot), NOTHING);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_while_the_log_is_read_loses_and_doubles_nothing() {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    said_long_ago(&comet, "web_log", 1);
    let bot = settled_bot(&comet, &home(&wire.url(), &scribe(["web_log"]))).await;
    say(&comet, "web_log", ["here"]);
    words_up_to(&bot, "web_log", "here").await;
    let while_away = numbered("away", 40);
    let padding = numbered("padding to make the log longer than all that comes before it, which is some 600 bytes", 40);
    shut(&comet);
    let said: Vec<String> =
        while_away.iter().zip(&padding).map(|(word, padding)| format!("{word} {padding}")).collect();
    say(&comet, "web_log", &said);
    // Behind so many bytes of the new connections: in the midst of the rows, of which each has some 200.
    for bytes in [2_000, 5_000] {
        let cut = wire.counts().cut;
        wire.cut_after(Way::Down, bytes, End::Reset);
        comet.control.refuse_connections(false);
        wire.until("a cut in the midst of the log", |counts| counts.cut > cut).await;
    }
    bot.wait_until_it_says("what was missed came out of the log").await;
    say(&comet, "web_log", ["back"]);
    let expected = [vec!["here".to_owned()], missed(&said), vec!["back".to_owned()]].concat();
    assert_eq!(words_up_to(&bot, "web_log", "back").await, expected);
    assert_eq!(reasons(&bot), NOTHING);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_shall_not_catch_up_reads_no_log_and_says_what_it_did_not_hear() {
    let comet = Comet::start().await;
    said_long_ago(&comet, "web_log", 3);
    let home = home(&comet.url(), &scribe(["web_log"])).set("server", "catch-up = false");
    let bot = settled_bot(&comet, &home).await;
    say(&comet, "web_log", ["here"]);
    words_up_to(&bot, "web_log", "here").await;
    shut(&comet);
    say(&comet, "web_log", numbered("away", 3));
    reopen(&comet).await;
    say(&comet, "web_log", ["back"]);
    assert_eq!(words_up_to(&bot, "web_log", "back").await, ["here", "back"]);
    assert_eq!(reasons(&bot).len(), 1);
}

/// The plugins change while thousands of events flow: the server drops the whole list and takes the new one each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_the_subscription_under_a_stream_loses_and_doubles_nothing() {
    /// At least so many, while the subscription changes four times.
    const EVENTS: u32 = 3_000;
    let comet = Comet::start().await;
    comet.control.set_log_length("web_log", 98);
    said_long_ago(&comet, "web_log", 1);
    let home = home(&comet.url(), &scribe(["web_log"]));
    let bot = settled_bot(&comet, &home).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let stream = tokio::spawn({
        let control = comet.control.clone();
        async move {
            let mut said = 0_u32;
            let mut pace = tokio::time::interval(std::time::Duration::from_millis(1));
            while said < EVENTS || !*stopped.borrow() {
                pace.tick().await;
                for _ in 0..3 {
                    control.publish("web_log", "msg", &said.to_string()).unwrap();
                    said += 1;
                }
            }
            said
        }
    });
    for pipe in ["web_aaa", "web_zzz"] {
        let file = format!("{pipe}.wat");
        home.rename_plugin(&file, Plugin::new().hears(pipe, []).text());
        comet.subscribed(pipe, 1).await;
        home.delete_plugin(&file);
        comet.subscribed(pipe, 0).await;
    }
    comet.subscribed("web_log", 1).await;
    settled(&comet, &bot).await;
    stop.send_replace(true);
    let said = stream.await.unwrap();
    say(&comet, "web_log", ["end"]);
    let mut words = words_up_to(&bot, "web_log", "end").await;
    words.pop();
    let numbers: Vec<u32> = words.iter().map(|word| word.trim_start_matches('+').parse().unwrap()).collect();
    assert!(numbers.iter().copied().eq(0..said), "{:?}", first_fault(&numbers));
    assert!(
        !words.iter().any(|word| word.starts_with('+')),
        "the double takes a new list in one go: nothing was missed"
    );
}

/// The first two numbers that do not follow each other.
fn first_fault(numbers: &[u32]) -> Option<(u32, u32)> {
    numbers.windows(2).find(|pair| pair[1] != pair[0] + 1).map(|pair| (pair[0], pair[1]))
}

/// A pipe that is new is not caught up with: what was said before somebody listened is no event.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_the_log_from_before_the_first_subscription_is_heard() {
    let comet = Comet::start().await;
    say(&comet, "web_log", ["before"]);
    let bot = settled_bot(&comet, &home(&comet.url(), &scribe(["web_log"]))).await;
    assert_eq!(words(&bot, "web_log"), NOTHING);
    shut(&comet);
    reopen(&comet).await;
    say(&comet, "web_log", ["back"]);
    assert_eq!(words_up_to(&bot, "web_log", "back").await, ["back"]);
}
