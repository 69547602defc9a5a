//! `pipe_log` (PROTOCOL.md, section 7).

use cometbot::local::{LogRule, Options};

use super::harness::{Double, Raw, counted, error};

fn row(data: &str, event: &str, pipe: &str, user: u32) -> String {
    format!(
        r#"{{"data":"{data}","event":"{event}","fromQueue":true,"message_send_time":T,"pipe":"{pipe}","user_id":{user}}}"#
    )
}

/// All rows up to a fence.
async fn log(raw: &mut Raw, pipe: &str) -> Vec<String> {
    raw.send(format!("pipe_log\n{pipe}\nlog0000001\n")).await;
    raw.send("pipe_count\nweb_fence\nfnc0000001\n").await;
    let mut rows = Vec::new();
    loop {
        let text = raw.text().await;
        if text == counted(0, "fnc0000001") {
            return rows;
        }
        rows.push(text);
    }
}

async fn send(raw: &mut Raw, pipe: &str, event: &str, data: &str) {
    raw.ask(format!("web_pipe2\n{pipe}\n{event}\n*\n{data}")).await;
}

/// Hazards 22 and 32.
#[tokio::test]
async fn rows_hold_what_was_sent_and_an_emoji_is_missing() {
    let double = Double::faithful().await;
    let (mut anonymous, mut seven) = (double.anonymous().await, double.seven().await);
    send(&mut anonymous, "web_log", "evt", "before there was a log").await;
    assert_eq!(log(&mut anonymous, "web_log").await, Vec::<String>::new());
    double.control.set_log_length("web_log", 9);
    send(&mut anonymous, "web_log", "evt", r#"{"text":"he said \"hi\"","n":1}"#).await;
    send(&mut anonymous, "web_log", "evt", "it's a back\\slash\nnewline").await;
    send(&mut anonymous, "web_log", "evt", "Привет").await;
    send(&mut anonymous, "web_log", "evt", "emoji 😀 end").await;
    send(&mut anonymous, "web_log", "", "no event").await;
    send(&mut anonymous, "@web_log", "evt", "").await;
    send(&mut seven, "web_log", "evt", "by user 7").await;
    send(&mut seven, "@web_log", "evt", "by nobody").await;
    double.control.publish("web_log", "evq", r#"it\'s from ql \"q\""#).unwrap();
    let expected = [
        row(r#"{\"text\":\"he said \\\"hi\\\"\",\"n\":1}"#, "evt", "web_log", 0),
        row(r"it's a back\\slash\nnewline", "evt", "web_log", 0),
        row("Привет", "evt", "web_log", 0),
        row("no event", "undefined", "web_log", 0),
        row("", "evt", "web_log", 0),
        row("by user 7", "evt", "web_log", 7),
        row("by nobody", "evt", "web_log", 0),
        row(r#"it\\'s from ql \\\"q\\\""#, "evq", "web_log", 0),
    ];
    assert_eq!(log(&mut anonymous, "web_log").await, expected);
    // A subscription sends no log.
    anonymous.subscribe("web_log").await;
}

#[tokio::test]
async fn the_compatible_form_has_the_same_rows_with_the_old_keys() {
    let double = Double::faithful().await;
    double.control.set_log_length("web_log", 5);
    double.control.publish("web_log", "evt", "plain").unwrap();
    let mut raw = double.compatible().await;
    assert_eq!(
        raw.ask("pipe_log\nweb_log\nm\n").await,
        r#"{"api_data":"for major_version < 4","data":"plain","event":"evt","event_name":"evt","fromQueue":true,"message_send_time":T,"pipe":"web_log","user_id":0}"#
    );
}

/// Hazard 31.
#[tokio::test]
async fn the_oldest_99_are_sent_and_the_newest_are_kept() {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    double.control.set_log_length("web_long", 1_000);
    for number in 0..150 {
        double.control.publish("web_long", "e", &format!("message number {number}")).unwrap();
    }
    let rows = log(&mut raw, "web_long").await;
    assert_eq!(rows.len(), 99);
    assert_eq!(rows[0], row("message number 0", "e", "web_long", 0));
    assert_eq!(rows[98], row("message number 98", "e", "web_long", 0));
    double.control.set_log_length("web_long", 2);
    double.control.publish("web_long", "e", "the last").unwrap();
    assert_eq!(
        log(&mut raw, "web_long").await,
        [row("message number 149", "e", "web_long", 0), row("the last", "e", "web_long", 0)]
    );
}

#[tokio::test]
async fn lengths_are_clamped_and_0_is_off() {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    for (length, kept) in [(-1, 1), (0, 1), (3, 3)] {
        double.control.set_log_length("web_lim", length);
        for _ in 0..5 {
            double.control.publish("web_lim", "e", "x").unwrap();
        }
        assert_eq!(log(&mut raw, "web_lim").await.len(), kept, "{length}");
    }
}

#[tokio::test]
async fn anybody_may_read_any_log_and_trusted_pipes_always_have_one() {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    double.control.set_log_length("secret_pipe", 5);
    double.control.publish("secret_pipe", "e", "s3cret").unwrap();
    double.control.publish("trust_q", "e", "t1").unwrap();
    assert_eq!(log(&mut raw, "secret_pipe").await, [row("s3cret", "e", "secret_pipe", 0)]);
    assert_eq!(log(&mut raw, "trust_q").await, [row("t1", "e", "trust_q", 0)]);
}

#[tokio::test]
async fn rules_give_whole_groups_of_pipes_a_log() {
    let logs =
        vec![LogRule { pipes: "web_quiet".to_owned(), length: 0 }, LogRule { pipes: "web_*".to_owned(), length: 2 }];
    let double = Double::start(Options { logs, ..Options::default() }).await;
    let mut raw = double.anonymous().await;
    for pipe in ["web_quiet", "web_any", "other"] {
        for number in 0..3 {
            double.control.publish(pipe, "e", &number.to_string()).unwrap();
        }
    }
    assert_eq!(log(&mut raw, "web_any").await, [row("1", "e", "web_any", 0), row("2", "e", "web_any", 0)]);
    assert_eq!(log(&mut raw, "web_quiet").await.len() + log(&mut raw, "other").await.len(), 0);
    double.control.set_log_length("web_quiet", 1);
    double.control.publish("web_quiet", "e", "x").unwrap();
    assert_eq!(log(&mut raw, "web_quiet").await.len(), 1);
}

#[tokio::test]
async fn the_marker_may_be_missing_and_a_bad_one_is_two_errors() {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    double.control.set_log_length("web_log", 1);
    double.control.publish("web_log", "e", "x").unwrap();
    let long = "m".repeat(65);
    for command in
        ["pipe_log\nweb_log\nm", "pipe_log\nweb_log\n\n", "pipe_log\nweb_log", &format!("pipe_log\nweb_log\n{long}")]
    {
        assert_eq!(raw.ask(command).await, row("x", "e", "web_log", 0), "{command}");
    }
    for command in ["pipe_log\n", "pipe_log", "pipe_log\nany_name\nm\n"] {
        raw.send(command).await;
        raw.quiet().await;
    }
    let characters = error("The channel name can only contain characters A-Za-z0-9_-");
    let length = error("Invalid pipe name length");
    let marker = error("Invalid marker value.").replace("sys\"}", "sys\"\0");
    let channel = error("Invalid channel name.").replace("sys\"}", "sys\"\0");
    for (command, first, second) in [
        ("pipe_log\nweb_log\nm.m\n", &characters, &marker),
        ("pipe_log\nweb_lo.g\nm\n", &characters, &channel),
        (&format!("pipe_log\nweb_log\n{long}m\n"), &length, &marker),
        (&format!("pipe_log\n{long}m\nm\n"), &length, &channel),
    ] {
        assert_eq!(raw.ask(command).await, *first, "{command}");
        assert_eq!(raw.text().await, *second, "{command}");
    }
    raw.quiet().await;
}

#[tokio::test]
async fn new_names_without_end_do_not_fill_the_memory() {
    let logs = vec![LogRule { pipes: "web_*".to_owned(), length: 2 }];
    let double = Double::start(Options { logs, ..Options::default() }).await;
    double.control.set_log_length("web_set", 2);
    double.control.publish("web_set", "e", "stays").unwrap();
    for number in 0..1_100 {
        double.control.publish(&format!("web_{number}"), "e", "x").unwrap();
    }
    let mut raw = double.anonymous().await;
    let mut kept = 0;
    for number in 0..1_100 {
        kept += log(&mut raw, &format!("web_{number}")).await.len();
    }
    assert_eq!(kept, 1_000);
    assert_eq!(log(&mut raw, "web_1099").await.len(), 1, "the newest is there");
    assert_eq!(log(&mut raw, "web_set").await.len(), 1, "and so is what was switched on by name");
}
