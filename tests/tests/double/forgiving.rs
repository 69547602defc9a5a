//! What a forgiving double does otherwise.

use cometbot::local::{Faults, Options};

use super::harness::{Double, Raw, answered, counted, error, frame, request};

async fn forgiving() -> Double {
    Double::start(Options { faults: Faults::Forgiving, ..Options::default() }).await
}

#[tokio::test]
async fn short_frames_arrive_whole_and_every_delivery_is_counted() {
    let double = forgiving().await;
    let (mut sender, mut listener) = (double.anonymous().await, double.anonymous().await);
    listener.subscribe("web_chat").await;
    assert_eq!(sender.ask("web_pipe2\nweb_chat\nevt\n*\nhello").await, answered("hello", 1, "web_chat"));
    assert_eq!(sender.ask("web_pipe2\nweb_chat\nevt\n\nx").await, error("Invalid value auth_type"));
}

#[tokio::test]
async fn the_newest_rows_are_answered_with_their_emoji() {
    let double = forgiving().await;
    double.control.set_log_length("web_log", 1_000);
    for number in 0..100 {
        double.control.publish("web_log", "e", &format!("😀 {number}")).unwrap();
    }
    let mut raw = double.anonymous().await;
    let first = raw.ask("pipe_log\nweb_log\nm\n").await;
    assert!(first.contains(r#""data":"😀 1""#), "{first}");
}

#[tokio::test]
async fn bad_text_and_long_sessions_harm_nobody_else() {
    let double = forgiving().await;
    let (mut watcher, mut sender) = (double.anonymous().await, double.anonymous().await);
    sender.send(b"web_pipe2\nweb_a\ne\n*\n\xff").await;
    sender.ends().await;
    let mut long = double.shaken(&format!("sesion={}&myid=&devid=0&v=4.08&", "a".repeat(700))).await;
    assert!(long.text().await.starts_with(r#"{"authorized":false,"#));
    watcher.quiet().await;
    assert_eq!(double.control.crashes(), 0);
}

#[tokio::test]
async fn pings_closes_and_fragments_are_treated_by_the_book() {
    let double = forgiving().await;
    let mut raw = double.anonymous().await;
    raw.write(&[frame(0x8a, b""), frame(0x89, b"are you there")].concat()).await;
    assert_eq!(raw.bytes(15).await, [b"\x8a\x0d", &b"are you there"[..]].concat());
    raw.write(&[frame(0x01, b"pipe_count\nweb_fence\n"), frame(0x80, b"m123456789\n")].concat()).await;
    assert_eq!(raw.text().await, counted(0, "m123456789"));
    raw.write(&frame(0x88, b"\x03\xe8bye")).await;
    assert_eq!(raw.rest().await, b"\x88\x02\x03\xe8");
}

#[tokio::test]
async fn requests_may_come_in_any_spelling_and_any_pieces() {
    let double = forgiving().await;
    let request = request("/ws/sesion=&myid=&devid=0&v=4.08&uuid=short&api=js").to_lowercase().replace("get", "GET");
    let glued = [request.as_bytes(), &frame(0x81, b"pipe_count\nweb_fence\nm123456789\n")].concat();
    let mut raw = double.raw().await;
    for byte in &glued {
        raw.write(&[*byte]).await;
    }
    expect_greeting(&mut raw).await;
    let mut raw = double.raw().await;
    raw.write(&glued).await;
    expect_greeting(&mut raw).await;
    raw.subscribe("track_room").await;
    assert!(raw.ask("track_pipe_users\ntrack_room\nm").await.contains(r#""uuid":"short""#));
}

async fn expect_greeting(raw: &mut Raw) {
    raw.head().await;
    raw.payload().await;
    assert_eq!(raw.text().await, counted(0, "m123456789"));
}
