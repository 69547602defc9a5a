//! Rows whose times say nothing: servers before 4.0, and clocks that were set.

use super::*;

fn lines(words: &str) -> Vec<Line> {
    words.split(' ').map(untimed).collect()
}

/// Hears `heard` live on an old server whose log was empty, loses the connection, reads `log`.
fn after(heard: &str, log: &str) -> Rig {
    let mut rig = Rig::old_with_log(&[]);
    for line in lines(heard) {
        rig.live(&line);
    }
    rig.heard();
    rig.reconnect(120).logged("web_a", &lines(log));
    rig
}

#[test]
fn rows_behind_what_was_heard_were_missed() {
    for (heard, log, recovered) in [
        ("a b c", "a b c d e", "+d +e"),
        ("a b c", "b c d", "+d"),
        ("a b c a b c", "c d", "+d"),
        ("a b c", "a b c", ""),
        ("a a a", "a a a a", "+a"),
    ] {
        let mut rig = after(heard, log);
        assert_eq!(rig.heard().join(" "), recovered, "{heard}; {log}");
        assert_eq!(rig.ear.gaps, [], "{heard}; {log}");
    }
}

/// By their place they were missed; if the rows are in disorder they were heard.
#[test]
fn rows_that_repeat_what_was_heard_are_in_doubt() {
    for (heard, log, recovered) in [("a b a", "b a a c", "! +c"), ("a b c a b c", "a b c c a", "!")] {
        let mut rig = after(heard, log);
        assert_eq!(rig.heard().join(" "), recovered, "{heard}; {log}");
        assert_eq!(rig.gap().3, GapReason::Ambiguous);
    }
}

#[test]
fn rows_in_disorder_are_not_taken_for_missed_ones() {
    for (heard, log, recovered) in
        [("a b c d", "a b d c", ""), ("a b c d", "a b d c e", "+e"), ("a b c d a", "a b d c a x", "+x")]
    {
        let mut rig = after(heard, log);
        assert_eq!(rig.heard().join(" "), recovered, "{heard}; {log}");
    }
}

#[test]
fn a_log_with_nothing_that_was_heard_is_all_missed_and_too_short() {
    let mut rig = after("a b", "c d");
    assert_eq!(rig.heard(), ["!", "+c", "+d"]);
    assert_eq!((rig.gap().2, rig.gap().3), (2, GapReason::LogTooShort));
}

#[test]
fn of_99_unknown_rows_none_is_delivered() {
    let heard: Vec<Line> = (0..500).map(|number| untimed(&number.to_string())).collect();
    let mut rig = Rig::old_with_log(&[]);
    for line in &heard {
        rig.live(line);
    }
    rig.heard();
    rig.reconnect(120).logged("web_a", &heard[..99]);
    assert_eq!(rig.heard(), ["!"]);
}

#[test]
fn what_the_log_cannot_hold_is_left_out_of_the_order() {
    let mut rig = after("a \u{1f600} b", "a b c");
    assert_eq!(rig.heard(), ["+c"]);
}

#[test]
fn own_messages_have_their_place_in_the_order() {
    let mut rig = Rig::old_with_log(&[]);
    rig.live(&untimed("a")).sent("mine").live(&untimed("b"));
    rig.at(119).lose();
    rig.catchup.own_unknown("web_a", "e", "perhaps");
    rig.heard();
    rig.reconnect(120).live(&untimed("held"));
    rig.logged("web_a", &lines("a mine b perhaps c mine held"));
    assert_eq!(rig.heard(), ["+c", "+mine", "held"]);
}

#[test]
fn without_times_a_gap_is_told_by_our_own_clock() {
    let rig = after("a", "b");
    let [gap] = rig.ear.gaps.as_slice() else { panic!() };
    assert!(gap.since > 1_700_000_000 && gap.since <= gap.until);
}

/// A log is sorted by time: after the clock was set back by a minute, what is new stands before what is old.
#[test]
fn a_clock_that_was_set_back_doubles_nothing() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.at(110).live(&line("heard", 110)).lose().at(111);
    rig.catchup.server_time(START + 51, rig.now());
    assert_eq!(rig.subscribe(&["web_a"], true), ["web_a"]);
    rig.logged("web_a", &[line("old", 50), line("missed", 51), line("heard", 110)]);
    assert_eq!(rig.heard(), ["heard", "+missed"]);
    // From here on times count again, by the new clock.
    rig.at(120).live(&line("heard too", 60)).at(130).lose().at(131);
    rig.catchup.server_time(START + 71, rig.now());
    assert_eq!(rig.subscribe(&["web_a"], true), ["web_a"]);
    let log = [line("old", 50), line("missed", 51), line("heard too", 60), line("new", 65), line("heard", 110)];
    rig.logged("web_a", &log);
    assert_eq!(rig.heard(), ["heard too", "+new"]);
    assert_eq!(rig.ear.gaps, []);
}

#[test]
fn a_clock_that_was_set_forward_loses_nothing() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.at(110).live(&line("heard", 110)).lose().at(111);
    rig.catchup.server_time(START + 9_000, rig.now());
    assert_eq!(rig.subscribe(&["web_a"], true), ["web_a"]);
    rig.live(&line("held", 9_000));
    let log =
        [line("old", 50), line("heard", 110), line("missed", 110), line("missed too", 8_999), line("held", 9_000)];
    rig.logged("web_a", &log);
    assert_eq!(rig.heard(), ["heard", "+missed", "+missed too", "held"]);
    assert_eq!(rig.ear.gaps, []);
}

/// What is new stands before all that was heard then, and before all that was ever in the log.
#[test]
fn a_clock_that_was_set_back_beyond_the_whole_log_loses_nothing() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.at(110).live(&line("heard", 110)).lose().at(111);
    rig.catchup.server_time(START + 11, rig.now());
    assert_eq!(rig.subscribe(&["web_a"], true), ["web_a"]);
    rig.logged("web_a", &[line("missed", 11), line("old", 50), line("heard", 110), line("missed before", 110)]);
    assert_eq!(rig.heard(), ["heard", "+missed", "+missed before"]);
    assert_eq!(rig.ear.gaps, []);
}

#[test]
fn what_stands_before_all_that_was_heard_is_in_doubt_if_it_may_be_forgotten() {
    let mut rig = Rig::old_with_log(&lines("old"));
    // The log has no place for these, so that it keeps what they make us forget.
    (0..200).for_each(|_| _ = rig.live(&untimed("\u{1f600}")));
    rig.live(&untimed("heard"));
    rig.heard();
    rig.reconnect(120).logged("web_a", &lines("old heard missed"));
    assert_eq!(rig.heard(), ["+missed"]);
}
