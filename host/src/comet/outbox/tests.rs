#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::VecDeque;

use super::*;
use crate::{
    comet::{name::PipeName, wire::Reader},
    metrics::Bound,
};

const BOUNDS: Bounds = Bounds { bytes: 1024, sends: 100_000 };

fn outbox() -> Arc<Outbox> {
    outbox_that(Delivery::AtLeastOnce)
}

fn outbox_that(delivery: Delivery) -> Arc<Outbox> {
    let outbox = Arc::new(Outbox::new(delivery));
    outbox.connected(MAIN_EXIT);
    outbox
}

fn lane_with(outbox: &Arc<Outbox>, sends: usize, message: &str) -> Lane {
    let lane = outbox.lane("test", BOUNDS);
    append(&lane, sends, message);
    lane
}

fn append(lane: &Lane, sends: usize, message: &str) {
    for _ in 0..sends {
        send(lane, "web_a", message);
    }
}

fn send(lane: &Lane, pipe: &str, message: &str) {
    let mut commands = Commands::default();
    commands.send(pipe, "e", message).unwrap();
    lane.append(&mut commands);
}

/// What may leave now by the main exit: the last words of each command.
fn take(outbox: &Outbox) -> Vec<String> {
    take_by(outbox, MAIN_EXIT)
}

fn take_by(outbox: &Outbox, exit: usize) -> Vec<String> {
    let mut out = Commands::default();
    outbox.take_now(exit, &mut out);
    let texts = (0..out.len()).map(|index| String::from_utf8(out.get(index).unwrap().to_vec()).unwrap());
    texts.map(|text| text.trim_end().rsplit('\n').next().unwrap().to_owned()).collect()
}

/// The server answers for `message`; says whether that was the answer to the oldest send.
fn answer(outbox: &Outbox, message: &str) -> bool {
    answer_by(outbox, MAIN_EXIT, "web_a", message)
}

fn answer_by(outbox: &Outbox, exit: usize, pipe: &str, message: &str) -> bool {
    let data = serde_json::json!({"message": message, "number_messages": 0});
    let frame =
        format!(r#"{{"data":{data},"event":"answer","message_send_time":1795479002,"pipe":"_answer_to_{pipe}"}}"#);
    let mut is_ours = false;
    Reader::new().read(&frame, &mut |read| {
        if let crate::comet::wire::Message::Answer { pipe, message, .. } = read {
            is_ours = outbox.taken(exit, &pipe, Some(&message), |_| {});
        }
    });
    outbox.settle(exit);
    is_ours
}

fn large() -> String {
    "x".repeat(40_000)
}

#[test]
fn no_more_leaves_than_a_server_can_stand() {
    let outbox = outbox();
    let _lane = lane_with(&outbox, 5, &large());
    assert_eq!(take(&outbox).len(), 2, "a third would pass the window");
    assert!(take(&outbox).is_empty());
    assert!(answer(&outbox, &large()));
    assert_eq!(take(&outbox).len(), 1);
}

#[test]
fn a_send_larger_than_what_is_left_of_the_window_goes_alone() {
    let outbox = outbox();
    let message = "x".repeat(60_000);
    let _lane = lane_with(&outbox, 2, &message);
    assert_eq!(take(&outbox).len(), 1);
    assert!(answer(&outbox, &message));
    assert_eq!(take(&outbox).len(), 1);
}

#[test]
fn a_flood_in_one_lane_holds_up_no_other() {
    let outbox = outbox();
    let _flood = lane_with(&outbox, 10_000, "flood");
    let calm = lane_with(&outbox, 1, "calm");
    assert!(calm.has_room());
    assert!(take(&outbox).contains(&"calm".to_owned()));
}

#[test]
fn a_question_comes_after_its_lane_s_earlier_sends_unless_these_cannot_leave() {
    let outbox = outbox();
    let lane = lane_with(&outbox, 1, "before");
    lane.ask(MAIN_EXIT, ["question".to_owned()]);
    append(&lane, 1, "after");
    assert_eq!(take(&outbox), ["before", "after", "question"], "one turn takes all sends that are there");

    append(&lane, 3, &large());
    lane.ask(MAIN_EXIT, ["question".to_owned()]);
    assert_eq!(take(&outbox).last().unwrap(), "question", "the window is full and the question leaves");
}

#[test]
fn questions_of_all_lanes_keep_their_order() {
    let outbox = outbox();
    let (one, two) = (lane_with(&outbox, 2_000, "x"), lane_with(&outbox, 1, "y"));
    one.ask(MAIN_EXIT, ["first".to_owned()]);
    two.ask(MAIN_EXIT, ["second".to_owned()]);
    let questions: Vec<_> = take(&outbox).into_iter().filter(|text| !["x", "y"].contains(&text.as_str())).collect();
    assert_eq!(questions, ["first", "second"]);
}

#[test]
fn the_link_s_own_words_go_before_everything_that_waits() {
    let outbox = outbox();
    let _lane = lane_with(&outbox, 1, "send");
    outbox.say_first(MAIN_EXIT, ["subscription".to_owned(), "probe".to_owned()]);
    assert_eq!(take(&outbox), ["subscription", "probe", "send"]);
}

#[test]
fn what_was_not_answered_is_sent_again_first_and_in_order() {
    let outbox = outbox();
    let lane = lane_with(&outbox, 0, "");
    ["a", "b", "c"].iter().for_each(|message| append(&lane, 1, message));
    take(&outbox);
    assert!(answer(&outbox, "a"));
    append(&lane, 1, "d");
    lane.ask(MAIN_EXIT, ["question".to_owned()]);
    let mut unknown = Vec::new();
    let lost = outbox.connection_lost(MAIN_EXIT, |sent| unknown.push(sent.message.to_owned()));
    assert_eq!((lost, unknown), (Unanswered { again: 2, given_up: 0 }, vec!["b".to_owned(), "c".to_owned()]));
    outbox.connected(MAIN_EXIT);
    assert_eq!(take(&outbox), ["b", "c", "d"], "the question is gone with its connection");
    assert!(!answer(&outbox, "a") && answer(&outbox, "b") && answer(&outbox, "c") && answer(&outbox, "d"));
    assert_eq!(outbox.load(), Load::default());
}

#[test]
fn at_most_once_gives_up_what_was_not_answered() {
    let outbox = outbox_that(Delivery::AtMostOnce);
    let _lane = lane_with(&outbox, 4, &large());
    assert_eq!(take(&outbox).len(), 2);
    assert_eq!(outbox.connection_lost(MAIN_EXIT, |_| {}), Unanswered { again: 0, given_up: 2 });
    outbox.connected(MAIN_EXIT);
    assert_eq!(take(&outbox).len(), 2, "what had not left goes over the next connection");
}

#[test]
fn the_sender_of_a_refused_send_is_known() {
    let outbox = outbox();
    let lanes = ["one", "two"].map(|name| outbox.lane(name, BOUNDS));
    for lane in &lanes {
        append(lane, 1, "x");
    }
    take(&outbox);
    assert!(answer(&outbox, "x"));
    assert_eq!(outbox.refused(MAIN_EXIT).as_deref(), Some("two"));
    assert_eq!(outbox.refused(MAIN_EXIT), None);
}

/// Hazard 40.
#[test]
fn an_answer_to_something_else_is_none() {
    let outbox = outbox();
    assert!(!answer(&outbox, "x"), "nothing was sent");
    let _lane = lane_with(&outbox, 1, "x");
    take(&outbox);
    assert!(!answer(&outbox, "y"));
    assert!(!answer_by(&outbox, MAIN_EXIT, "web_b", "x"));
    assert!(answer(&outbox, "x"));
}

#[test]
fn what_waits_in_a_lane_leaves_after_the_lane_is_gone() {
    let outbox = outbox();
    drop(lane_with(&outbox, 1, "last words"));
    assert_eq!(outbox.load().sends, 1);
    assert_eq!(take(&outbox), ["last words"]);
    outbox.connection_lost(MAIN_EXIT, |_| {});
    assert_eq!(take(&outbox), ["last words"]);
    assert!(answer(&outbox, "last words"));
    assert!(outbox.lock().lanes.is_empty());
}

#[tokio::test]
async fn a_sender_waits_for_room_until_something_has_left() {
    let outbox = outbox();
    let lane = lane_with(&outbox, 1, &"x".repeat(2000));
    let mut waiting = Box::pin(lane.room());
    assert!(futures_util::FutureExt::now_or_never(&mut waiting).is_none());
    assert_eq!(take(&outbox).len(), 1);
    waiting.await;
}

#[tokio::test]
async fn without_a_connection_nobody_waits_and_sends_beyond_the_bound_are_refused() {
    let outbox = outbox();
    let lane = outbox.lane("test", Bounds { bytes: 10_000, sends: 3 });
    append(&lane, 3, "x");
    assert!(!lane.has_room() && lane.would_refuse("web_a", 0, 0).is_none(), "there is a connection: the sender waits");
    let mut waiting = Box::pin(lane.room());
    assert!(futures_util::FutureExt::now_or_never(&mut waiting).is_none());
    outbox.connection_lost(MAIN_EXIT, |_| {});
    waiting.await;
    assert_eq!(lane.would_refuse("web_a", 0, 0), Some(Bound::Sends(3)));
    let roomy = outbox.lane("roomy", Bounds { bytes: 100, sends: 3 });
    assert!(roomy.would_refuse("web_a", 2, 99).is_none(), "a lane is full by itself alone");
    assert_eq!(roomy.would_refuse("web_a", 3, 0), Some(Bound::Sends(3)));
    assert_eq!(roomy.would_refuse("web_a", 0, 100), Some(Bound::Mib(0)));
}

#[test]
fn a_pipe_leaves_by_the_exit_that_it_is_routed_to() {
    let outbox = outbox();
    outbox.open_exit(1);
    outbox.connected(1);
    outbox.route([(PipeName::new("web_b").unwrap(), 1)].into_iter().collect());
    let lane = outbox.lane("test", BOUNDS);
    let mut sends = Commands::default();
    for (pipe, message) in [("web_a", "1"), ("web_b", "2"), ("@web_b", "3"), ("web_a", "4")] {
        sends.send(pipe, "e", message).unwrap();
    }
    lane.append(&mut sends);
    assert_eq!((take(&outbox), take_by(&outbox, 1)), (vec!["1".into(), "4".into()], vec!["2".into(), "3".into()]));
    assert!(answer_by(&outbox, 1, "web_b", "2"));
    assert!(!outbox.has_left(1));
    outbox.connection_lost(1, |_| {});
    outbox.close_exit(1);
    assert_eq!(take(&outbox), ["3"], "what an exit leaves behind leaves by the main one");
    assert_eq!(outbox.load(), Load { sends: 3, bytes: 3 * "web_pipe2\nweb_a\ne\n*\n1".len() + 1 });
}

#[test]
fn what_is_on_disk_waits_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let open = |delivery| {
        let outbox = Arc::new(Outbox::on_disk(delivery, folder.path().join("outbox"), BOUNDS).unwrap());
        outbox.connected(MAIN_EXIT);
        outbox
    };
    let outbox = open(Delivery::AtLeastOnce);
    let lane = outbox.lane("echo", BOUNDS);
    ["a", "b", "c"].iter().for_each(|message| append(&lane, 1, message));
    take(&outbox);
    assert!(answer(&outbox, "a"));
    drop((lane, outbox));

    let outbox = open(Delivery::AtLeastOnce);
    assert_eq!(outbox.load().sends, 2);
    let lane = outbox.lane("echo", BOUNDS);
    append(&lane, 1, "d");
    assert_eq!(take(&outbox), ["b", "c", "d"]);
    assert!(answer(&outbox, "b") && answer(&outbox, "c") && answer(&outbox, "d"));
    drop((lane, outbox));
    let left = std::fs::read_dir(folder.path().join("outbox")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["lock"]);
}

#[test]
fn a_folder_is_one_outbox_s_alone() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Outbox::on_disk(Delivery::AtLeastOnce, folder.path().to_owned(), BOUNDS);
    let outbox = open().unwrap();
    let error = open().unwrap_err().to_string();
    assert!(error.starts_with("another cometbot uses ") && error.contains("`outbox-folder`"), "{error}");
    drop(outbox);
    open().unwrap();
}

#[test]
fn a_killed_process_s_file_in_which_nothing_waits_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo.0.sends");
    let open = || Arc::new(Outbox::on_disk(Delivery::AtLeastOnce, folder.path().to_owned(), BOUNDS).unwrap());
    let outbox = open();
    outbox.connected(MAIN_EXIT);
    let lane = outbox.lane("echo", BOUNDS);
    append(&lane, 1, "a");
    take(&outbox);
    assert!(answer(&outbox, "a"));
    outbox.settle(MAIN_EXIT);
    let as_killed = std::fs::read(&path).unwrap();
    drop((lane, outbox));
    std::fs::write(&path, as_killed).unwrap();
    let outbox = open();
    assert!(!path.exists() && outbox.lock().lanes.is_empty());
}

#[test]
fn a_lane_whose_predecessor_has_not_sent_all_has_files_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let outbox = Arc::new(Outbox::on_disk(Delivery::AtLeastOnce, folder.path().to_owned(), BOUNDS).unwrap());
        outbox.connected(MAIN_EXIT);
        outbox
    };
    let outbox = open();
    let (old, new) = (outbox.lane("echo", BOUNDS), outbox.lane("echo", BOUNDS));
    append(&new, 1, "new");
    append(&old, 1, "old");
    take(&outbox);
    assert!(answer(&outbox, "new"), "it came first");
    drop((old, new, outbox));
    let outbox = open();
    assert_eq!(take(&outbox), ["old"]);
    assert!(answer(&outbox, "old"));
    drop(outbox);
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.filter(|name| name != "lock").count(), 0);
}

#[test]
fn at_most_once_finds_nothing_on_disk_that_had_left() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let outbox = Arc::new(Outbox::on_disk(Delivery::AtMostOnce, folder.path().to_owned(), BOUNDS).unwrap());
        outbox.connected(MAIN_EXIT);
        outbox
    };
    let outbox = open();
    let lane = outbox.lane("echo", BOUNDS);
    append(&lane, 1, "left");
    take(&outbox);
    append(&lane, 1, "waits");
    drop((lane, outbox));
    assert_eq!(take(&open()), ["waits"]);
}

#[test]
fn many_small_sends_keep_their_order_through_compaction() {
    let outbox = outbox();
    let lane = outbox.lane("test", Bounds { bytes: usize::MAX, sends: usize::MAX });
    let mut commands = Commands::default();
    let mut seen = 0;
    let mut unanswered = VecDeque::new();
    for number in 0..20_000 {
        commands.send("web_a", "e", &number.to_string()).unwrap();
        if number % 700 == 0 {
            lane.append(&mut commands);
            for text in take(&outbox) {
                assert_eq!(text, seen.to_string());
                seen += 1;
                unanswered.push_back(text);
            }
            for _ in 0..unanswered.len() / 2 {
                assert!(answer(&outbox, &unanswered.pop_front().unwrap()));
            }
        }
    }
    assert!(seen > 5_000);
}

#[test]
fn time_in_which_nobody_reads_is_not_held_against_the_server() {
    let outbox = outbox();
    let _lane = lane_with(&outbox, 1, "hello");
    assert_eq!(take(&outbox).len(), 1);
    outbox.was_not_read(MAIN_EXIT, Duration::from_secs(3600));
    assert_eq!(outbox.stalled_for(MAIN_EXIT), Some(Duration::ZERO));
}
