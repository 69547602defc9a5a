//! How bytes are divided into writes, and how they are changed.

use tokio::time::Instant;

use super::*;
use crate::wire::{
    fault::{Flow, Shape},
    queue::Queue,
};

const FRAME: &[u8] = b"\x81\x0ehello, old wire";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_that_is_split_has_one_write_a_byte() {
    for way in BOTH_WAYS {
        let line = Line::new().await;
        let mut ends = line.connect().await;
        line.wire.split(way);
        let (from, to) = ends.of(way);
        say(from, FRAME).await;
        assert_eq!(hear(to, FRAME.len()).await, FRAME);
        let counts = line.wire.until("all writes", |counts| *counts.passed.of(way) == FRAME.len() as u64).await;
        assert_eq!(*counts.writes.of(way), FRAME.len() as u64);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn glue_makes_one_write_of_many_as_soon_as_there_are_enough_bytes() {
    for way in BOTH_WAYS {
        let line = Line::new().await;
        let mut ends = line.connect().await;
        line.wire.glue(way, 9, crate::PATIENCE * 2);
        let (from, to) = ends.of(way);
        for (said, came) in [(b"one", 3), (b"two", 6)] {
            say(from, said).await;
            line.wire.until("the words", |counts| *counts.came.of(way) == came).await;
        }
        hears_nothing(to).await;
        say(from, b"six").await;
        assert_eq!(hear(to, 9).await, b"onetwosix");
        let counts = line.wire.until("a write", |counts| *counts.passed.of(way) == 9).await;
        assert_eq!(*counts.writes.of(way), 1);
    }
}

#[test]
fn glue_takes_nothing_before_its_delay_is_over() {
    let delay = Duration::from_secs(10);
    let flow = Flow { delay, shape: Shape::Glue { bytes: 1, wait: Duration::ZERO }, ..Flow::default() };
    let began = Instant::now();
    let mut queue = Queue::default();
    for (bytes, second) in [(b"a", 0), (b"b", 1), (b"c", 2)] {
        queue.push(bytes, began + Duration::from_secs(second));
    }
    assert_eq!(queue.due(&flow, false), Some(began + delay));
    assert_eq!(queue.take(&flow, began + Duration::from_secs(11)), b"ab");
    assert_eq!(queue.due(&flow, false), Some(began + Duration::from_secs(12)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn glue_waits_so_long_for_more_and_not_at_all_behind_the_end() {
    const WAIT: Duration = Duration::from_millis(80);
    let line = Line::new().await;
    let mut ends = line.connect().await;
    line.wire.glue(Way::Down, 1000, WAIT);
    let since = Instant::now();
    say(&mut ends.server, b"few").await;
    assert_eq!(hear(&mut ends.bot, 3).await, b"few");
    assert!(since.elapsed() >= WAIT, "{:?}", since.elapsed());
    line.wire.glue(Way::Down, 1000, crate::PATIENCE * 2);
    say(&mut ends.server, b"last").await;
    drop(ends.server);
    assert_eq!(hear_to_the_end(&mut ends.bot).await, (b"last".to_vec(), End::Fin));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_nth_byte_from_now_is_inverted_once_whichever_connection_has_it() {
    for way in BOTH_WAYS {
        let line = Line::new().await;
        let (mut first, mut second) = (line.connect().await, line.connect().await);
        first.passes(way).await;
        line.wire.flip(way, 7);
        first.passes(way).await;
        first.passes(other(way)).await;
        for wanted in [*b"a\x93ive", *b"alive"] {
            let (from, to) = second.of(way);
            say(from, b"alive").await;
            assert_eq!(hear(to, 5).await, wanted);
        }
        assert_eq!(line.wire.counts().changed, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_seed_changes_the_same_bytes_however_they_are_written() {
    let mut heard = Vec::new();
    for (seed, split) in [(1, false), (1, true), (2, false)] {
        let line = Line::new().await;
        let mut ends = line.connect().await;
        line.wire.corrupt(Way::Down, 100, seed);
        if split {
            line.wire.split(Way::Down);
        }
        say(&mut ends.server, &[0; 10_000]).await;
        let bytes = hear(&mut ends.bot, 10_000).await;
        let changed = bytes.iter().filter(|byte| **byte != 0).count();
        assert!((50..200).contains(&changed), "{changed} of 10,000");
        assert_eq!(line.wire.counts().changed, changed as u64);
        ends.passes(Way::Up).await;
        let mut second = line.connect().await;
        say(&mut second.server, &[0; 10_000]).await;
        assert!(hear(&mut second.bot, 10_000).await != bytes, "two connections, one outcome");
        heard.push(bytes);
    }
    assert!(heard[0] == heard[1], "one seed, two outcomes");
    assert!(heard[0] != heard[2], "two seeds, one outcome");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_byte_in_one_is_every_byte() {
    let line = Line::new().await;
    let mut ends = line.connect().await;
    line.wire.corrupt(Way::Up, 1, 7);
    say(&mut ends.bot, &[0; 1_000]).await;
    assert!(hear(&mut ends.server, 1_000).await.iter().all(|byte| *byte != 0));
}
