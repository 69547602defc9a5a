//! How connections end.

use tokio::io::AsyncWriteExt as _;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_closes_every_connection_at_both_ends_in_the_way_asked_for() {
    for end in [End::Fin, End::Reset] {
        let line = Line::new().await;
        let mut all = [line.connect().await, line.connect().await];
        line.wire.carries(2).await;
        line.wire.cut(end);
        for ends in &mut all {
            assert_eq!(hear_to_the_end(&mut ends.bot).await, (Vec::new(), end));
            assert_eq!(hear_to_the_end(&mut ends.server).await, (Vec::new(), end));
        }
        line.wire.carries(0).await;
        assert_eq!(line.wire.counts().cut, 2);
        line.connect().await.passes(Way::Down).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_held_is_lost_with_a_cut_also_if_the_wire_is_healed_at_once() {
    for number in 1..=200 {
        let line = Line::new().await;
        let mut ends = line.connect().await;
        line.wire.hold(Way::Down);
        say(&mut ends.server, b"held").await;
        line.wire.until("what is held", |counts| counts.came.down == 4).await;
        line.wire.cut(End::Fin);
        line.wire.heal();
        assert_eq!(hear_to_the_end(&mut ends.bot).await, (Vec::new(), End::Fin), "round {number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_behind_a_byte_leaves_the_rest_of_the_frame_out_and_the_others_alone() {
    for way in BOTH_WAYS {
        for end in [End::Fin, End::Reset] {
            let line = Line::new().await;
            let (mut doomed, mut other) = (line.connect().await, line.connect().await);
            line.wire.cut_after(way, 5 + 3, end);
            other.passes(way).await;
            let (from, to) = doomed.of(way);
            say(from, b"\x81\x05hello").await;
            assert_eq!(hear_to_the_end(to).await, (b"\x81\x05h".to_vec(), end));
            let (heard, _) = hear_to_the_end(from).await;
            assert_eq!(heard, b"");
            line.wire.carries(1).await;
            other.passes(Way::Up).await;
            other.passes(Way::Down).await;
            assert_eq!(line.wire.counts().cut, 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_behind_the_last_byte_of_a_write_waits_for_no_other() {
    for way in BOTH_WAYS {
        let line = Line::new().await;
        let mut ends = line.connect().await;
        line.wire.cut_after(way, 5, End::Fin);
        ends.passes(way).await;
        assert_eq!(hear_to_the_end(ends.of(way).1).await, (Vec::new(), End::Fin));
        assert_eq!(hear_to_the_end(ends.of(way).0).await, (Vec::new(), End::Fin));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healing_takes_back_a_cut_and_a_flip_that_still_wait() {
    let line = Line::new().await;
    let mut ends = line.connect().await;
    line.wire.cut_after(Way::Up, 3, End::Fin);
    line.wire.flip(Way::Up, 2);
    line.wire.heal();
    ends.passes(Way::Up).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_that_is_closed_alone_ends_and_the_other_lives() {
    for way in BOTH_WAYS {
        let line = Line::new().await;
        let mut ends = line.connect().await;
        line.wire.carries(1).await;
        line.wire.half_close(way);
        let (from, to) = ends.of(way);
        assert_eq!(hear_to_the_end(to).await, (Vec::new(), End::Fin));
        say(from, b"to nobody").await;
        line.wire.until("bytes to nobody", |counts| *counts.came.of(way) == 9).await;
        ends.passes(other(way)).await;
        let counts = line.wire.counts();
        assert_eq!((counts.half_closed, counts.open, *counts.passed.of(way)), (1, 1, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_connection_has_lost_its_server_and_the_bot_is_not_told() {
    let line = Line::new().await;
    let mut ends = line.connect().await;
    line.wire.carries(1).await;
    line.wire.go_silent();
    assert_eq!(hear_to_the_end(&mut ends.server).await, (Vec::new(), End::Fin));
    line.wire.until("a silent connection", |counts| (counts.silent, counts.open) == (1, 0)).await;
    say(&mut ends.bot, b"anybody there?").await;
    hears_nothing(&mut ends.bot).await;
    assert_eq!(line.wire.counts().came.up, 0);
    let mut next = line.connect().await;
    next.passes(Way::Up).await;
    next.passes(Way::Down).await;
    line.wire.cut(End::Reset);
    assert_eq!(hear_to_the_end(&mut ends.bot).await, (Vec::new(), End::Reset));
    line.wire.until("no connection", |counts| (counts.silent, counts.open, counts.cut) == (0, 0, 2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_closes_is_passed_on_behind_all_that_it_said() {
    for way in BOTH_WAYS {
        let line = Line::new().await;
        let mut ends = line.connect().await;
        let (from, to) = ends.of(way);
        say(from, b"goodbye").await;
        from.shutdown().await.unwrap();
        assert_eq!(hear_to_the_end(to).await, (b"goodbye".to_vec(), End::Fin));
        ends.passes(other(way)).await;
        drop(ends);
        line.wire.carries(0).await;
        assert_eq!(line.wire.counts().cut, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_resets_is_passed_on_behind_all_that_it_said() {
    for way in BOTH_WAYS {
        let line = Line::new().await;
        let Ends { bot, server } = line.connect().await;
        let (mut from, mut to) = if way == Way::Up { (bot, server) } else { (server, bot) };
        say(&mut from, b"goodbye").await;
        line.wire.until("the goodbye", |counts| *counts.came.of(way) == 7).await;
        from.set_zero_linger().unwrap();
        drop(from);
        assert_eq!(hear_to_the_end(&mut to).await, (b"goodbye".to_vec(), End::Reset));
        line.wire.carries(0).await;
        assert_eq!(line.wire.counts().cut, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_way_keeps_its_end_to_itself() {
    let line = Line::new().await;
    let Ends { bot, mut server } = line.connect().await;
    line.wire.clamp();
    drop(bot);
    hears_nothing(&mut server).await;
    line.wire.release();
    assert_eq!(hear_to_the_end(&mut server).await, (Vec::new(), End::Fin));
}
