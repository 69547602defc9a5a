//! What becomes of new connections.

use std::io::ErrorKind;

use super::*;
use crate::wire::Refusal;

const REQUEST: &[u8] = b"GET /ws/ HTTP/1.1\r\nHost: here\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_listener_connections_are_refused_and_those_that_stand_stay() {
    let line = Line::new().await;
    let mut ends = line.connect().await;
    for _ in 0..10 {
        line.wire.refuse(Refusal::NoListener);
        for _ in 0..3 {
            let refused = TcpStream::connect(line.wire.address()).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        }
        ends.passes(Way::Up).await;
        ends.passes(Way::Down).await;
        line.wire.heal();
        line.connect().await.passes(Way::Up).await;
    }
    assert_eq!(line.wire.counts().accepted, 11);
    assert_eq!(line.wire.counts().refused, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_refusal_can_follow_another() {
    let line = Line::new().await;
    line.wire.refuse(Refusal::NoListener);
    line.wire.refuse(Refusal::NoListener);
    line.wire.refuse(Refusal::Hangup);
    assert_eq!(hear_to_the_end(&mut connect(line.wire.address()).await).await, (Vec::new(), End::Fin));
    line.wire.heal();
    line.wire.heal();
    line.connect().await.passes(Way::Down).await;
    let counts = line.wire.counts();
    assert_eq!((counts.accepted, counts.refused), (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mute_wire_takes_the_request_and_says_nothing() {
    let line = Line::new().await;
    line.wire.refuse(Refusal::Mute);
    let mut bot = connect(line.wire.address()).await;
    say(&mut bot, REQUEST).await;
    hears_nothing(&mut bot).await;
    line.wire.heal();
    hears_nothing(&mut bot).await;
    line.wire.cut(End::Fin);
    assert_eq!(hear_to_the_end(&mut bot).await, (Vec::new(), End::Fin));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_gets_the_answer_that_was_asked_for_and_no_server_hears_of_it() {
    let line = Line::new().await;
    let moved =
        "HTTP/1.1 302 Because\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    for (refusal, wanted) in [
        (Refusal::Http(503), b"HTTP/1.1 503 Because\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".as_slice()),
        (Refusal::Http(302), moved.as_bytes()),
        (Refusal::Bytes(b"\x15\x03\x01 what?".to_vec()), b"\x15\x03\x01 what?"),
    ] {
        line.wire.refuse(refusal);
        let mut bot = connect(line.wire.address()).await;
        let (head, rest) = REQUEST.split_at(REQUEST.len() - 2);
        say(&mut bot, head).await;
        hears_nothing(&mut bot).await;
        say(&mut bot, rest).await;
        assert_eq!(hear_to_the_end(&mut bot).await, (wanted.to_vec(), End::Fin));
    }
    let counts = line.wire.counts();
    assert_eq!((counts.accepted, counts.refused, counts.came.up), (3, 3, 0));
    assert!(timeout(A_WHILE, line.server.accept()).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_head_does_not_end() {
    let line = Line::new().await;
    line.wire.refuse(Refusal::EndlessHead);
    let mut bot = connect(line.wire.address()).await;
    say(&mut bot, REQUEST).await;
    let head = String::from_utf8(hear(&mut bot, 4 * 1024 * 1024).await).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{}", &head[..100]);
    assert!(!head.contains("\r\n\r\n"));
    line.wire.cut(End::Fin);
    hear_to_the_end(&mut bot).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_has_moved_is_found_by_new_connections() {
    let mut line = Line::new().await;
    let mut before = line.connect().await;
    line.server = listen().await;
    let mut stranded = connect(line.wire.address()).await;
    assert_eq!(hear_to_the_end(&mut stranded).await, (Vec::new(), End::Fin));
    assert_eq!(line.wire.counts().stranded, 1);
    line.wire.lead_to(line.server.local_addr().unwrap());
    line.connect().await.passes(Way::Up).await;
    before.passes(Way::Down).await;
    line.wire.accepted(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_end_with_the_wire() {
    let line = Line::new().await;
    let mut ends = line.connect().await;
    drop(line.wire);
    hear_to_the_end(&mut ends.bot).await;
    hear_to_the_end(&mut ends.server).await;
}
