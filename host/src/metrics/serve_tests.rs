#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::{net::SocketAddr, time::Instant};

use proptest::prelude::*;
use tokio::{io::duplex, net::TcpStream};

use super::*;

/// Long enough for every test that does not wait for it.
const PATIENT: Limits = Limits { visits: 16, visit: Duration::from_secs(60) };

/// What is answered to `request`, which comes in pieces of `piece` bytes and then ends.
async fn answered(request: &[u8], piece: usize) -> String {
    let (visitor, server) = duplex(64);
    let metrics = Metrics::new();
    let (mut hears, mut says) = tokio::io::split(visitor);
    let speaking = async {
        for bytes in request.chunks(piece) {
            if says.write_all(bytes).await.is_err() {
                break;
            }
        }
        // The server may be gone already.
        let _ = says.shutdown().await;
    };
    let mut answer = String::new();
    let (_, _, heard) = tokio::join!(speaking, visit(server, &metrics), hears.read_to_string(&mut answer));
    heard.unwrap();
    answer
}

fn status(answer: &str) -> &str {
    answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.split_once(' ')).expect(answer).0
}

async fn started(limits: Limits) -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (address, tokio::spawn(serve_within(limits, listener, Metrics::new())))
}

async fn get(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn the_metrics_are_served_as_openmetrics_and_the_connection_ends() {
    let (address, _server) = started(PATIENT).await;
    let answer = get(address).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(status(&answer), "200");
    assert!(head.contains("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}", body.len())) && head.contains("Connection: close"), "{head}");
    assert!(body.contains("cometbot_build_info{version=") && body.ends_with("# EOF\n"), "{body}");
}

#[tokio::test]
async fn every_path_and_method_has_its_answer() {
    for (line, expected) in [
        ("GET / HTTP/1.1", "200"),
        ("GET /metrics?name=x HTTP/1.0", "200"),
        ("HEAD /metrics HTTP/1.1", "200"),
        ("POST /metrics HTTP/1.1", "405"),
        ("DELETE / HTTP/1.1", "405"),
        ("GET /metric HTTP/1.1", "404"),
        ("GET /metrics/../etc HTTP/1.1", "404"),
        ("POST /elsewhere HTTP/1.1", "404"),
        ("GET /metrics", "400"),
        ("\u{16}\u{3}\u{1}", "400"),
    ] {
        for piece in [1, 1000] {
            let answer = answered(format!("{line}\r\nHost: a\r\n\r\n").as_bytes(), piece).await;
            assert_eq!(status(&answer), expected, "{line} in pieces of {piece}");
        }
    }
    let head = answered(b"HEAD / HTTP/1.1\n\n", 1).await;
    assert!(head.ends_with("\r\n\r\n"), "no body: {head}");
    assert!(answered(b"PUT / HTTP/1.1\r\n\r\n", 1000).await.contains("\r\nAllow: GET, HEAD\r\n"));
}

#[tokio::test]
async fn a_request_without_end_is_too_large_and_one_that_breaks_off_is_none() {
    let endless = [b"GET / HTTP/1.1\r\nA: ".as_slice(), &[b'a'; HEAD_BYTES]].concat();
    assert_eq!(status(&answered(&endless, 1000).await), "431");
    let fields = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(HEADER_FIELDS + 1));
    assert_eq!(status(&answered(fields.as_bytes(), 1000).await), "431");
    let full = "GET /metrics HTTP/1.1\r\nA: ";
    let full = format!("{full}{}\r\n\r\n", "a".repeat(HEAD_BYTES - full.len() - 4));
    assert_eq!(status(&answered(full.as_bytes(), 7).await), "200", "just small enough");
    assert_eq!(status(&answered(b"GET /metrics HT", 1000).await), "400");
    assert_eq!(status(&answered(b"", 1000).await), "400");
}

#[tokio::test]
async fn the_answer_is_not_lost_to_a_visitor_who_says_too_much() {
    let (address, _server) = started(PATIENT).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = vec![b'x'; 2 * HEAD_BYTES];
    stream.write_all(&[b"POST /metrics HTTP/1.1\r\n\r\n".as_slice(), &body].concat()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), "405");
}

#[tokio::test]
async fn a_silent_visitor_loses_the_place_and_the_next_one_gets_it() {
    let limits = Limits { visits: 2, visit: Duration::from_millis(200) };
    let (address, _server) = started(limits).await;
    let begun = Instant::now();
    let mut silent = Vec::new();
    for _ in 0..limits.visits {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    assert_eq!(status(&get(address).await), "200");
    assert!(begun.elapsed() >= limits.visit, "there was no place before");
    for mut stream in silent {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "", "the connection has ended without a word");
    }
}

#[tokio::test]
async fn a_visitor_who_does_not_read_loses_the_place_too() {
    let limits = Limits { visits: 1, visit: Duration::from_millis(200) };
    let (mut visitor, server) = duplex(64);
    visitor.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(timeout(limits.visit, visit(server, &Metrics::new())).await.is_err(), "the answer does not fit");
}

#[tokio::test]
async fn whoever_stops_serving_ends_all_connections() {
    let (address, server) = started(PATIENT).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /metrics HT").await.unwrap();
    server.abort();
    let mut rest = Vec::new();
    // Ended or reset, it is over.
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
    assert!(server.await.unwrap_err().is_cancelled());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_is_answered_with_a_status(
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..600),
            "(GET|HEAD|POST|\n|\r\n|/|/metrics| |HTTP/1.1|:|a: b\r\n|\u{0}|é){0,40}".prop_map(String::into_bytes),
            "GET /metrics HTTP/1.1\r\n([a-zé]{0,3}: ?[a-z]{0,3}\r?\n){0,70}\r?\n.{0,9}".prop_map(String::into_bytes),
            (0..20_000_usize).prop_map(|count| vec![b'\n'; count]),
        ],
        piece in 1..700_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let answer = runtime.block_on(answered(&bytes, piece));
        prop_assert!(["200", "400", "404", "405", "431"].contains(&status(&answer)), "{}", answer);
    }
}
