//! The server's clock is set between two connections: what was missed is found all the same, and nothing comes twice.

use cometbot_tests::Comet;

use crate::scribe::{gaps, home, reopen, said_long_ago, say, scribe, settled_bot, shut, words_up_to};

const HOUR: i64 = 3_600;

/// Sets the clock by `jump` seconds while the bot is away, twice, and back in the end. Before the bot comes there are rows
/// that are `old` seconds and an hour older. Gives the reasons of the gaps that are told.
async fn caught_up_after(jump: i64, old: i64) -> Vec<String> {
    let comet = Comet::start().await;
    comet.control.shift_clock(-old);
    said_long_ago(&comet, "web_log", 2);
    comet.control.shift_clock(old);
    let bot = settled_bot(&comet, &home(&comet.url(), &scribe(["web_log"]))).await;
    say(&comet, "web_log", ["one", "two"]);
    words_up_to(&bot, "web_log", "two").await;
    let mut expected = vec!["one".to_owned(), "two".to_owned()];
    for (round, jump) in [jump, jump, -2 * jump].into_iter().enumerate() {
        shut(&comet);
        say(&comet, "web_log", [format!("before the jump {round}")]);
        comet.control.shift_clock(jump);
        say(&comet, "web_log", [format!("after the jump {round}")]);
        reopen(&comet).await;
        let back = format!("back {round}");
        say(&comet, "web_log", [&back]);
        let mut words = words_up_to(&bot, "web_log", &back).await;
        // A log is in the order of its times, and so is what comes out of it.
        let mut missed = words.split_off(expected.len());
        assert_eq!(words, expected, "round {round}");
        assert_eq!(missed.pop().as_ref(), Some(&back), "what is new comes last");
        expected.extend(missed.iter().cloned().chain([back]));
        missed.sort();
        let said = [format!("+after the jump {round}"), format!("+before the jump {round}")];
        assert_eq!(missed, said, "round {round}");
        // A loss with nothing said and no jump brings nothing.
        shut(&comet);
        reopen(&comet).await;
        let quiet = format!("quiet {round}");
        say(&comet, "web_log", [&quiet]);
        expected.push(quiet.clone());
        assert_eq!(words_up_to(&bot, "web_log", &quiet).await, expected, "round {round}");
    }
    gaps(&bot).iter().filter(|gap| gap.field("pipe") == "web_log").map(|gap| gap.field("reason")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_forward_an_hour_costs_nothing() {
    assert_eq!(caught_up_after(HOUR, 0).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_an_hour_costs_nothing() {
    assert_eq!(caught_up_after(-HOUR, 2 * HOUR).await, Vec::<String>::new());
}

/// Then the log has no row of an earlier second, by which alone the bot knows that nothing has been dropped from it: it may
/// say that the log is too short.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_beyond_all_rows_costs_no_event() {
    let told = caught_up_after(-HOUR, 0).await;
    assert!(told.iter().all(|reason| reason == "log_too_short"), "{told:?}");
}
