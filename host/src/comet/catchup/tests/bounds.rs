//! What is held and remembered has bounds.

use super::{
    super::{
        hold::{HELD_BYTES_MAX, HELD_EVENTS_MAX},
        tail::{REMEMBERED_LEAST, REMEMBERED_MOST},
    },
    *,
};

#[test]
fn a_pipe_that_holds_too_many_events_flows_again_with_a_gap() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    rig.alive().reconnect(110);
    for number in 0..HELD_EVENTS_MAX {
        rig.live(&line(&number.to_string(), 111));
    }
    assert!(rig.heard().is_empty());
    rig.live(&line("last", 111));
    let heard = rig.heard();
    assert_eq!((heard.len(), &*heard[0], &*heard[1]), (HELD_EVENTS_MAX + 2, "!", "0"));
    assert_eq!(heard.last().unwrap(), "last");
    assert_eq!(rig.gap(), (100, 111, 0, GapReason::TooMuchHeld));
    // The answer comes all the same; nothing of it is news.
    rig.logged("web_a", &[line("old", 50), line("missed", 110), line("0", 111)]).live(&line("next", 112));
    assert_eq!(rig.heard(), ["next"]);
    assert_eq!(rig.catchup.held, Load::default());
}

#[test]
fn the_pipe_that_holds_most_is_the_one_that_flows() {
    let mut rig = Rig::of(Era::Modern);
    rig.at(100).connect(&["web_a", "web_b"]);
    rig.logged("web_a", &[line("old", 50)]).logged("web_b", &[line("old", 50)]).alive().at(110).lose();
    rig.at(111).connect(&["web_a", "web_b"]);
    let large = "x".repeat(60_000);
    for _ in 0..HELD_BYTES_MAX / 60_010 {
        rig.live(&line(&large, 111));
    }
    assert!(rig.heard().is_empty());
    rig.live_in("web_b", &line("small", 111)).live_in("web_b", &line(&large, 111));
    assert_eq!(rig.heard().len(), 1 + HELD_BYTES_MAX / 60_010);
    assert_eq!(rig.ear.gaps[0].pipe, pipe("web_a"));
    rig.logged("web_b", &[line("old", 50)]);
    assert_eq!(rig.heard(), ["small", &large]);
}

#[test]
fn memory_grows_in_a_rush_and_shrinks_after_it() {
    let mut tail = super::super::tail::Tail::default();
    let prints = Prints::default();
    let mut push = |time: u64| {
        tail.push(prints.heard(&line("x", time).event("web_a", false)));
        tail.iter().count()
    };
    assert_eq!((0..10_000).map(|_| push(0)).last(), Some(REMEMBERED_MOST));
    assert_eq!((0..10_000).map(|_| push(100)).last(), Some(REMEMBERED_MOST));
    assert_eq!((200..5_000).map(&mut push).last(), Some(REMEMBERED_LEAST));
}

/// More is heard in the second of the loss than can be remembered: what is not in the memory may have been heard.
#[test]
fn a_row_that_may_have_been_heard_and_forgotten_is_not_delivered() {
    let mut rig = Rig::with_log(&[line("old", 50)]);
    for number in 0..REMEMBERED_MOST + 10 {
        rig.at(110).live(&line(&number.to_string(), 110));
    }
    rig.heard();
    rig.reconnect(110).logged("web_a", &[line("old", 50), line("3", 110), line("4000", 110)]);
    assert_eq!(rig.heard(), ["!"]);
    assert_eq!(rig.gap(), (110, 111, 0, GapReason::Ambiguous));
}
