//! The server answers each send. What it has not answered when the connection breaks goes out again, or is given up and
//! counted, as the configuration wants it.

use std::collections::{BTreeMap, BTreeSet};

use cometbot::local::text_frame;
use cometbot_tests::{Client, Comet, End, Home, Line, Plugin, Process, Way, Wire};

use super::scrape::{Page, SERVED, Scraper};

const AT_LEAST_ONCE: &str = "at-least-once";
const AT_MOST_ONCE: &str = "at-most-once";

/// What a frame adds to a command of less than 126 bytes.
const FRAME_HEAD_BYTES: u64 = 6;

/// For each message in web_go it sends `sends` more of `bytes` bytes to `pipe`; the events are numbers from 0 on. For one
/// in web_end it sends the event `end` and how many there were.
fn talker(pipe: &str, sends: usize, bytes: usize) -> Plugin {
    Plugin::new()
        .hears("web_go", ["msg"])
        .hears("web_end", ["msg"])
        .sends(pipe)
        .writes_log()
        .function("(global $said (mut i64) (i64.const 0))")
        .handle(&format!(
            r#"(if (call $is (local.get $pipe) (local.get $pipe_bytes) "web_end")
                (then
                    (call $send "{pipe}" "end" (call $decimal (global.get $said)))
                    (return (i32.const 0x1c0))))
            (memory.fill (i32.const 0x8000) (i32.const 120) (i32.const {bytes}))
            (loop $again
                (call $send "{pipe}" (call $decimal (global.get $said)) (i32.const 0x8000) (i32.const {bytes}))
                (global.set $said (i64.add (global.get $said) (i64.const 1)))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $i) (i32.const {sends}))))
            (call $log (i32.const 2) "" "all is said")"#
        ))
}

/// For a bot whose sends go by `wire` and are delivered in this way.
fn home(wire: &Wire, delivery: &str) -> Home {
    Home::at_url(&wire.url())
        .set("server", "retry-min-ms = 10\nretry-max-seconds = 1\nanswer-seconds = 60")
        .set("service", &format!("{SERVED}\ndelivery = \"{delivery}\""))
}

fn sends(page: &Page, outcome: &str) -> usize {
    page.value(&format!("cometbot_sends_total{{outcome=\"{outcome}\"}}")).unwrap() as usize
}

/// The numbers in the next `count` things that are heard, by pipe.
async fn heard(told: &mut Client, count: usize) -> BTreeMap<String, Vec<usize>> {
    let mut numbers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for _ in 0..count {
        let heard = told.next().await;
        numbers.entry(heard.pipe).or_default().push(heard.event.parse().unwrap());
    }
    numbers
}

/// The connection breaks, for the first time, while `unanswered` sends have no answer; then the bot comes back.
async fn break_and_come_back(bot: &Process, wire: &Wire, unanswered: usize) {
    wire.cut(End::Fin);
    let line = bot.wait_until_it_says("connection lost").await;
    assert_eq!(line.field("unanswered_sends"), unanswered.to_string(), "{}", line.raw);
    wire.heal();
    let is_live = |line: &Line| line.says("live: events reach the plugins");
    bot.wait_for_all("the second connection to be live", 2, is_live).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_arrived_and_was_not_answered_is_sent_again_first_or_never() {
    const SENDS: usize = 40;
    for delivery in [AT_LEAST_ONCE, AT_MOST_ONCE] {
        let comet = Comet::start().await;
        let wire = Wire::to(&comet).await;
        let home = home(&wire, delivery)
            .plugin("one.wat", talker("web_told_1", SENDS, 100).text())
            .plugin("two.wat", talker("web_told_2", SENDS, 100).text());
        let bot = home.live().await;
        let scraper = Scraper::of(&bot).await;
        let mut told = Client::join(&comet, ["web_told_1", "web_told_2"]).await;

        wire.hold(Way::Up);
        told.send("web_go", "msg", "");
        bot.wait_for_all("both plugins", 2, |line| line.says("all is said")).await;
        wire.hold(Way::Down);
        wire.release();
        let first: Vec<usize> = (0..SENDS).collect();
        let both = |numbers: &[usize]| {
            BTreeMap::from(["web_told_1", "web_told_2"].map(|pipe| (pipe.to_owned(), numbers.to_vec())))
        };
        assert_eq!(heard(&mut told, 2 * SENDS).await, both(&first));
        break_and_come_back(&bot, &wire, 2 * SENDS).await;
        told.send("web_go", "msg", "");

        let all: Vec<usize> = (0..2 * SENDS).collect();
        let (again, words, level) = match delivery {
            AT_LEAST_ONCE => (all, "sends without an answer go out again", "INFO"),
            _ => (all[SENDS..].to_vec(), "sends without an answer are not repeated", "WARN"),
        };
        assert_eq!(heard(&mut told, 2 * again.len()).await, both(&again), "{delivery}");
        let line = bot.wait_until_it_says(words).await;
        assert!(line.is(level) && line.field("sends") == (2 * SENDS).to_string(), "{}", line.raw);
        let page = scraper.until("every answer", |page| sends(page, "answered") == 2 * again.len()).await;
        let given_up = if delivery == AT_MOST_ONCE { 2 * SENDS } else { 0 };
        assert_eq!((sends(&page, "resent"), sends(&page, "lost")), (2 * SENDS - given_up, given_up), "{delivery}");
        told.send_and_wait("web_nobody", "fence", "").await;
        assert_eq!(told.rest(), [], "{delivery}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_did_not_arrive_is_sent_again_or_missing_and_counted_and_what_had_not_left_arrives() {
    // No more than two of these may be under way at a time.
    const TEXT_BYTES: usize = 32 * 1024;
    for (delivery, wanted) in [(AT_LEAST_ONCE, vec![0, 1, 2, 3, 4, 5]), (AT_MOST_ONCE, vec![2, 3, 4, 5])] {
        let comet = Comet::start().await;
        let wire = Wire::to(&comet).await;
        let home = home(&wire, delivery).plugin("talker.wat", talker("web_told", 6, TEXT_BYTES).text());
        let bot = home.live().await;
        let scraper = Scraper::of(&bot).await;
        let mut told = Client::join(&comet, ["web_told"]).await;
        wire.hold(Way::Up);
        told.send("web_go", "msg", "");
        wire.until("two sends under way", |counts| counts.kept().up > 2 * TEXT_BYTES as u64).await;
        break_and_come_back(&bot, &wire, 2).await;
        assert_eq!(heard(&mut told, wanted.len()).await["web_told"], wanted, "{delivery}");
        let page = scraper.until("every answer", |page| sends(page, "answered") == wanted.len()).await;
        assert_eq!(sends(&page, "resent") + sends(&page, "lost"), 2);
        assert_eq!(sends(&page, "lost"), 6 - wanted.len(), "what is missing is counted");
        told.send_and_wait("web_nobody", "fence", "").await;
        assert_eq!(told.rest(), [], "{delivery}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_the_connection_breaks_the_promise_is_kept() {
    const SENDS: usize = 200;
    let breaks =
        [(Way::Up, 1), (Way::Up, 10_007), (Way::Up, 30_011), (Way::Down, 701), (Way::Down, 9_001), (Way::Down, 20_021)];
    for delivery in [AT_LEAST_ONCE, AT_MOST_ONCE] {
        let comet = Comet::start().await;
        let wire = Wire::to(&comet).await;
        let home = home(&wire, delivery).plugin("talker.wat", talker("web_told", SENDS, 200).text());
        let mut bot = home.live().await;
        let scraper = Scraper::of(&bot).await;
        let mut told = Client::join(&comet, ["web_told"]).await;
        for (number, (way, bytes)) in breaks.into_iter().enumerate() {
            bot.forget();
            wire.cut_after(way, bytes, if number % 2 == 0 { End::Fin } else { End::Reset });
            told.send("web_go", "msg", "");
            bot.wait_until_it_says("connection lost").await;
            bot.wait_until_it_says("live: events reach the plugins").await;
        }
        told.send("web_end", "msg", "");
        let (mut numbers, total): (Vec<usize>, usize) = {
            let mut numbers = Vec::new();
            loop {
                let heard = told.next().await;
                match heard.event.parse() {
                    Ok(number) => numbers.push(number),
                    Err(_) => break (numbers, heard.data.parse().unwrap()),
                }
            }
        };
        let lost = sends(&scraper.page().await, "lost");
        let mut seen = BTreeSet::new();
        let count = numbers.len();
        numbers.retain(|number| seen.insert(*number));
        if delivery == AT_LEAST_ONCE {
            assert!(numbers.iter().copied().eq(0..total), "all, each for the first time in order: {numbers:?}");
            assert!(count > total, "not one was repeated: these breaks were none");
            assert_eq!(lost, 0);
        } else {
            assert_eq!(count, numbers.len(), "none twice");
            let missing = total - count;
            assert!(0 < missing && missing <= lost, "{missing} are missing of {total}, and {lost} are counted as lost");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_answer_confirms_nothing() {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let home = home(&wire, AT_LEAST_ONCE).plugin("talker.wat", talker("web_told", 2, 3).text());
    let bot = home.live().await;
    let scraper = Scraper::of(&bot).await;
    let mut told = Client::join(&comet, ["web_told"]).await;
    let two_sends_bytes = 2 * (FRAME_HEAD_BYTES + "web_pipe2\nweb_told\n0\n*\nxxx".len() as u64);
    wire.hold(Way::Up);
    told.send("web_go", "msg", "");
    wire.until("two sends", |counts| counts.kept().up == two_sends_bytes).await;
    for (pipe, message) in [("web_told", "yyy"), ("web_tol", "xxx"), ("web_told_", "xxx"), ("@web_told", "xxx")] {
        let answer = format!(
            r#"{{"data":{{"message":"{message}","number_messages":1}},"event":"answer","message_send_time":"x","pipe":"_answer_to_{pipe}"}}"#
        );
        assert_eq!(comet.control.raw_to_pipe("web_go", &text_frame(answer.as_bytes())), 1);
    }
    let line = bot.wait_until_it_says("is to nothing that was sent, and is ignored").await;
    assert!(line.is("WARN"), "{}", line.raw);
    // Behind all of them comes something that shows that they have been read.
    told.send("web_go", "msg", "");
    wire.until("two more", |counts| counts.kept().up == 2 * two_sends_bytes).await;
    break_and_come_back(&bot, &wire, 4).await;
    assert_eq!(heard(&mut told, 4).await["web_told"], [0, 1, 2, 3]);
    let page = scraper.until("every answer", |page| sends(page, "answered") == 4).await;
    assert_eq!(sends(&page, "resent"), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_answers_its_send_and_no_other_and_is_not_repeated() {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let daring = Plugin::new().hears("web_go", ["msg"]).sends("*").handle(
        r#"(call $send "web_told" "0" "before")
        (call $send "webauth_room" "1" "for those who are logged in")
        (call $send "web_told" "2" "behind")"#,
    );
    let home = home(&wire, AT_LEAST_ONCE).plugin("daring.wat", daring.text());
    let bot = home.live().await;
    let scraper = Scraper::of(&bot).await;
    let mut told = Client::join(&comet, ["web_told"]).await;
    told.send("web_go", "msg", "");
    let line = bot.wait_until_it_says("the server refuses: ").await;
    assert!(line.says("can not send messages anonim users"), "{}", line.raw);
    assert!(line.is("WARN") && line.of("daring"), "{}", line.raw);
    let page = scraper.until("every answer", |page| sends(page, "answered") == 2).await;
    assert_eq!(sends(&page, "refused"), 1);
    break_and_come_back(&bot, &wire, 0).await;
    told.send("web_go", "msg", "");
    assert_eq!(heard(&mut told, 4).await["web_told"], [0, 2, 0, 2]);
    assert_eq!(sends(&scraper.page().await, "resent"), 0);
}
