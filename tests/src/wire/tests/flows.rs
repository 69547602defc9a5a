//! What stops or slows a way.

use std::{net::Ipv4Addr, time::Instant};

use tokio::io::AsyncWriteExt as _;

use super::*;

/// More than all buffers between the two ends hold.
const FLOOD_BYTES: usize = 32 * 1024 * 1024;
const LATENCY: Duration = Duration::from_millis(80);

fn flood() -> Vec<u8> {
    (0..FLOOD_BYTES).map(|at| (at % 251) as u8).collect()
}

/// Writes until no more is taken, and says how much was.
async fn fill(stream: &mut TcpStream, flood: &[u8]) -> usize {
    let mut rest = flood;
    while let Ok(taken) = timeout(A_WHILE, stream.write_buf(&mut rest)).await {
        taken.unwrap();
        assert!(!rest.is_empty(), "everything was taken");
    }
    flood.len() - rest.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_arrives_on_both_ways_and_is_counted() {
    let line = Line::new().await;
    assert_eq!(line.wire.address().ip(), Ipv4Addr::LOCALHOST);
    let mut ends = line.connect().await;
    ends.passes(Way::Up).await;
    ends.passes(Way::Up).await;
    ends.passes(Way::Down).await;
    let counts = line.wire.until("15 bytes", |counts| counts.passed.up + counts.passed.down == 15).await;
    assert_eq!((counts.accepted, counts.open), (1, 1));
    assert_eq!((counts.came.up, counts.came.down), (10, 5));
    assert_eq!((counts.passed.up, counts.passed.down), (10, 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_that_is_stalled_or_held_passes_nothing_until_healed_and_the_other_way_lives() {
    for way in BOTH_WAYS {
        for stop in [Wire::stall, Wire::hold] {
            let line = Line::new().await;
            let mut ends = line.connect().await;
            stop(&line.wire, way);
            let (from, to) = ends.of(way);
            say(from, b"later").await;
            hears_nothing(to).await;
            ends.passes(other(way)).await;
            line.wire.heal();
            assert_eq!(hear(ends.of(way).1, 5).await, b"later");
            ends.passes(way).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wire_that_is_clamped_keeps_what_the_bot_says_until_released() {
    let line = Line::new().await;
    line.wire.clamp();
    let mut ends = line.connect().await;
    say(&mut ends.bot, b"later").await;
    let counts = line.wire.until("5 bytes kept", |counts| counts.kept().up == 5).await;
    assert_eq!(counts.passed.up, 0);
    ends.passes(Way::Down).await;
    line.wire.release();
    assert_eq!(hear(&mut ends.server, 5).await, b"later");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_way_fills_up_and_a_held_one_does_not() {
    let flood = flood();
    for way in BOTH_WAYS {
        let line = Line::new().await;
        let mut ends = line.connect().await;
        line.wire.stall(way);
        let (from, to) = ends.of(way);
        let taken = fill(from, &flood).await;
        assert_eq!(*line.wire.counts().came.of(way), 0);
        line.wire.hold(way);
        say(from, &flood[taken..]).await;
        let counts = line.wire.until("the whole flood", |counts| *counts.came.of(way) == FLOOD_BYTES as u64).await;
        assert_eq!(*counts.passed.of(way), 0);
        line.wire.heal();
        assert!(hear(to, FLOOD_BYTES).await == flood, "the flood has changed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_slow_slows_the_writer_down() {
    let line = Line::new().await;
    let mut ends = line.connect().await;
    fill(&mut ends.server, &flood()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delay_is_added_to_everything_and_to_the_end_too() {
    for way in BOTH_WAYS {
        let line = Line::new().await;
        let mut ends = line.connect().await;
        line.wire.delay(way, LATENCY);
        let (from, to) = ends.of(way);
        let said = Instant::now();
        say(from, b"late").await;
        assert_eq!(hear(to, 4).await, b"late");
        assert!(said.elapsed() >= LATENCY, "{:?}", said.elapsed());
        let ended = Instant::now();
        from.shutdown().await.unwrap();
        assert_eq!(hear_to_the_end(to).await, (Vec::new(), End::Fin));
        assert!(ended.elapsed() >= LATENCY, "{:?}", ended.elapsed());
        ends.passes(other(way)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delay_does_not_add_up_from_write_to_write() {
    const WRITES: u64 = 20;
    let line = Line::new().await;
    let mut ends = line.connect().await;
    line.wire.delay(Way::Down, LATENCY);
    let said = Instant::now();
    for came in 1..=WRITES {
        say(&mut ends.server, b"x").await;
        line.wire.until("the next byte", |counts| counts.came.down == came).await;
    }
    hear(&mut ends.bot, WRITES as usize).await;
    assert!(said.elapsed() < LATENCY * WRITES as u32, "{:?}", said.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttle_lets_so_many_bytes_a_second_pass() {
    let line = Line::new().await;
    let mut ends = line.connect().await;
    line.wire.throttle(Way::Down, 10_000);
    let said = Instant::now();
    say(&mut ends.server, &[7; 2_000]).await;
    assert_eq!(hear(&mut ends.bot, 2_000).await, [7; 2_000]);
    // The last write waits for all before it, but not for itself.
    assert!(said.elapsed() >= Duration::from_millis(190), "{:?}", said.elapsed());
    ends.passes(Way::Up).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healing_sets_free_what_was_slow() {
    let line = Line::new().await;
    let mut ends = line.connect().await;
    line.wire.delay(Way::Up, crate::PATIENCE * 2);
    say(&mut ends.bot, b"slow").await;
    line.wire.throttle(Way::Down, 1);
    say(&mut ends.server, &[7; 60]).await;
    line.wire.until("all that was said", |counts| (counts.came.up, counts.came.down) == (4, 60)).await;
    line.wire.heal();
    assert_eq!(hear(&mut ends.server, 4).await, b"slow");
    assert_eq!(hear(&mut ends.bot, 60).await, [7; 60]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_concerns_all_connections_also_those_to_come() {
    let line = Line::new().await;
    let mut before = line.connect().await;
    line.wire.hold(Way::Down);
    let mut after = line.connect().await;
    for ends in [&mut before, &mut after] {
        say(&mut ends.server, b"later").await;
        hears_nothing(&mut ends.bot).await;
    }
    line.wire.heal();
    for ends in [&mut before, &mut after] {
        assert_eq!(hear(&mut ends.bot, 5).await, b"later");
    }
}
