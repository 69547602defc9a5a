//! A double that speaks as a 3.31 does (PROTOCOL.md, section 10). Hazard 38.

use cometbot::local::{Era, LogRule, Options, Personal};

use super::harness::{Double, HASH, Raw, request, user};

const ANONYMOUS: &str = r#"{"data":"","pipe":"undefined","server":"CppComet 3.31","authorized":"false"}"#;

async fn old() -> Double {
    let logs = vec![LogRule { pipes: "web_log".to_owned(), length: 5 }];
    Double::start(Options { era: Era::V331, users: vec![user(0, 7)], logs, ..Options::default() }).await
}

/// Captured answers are compared with their base64 as it came.
fn encoded(pipe: &str, base64: &str) -> String {
    format!(r#"{{"data":"{base64}","pipe":"{pipe}","nodata":true}}"#)
}

async fn quiet(raw: &mut Raw) {
    assert_eq!(
        raw.ask("pipe_count\nweb_fence\nmarker0001\n").await,
        r#"{"data":"{\"user_in_pipe\":\"0\"}","pipe":"_answer_pipe_count","marker":"marker0001","event_name":"user_in_pipe"}"#
    );
}

#[tokio::test]
async fn greetings_and_refusals_have_the_old_forms() {
    let double = old().await;
    let mut raw = double.shaken("sesion=bad&myid=5&devid=0&v=3.31&uuid=x&api=js").await;
    assert_eq!(raw.text().await, ANONYMOUS);
    let login = format!("sesion={HASH}&myid=7&devid=0&v=4.08&uuid=x&api=js");
    assert_eq!(
        double.shaken(&login).await.text().await,
        format!(r#"{{"data":"{HASH}","pipe":"undefined","server":"CppComet 3.31","authorized":"true"}}"#)
    );
    let version = "{\"error\":\"418\",\"data\":\"Error code 418(Invalid request Not assigned client api version)\n\",\"event_name\":\"CometServerError\"}";
    let key = r#"{"error":"406","data":"Error code 406(Invalid request, no public key found)","event_name":"CometServerError"}"#;
    for (parameters, expected) in [
        ("sesion=undefined", version),
        ("sesion=u&myid=u&devid=1", version),
        ("sesion=u&myid=u&devid=1&v=abc&uuid=x&api=js", version),
        ("", key),
    ] {
        let mut raw = double.shaken(parameters).await;
        assert_eq!(raw.text().await, expected, "{parameters}");
        assert_eq!(raw.text().await, "  Closed due to error. See last message.");
        raw.ends().await;
    }
    // A session of any length is harmless here.
    let mut raw = double.raw().await;
    raw.write(request(&format!("/ws/sesion={}&myid=&devid=&v=3.31&", "a".repeat(200))).as_bytes()).await;
    raw.head().await;
    assert_eq!(raw.text().await, ANONYMOUS);
}

#[tokio::test]
async fn messages_and_answers_have_the_captured_bytes() {
    let double = old().await;
    let (mut a, mut b) = (double.anonymous().await, double.anonymous().await);
    b.send("subscription\nweb_chat").await;
    quiet(&mut b).await;
    for (message, answer, heard) in [
        (
            "hello",
            "eyJkYXRhIjp7Im51bWJlcl9tZXNzYWdlcyI6MSwibWVzc2FnZSI6ImhlbGxvIiwiZXJyb3IiOiIifSwiZXZlbnRfbmFtZSI6ImFuc3dlciJ9",
            "hello",
        ),
        (
            r#"{"text":"he said \"hi\"","n":1}"#,
            "eyJkYXRhIjp7Im51bWJlcl9tZXNzYWdlcyI6MSwibWVzc2FnZSI6IntcInRleHRcIjpcImhlIHNhaWQgXFxcImhpXFxcIlwiLFwiblwiOjF9IiwiZXJyb3IiOiIifSwiZXZlbnRfbmFtZSI6ImFuc3dlciJ9",
            r#"{\"text\":\"he said \\\"hi\\\"\",\"n\":1}"#,
        ),
        (
            "it's \\ back\nnl",
            "eyJkYXRhIjp7Im51bWJlcl9tZXNzYWdlcyI6MSwibWVzc2FnZSI6Iml0XCdzIFxcIGJhY2tcbm5sIiwiZXJyb3IiOiIifSwiZXZlbnRfbmFtZSI6ImFuc3dlciJ9",
            r"it\'s \\ back\nnl",
        ),
        (
            "Привет 😀",
            "eyJkYXRhIjp7Im51bWJlcl9tZXNzYWdlcyI6MSwibWVzc2FnZSI6ItCf0YDQuNCy0LXRgiDwn5iAIiwiZXJyb3IiOiIifSwiZXZlbnRfbmFtZSI6ImFuc3dlciJ9",
            "Привет 😀",
        ),
    ] {
        assert_eq!(
            a.ask(format!("web_pipe2\nweb_chat\nevt\n*\n{message}")).await,
            encoded("_answer_to_web_chat", answer)
        );
        assert_eq!(b.text().await, format!(r#"{{"data":"{heard}","pipe":"web_chat","event_name":"evt","user_id":0}}"#));
    }
    double.control.publish("web_chat", "evq", "hello from ql").unwrap();
    assert_eq!(b.text().await, r#"{"data":"hello from ql","pipe":"web_chat","event_name":"evq"}"#);
    double.control.publish("web_chat", "evq", r#"{"t":"j"}"#).unwrap();
    assert_eq!(b.text().await, r#"{"data":"{\"t\":\"j\"}","pipe":"web_chat","event_name":"evq"}"#);
}

#[tokio::test]
async fn log_rows_carry_the_marker_laid_over_a_word() {
    let double = old().await;
    let mut raw = double.anonymous().await;
    raw.ask("web_pipe2\nweb_log\nevt\n*\nit's \\ back\nnl").await;
    for (marker, shown) in [("marker0001", "marker0001"), ("short", "shortrName"), ("longer_than_ten", "longer_tha")] {
        assert_eq!(
            raw.ask(format!("pipe_log\nweb_log\n{marker}\n")).await,
            format!(
                r#"{{"data":"it\'s \\ back\nnl","pipe":"web_log","marker":"{shown}","history":true,"event_name":"evt","user_id":0}}"#
            )
        );
    }
}

#[tokio::test]
async fn personal_messages_and_presence_have_the_old_forms() {
    let double = old().await;
    double.control.personal(7, "pev", "queued").unwrap();
    let mut watcher = double.anonymous().await;
    watcher.send("subscription\nuser_status_7").await;
    quiet(&mut watcher).await;
    let mut seven = double.seven().await;
    assert_eq!(seven.text().await, r#"{"data":"queued","pipe":"undefined","fromQueue":true,"event_name":"pev"}"#);
    assert_eq!(double.control.personal(7, "pev", "hello 7"), Ok(Personal::Sent(1)));
    assert_eq!(seven.text().await, r#"{"data":"hello 7","pipe":"undefined","event_name":"pev","SendToUser":true}"#);
    drop(seven);
    for event in ["online", "offline"] {
        assert_eq!(
            watcher.text().await,
            format!(
                r#"{{"data":"{{\"data\":\"{event}\",\"event_name\":\"{event}\"}}","pipe":"user_status_7","nodata":true}}"#
            )
        );
    }
}

#[tokio::test]
async fn the_newcomer_to_a_track_pipe_hears_of_itself() {
    let double = old().await;
    let named = |letter: &str| format!("sesion=&myid=&devid=0&v=3.31&uuid={}&api=js", letter.repeat(32));
    let (mut a, mut b) = (double.greeted(&named("A")).await, double.greeted(&named("B")).await);
    let joined = |letter: &str| {
        format!(
            r#"{{"data":"{{\"data\":{{\"user_id\":\"0\",\"uuid\":\"{}\"}}}}","pipe":"track_room","event_name":"subscription"}}"#,
            letter.repeat(32)
        )
    };
    assert_eq!(b.ask("subscription\ntrack_room").await, joined("B"));
    assert_eq!(
        a.ask("track_pipe_users\ntrack_room\nmarker0001").await,
        r#"{"data":"eyJldmVudF9uYW1lIjoiYW5zd2VyIiwiZGF0YSI6eyJ1c2VycyI6W3sidXNlcl9pZCI6MCwidXVpZCI6IkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCIn1dfX0=","pipe":"_answer_to_track_room","marker":"marker0001"}"#
    );
    assert_eq!(a.ask("subscription\ntrack_room").await, joined("A"));
    assert_eq!(b.text().await, joined("A"));
    drop(a);
    assert_eq!(
        b.text().await,
        format!(
            r#"{{"data":"{{\"data\":\"\"}}","pipe":"track_room","user_id":"0","uuid":"{}","event_name":"unsubscription"}}"#,
            "A".repeat(32)
        )
    );
}

#[tokio::test]
async fn most_errors_are_base64_and_then_the_end() {
    let double = old().await;
    let long = format!("subscription\nweb_{}", "w".repeat(61));
    for (command, base64) in [
        (
            "web_pipe2\nchat\ne\n*\nx",
            "eyJkYXRhIjp7Im51bWJlcl9tZXNzYWdlcyI6LTEsImVycm9yIjoiW3BpcGVfbXNnMl0gSW52YWxpZCBjaGFubmVsIG5hbWUuIFRoZSBjaGFubmVsIHNob3VsZCBiZWdpbiB3aXRoIHdlYl8ifSwiZXZlbnRfbmFtZSI6ImFuc3dlciJ9",
        ),
        (
            "web_pipe2\nweb_c.t\ne\n*\nx",
            "eyJkYXRhIjp7ImVycm9yIjoiVGhlIGNoYW5uZWwgbmFtZSBjYW4gb25seSBjb250YWluIGNoYXJhY3RlcnMgQS1aYS16MC05Xy0ifSwiZXZlbnRfbmFtZSI6ImFuc3dlciJ9",
        ),
        (
            "web_pipe2\nweb_chat\ne.e\n*\nx",
            "eyJkYXRhIjp7ImVycm9yIjoiVGhlIGV2ZW50IG5hbWUgY2FuIG9ubHkgY29udGFpbiBjaGFyYWN0ZXJzIEEtWmEtejAtOV8tIn0sImV2ZW50X25hbWUiOiJhbnN3ZXIifQ==",
        ),
        (
            "web_pipe2\nweb_chat\ne\n\nx",
            "eyJkYXRhIjp7Im51bWJlcl9tZXNzYWdlcyI6LTEsImVycm9yIjoiSW52YWxpZCB2YWx1ZSBhdXRoX3R5cGUuIn0sImV2ZW50X25hbWUiOiJhbnN3ZXIifQ==",
        ),
        (
            "track_pipe_users\nweb_chat\nmarker0001",
            "eyJkYXRhIjp7Im51bWJlcl91c2VycyI6LTEsImVycm9yIjoiW3RyYWNrX3BpcGVfdXNlcnNdIEludmFsaWQgY2hhbm5lbCBuYW1lLiBUaGUgY2hhbm5lbCBzaG91bGQgc3RhcnQgd2l0aCB0cmFja18ifSwiZXZlbnRfbmFtZSI6ImFuc3dlciJ9",
        ),
        (&long, "eyJlcnJvciI6IkNoYW5uZWwgbmFtZSBpcyB0b28gbG9uZyJ9"),
    ] {
        let mut raw = double.anonymous().await;
        assert_eq!(raw.ask(command).await, encoded("_answer", base64), "{command}");
        raw.ends().await;
    }
    for command in ["user_data\nm\n7", "cgi_call\n", "nonsense", "web_pipe\nweb_chat\nx"] {
        let mut raw = double.anonymous().await;
        raw.send(command).await;
        raw.ends().await;
    }
}

#[tokio::test]
async fn two_errors_leave_the_connection_open() {
    let double = old().await;
    let mut raw = double.anonymous().await;
    assert_eq!(
        raw.ask("pipe_count\nxx\nmarker0001\n").await,
        encoded(
            "_answer",
            "eyJkYXRhIjp7Im51bWJlcl9tZXNzYWdlcyI6LTEsImVycm9yIjoiW3BpcGVfY291bnRdIEludmFsaWQgY2hhbm5lbCBuYW1lLiBUaGUgY2hhbm5lbCBzaG91bGQgYmVnaW4gd2l0aCB3ZWJfIn0sImV2ZW50X25hbWUiOiJhbnN3ZXIifQ=="
        )
    );
    let list: String = (0..33).map(|number| format!("\nweb_{number:02}")).collect();
    assert_eq!(
        raw.ask(format!("subscription{list}")).await,
        encoded("_answer", "eyJlcnJvciI6IlRvbyBtYW55IHN1YnNjcmlwdGlvbnMifQ==")
    );
    raw.send("statistics\n{}").await;
    quiet(&mut raw).await;
}
