//! A subscription that changes while the connection lives.

use super::*;

#[test]
fn a_pipe_with_a_log_is_held_while_the_subscription_changes() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.at(110).live(&line("heard", 110));
    assert_eq!(rig.subscribe(&["web_a", "web_b"], false), ["web_a", "web_b"]);
    rig.live(&line("underway", 110)).live(&line("after", 110));
    assert_eq!(rig.heard(), ["heard"]);
    let log = [("old", 50), ("heard", 110), ("underway", 110), ("in between", 110), ("after", 110)];
    rig.logged("web_a", &log.map(|(data, time)| line(data, time)));
    assert_eq!(rig.heard(), ["underway", "+in between", "after"]);
    assert_eq!(rig.ear.gaps, []);
}

#[test]
fn a_pipe_without_a_log_flows_on_while_the_subscription_changes() {
    let mut rig = Rig::with_log(&[]);
    rig.at(110).live(&line("one", 110));
    assert_eq!(rig.subscribe(&["web_a", "web_b"], false), ["web_b"]);
    rig.live(&line("two", 110));
    assert_eq!(rig.heard(), ["one", "two"]);
    assert_eq!(rig.ear.gaps, []);
}

#[test]
fn a_log_that_is_out_of_reach_is_reported_once_and_not_waited_for() {
    let rows: Vec<Line> = (0..99).map(|number| line(&format!("row {number}"), number)).collect();
    let mut rig = Rig::with_log(&rows);
    rig.alive();
    assert_eq!(rig.subscribe(&["web_a", "web_b"], false), ["web_a", "web_b"]);
    rig.logged("web_a", &rows).logged("web_b", &[]);
    assert_eq!(rig.gap().3, GapReason::NewestOutOfReach);
    assert!(rig.subscribe(&["web_a"], false).is_empty());
}

#[test]
fn a_pipe_that_goes_is_forgotten_with_what_it_holds() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.alive().reconnect(110).live(&line("held", 111));
    assert_eq!(rig.subscribe(&["web_b"], false), ["web_b"]);
    rig.logged("web_a", &[line("old", 50), line("missed", 110)]);
    assert_eq!(rig.subscribe(&["web_a", "web_b"], false), ["web_a"]);
    rig.live(&line("new", 112)).logged("web_a", &[line("old", 50), line("missed", 110)]);
    assert_eq!(rig.heard(), ["new"]);
    assert_eq!(rig.catchup.held, Load::default());
}

#[test]
fn only_the_answer_after_the_last_subscription_counts() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.alive().reconnect(110).live(&line("held", 111));
    assert_eq!(rig.subscribe(&["web_a", "web_b"], false), ["web_a", "web_b"]);
    rig.logged("web_a", &[line("old", 50), line("held", 111)]);
    assert!(rig.heard().is_empty());
    rig.logged("web_a", &[line("old", 50), line("held", 111), line("in between", 111)]);
    assert_eq!(rig.heard(), ["held", "+in between"]);
}

#[test]
fn an_answer_from_a_lost_connection_is_nobodys() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.alive().reconnect(110).live(&line("held", 111)).lose();
    rig.not_logged("web_a");
    assert!(rig.heard().is_empty());
    assert_eq!(rig.ear.gaps, []);
}

#[test]
fn losing_what_is_lost_does_not_move_the_gap() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.alive().at(110).lose().at(120).alive().lose();
    assert_eq!(rig.at(130).connect(&["web_a"]), ["web_a"]);
    rig.not_logged("web_a");
    assert_eq!(rig.gap(), (100, 130, 0, GapReason::LogNotAnswered));
}

#[test]
fn a_change_on_a_connection_that_was_dead_already_hides_nothing_of_the_gap() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.at(110).live(&line("heard", 110));
    // Nothing comes any more, and nobody knows.
    assert_eq!(rig.at(130).subscribe(&["web_a", "web_b"], false), ["web_a", "web_b"]);
    rig.at(140).lose().at(141);
    assert_eq!(rig.connect(&["web_a"]), ["web_a"]);
    let log = [("old", 50), ("heard", 110), ("missed", 112), ("missed later", 135)];
    rig.logged("web_a", &log.map(|(data, time)| line(data, time)));
    assert_eq!(rig.heard(), ["heard", "+missed", "+missed later"]);
    assert_eq!(rig.ear.gaps, []);
}
