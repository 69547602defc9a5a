//! Sends, their answers and what listeners get (PROTOCOL.md, sections 2.3, 3, 4, 5 and 9).

use serde_json::Value;

use super::harness::{Double, Raw, answered, error};

/// What a real 4.09 sent for each command: one line a command, frames by client, times replaced by `T`.
const CAPTURED: &str = include_str!("../../captures/sends_of_409.jsonl");

fn frames<'a>(line: &'a Value, client: &str) -> Vec<&'a str> {
    line[client]
        .as_array()
        .map(|frames| frames.iter().map(|frame| frame.as_str().unwrap()).collect())
        .unwrap_or_default()
}

async fn expect(client: &mut Raw, line: &Value, name: &str) {
    for frame in frames(line, name) {
        assert_eq!(client.text().await, frame, "{name} after {}", line["send"]);
    }
}

/// Hazards 7, 13, 16, 17, 18, 20, 22, 23 and 24 are among them.
#[tokio::test]
async fn every_captured_send_has_the_captured_effect() {
    let double = Double::faithful().await;
    let (mut a, mut b, mut h) = (double.anonymous().await, double.anonymous().await, double.seven().await);
    a.subscribe("web_chat\nweb_other").await;
    b.subscribe("web_chat\nwebauth_chat").await;
    let mut c = None;
    for line in CAPTURED.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let command = line["send"].as_str().unwrap();
        match line["listeners"].as_str().unwrap() {
            "ABC" => {
                let c = match &mut c {
                    Some(c) => c,
                    none => {
                        let mut compatible = double.compatible().await;
                        compatible.send("subscription\nweb_chat").await;
                        double.control.wait_for_subscribers("web_chat", 3).await;
                        none.insert(compatible)
                    }
                };
                a.send(command).await;
                expect(c, &line, "C").await;
            }
            "AB" => {
                drop(c.take());
                double.control.wait_for_subscribers("web_chat", 2).await;
                a.send(command).await;
            }
            _ => {
                h.send(command).await;
                expect(&mut h, &line, "H").await;
            }
        }
        expect(&mut a, &line, "A").await;
        expect(&mut b, &line, "B").await;
    }
    a.quiet().await;
    b.quiet().await;
    h.quiet().await;
}

/// Hazard 13: frames to listeners.
#[tokio::test]
async fn messages_of_all_short_lengths_are_spoilt_exactly_as_on_the_real_server() {
    let double = Double::faithful().await;
    for user in [7, 70, 700] {
        double.control.add_user(user, "h").unwrap();
        let mut listener = double.anonymous().await;
        listener.subscribe("web_chat").await;
        let mut sender = double.greeted(&format!("sesion=h&myid={user}&devid=0&v=4.08&uuid=x&api=js")).await;
        for length in 28..46 {
            let data = "x".repeat(length);
            sender.send(format!("web_pipe2\nweb_chat\nevt\n*\n{data}")).await;
            let number = u32::from(length + user.to_string().len() + 85 >= 126);
            assert_eq!(sender.text().await, answered(&data, number, "web_chat"));
            let whole = format!(
                r#"{{"data":"{data}","event":"evt","message_send_time":T,"pipe":"web_chat","user_id":{user}}}"#
            );
            assert_eq!(listener.text().await, spoilt(&whole), "{length}");
        }
    }
}

/// Hazard 13: the other kinds. Each is made 123, 124 and 125 bytes long.
#[tokio::test]
async fn answers_counts_log_rows_and_published_messages_are_spoilt_too() {
    let double = Double::faithful().await;
    double.control.set_log_length("web_log", 1);
    let mut raw = double.anonymous().await;
    for extra in 0..5 {
        let message = "m".repeat(3 + extra);
        let answer = raw.ask(format!("web_pipe2\nweb_chat\ne\n*\n{message}")).await;
        assert_eq!(answer, spoilt(&answered(&message, 0, "web_chat")));
        let marker = "m".repeat(1 + extra);
        let count = raw.ask(format!("pipe_count\nweb_none\n{marker}\n")).await;
        assert_eq!(count, spoilt(&super::harness::counted(0, &marker)));
        let data = "d".repeat(20 + extra);
        double.control.publish("web_log", "ev", &data).unwrap();
        let row = raw.ask("pipe_log\nweb_log\nm\n").await;
        let whole = format!(
            r#"{{"data":"{data}","event":"ev","fromQueue":true,"message_send_time":T,"pipe":"web_log","user_id":0}}"#
        );
        assert_eq!(row, spoilt(&whole));
        let mut listener = double.anonymous().await;
        listener.subscribe("web_chat").await;
        let data = "d".repeat(48 + extra);
        double.control.publish("web_chat", "evq", &data).unwrap();
        let whole = format!(r#"{{"data":"{data}","event":"evq","message_send_time":T,"pipe":"web_chat"}}"#);
        assert_eq!(listener.text().await, spoilt(&whole));
    }
}

/// What the bug makes of a payload; `T` stands for ten digits.
fn spoilt(text: &str) -> String {
    let length = text.len() + 9;
    if !(123..=125).contains(&length) {
        return text.to_owned();
    }
    let lost = length - 122;
    format!("{}{}", &text[..text.len() - lost], "\0".repeat(lost))
}

/// Hazard 16.
#[tokio::test]
async fn live_text_is_escaped_for_mysql_and_the_log_and_published_text_are_not() {
    let double = Double::faithful().await;
    double.control.set_log_length("web_a", 9);
    let (mut sender, mut listener) = (double.anonymous().await, double.anonymous().await);
    listener.subscribe("web_a").await;
    sender.ask(b"web_pipe2\nweb_a\nevent_with_a_name\n*\na\"b\\c'd\n\r\x1a").await;
    assert_eq!(
        listener.text().await,
        r#"{"data":"a\\\"b\\\\c\\'d\\n\\r\\Z","event":"event_with_a_name","message_send_time":T,"pipe":"web_a","user_id":0}"#
    );
    double.control.publish("web_a", "event_with_a_name", "a\"b\\c'd\n\r\u{1a}").unwrap();
    assert_eq!(
        listener.text().await,
        r#"{"data":"a\"b\\c'd\n\r\u001a","event":"event_with_a_name","message_send_time":T,"pipe":"web_a"}"#
    );
    sender.send("pipe_log\nweb_a\nm\n").await;
    for _ in 0..2 {
        assert_eq!(
            sender.text().await,
            r#"{"data":"a\"b\\c'd\n\r\u001a","event":"event_with_a_name","fromQueue":true,"message_send_time":T,"pipe":"web_a","user_id":0}"#
        );
    }
}

/// Hazard 23.
#[tokio::test]
async fn the_sending_connection_hears_nothing_and_the_second_one_of_the_same_user_does() {
    let double = Double::faithful().await;
    let (mut one, mut two) = (double.seven().await, double.seven().await);
    one.subscribe("web_a").await;
    two.subscribe("web_a").await;
    assert_eq!(
        one.ask("web_pipe2\nweb_a\ne\n*\nto myself and others").await,
        answered("to myself and others", 0, "web_a")
    );
    one.quiet().await;
    assert_eq!(
        two.text().await,
        r#"{"data":"to myself and others","event":"e","message_send_time":T,"pipe":"web_a","user_id":7}"#
    );
}

/// Hazard 24.
#[tokio::test]
async fn only_deliveries_of_126_bytes_and_more_are_counted() {
    let double = Double::faithful().await;
    let mut sender = double.anonymous().await;
    let mut listeners = [double.anonymous().await, double.compatible().await];
    for listener in &mut listeners {
        listener.send("subscription\nweb_chat").await;
    }
    double.control.wait_for_subscribers("web_chat", 2).await;
    assert_eq!(sender.ask("web_pipe2\nweb_chat\nevt\n*\nhello there").await, answered("hello there", 1, "web_chat"));
    let long = "x".repeat(50);
    assert_eq!(sender.ask(format!("web_pipe2\nweb_chat\nevt\n*\n{long}")).await, answered(&long, 2, "web_chat"));
}

/// Hazards 20 and 43.
#[tokio::test]
async fn names_of_65_characters_are_taken_and_of_66_are_one_error() {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    let name = format!("web_{}", "n".repeat(61));
    assert_eq!(raw.ask(format!("web_pipe2\n{name}\n{}\n*\nx", "e".repeat(65))).await, answered("x", 0, &name));
    assert_eq!(raw.ask(format!("web_pipe2\n{name}n\ne\n*\nx")).await, spoilt(&error("Invalid pipe name length")));
    assert_eq!(
        raw.ask(format!("web_pipe2\nweb_a\n{}\n*\nx", "e".repeat(66))).await,
        r#"{"data":{"error":"Invalid event name length"},"event":"error","message_send_time":T,"pipe":"sys"}"#
    );
    assert_eq!(raw.ask("web_pipe2\nweb_\ne\n*\nfour characters").await, answered("four characters", 0, "web_"));
    assert_eq!(
        raw.ask("web_pipe2\n@webauth_x\ne\n*\nx").await,
        error("[pipe_msg2] Invalid channel name. The channel should begin with web_")
    );
    raw.quiet().await;
}

/// Hazard 19.
#[tokio::test]
async fn text_that_is_not_utf_8_kills_the_server_for_everybody() {
    let double = Double::faithful().await;
    for (crashes, bytes) in [(1, &b"\xff\xfe"[..]), (2, b"cut \xd0"), (3, b"surrogate \xed\xa0\x80")] {
        let (mut watcher, mut sender) = (double.anonymous().await, double.anonymous().await);
        watcher.subscribe("web_x").await;
        sender.send(b"statistics\n\xff").await;
        sender.send(b"web_pipe2\nweb_before\ne\n*\nanswered before").await;
        assert_eq!(sender.text().await, answered("answered before", 0, "web_before"));
        sender.send([b"web_pipe2\nweb_nobody\ne\n*\nbad ", bytes].concat()).await;
        sender.ends().await;
        watcher.ends().await;
        assert_eq!(double.control.crashes(), crashes);
        assert_eq!(double.control.subscribers("web_x"), 0);
    }
    let mut raw = double.anonymous().await;
    raw.send(b"track_pipe_users\ntrack_x\n\xff").await;
    raw.ends().await;
    assert_eq!(double.control.crashes(), 4);
    double.anonymous().await.quiet().await;
}

/// Hazard 25, the double's half: answers come one per send, in order, an error in its place.
#[tokio::test]
async fn answers_come_in_the_order_of_the_sends() {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    for number in 100_000..101_000 {
        raw.send(format!("web_pipe2\nweb_chat\nevt\n*\nnumber {number}")).await;
    }
    raw.send("web_pipe2\nchat\ne\n*\nx").await;
    raw.send("web_pipe2\nweb_chat\nevt\n*\nthe last of all").await;
    for number in 100_000..101_000 {
        assert_eq!(raw.text().await, answered(&format!("number {number}"), 0, "web_chat"));
    }
    assert_eq!(raw.text().await, error("[pipe_msg2] Invalid channel name. The channel should begin with web_"));
    assert_eq!(raw.text().await, answered("the last of all", 0, "web_chat"));
}
