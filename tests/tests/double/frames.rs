//! Frames from the client (PROTOCOL.md, section 2.1), and the order of what is answered.

use super::harness::{Double, Raw, counted, frame};

const COUNT: &[u8] = b"pipe_count\nweb_x\nmarker0001\n";

async fn answers(raw: &mut Raw, times: usize) {
    for _ in 0..times {
        assert_eq!(raw.text().await, counted(0, "marker0001"));
    }
}

/// What is written in one write, how many commands are answered, and whether the connection stays open.
async fn expect(bytes: &[u8], answered: usize, open: bool) {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    raw.write(bytes).await;
    answers(&mut raw, answered).await;
    if open {
        raw.quiet().await;
    } else {
        raw.ends().await;
    }
}

fn glued(frames: &[Vec<u8>]) -> Vec<u8> {
    frames.concat()
}

#[tokio::test]
async fn text_frames_are_answered_in_order_however_many_come_at_once() {
    expect(&frame(0x81, COUNT), 1, true).await;
    expect(&frame(0x81, COUNT).repeat(50), 50, true).await;
    expect(&frame(0x81, COUNT).repeat(5_000), 5_000, true).await;
}

/// Hazard 8.
#[tokio::test]
async fn a_ping_closes_without_a_pong() {
    expect(&frame(0x89, b""), 0, false).await;
    expect(&frame(0x89, b"payload"), 0, false).await;
    expect(&glued(&[frame(0x81, COUNT), frame(0x89, b"")]), 1, false).await;
}

/// Hazard 9.
#[tokio::test]
async fn a_pong_loses_the_text_behind_it_and_closes_behind_a_text() {
    for bytes in [frame(0x8a, b""), frame(0x8a, b"payload"), glued(&[frame(0x8a, b""), frame(0x81, COUNT)])] {
        let double = Double::faithful().await;
        let mut raw = double.anonymous().await;
        raw.write(&bytes).await;
        assert!(raw.is_answered().await);
    }
    expect(&glued(&[frame(0x81, COUNT), frame(0x8a, b"")]), 1, false).await;
    expect(&glued(&[frame(0x81, COUNT), frame(0x8a, b"payload")]), 1, false).await;
}

/// Hazard 10.
#[tokio::test]
async fn fragments_reserved_bits_and_lone_binary_frames_close() {
    expect(&frame(0x01, COUNT), 0, false).await;
    expect(&frame(0x80, COUNT), 0, false).await;
    expect(&frame(0xc1, COUNT), 0, false).await;
    expect(&frame(0x00, COUNT), 1, true).await;
    expect(&frame(0x82, COUNT), 1, false).await;
    expect(&glued(&[frame(0x82, COUNT), frame(0x82, COUNT)]), 2, true).await;
    expect(&glued(&[frame(0x82, COUNT), frame(0x81, COUNT)]), 1, false).await;
    expect(&glued(&[frame(0x81, COUNT), frame(0x82, COUNT)]), 2, true).await;
}

/// Hazard 11.
#[tokio::test]
async fn an_empty_masked_frame_closes_and_an_empty_unmasked_one_makes_deaf() {
    expect(b"\x81\x80abcd", 0, false).await;
    let double = Double::faithful().await;
    let mut deaf = double.anonymous().await;
    deaf.write(b"\x81\0").await;
    deaf.send(COUNT).await;
    deaf.send("web_pipe2\nweb_a\ne\n*\nx").await;
    double.anonymous().await.quiet().await;
    double.control.wait_for_connections(1).await;
    deaf.close_writing().await;
    deaf.ends().await;
}

/// Hazard 45.
#[tokio::test]
async fn a_close_is_answered_by_the_end_alone() {
    expect(&frame(0x88, b""), 0, false).await;
    expect(&frame(0x88, b"\x03\xe8"), 0, false).await;
    expect(&glued(&[frame(0x81, COUNT), frame(0x88, b"\x03\xe8")]), 1, false).await;
}

#[tokio::test]
async fn masks_of_nought_and_the_long_form_for_short_payloads_are_taken() {
    let mut zero = vec![0x81, 0x80 | u8::try_from(COUNT.len()).unwrap(), 0, 0, 0, 0];
    zero.extend(COUNT);
    expect(&zero, 1, true).await;
    let mut long = vec![0x81, 0xfe, 0, u8::try_from(COUNT.len()).unwrap(), 0, 0, 0, 0];
    long.extend(COUNT);
    expect(&long, 1, true).await;
    let mut longest = vec![0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, u8::try_from(COUNT.len()).unwrap(), 0, 0, 0, 0];
    longest.extend(COUNT);
    expect(&longest, 0, false).await;
}

#[tokio::test]
async fn an_unmasked_frame_spoils_the_next_command() {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    let mut unmasked = vec![0x81, u8::try_from(COUNT.len()).unwrap()];
    unmasked.extend(COUNT);
    raw.write(&unmasked).await;
    raw.send(COUNT).await;
    raw.ends().await;
}

/// Hazard 12.
#[tokio::test]
async fn unknown_commands_close_without_a_word() {
    for command in
        ["foo\n", "{\"a\":1}", "SUBSCRIPTION\nweb_a", "\npipe_count\nweb_x\nm\n", "web_pipe\nweb_chat\nx", "ping"]
    {
        expect(&frame(0x81, command.as_bytes()), 0, false).await;
    }
}

#[tokio::test]
async fn only_the_first_command_of_a_frame_is_executed() {
    let both = [COUNT, COUNT].concat();
    expect(&frame(0x81, &both), 1, true).await;
}

/// Hazard 14, the reading half: a frame cut at every place of its head and some of its payload.
#[tokio::test]
async fn frames_in_pieces_are_put_together() {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    let long_command = [COUNT, &[b'x'; 150]].concat();
    let frames = [frame(0x81, COUNT), frame(0x81, &long_command)].concat();
    for cut in (1..frames.len()).step_by(3) {
        raw.write(&frames[..cut]).await;
        tokio::task::yield_now().await;
        raw.write(&frames[cut..]).await;
        answers(&mut raw, 2).await;
    }
    for byte in &frames {
        raw.write(&[*byte]).await;
    }
    answers(&mut raw, 2).await;
}

#[tokio::test]
async fn half_a_frame_and_then_the_end_is_no_command() {
    let double = Double::faithful().await;
    let mut listener = double.anonymous().await;
    listener.subscribe("web_a").await;
    let mut raw = double.anonymous().await;
    let send = frame(0x81, b"web_pipe2\nweb_a\ne\n*\nx");
    raw.write(&send[..send.len() - 1]).await;
    raw.close_writing().await;
    raw.ends().await;
    listener.quiet().await;
}
