//! A lost connection: what is recovered, and what is reported.

use super::*;

#[test]
fn a_pipe_heard_for_the_first_time_flows_at_once_and_its_log_is_only_read() {
    let mut rig = Rig::of(Era::Modern);
    assert_eq!(rig.at(100).connect(&["web_b", "web_a"]), ["web_a", "web_b"]);
    rig.live(&line("live", 100)).logged("web_a", &[line("old", 50), line("live", 100)]).logged("web_b", &[]);
    assert_eq!(rig.heard(), ["live"]);
    assert_eq!(rig.ear.gaps, []);
}

#[test]
fn what_was_missed_is_delivered_once_before_what_is_held() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.at(110).live(&line("heard", 110));
    rig.reconnect(120).live(&line("held", 121));
    assert_eq!(rig.heard(), ["heard"]);
    let log = [line("old", 50), line("heard", 110), line("missed 1", 115), line("missed 2", 120), line("held", 121)];
    rig.logged("web_a", &log).live(&line("later", 122));
    assert_eq!(rig.heard(), ["+missed 1", "+missed 2", "held", "later"]);
    assert_eq!(rig.ear.gaps, []);
    assert!(rig.ear.events.iter().all(|event| event.pipe == "web_a" && event.user_id == Some(7)));
}

#[test]
fn what_was_recovered_is_not_recovered_again() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.at(110).live(&line("heard", 110));
    let log = [line("old", 50), line("heard", 110), line("missed", 120)];
    rig.reconnect(120).logged("web_a", &log);
    rig.alive().reconnect(122).logged("web_a", &log);
    assert_eq!(rig.heard(), ["heard", "+missed"]);
}

#[test]
fn a_twin_of_what_was_heard_is_missed_if_it_is_there_twice() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.at(110).live(&line("ok", 110));
    rig.reconnect(110).logged("web_a", &[line("old", 50), line("ok", 110), line("ok", 110)]);
    assert_eq!(rig.heard(), ["ok", "+ok"]);
}

#[test]
fn a_row_may_be_stored_a_second_after_it_was_sent() {
    for (stored, recovered) in [(109, false), (111, false), (112, true)] {
        let mut rig = Rig::with_log(&[line("old", 50)]);
        rig.at(110).live(&line("ok", 110));
        rig.reconnect(112).logged("web_a", &[line("old", 50), line("ok", stored)]);
        assert_eq!(rig.heard().len() == 2, recovered, "{stored}");
    }
}

#[test]
fn rows_from_before_the_pipe_was_subscribed_are_not_delivered() {
    let mut rig = Rig::of(Era::Modern);
    rig.at(100).connect(&["web_a"]);
    rig.at(110).alive().reconnect(111).logged("web_a", &[line("old", 98), line("missed", 111)]);
    assert_eq!(rig.heard(), ["+missed"]);
}

#[test]
fn rows_of_the_seconds_of_the_subscription_are_in_doubt_if_the_log_was_not_read() {
    let mut rig = Rig::of(Era::Modern);
    rig.at(100).connect(&["web_a"]);
    rig.alive().reconnect(101).logged("web_a", &[line("old", 50), line("old or missed", 100)]);
    assert_eq!(rig.heard(), ["!"]);
    assert_eq!(rig.gap(), (100, 102, 0, GapReason::Ambiguous));
}

#[test]
fn a_pipe_that_is_left_and_comes_back_at_once_brings_nothing_twice() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.at(110).live(&line("one", 110));
    assert!(rig.subscribe(&["web_b"], false) == ["web_b"]);
    rig.live(&line("underway", 110));
    assert_eq!(rig.subscribe(&["web_a", "web_b"], false), ["web_a"]);
    rig.at(120).alive().reconnect(120);
    rig.logged("web_a", &[line("one", 110), line("underway", 110), line("missed", 120)]);
    assert_eq!(rig.heard(), ["one", "underway", "+missed"]);
}

#[test]
fn a_pipe_without_a_log_flows_again_with_a_gap() {
    let mut rig = Rig::with_log(&[]);
    rig.at(110).live(&line("heard", 110));
    rig.at(119).alive().reconnect(120).live(&line("held", 122)).logged("web_a", &[]);
    assert_eq!(rig.heard(), ["heard", "!", "held"]);
    assert_eq!(rig.gap(), (119, 122, 0, GapReason::NoLog));
}

#[test]
fn a_log_that_is_not_answered_is_a_gap() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.alive().reconnect(120).live(&line("held", 121)).not_logged("web_a").live(&line("later", 122));
    assert_eq!(rig.heard(), ["!", "held", "later"]);
    assert_eq!(rig.gap(), (100, 121, 0, GapReason::LogNotAnswered));
}

#[test]
fn what_was_out_of_reach_of_a_log_that_was_too_short_as_well_is_not_delivered_later() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.at(110).live(&line("heard", 110));
    let missed = |numbers: std::ops::Range<usize>| numbers.map(|number| line(&format!("missed {number}"), 121));
    rig.reconnect(120).live(&line("held", 121)).logged("web_a", &missed(0..99).collect::<Vec<_>>());
    assert_eq!(rig.gap(), (110, 121, 99, GapReason::LogTooShort));
    assert_eq!(rig.heard().last().unwrap(), "held");
    // More was said, so that the log begins later and what was out of reach is in it.
    let log: Vec<Line> = missed(50..120).chain([line("held", 121), line("missed later", 125)]).collect();
    rig.at(124).alive().reconnect(125).logged("web_a", &log);
    assert_eq!(rig.heard(), ["+missed later"]);
}

#[test]
fn what_a_gap_was_reported_for_is_not_delivered_later() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.alive().reconnect(120).not_logged("web_a").live(&line("later", 122));
    let log = [line("old", 50), line("lost", 110), line("later", 122), line("missed", 131)];
    rig.at(130).alive().reconnect(131).logged("web_a", &log);
    assert_eq!(rig.heard(), ["!", "later", "+missed"]);
}

#[test]
fn a_log_that_begins_in_the_gap_may_be_too_short() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.at(110).live(&line("heard", 110));
    rig.reconnect(120).logged("web_a", &[line("missed 1", 115), line("missed 2", 116)]);
    assert_eq!(rig.heard(), ["heard", "!", "+missed 1", "+missed 2"]);
    assert_eq!(rig.gap(), (110, 121, 2, GapReason::LogTooShort));
}

/// Ninety-nine rows with nothing that was heard after the gap.
#[test]
fn an_answer_of_99_rows_may_lack_the_newest() {
    let rows: Vec<Line> = (0..99).map(|number| line(&format!("row {number}"), number)).collect();
    let mut rig = Rig::with_log(&rows);
    rig.alive().reconnect(120).logged("web_a", &rows);
    assert_eq!(rig.heard(), ["!"]);
    assert_eq!(rig.gap(), (100, 121, 0, GapReason::NewestOutOfReach));
}

#[test]
fn an_answer_of_99_rows_that_has_a_held_event_is_whole() {
    let mut rows: Vec<Line> = (0..97).map(|number| line(&format!("row {number}"), number)).collect();
    let mut rig = Rig::with_log(&rows);
    rows.extend([line("missed", 110), line("held", 121)]);
    rig.alive().reconnect(120).live(&line("held", 121)).logged("web_a", &rows);
    assert_eq!(rig.heard(), ["+missed", "held"]);
    assert_eq!(rig.ear.gaps, []);
}

#[test]
fn a_loss_while_held_keeps_what_is_held_and_reports_once() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.at(110).live(&line("heard", 110));
    rig.reconnect(120).live(&line("held 1", 122)).reconnect(130).live(&line("held 2", 132));
    let log = ["missed 1", "held 1", "missed 2", "held 2"];
    let log: Vec<Line> = log.iter().zip([115, 122, 128, 132]).map(|(data, time)| line(data, time)).collect();
    rig.logged("web_a", &log);
    assert_eq!(rig.heard(), ["heard", "!", "+missed 1", "held 1", "+missed 2", "held 2"]);
    assert_eq!(rig.gap(), (110, 132, 2, GapReason::LogTooShort));
}

#[test]
fn rows_of_one_second_that_come_in_disorder_stand_before_what_is_held() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.alive().reconnect(120).live(&line("held", 121));
    rig.logged("web_a", &[line("old", 50), line("held", 121), line("missed", 121)]);
    assert_eq!(rig.heard(), ["+missed", "held"]);
}

#[test]
fn a_copy_that_comes_after_its_row_is_dropped_once() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.alive().reconnect(120).logged("web_a", &[line("old", 50), line("missed", 119), line("late", 121)]);
    rig.live(&line("late", 121)).live(&line("late", 121)).live(&line("missed", 119));
    assert_eq!(rig.heard(), ["+missed", "+late", "late"]);
    rig.millis += 2_001;
    rig.live(&line("missed", 119));
    assert_eq!(rig.heard(), ["missed"]);
}

#[test]
fn presence_has_no_log_to_ask_for() {
    let mut rig = Rig::of(Era::Modern);
    assert!(rig.at(100).connect(&["user_status_7"]).is_empty());
    rig.alive().at(110).lose();
    assert!(rig.at(111).connect(&["user_status_7"]).is_empty());
    let online = Line { user: None, time: None, ..line("online", 0) };
    rig.live_in("user_status_7", &online);
    assert_eq!(rig.heard(), ["!", "online"]);
    assert_eq!(rig.gap(), (100, 111, 0, GapReason::NoLog));
}

#[test]
fn personal_messages_pass_untouched() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.alive().reconnect(120);
    let personal = Line { user: None, time: None, ..line("to you", 0) };
    rig.live_in("msg", &personal).live_in("msg", &personal).live_in("web_other", &line("elsewhere", 121));
    assert_eq!(rig.heard(), ["to you", "to you", "elsewhere"]);
}

#[test]
fn the_old_time_of_a_queued_message_does_not_set_the_clock() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.at(110).live(&line("heard", 110));
    rig.catchup.event(line("queued", 3).event("msg", true), rig.now(), &mut rig.ear);
    rig.reconnect(120).logged("web_a", &[line("old", 50), line("heard", 110), line("missed", 115)]);
    assert_eq!(rig.heard(), ["heard", "+queued", "+missed"]);
    assert_eq!(rig.ear.gaps, []);
}

#[test]
fn a_gap_says_why_in_one_clause() {
    use GapReason::*;
    for why in [NoLog, LogTooShort, NewestOutOfReach, LogNotAnswered, TooMuchHeld, Ambiguous] {
        let text = why.to_string();
        assert!(text.len() > 20 && !text.contains('\n') && !text.ends_with('.'), "{text}");
    }
}
