//! What can be done to a double from outside: restarts, silence, foreign and broken bytes.

use std::time::Duration;

use cometbot::local::{ControlError, Trickle, text_frame};

use super::harness::{Double, counted, request};

/// Hazard 37.
#[tokio::test]
async fn a_restart_ends_all_connections_and_forgets_their_subscriptions_but_no_log() {
    let double = Double::faithful().await;
    double.control.set_log_length("web_a", 5);
    let (mut a, b, silent) = (double.anonymous().await, double.seven().await, double.raw().await);
    a.subscribe("web_a").await;
    double.control.publish("web_a", "e", "kept").unwrap();
    a.payload().await;
    double.control.wait_for_connections(2).await;
    assert!(double.control.disconnect_all() >= 2);
    a.ends().await;
    b.ends().await;
    drop(silent);
    assert_eq!((double.control.connections(), double.control.subscribers("web_a")), (0, 0));
    assert_eq!(double.control.crashes(), 0);
    let mut again = double.anonymous().await;
    assert_eq!(
        again.ask("pipe_log\nweb_a\nm\n").await,
        r#"{"data":"kept","event":"e","fromQueue":true,"message_send_time":T,"pipe":"web_a","user_id":0}"#
    );
}

/// Hazard 35.
#[tokio::test]
async fn a_paused_double_is_silent_and_loses_nothing() {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    raw.subscribe("web_a").await;
    double.control.pause();
    raw.send("pipe_count\nweb_none\nmarker0001\n").await;
    double.control.publish("web_a", "e", "while paused").unwrap();
    let mut newcomer = double.raw().await;
    newcomer.write(request("/ws/sesion=&myid=&devid=0&v=4.08&").as_bytes()).await;
    assert!(tokio::time::timeout(Duration::from_millis(100), raw.one_read()).await.is_err());
    double.control.resume();
    assert_eq!(raw.text().await, r#"{"data":"while paused","event":"e","message_send_time":T,"pipe":"web_a"}"#);
    assert_eq!(raw.text().await, counted(0, "marker0001"));
    newcomer.head().await;
}

#[tokio::test]
async fn a_paused_double_can_be_restarted() {
    let double = Double::faithful().await;
    let raw = double.anonymous().await;
    double.control.pause();
    double.control.disconnect_all();
    raw.ends().await;
    double.control.resume();
    double.anonymous().await.quiet().await;
}

#[tokio::test]
async fn a_clock_that_is_set_shows_in_frames_and_in_the_order_of_a_log() {
    let double = Double::faithful().await;
    double.control.set_log_length("web_a", 5);
    let mut raw = double.anonymous().await;
    raw.subscribe("web_a").await;
    let mut times = Vec::new();
    for (shift, data) in [(0, "today"), (-3_600, "an hour ago"), (7_200, "in an hour")] {
        double.control.shift_clock(shift);
        double.control.publish("web_a", "e", data).unwrap();
        let frame: serde_json::Value = serde_json::from_slice(&raw.payload().await).unwrap();
        times.push(frame["message_send_time"].as_u64().unwrap());
    }
    // The machine's own clock may have gone on meanwhile.
    assert!((3_500..=3_600).contains(&(times[0] - times[1])), "{times:?}");
    assert!((7_200..7_300).contains(&(times[2] - times[1])), "{times:?}");
    raw.send("pipe_log\nweb_a\nm\n").await;
    for data in ["an hour ago", "today", "in an hour"] {
        let row: serde_json::Value = serde_json::from_slice(&raw.payload().await).unwrap();
        assert_eq!(row["data"], data);
    }
}

/// Hazard 36.
#[tokio::test]
async fn connections_can_be_refused_or_ended_behind_the_first_frame() {
    let double = Double::faithful().await;
    double.control.refuse_connections(true);
    double.raw().await.ends().await;
    double.control.refuse_connections(false);
    double.control.hang_up_after_greeting(true);
    for _ in 0..3 {
        double.anonymous().await.ends().await;
    }
    double.control.hang_up_after_greeting(false);
    double.anonymous().await.quiet().await;
}

/// Hazards 14 and 39.
#[tokio::test]
async fn raw_bytes_reach_everybody_or_a_pipe_as_they_are() {
    let double = Double::faithful().await;
    let (mut a, mut b) = (double.anonymous().await, double.anonymous().await);
    a.subscribe("web_a").await;
    for foreign in [&b"null"[..], b"[]", b"{\"data\":1}", b"not json", b"a\0b", b"\xff"] {
        let frame = text_frame(foreign);
        assert_eq!(double.control.raw_to_pipe("web_a", &frame), 1);
        assert_eq!(a.bytes(frame.len()).await, frame);
    }
    assert_eq!(double.control.raw_to_pipe("web_none", b"\x89\0"), 0);
    assert_eq!(double.control.raw_to_all(b"\x89\0"), 2);
    assert_eq!(a.bytes(2).await, b"\x89\0");
    assert_eq!(b.bytes(2).await, b"\x89\0");
    // A list of users as a cluster sends it (hazard 41).
    let mut seven = double.seven().await;
    let cluster = text_frame(br#"{"_info":"answer for track_pipe_users","data":[{"user_id":"7","uuid":"x"}]}"#);
    assert_eq!(double.control.raw_to_user(7, &cluster), 1);
    assert_eq!(seven.bytes(cluster.len()).await, cluster);
    // Larger than anything that the server would send.
    let huge = vec![b'x'; 10_000_000];
    assert_eq!(double.control.raw_to_user(7, &huge), 1);
    assert_eq!(seven.bytes(huge.len()).await, huge);
    a.quiet().await;
}

/// Hazard 44.
#[tokio::test]
async fn a_connection_can_end_in_the_middle_of_a_frame() {
    let double = Double::faithful().await;
    let raw = double.anonymous().await;
    double.control.raw_to_all(b"\x81\x7e\0");
    double.control.disconnect_all();
    assert_eq!(raw.rest().await, b"\x81\x7e\0");
}

/// Hazard 40.
#[tokio::test]
async fn publishing_can_counterfeit_answers_and_errors() {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    raw.subscribe("_answer_to_web_a\nsys").await;
    double.control.publish("_answer_to_web_a", "answer", r#"{"number_messages":1}"#).unwrap();
    assert_eq!(
        raw.text().await,
        r#"{"data":"{\"number_messages\":1}","event":"answer","message_send_time":T,"pipe":"_answer_to_web_a"}"#
    );
    double.control.publish("sys", "error", "x").unwrap();
    assert_eq!(raw.text().await, r#"{"data":"x","event":"error","message_send_time":T,"pipe":"sys"}"#);
}

/// Hazard 14.
#[tokio::test]
async fn the_first_frame_is_glued_to_the_head_and_so_are_bytes_of_a_test() {
    let double = Double::faithful().await;
    double.control.greet_with(b"\x81\x04null");
    let mut raw = double.raw().await;
    raw.write(request("/ws/sesion=&myid=&devid=0&v=4.08&").as_bytes()).await;
    let together = String::from_utf8_lossy(&raw.one_read().await).into_owned();
    assert!(together.contains("\r\n\r\n\u{fffd}\u{4}null\u{fffd}~\0\u{fffd}{\"authorized\":false,"), "{together:?}");
}

/// Hazard 14.
#[tokio::test]
async fn heads_and_frames_can_come_a_few_bytes_at_a_time() {
    let double = Double::faithful().await;
    double.control.trickle(Some(Trickle { bytes: 7, pause: Duration::from_millis(1) }));
    let mut raw = double.raw().await;
    raw.write(request("/ws/sesion=&myid=&devid=0&v=4.08&").as_bytes()).await;
    assert!(raw.one_read().await.len() < 156);
    double.control.trickle(None);
    double.anonymous().await.quiet().await;
}

#[tokio::test]
async fn what_the_server_would_refuse_is_refused() {
    let double = Double::faithful().await;
    for pipe in ["we", "web.a", "web a", "", &"n".repeat(65)] {
        assert_eq!(double.control.publish(pipe, "e", "x"), Err(ControlError::Pipe), "{pipe}");
    }
    assert_eq!(double.control.publish("web_a", "e.v", "x"), Err(ControlError::Event));
    assert_eq!(double.control.personal(7, "p.ev", "x"), Err(ControlError::Event));
    assert_eq!(double.control.add_user(7, "with-dash"), Err(ControlError::Hash));
    assert_eq!(double.control.publish("web_a", "", ""), Ok(0));
}
