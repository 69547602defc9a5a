//! `track_` pipes (PROTOCOL.md, sections 3, 5 and 6).

use super::harness::{Double, Raw};

async fn named(double: &Double, letter: &str) -> Raw {
    double.greeted(&format!("sesion=&myid=&devid=0&v=4.08&uuid={}&api=js", letter.repeat(32))).await
}

fn event(event: &str, letter: &str, user: u32) -> String {
    let uuid = letter.repeat(32);
    format!(
        r#"{{"data":{{"user_id":{user},"uuid":"{uuid}"}},"event":"{event}","message_send_time":T,"pipe":"track_room"}}"#
    )
}

/// Hazard 30.
#[tokio::test]
async fn the_others_hear_who_joins_and_leaves_and_every_repetition() {
    let double = Double::faithful().await;
    let (mut a, mut b) = (named(&double, "a").await, named(&double, "b").await);
    a.subscribe("track_room").await;
    b.subscribe("track_room").await;
    assert_eq!(a.text().await, event("subscription", "b", 0));
    // The same list again is a leave and a join, to the others only.
    b.subscribe("track_room").await;
    assert_eq!(a.text().await, event("unsubscription", "b", 0));
    assert_eq!(a.text().await, event("subscription", "b", 0));
    b.subscribe("web_x").await;
    assert_eq!(a.text().await, event("unsubscription", "b", 0));
    let mut seven = double.seven().await;
    seven.subscribe("track_room").await;
    assert_eq!(a.text().await, event("subscription", "7", 7));
    drop(seven);
    assert_eq!(a.text().await, event("unsubscription", "7", 7));
    b.quiet().await;
    let mut compatible = double.compatible().await;
    compatible.send("subscription\ntrack_room").await;
    a.text().await;
    b.subscribe("track_room").await;
    assert_eq!(
        compatible.text().await,
        format!(
            r#"{{"api_data":"for major_version < 4","data":"{{\"user_id\":0,\"uuid\":\"{}\"}}","event":"subscription","event_name":"subscription","message_send_time":T,"pipe":"track_room"}}"#,
            "b".repeat(32)
        )
    );
}

#[tokio::test]
async fn users_are_listed_with_the_newest_first() {
    let double = Double::faithful().await;
    let (mut a, mut b) = (named(&double, "a").await, named(&double, "b").await);
    b.subscribe("track_room").await;
    let mut seven = double.seven().await;
    seven.subscribe("track_room").await;
    let listed = |users: &str, marker: &str| {
        format!(
            r#"{{"_info":"answer for track_pipe_users","data":[{users}],"event":"answer","marker":"{marker}","message_send_time":T,"pipe":"_answer"}}"#
        )
    };
    let both = format!(r#"{{"user_id":7,"uuid":"{}"}},{{"user_id":0,"uuid":"{}"}}"#, "7".repeat(32), "b".repeat(32));
    assert_eq!(a.ask("track_pipe_users\ntrack_room\nmarker0001").await, listed(&both, "marker0001"));
    assert_eq!(a.ask("track_pipe_users track_room sp_marker").await, listed(&both, "sp_marker"));
    assert_eq!(a.ask("track_pipe_users\ntrack_room\n").await, listed(&both, ""));
    assert_eq!(a.ask("track_pipe_users\ntrack_empty\nmarker0002").await, listed("", "marker0002"));
    assert_eq!(
        a.ask("track_pipe_users\nweb_room\nm").await,
        r#"{"data":{"error":"[track_pipe_users] Invalid channel name. The channel should start with track_","user_id":-1},"event":"error","message_send_time":T,"pipe":"sys"}"#
    );
}
