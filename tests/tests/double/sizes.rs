//! The limits of 65,535 bytes (PROTOCOL.md, section 2.4) and what waits for slow readers (section 8). Hazards 15 and 34.

use cometbot::local::Options;

use super::harness::{Double, frame, within};

/// Sends a message of `length` bytes; answers the length of what the listener and the sender got, if anything.
async fn delivered(data: &str) -> (Option<usize>, Option<usize>) {
    let double = Double::faithful().await;
    let (mut listener, mut sender) = (double.anonymous().await, double.anonymous().await);
    listener.subscribe("web_chat").await;
    sender.send(format!("web_pipe2\nweb_chat\nevt\n*\n{data}")).await;
    // The answer and then the fence, or the end.
    sender.send("pipe_count\nweb_fence\nfence00001\n").await;
    let rest = {
        sender.close_writing().await;
        sender.rest().await
    };
    let answer = (rest.len() > 200).then(|| usize::from(u16::from_be_bytes([rest[2], rest[3]])));
    listener.send("pipe_count\nweb_fence\nfence00001\n").await;
    let first = listener.payload().await.len();
    let heard = (first != 131).then_some(first);
    if heard.is_some() {
        assert_eq!(listener.payload().await.len(), 131);
    }
    (heard, answer)
}

#[tokio::test]
async fn too_long_an_answer_ends_the_sender_after_the_listeners_were_served() {
    assert_eq!(delivered(&"x".repeat(65_400)).await, (Some(65_486), Some(65_520)));
    assert_eq!(delivered(&"x".repeat(65_415)).await, (Some(65_501), Some(65_535)));
    assert_eq!(delivered(&"x".repeat(65_416)).await, (Some(65_502), None));
    assert_eq!(delivered(&"x".repeat(65_440)).await, (Some(65_526), None));
    assert_eq!(delivered(&"x".repeat(65_449)).await, (Some(65_535), None));
    assert_eq!(delivered(&"x".repeat(65_450)).await, (None, None));
    assert_eq!(delivered(&"\"".repeat(32_000)).await, (None, None));
    assert_eq!(delivered(&"я".repeat(32_700)).await, (Some(65_486), Some(65_520)));
}

#[tokio::test]
async fn the_largest_input_is_65535_bytes() {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    raw.send(format!("statistics\n{}", "x".repeat(65_524))).await;
    raw.quiet().await;
    let mut header = vec![0x81, 0xff];
    header.extend(65_536_u64.to_be_bytes());
    raw.write(&header).await;
    raw.ends().await;
}

#[tokio::test]
async fn many_large_frames_in_flight_are_too_much() {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    let large = frame(0x81, format!("statistics\n{}", "x".repeat(60_000)).as_bytes());
    for _ in 0..20 {
        raw.write(&large).await;
        raw.quiet().await;
    }
    let mut stream = raw.into_stream();
    let flood = large.repeat(200);
    let flooded = async {
        // The end comes while there is still something to write.
        tokio::io::AsyncWriteExt::write_all(&mut stream, &flood).await
    };
    assert!(within(flooded).await.is_err());
}

#[tokio::test]
async fn a_reader_that_does_not_read_loses_nothing_and_stalls_nobody_else() {
    let double = Double::start(Options { outgoing_limit: 100_000, ..Options::default() }).await;
    let (mut slow, mut quick) = (double.anonymous().await, double.anonymous().await);
    slow.subscribe("web_slow").await;
    quick.subscribe("web_quick").await;
    let mut sender = double.anonymous().await;
    let data = "x".repeat(60_000);
    let messages = 400;
    let flood = tokio::spawn(async move {
        for _ in 0..messages {
            sender.send(format!("web_pipe2\nweb_slow\ne\n*\n{data}")).await;
            sender.payload().await;
        }
    });
    // Others go on all the while.
    let mut other = double.anonymous().await;
    for _ in 0..200 {
        other.ask("web_pipe2\nweb_quick\ne\n*\nx").await;
        quick.payload().await;
    }
    assert!(!flood.is_finished());
    for _ in 0..messages {
        assert_eq!(slow.payload().await.len(), 60_000 + 84);
    }
    within(flood).await.unwrap();
    slow.quiet().await;
}

#[tokio::test]
async fn senders_go_on_when_the_slow_reader_is_gone() {
    let double = Double::start(Options { outgoing_limit: 100_000, ..Options::default() }).await;
    let mut slow = double.anonymous().await;
    slow.subscribe("web_slow").await;
    let mut sender = double.anonymous().await;
    let data = "x".repeat(60_000);
    let flood = tokio::spawn(async move {
        for _ in 0..400 {
            sender.send(format!("web_pipe2\nweb_slow\ne\n*\n{data}")).await;
            sender.payload().await;
        }
    });
    slow.payload().await;
    drop(slow);
    within(flood).await.unwrap();
}
