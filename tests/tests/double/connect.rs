//! The request, its answers, and who a connection is (PROTOCOL.md, section 1).

use cometbot::local::{Options, Secret};

use super::harness::{Double, HASH, KEY, Raw, counted, request, user, within};

const UUID: &str = "Db_YTZOMMQc902yluqo7mLns3RXWFz2t";
const ANONYMOUS: &str = r#"{"authorized":false,"data":"","event":"serverInfo","message_send_time":T,"pipe":"sys","server":"CppComet community 4.09 (AGPL license)"}"#;
const COMPATIBLE: &str = r#"{"api_data":"for major_version < 4","authorized":false,"data":"","event":"serverInfo","event_name":"serverInfo","message_send_time":T,"pipe":"sys","server":"CppComet community 4.09 (AGPL license)"}"#;

fn authorized(hash: &str) -> String {
    format!(
        r#"{{"authorized":true,"data":"{hash}","event":"serverInfo","message_send_time":T,"pipe":"sys","server":"CppComet community 4.09 (AGPL license)"}}"#
    )
}

fn refused(code: u16, text: &str) -> String {
    format!(
        r#"{{"api_data":"for major_version < 4","data":"{{\"error\":\"Error code {code}({text}\",\"error_code\":{code},\"info\":\"Closed due to error. See last message.\"}}","event":"error","event_name":"error","message_send_time":T,"pipe":"sys"}}"#
    )
}

async fn asked(double: &Double, request: &str) -> Raw {
    let mut raw = double.raw().await;
    raw.write(request.as_bytes()).await;
    raw
}

#[tokio::test]
async fn the_head_and_the_first_frame_are_those_of_the_real_server() {
    let double = Double::faithful().await;
    let mut raw = asked(&double, &request(&format!("/ws/sesion=&myid=&devid=0&v=4.08&uuid={UUID}&api=js"))).await;
    let head = raw.head().await;
    assert_eq!(
        head,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: \
         D6wnkWZD14M0/rUHvgpIkmY+bLw=\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    assert_eq!(raw.text().await, ANONYMOUS);
}

#[tokio::test]
async fn every_accepted_form_of_the_address_is_accepted() {
    let double = Double::faithful().await;
    for path in [
        "/ws/sesion=&myid=&devid=0&v=4.08&uuid=Db_YTZOMMQc902yluqo7mLns3RXWFz2t&api=js",
        "/ws/sesion=&myid=&devid=&v=4.08&",
        "//ws/sesion=&myid=&devid=0&v=4.08&uuid=&api=js",
        "/comet-server/ws/sesion=&myid=&devid=0&v=4.08&api=js",
        "//comet-server/ws/sesion=&myid=&devid=0&v=4.08&api=js",
        "/ws/?sesion=undefined&myid=undefined&devid=15&v=4.08&api=js",
        "/ws/SESION=undefined&MYID=undefined&DEVID=15&V=4.08&UUID=x&API=js",
        "/ws/myid=undefined&sesion=undefined&devid=15&v=4.08&uuid=x&api=js",
        "/ws/sesion=u&myid=u&devid=-1&v=4.08&api=js",
        "/ws/sesion=u&myid=u&devid=999999999&v=4.08&api=js",
        "/ws/sesion=u&myid=u&devid=abc&v=4.08&api=js",
    ] {
        let mut raw = asked(&double, &request(path)).await;
        raw.head().await;
        assert_eq!(raw.text().await, ANONYMOUS, "{path}");
        raw.quiet().await;
    }
}

#[tokio::test]
async fn a_version_below_4_gets_the_compatible_form() {
    let double = Double::faithful().await;
    let mut raw = double.shaken(&format!("sesion=&myid=&devid=0&v=3.31&uuid={UUID}&api=js")).await;
    assert_eq!(raw.text().await, COMPATIBLE);
}

/// Hazards 2 and 6.
#[tokio::test]
async fn refusals_are_one_frame_behind_the_head_and_then_the_end() {
    let double = Double::faithful().await;
    let version = r"Invalid request Not assigned client api version)\\n";
    let user = "Invalid request, the user ID can not be found)";
    for (parameters, expected) in [
        ("sesion=&myid=&devid=&v=&uuid=&api=js", refused(418, version)),
        ("sesion=&myid=&devid=0&v=4&uuid=x&api=js", refused(418, version)),
        ("sesion=&myid=&devid=0&v=abc&uuid=x&api=js", refused(418, version)),
        ("sesion=u&myid=u&devid=0", refused(418, version)),
        ("sesion=u&myid=u&v=4.08&devid=15&uuid=x&api=js", refused(418, version)),
        ("sesion=u&myid=u", refused(406, "Invalid request, no public key found [1])")),
        ("sesion=u", refused(401, user)),
        ("", refused(401, user)),
    ] {
        let mut raw = double.shaken(parameters).await;
        assert_eq!(raw.text().await, expected, "{parameters}");
        raw.ends().await;
    }
}

#[tokio::test]
async fn without_any_equals_sign_the_session_is_missing() {
    let double = Double::faithful().await;
    let request = "GET /ws/ HTTP/1.1\r\nSec-WebSocket-Key: abc\r\n\r\n";
    let mut raw = asked(&double, request).await;
    raw.head().await;
    assert_eq!(raw.text().await, refused(401, "Invalid request, session ID not found)"));
    raw.ends().await;
}

/// Hazards 2 and 6.
#[tokio::test]
async fn a_bad_minor_version_is_refused_in_the_form_of_its_major() {
    let double = Double::faithful().await;
    for parameters in ["sesion=&myid=&devid=0&v=4.0.9&uuid=x&api=js", "sesion=&myid=&devid=0&v=4.08"] {
        let mut raw = double.shaken(parameters).await;
        assert_eq!(
            raw.text().await,
            r#"{"data":{"error":"Error code 418(Invalid request Not assigned client api version)\n","error_code":418,"info":"Closed due to error. See last message."},"event":"error","message_send_time":T,"pipe":"sys"}"#
        );
        raw.ends().await;
    }
}

/// Hazard 1.
#[tokio::test]
async fn a_key_header_in_any_other_spelling_ends_the_connection_without_a_byte() {
    let double = Double::faithful().await;
    for header in [
        String::new(),
        "sec-websocket-key: xXrpRlasnKhKD3kg8cr2JQ==\r\n".to_owned(),
        "Sec-Websocket-Key: xXrpRlasnKhKD3kg8cr2JQ==\r\n".to_owned(),
        "Sec-WebSocket-Key:xXrpRlasnKhKD3kg8cr2JQ==\r\n".to_owned(),
        format!("Sec-WebSocket-Key: {}\r\n", "k".repeat(51)),
    ] {
        asked(&double, &format!("GET /ws/sesion=&myid=&devid=0&v=4.08& HTTP/1.1\r\n{header}\r\n")).await.ends().await;
    }
    let fifty =
        format!("GET /ws/sesion=&myid=&devid=0&v=4.08& HTTP/1.1\r\nSec-WebSocket-Key: {}\r\n\r\n", "k".repeat(50));
    asked(&double, &fifty).await.head().await;
}

#[tokio::test]
async fn only_the_key_is_asked_for_and_a_subprotocol_becomes_chat() {
    let double = Double::faithful().await;
    let bare = format!("GET /ws/sesion=&myid=&devid=0&v=4.08& HTTP/1.0\r\n{KEY}\r\n");
    assert_eq!(asked(&double, &bare).await.head().await.len(), 156);
    let offered = bare.replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Extensions: x\r\n\r\n");
    let head = asked(&double, &offered).await.head().await;
    assert!(head.ends_with("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat\r\n\r\n"), "{head}");
}

#[tokio::test]
async fn other_requests_get_a_page_and_the_end() {
    let double = Double::faithful().await;
    for (line, status, length, ending) in [
        ("GET /info HTTP/1.1", "200 OK", 285, r#"{"status":"ok","node":"n1________"}"#),
        ("GET /comet-server/info HTTP/1.1", "200 OK", 285, r#"{"status":"ok","node":"n1________"}"#),
        ("OPTIONS /ws/ HTTP/1.1", "200 OK", 314, "+OK\r\n"),
        ("GET / HTTP/1.1", "200 OK", 314, "</html>"),
        ("GET /ws HTTP/1.1", "404 Not Found", 321, "</html>"),
        ("POST /ws/ HTTP/1.1", "404 Not Found", 321, "</html>"),
        ("GET /other.js HTTP/1.1", "404 Not Found", 321, "</html>"),
    ] {
        let mut raw = asked(&double, &format!("{line}\r\nHost: x\r\n{KEY}\r\n")).await;
        let head = raw.head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{line}: {head}");
        assert_eq!(head.len(), length, "{line}");
        let body = String::from_utf8(raw.rest().await).unwrap();
        assert!(body.ends_with(ending), "{line}: {body}");
    }
}

#[tokio::test]
async fn a_request_in_pieces_is_joined_unless_a_piece_ends_in_a_line_break() {
    let double = Double::faithful().await;
    let request = request("/ws/sesion=&myid=&devid=0&v=4.08&uuid=x&api=js");
    let inside_the_key = request.find("xXrp").unwrap();
    let behind_a_return = request.find('\n').unwrap();
    for cut in [inside_the_key, behind_a_return] {
        let mut raw = double.raw().await;
        let (first, second) = request.split_at(cut);
        raw.write(first.as_bytes()).await;
        tokio::task::yield_now().await;
        raw.write(second.as_bytes()).await;
        raw.head().await;
    }
    // A piece that ends in a line break is parsed alone, and there is no key in it.
    let mut raw = double.raw().await;
    raw.write(&request.as_bytes()[..=behind_a_return]).await;
    raw.ends().await;
}

/// What comes with the request in one segment hides its end.
#[tokio::test]
async fn a_frame_glued_to_the_request_makes_the_server_wait_for_ever() {
    let double = Double::faithful().await;
    let mut raw = double.raw().await;
    let glued = [request("/ws/sesion=&myid=&devid=0&v=4.08&").as_bytes(), b"\x81\x8a\0\0\0\0statistics"].concat();
    raw.write(&glued).await;
    // Another connection comes and goes meanwhile.
    double.anonymous().await.quiet().await;
    double.control.wait_for_connections(0).await;
    raw.close_writing().await;
    raw.ends().await;
}

/// Hazard 3.
#[tokio::test]
async fn a_short_uuid_swallows_what_follows() {
    let double = Double::faithful().await;
    let mut watcher = double.anonymous().await;
    watcher.subscribe("track_room").await;
    let mut short = double.greeted("sesion=&myid=&devid=0&v=4.08&uuid=short&api=js").await;
    short.subscribe("track_room").await;
    assert_eq!(
        watcher.text().await,
        r#"{"data":{"user_id":0,"uuid":"short&api=js HTTP/1.1\r\nHost: 127"},"event":"subscription","message_send_time":T,"pipe":"track_room"}"#
    );
}

/// Hazard 4.
#[tokio::test]
async fn a_hash_logs_in_only_the_user_to_whom_it_belongs() {
    let double = Double::faithful().await;
    let login =
        |session: &str, id: u32, dev: u32| format!("sesion={session}&myid={id}&devid={dev}&v=4.08&uuid=x&api=js");
    let mut raw = double.shaken(&login(HASH, 7, 0)).await;
    assert_eq!(raw.text().await, authorized(HASH));
    for wrong in [login("bad", 7, 0), login(HASH, 8, 0), login(HASH, 7, 15), login("", 0, 0)] {
        let mut raw = double.shaken(&wrong).await;
        assert_eq!(raw.text().await, ANONYMOUS, "{wrong}");
        raw.quiet().await;
    }
    double.control.add_user(9, "short").unwrap();
    assert_eq!(double.shaken(&login("short", 9, 0)).await.text().await, authorized("short"));
    double.control.remove_user(7);
    raw.ends().await;
    assert_eq!(double.shaken(&login(HASH, 7, 0)).await.text().await, ANONYMOUS);
}

/// `{"user_id":21,"exp":4102444800}`, signed with `PASS0`.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VyX2lkIjoyMSwiZXhwIjo0MTAyNDQ0ODAwfQ.YqevHBtw7KQdLRLg-TReadaEf7u1v_YwDrTF9iYJVrw";
/// The same with `exp` 1000000000.
const EXPIRED: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VyX2lkIjoyMSwiZXhwIjoxMDAwMDAwMDAwfQ.3wWONUmQ-8GRv0a5KIa9ld0UpHPoUKrWvKiJ0adA7-c";

/// Hazard 5.
#[tokio::test]
async fn a_token_logs_in_and_makes_a_hash_that_stays() {
    let double = Double::faithful().await;
    let login = |session: &str| format!("sesion={session}&myid=21&devid=0&v=4.08&uuid=x&api=js");
    let first = double.shaken(&login(TOKEN)).await.text().await;
    let hash = first.split('"').nth(5).unwrap().to_owned();
    assert_eq!((first, hash.len()), (authorized(&hash), 32));
    assert_eq!(double.shaken(&login(TOKEN)).await.text().await, authorized(&hash));
    assert_eq!(double.shaken(&login(&hash)).await.text().await, authorized(&hash));
    assert_eq!(double.shaken(&login(EXPIRED)).await.text().await, ANONYMOUS);
    double.control.revoke(TOKEN);
    assert_eq!(double.shaken(&login(TOKEN)).await.text().await, ANONYMOUS);
}

#[tokio::test]
async fn a_session_of_599_bytes_is_wrong_and_one_of_600_kills_the_server() {
    let double = Double::faithful().await;
    let mut watcher = double.anonymous().await;
    let login = |length| format!("sesion={}&myid=&devid=0&v=4.08&uuid=x&api=js", "a".repeat(length));
    assert_eq!(double.shaken(&login(599)).await.text().await, ANONYMOUS);
    watcher.quiet().await;
    for (crashes, length) in [(1, 600), (2, 601), (3, 700)] {
        let mut raw = double.raw().await;
        raw.write(request(&format!("/ws/{}", login(length))).as_bytes()).await;
        raw.ends().await;
        assert_eq!(double.control.crashes(), crashes);
    }
    watcher.ends().await;
    // It is restarted at once.
    double.anonymous().await.quiet().await;
}

#[tokio::test]
async fn accounts_do_not_hear_each_other_and_a_bad_number_is_account_0() {
    let options = Options { users: vec![user(3, 7)], password: Secret::new("PASS"), ..Options::default() };
    let double = Double::start(options).await;
    let mut three = double.greeted("sesion=&myid=&devid=3&v=4.08&uuid=x&api=js").await;
    let mut bad = double.greeted("sesion=&myid=&devid=abc&v=4.08&uuid=x&api=js").await;
    three.subscribe("web_iso").await;
    bad.subscribe("web_iso").await;
    assert_eq!(double.control.publish("web_iso", "e", "zero"), Ok(1));
    assert_eq!(bad.text().await, r#"{"data":"zero","event":"e","message_send_time":T,"pipe":"web_iso"}"#);
    assert_eq!(double.control.for_dev(3).publish("web_iso", "e", "three"), Ok(1));
    assert_eq!(three.text().await, r#"{"data":"three","event":"e","message_send_time":T,"pipe":"web_iso"}"#);
    three.quiet().await;
    bad.quiet().await;
    assert_eq!(three.ask("pipe_count\nweb_iso\nm123456789\n").await, counted(1, "m123456789"));
}

#[tokio::test]
async fn shutdown_ends_all_connections() {
    let double = Double::faithful().await;
    let (greeted, silent) = (double.anonymous().await, double.raw().await);
    within(double.stop()).await;
    greeted.ends().await;
    silent.ends().await;
}
