//! When a row is what was heard or sent: lost senders, own messages, names.

use super::*;

/// One message heard by one sender, one row by another, in the second of the loss.
fn is_recovered(heard: Option<u64>, row: Option<u64>) -> bool {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.at(110).live(&line("ok", 110).by(heard));
    rig.reconnect(110).logged("web_a", &[line("old", 50), line("ok", 110).by(row)]);
    rig.heard().len() == 2
}

#[test]
fn a_sender_that_was_lost_can_be_anyone() {
    assert!(!is_recovered(Some(7), Some(7)));
    assert!(is_recovered(Some(7), Some(8)));
    for (heard, row) in [(None, Some(7)), (Some(7), None), (None, None)] {
        assert!(!is_recovered(heard, row), "{heard:?} {row:?}");
    }
}

/// Heard: one of unknown sender, one of user 8. The rows, of 8 and 7, each have their own, though the first fits both.
#[test]
fn rows_are_paired_so_that_most_find_something() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.at(110).live(&line("ok", 110).by(None)).live(&line("ok", 110).by(Some(8)));
    rig.reconnect(110);
    rig.logged("web_a", &[line("old", 50), line("ok", 110).by(Some(8)), line("ok", 110).by(Some(7))]);
    assert_eq!(rig.heard(), ["ok", "ok"]);
}

#[test]
fn what_we_sent_is_no_event() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.at(110).sent("mine");
    rig.catchup.own_sent("@web_a", "", "mine too", rig.now());
    rig.at(111).lose();
    rig.catchup.own_unknown("web_a", "e", "perhaps mine");
    assert_eq!(rig.at(112).connect(&["web_a"]), ["web_a"]);
    rig.sent("again mine");
    let mine_too = line("mine too", 110).named("undefined").by(Some(0));
    let log = [line("old", 50), line("mine", 110), mine_too, line("perhaps mine", 111), line("again mine", 112)];
    rig.logged("web_a", &log);
    assert!(rig.heard().is_empty());
    assert_eq!(rig.ear.gaps, []);
}

#[test]
fn what_another_says_after_us_is_an_event() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.at(110).sent("hi");
    rig.reconnect(110).logged("web_a", &[line("old", 50), line("hi", 110), line("hi", 110)]);
    assert_eq!(rig.heard(), ["+hi"]);
}

#[test]
fn an_own_message_that_had_no_answer_is_no_proof_that_the_log_reaches_back() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.at(110).alive().lose();
    rig.catchup.own_unknown("web_a", "e", "perhaps mine");
    rig.at(111).connect(&["web_a"]);
    rig.logged("web_a", &[line("perhaps mine", 110)]);
    assert_eq!(rig.heard(), ["!"]);
    assert_eq!(rig.gap(), (110, 111, 0, GapReason::LogTooShort));
}

#[test]
fn an_event_without_a_name_is_called_undefined_in_the_log() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.at(110).live(&line("heard", 110).named(""));
    let log = [line("old", 50), line("heard", 110).named("undefined"), line("missed", 110).named("undefined")];
    rig.reconnect(110).logged("web_a", &log);
    assert_eq!(rig.heard(), ["heard", "+missed"]);
    assert_eq!(rig.ear.events[1].name, "undefined");
}

#[test]
fn name_and_data_are_not_run_together() {
    let prints = Prints::default();
    assert_ne!(prints.hash("ab", "c"), prints.hash("b", "ca"));
    assert_ne!(prints.hash("a", "b"), prints.hash("b", "a"));
    assert_eq!(prints.hash("", "x"), prints.hash("undefined", "x"));
}

#[test]
fn a_message_with_a_four_byte_character_is_not_missed_in_the_log() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.at(110).live(&line("\u{1f600}", 110));
    rig.reconnect(110).live(&line("\u{1f680}", 111)).logged("web_a", &[line("old", 50), line("missed", 110)]);
    assert_eq!(rig.heard(), ["\u{1f600}", "+missed", "\u{1f680}"]);
    assert_eq!(rig.ear.gaps, []);
}

/// The first answer showed which row was ours, so the second one's is somebody else's.
#[test]
fn a_row_that_was_found_to_be_ours_is_not_looked_for_again() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.at(110).alive().lose();
    rig.catchup.own_unknown("web_a", "e", "ok");
    rig.at(111).connect(&["web_a"]);
    rig.logged("web_a", &[line("old", 50), line("ok", 110)]).alive();
    rig.reconnect(120).logged("web_a", &[line("old", 50), line("ok", 110), line("ok", 119)]);
    assert_eq!(rig.heard(), ["+ok"]);
}
