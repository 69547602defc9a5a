//! What lies between the bot and its server cuts, holds back, glues and damages bytes, or lets nobody in: the bot comes
//! back by itself, says why it was away, and has lost nothing that a log can give back.

use std::{iter::zip, time::Duration};

use cometbot_tests::{Client, Comet, End, Home, Plugin, Process, Refusal, Way, Wire, within};
use tokio::{net::UnixDatagram, time::timeout};

use crate::scrape::{Page, SERVED, Scraper};

/// A pipe with a log, so that what is said while the bot is away reaches it too.
const PIPE: &str = "web_log_chat";
const QUICK: &str = "retry-min-ms = 10\nretry-max-seconds = 1";
/// Silence is noticed after some three seconds.
const WATCHFUL: &str = "heartbeat-seconds = 1\nanswer-seconds = 1";

/// Echoes, reads the log of its pipe, and counts it.
fn plugin() -> String {
    Plugin::new()
        .hears(PIPE, ["msg", "log", "count"])
        .sends(PIPE)
        .sends("web_told")
        .logs(PIPE)
        .counts(PIPE)
        .handle(
            r#"(if (call $is (local.get $name) (local.get $name_bytes) "msg")
                (then (call $send "web_log_chat" "echo" (local.get $data) (local.get $data_bytes))))
            (if (call $is (local.get $name) (local.get $name_bytes) "log")
                (then (call $tell_log "web_log_chat" (i32.const 3))))
            (if (call $is (local.get $name) (local.get $name_bytes) "count")
                (then (call $tell_count "web_log_chat")))"#,
        )
        .text()
}

fn home(wire: &Wire) -> Home {
    Home::at_url(&wire.url()).set("server", QUICK).plugin("echo.wat", plugin())
}

/// Texts of all sizes and with all that is escaped on the way, the log and the count.
async fn everything_works(comet: &Comet) {
    let mut client = Client::join(comet, [PIPE]).await;
    let mut told = Client::join(comet, ["web_told"]).await;
    comet.subscribed(PIPE, 2).await;
    let long = "z".repeat(60_000);
    for text in ["", "x", r#""quotes" 'more' and \back\\slashes"#, "Привет, Ёж 😀", "two\nlines\r\n\ttab", &long]
    {
        assert_eq!(client.ask(PIPE, text).await, format!("echo {text}"));
    }
    for text in ["one \"1\"", "Два"] {
        assert_eq!(client.ask(PIPE, text).await, format!("echo {text}"));
    }
    client.send(PIPE, "log", "");
    let rows = told.next_lines(4).await;
    assert_eq!(rows.last().unwrap(), "rows 3", "{rows:?}");
    assert!(rows.iter().any(|row| row == "echo Два"), "{rows:?}");
    client.send(PIPE, "count", "");
    assert_eq!(told.next_lines(1).await, ["count 2"]);
}

fn untouched(bot: &Process) {
    assert!(bot.lines(|line| line.says("connection lost") || line.says("cannot be read")).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_byte_by_byte_both_ways() {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    wire.split(Way::Down);
    let home = home(&wire);
    let bot = home.live().await;
    // Not before: to the server a request ends with the first line that ends a read (PROTOCOL.md, section 1.1).
    wire.split(Way::Up);
    let before = wire.counts();
    everything_works(&comet).await;
    untouched(&bot);
    let after = wire.counts();
    assert_eq!(after.writes.down, after.passed.down, "one byte a write");
    assert_eq!(after.writes.up - before.writes.up, after.passed.up - before.passed.up);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_late_and_glued_together() {
    const EVENTS: usize = 500;
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    for way in [Way::Up, Way::Down] {
        wire.glue(way, 16 * 1024, Duration::from_millis(10));
        wire.delay(way, Duration::from_millis(50));
    }
    let home = home(&wire);
    let bot = home.live().await;
    everything_works(&comet).await;
    let mut client = Client::join(&comet, [PIPE]).await;
    let texts: Vec<String> = (0..EVENTS).map(|number| number.to_string()).collect();
    client.send_all(PIPE, "msg", texts.iter().map(String::as_str));
    let wanted: Vec<String> = texts.iter().map(|text| format!("echo {text}")).collect();
    assert_eq!(client.next_lines(EVENTS).await, wanted);
    untouched(&bot);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_is_cut_in_the_middle_is_neither_lost_nor_taken_twice() {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let home = home(&wire).set("service", SERVED);
    let mut bot = home.live().await;
    let metrics = Scraper::of(&bot).await;
    let mut client = Client::join(&comet, [PIPE]).await;
    let mut answered = 0.0;
    let faults = [Way::Down, Way::Up].into_iter().flat_map(|way| [(way, End::Fin), (way, End::Reset)]);
    // In the head, behind it, and in the text.
    let faults = faults.flat_map(|(way, end)| [1, 3, 30].map(|bytes| (way, end, bytes)));
    for (way, end, bytes) in faults {
        let text = format!("{way:?} {end:?} {bytes}");
        bot.forget();
        wire.cut_after(way, bytes, end);
        assert_eq!(client.ask(PIPE, &text).await, format!("echo {text}"));
        bot.wait_until_it_says("connection lost").await;
        bot.wait_until_it_says("live: events reach the plugins").await;
        // Nothing is left over of the one before.
        let again = format!("{text} again");
        assert_eq!(client.ask(PIPE, &again).await, format!("echo {again}"));
        // What is not answered when the next one strikes is sent once more.
        answered += 2.0;
        metrics.until("the answers to the echoes", |page| page.sends("answered") == Some(answered)).await;
    }
    assert!(client.rest().is_empty());
    assert_eq!(wire.counts().cut, 12);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_that_is_closed_alone_is_the_end_of_the_connection() {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let home = home(&wire).set("service", SERVED);
    let mut bot = home.live().await;
    let metrics = Scraper::of(&bot).await;
    let mut client = Client::join(&comet, [PIPE]).await;
    for (answered, way) in [(0.0, Way::Up), (1.0, Way::Down)] {
        metrics.until("the answer to the echo", |page| page.sends("answered") == Some(answered)).await;
        bot.forget();
        wire.half_close(way);
        bot.wait_until_it_says("connection lost: the server closed the connection").await;
        bot.wait_until_it_says("live: events reach the plugins").await;
        let text = format!("{way:?}");
        assert_eq!(client.ask(PIPE, &text).await, format!("echo {text}"));
    }
}

/// In the head of a frame, in its mask, in its text: nobody can tell what such a byte makes of a connection, or of a
/// server that is like the real one, but it does not stay that way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_damaged_byte_is_more_than_a_new_connection() {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let echoing = Plugin::new().hears(PIPE, ["msg"]).sends(PIPE).writes_log().handle(
        r#"(call $log (i32.const 2) "" (local.get $data) (local.get $data_bytes))
        (call $send "web_log_chat" "echo" (local.get $data) (local.get $data_bytes))"#,
    );
    let home = Home::at_url(&wire.url())
        .set("server", &format!("{QUICK}\n{WATCHFUL}"))
        .set("service", SERVED)
        .plugin("echo.wat", echoing.text());
    let bot = home.live().await;
    let metrics = Scraper::of(&bot).await;
    let places = [1, 2, 20].map(|nth| (Way::Down, nth)).into_iter().chain([1, 2, 4, 30].map(|nth| (Way::Up, nth)));
    for (changed, (way, nth)) in zip(1.., places) {
        wire.flip(way, nth);
        comet.control.publish(PIPE, "msg", &format!("damaged {way:?} {nth}")).unwrap();
        wire.until("a changed byte", |counts| counts.changed == changed).await;
        let whole = format!("whole {way:?} {nth}");
        comet.control.publish(PIPE, "msg", &whole).unwrap();
        bot.wait_until_it_says(&whole).await;
        let is_answered = |page: &Page| {
            let answered = page.sends("answered").unwrap() + page.sends("refused").unwrap();
            page.events("echo", "handled") == Some(answered)
        };
        metrics.until("an answer to each send", is_answered).await;
    }
    assert!(bot.lines(|line| line.says("panicked")).is_empty());
    everything_heard_is_echoed(&comet).await;
}

async fn everything_heard_is_echoed(comet: &Comet) {
    let mut client = Client::join(comet, [PIPE]).await;
    for text in ["one", "two"] {
        assert_eq!(client.ask(PIPE, text).await, format!("echo {text}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wire_that_damages_bytes_by_chance_is_survived() {
    const CHANGES: u64 = 60;
    const ONE_IN: u32 = 3000;
    for seed in 1..=3 {
        let comet = Comet::start().await;
        let wire = Wire::to(&comet).await;
        let home = home(&wire).set("server", WATCHFUL);
        let mut bot = home.live().await;
        wire.corrupt(Way::Down, ONE_IN, seed);
        loop {
            let before = wire.counts();
            if before.changed >= CHANGES {
                break;
            }
            for _ in 0..100 {
                comet.control.publish(PIPE, "said", "\"something\" and Ёж").unwrap();
            }
            // A connection that is down is made anew, and reads the log.
            wire.until("more bytes", |counts| counts.passed.down > before.passed.down).await;
        }
        wire.heal();
        // What was subscribed on a damaged connection is anybody's guess.
        bot.forget();
        wire.cut(End::Reset);
        bot.wait_until_it_says("live: events reach the plugins").await;
        let mut client = Client::join(&comet, [PIPE]).await;
        // It may be live for the last time before the cut; and what is missed within a second of other gaps is doubtful.
        let echoed = async {
            loop {
                client.send(PIPE, "msg", "whole");
                match timeout(Duration::from_millis(300), client.next()).await {
                    Ok(heard) if heard.event == "echo" => break,
                    _ => {}
                }
            }
        };
        within("an echo", echoed).await;
        assert!(bot.lines(|line| line.says("panicked")).is_empty());
    }
}

/// A server fills such a frame up with what lies about in its memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_frame_whose_end_is_no_text_is_repaired() {
    /// The last two of so many bytes are not the message's.
    const DAMAGED_BYTES: usize = 124;
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let home = home(&wire);
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_told"]).await;
    let around = r#"{"data":"","event":"count","message_send_time":1700000000,"pipe":"web_log_chat","user_id":0}"#;
    let filler = "x".repeat(DAMAGED_BYTES - around.len());
    let mut payload = around.replacen(r#""""#, &format!("\"{filler}\""), 1).into_bytes();
    payload.splice(DAMAGED_BYTES - 2.., [0, 0xff]);
    let frame: Vec<u8> = [0x81, u8::try_from(payload.len()).unwrap()].into_iter().chain(payload).collect();
    assert_eq!(comet.control.raw_to_pipe(PIPE, &frame), 1);
    assert_eq!(client.next_lines(1).await, ["count 1"]);
    untouched(&bot);
}

/// What answers in place of the server, and what the log says about it.
fn impostors() -> [(Refusal, &'static str); 9] {
    let bytes = |text: &str| Refusal::Bytes(text.as_bytes().to_vec());
    let not_as_a_server = "answers, but not as a comet server";
    let upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    [
        (Refusal::NoListener, "cannot be reached"),
        (Refusal::Hangup, not_as_a_server),
        (Refusal::Http(404), "HTTP status 404"),
        (Refusal::Http(500), "HTTP status 500"),
        (Refusal::Http(302), "HTTP status 302"),
        (bytes("220 mail.example.org ESMTP\r\n"), not_as_a_server),
        (Refusal::Bytes((0..=255).cycle().take(5000).collect()), not_as_a_server),
        (bytes(&format!("{upgrade}Sec-WebSocket-Accept: bm90IG91ciBrZXkgYXQgYWxs\r\n\r\n")), not_as_a_server),
        (Refusal::EndlessHead, not_as_a_server),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_answers_in_place_of_the_server_is_named_and_the_bot_goes_on_trying() {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let home = home(&wire);
    let mut bot = home.live().await;
    for (refusal, words) in impostors() {
        bot.forget();
        wire.refuse(refusal.clone());
        wire.cut(End::Reset);
        let line = bot.wait_for(words, |line| line.says("cannot connect") && line.says(words)).await;
        assert!(line.is("WARN") && line.says("; next try in"), "{}", line.raw);
        assert!(line.raw.len() < 1000, "{refusal:?}: {}", line.raw);
    }
    bot.forget();
    wire.heal();
    bot.wait_until_it_says("live: events reach the plugins").await;
    everything_works(&comet).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_accepts_and_never_answers_is_given_up() {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    wire.refuse(Refusal::Mute);
    let home = home(&wire).set("service", SERVED);
    let bot = home.start();
    let metrics = Scraper::of(&bot).await;
    wire.accepted(1).await;
    metrics.state("connecting").await;
    bot.wait_until_it_says("cannot connect").await;
    assert_eq!(metrics.page().await.losses("no_comet_server"), Some(1.0));
    wire.heal();
    bot.wait_until_it_says("live: events reach the plugins").await;
    everything_works(&comet).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pauses_between_tries_in_vain_grow() {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    wire.refuse(Refusal::NoListener);
    let home = Home::at_url(&wire.url())
        .set("server", "retry-min-ms = 100\nretry-max-seconds = 10")
        .plugin("echo.wat", plugin());
    let bot = home.start();
    let lines = bot.wait_for_all("five tries", 5, |line| line.says("cannot connect") && line.says("next try in")).await;
    wire.heal();
    let pause = |message: &str| -> f64 {
        message.rsplit_once("next try in ").unwrap().1.trim_end_matches(" s").parse().unwrap()
    };
    let pauses: Vec<f64> = lines.iter().map(|line| pause(line.message())).collect();
    for (pause, bound) in zip(&pauses, [0.1, 0.2, 0.4, 0.8, 1.6]) {
        // The log has one decimal place.
        assert!((bound / 10.0 - 0.05..=bound + 0.05).contains(pause), "{pauses:?}");
    }
    assert!(pauses[0] < pauses[4], "{pauses:?}");
    assert!(lines.iter().all(|line| line.field("reason") == "unreachable"), "{lines:?}");
    bot.wait_until_it_says("live: events reach the plugins").await;
    assert_eq!(wire.counts().accepted, 1);
    everything_works(&comet).await;
}

async fn status(socket: &UnixDatagram, wanted: &str) {
    let mut message = [0; 512];
    loop {
        let length = within(wanted, socket.recv(&mut message)).await.unwrap();
        if String::from_utf8_lossy(&message[..length]).trim().starts_with(&format!("STATUS={wanted}")) {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_manager_and_the_metrics_show_each_state() {
    /// The head of a frame of 60,000 bytes, of which the server's first one becomes the beginning.
    const ENDLESS_FIRST_FRAME: [u8; 4] = [0x81, 126, 0xea, 0x60];
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let home = home(&wire).set("service", SERVED);
    let path = home.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let home = home.variable("NOTIFY_SOCKET", path.to_str().unwrap());
    wire.refuse(Refusal::Mute);
    let bot = home.start();
    let metrics = Scraper::of(&bot).await;
    let retry_at = "cometbot_link_retry_at_seconds{link=\"0\"}";

    // Else it would be the next connection that is cut.
    wire.until("a connection that is not answered", |counts| counts.refused == 1).await;
    let page = metrics.state("connecting").await;
    assert_eq!(page.value(retry_at), Some(0.0));
    // What lasts for a moment only may be left out.
    wire.cut(End::Reset);
    wire.until("another one", |counts| counts.refused == 2).await;
    status(&socket, "connecting").await;

    comet.control.greet_with(&ENDLESS_FIRST_FRAME);
    wire.heal();
    wire.cut(End::Reset);
    status(&socket, "authorizing").await;
    let page = metrics.state("authorizing").await;
    assert_eq!(page.value(retry_at), Some(0.0));

    comet.control.greet_with(&[]);
    wire.refuse(Refusal::NoListener);
    wire.cut(End::Reset);
    status(&socket, "waiting").await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let page = metrics.state("waiting").await;
    let at = page.value(retry_at).unwrap();
    assert!((now - 1.0..now + 20.0).contains(&at), "{at} at {now}");
    assert_eq!(page.losses("closed_early"), Some(1.0));

    wire.heal();
    status(&socket, "live").await;
    let page = metrics.state("live").await;
    assert_eq!(page.value(retry_at), Some(0.0));
    assert_eq!(page.value("cometbot_link_connects_total{link=\"0\"}"), Some(1.0));
}
