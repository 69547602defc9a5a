#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;

const UUID: &str = "Db_YTZOMMQc902yluqo7mLns3RXWFz2t";

fn read(path: &str) -> Result<Parameters, Refusal> {
    let text = format!("GET /ws/{path} HTTP/1.1\r\nHost: 127.0.0.1:18087\r\nSec-WebSocket-Key: k==\r\n\r\n");
    parameters(text.as_bytes(), Era::V409, Faults::Faithful)
}

fn token(text: &str) -> Session {
    Session::Token(text.to_owned())
}

#[test]
fn all_parameters_are_found_by_their_places() {
    let found = read(&format!("sesion=abc&myid=7&devid=15&v=4.08&uuid={UUID}&api=js")).unwrap();
    assert_eq!(found, Parameters { session: token("abc"), user: 7, dev: 15, major: 4, uuid: UUID.to_owned() });
}

#[test]
fn numbers_that_are_none_are_nought() {
    for (path, user, dev) in [
        ("sesion=&myid=undefined&devid=abc&v=4.08&", 0, 0),
        ("sesion=&myid=-7&devid=-1&v=4.08&", 0, 0),
        ("sesion=&myid=007&devid=100000&v=4.08&", 7, 100_000),
        ("sesion=&myid=99999999999999999999&devid=100001&v=4.08&", 0, 0),
        ("sesion=&myid=7x&devid=1.5&v=4.08&", 0, 0),
    ] {
        let found = read(path).unwrap();
        assert_eq!((found.user, found.dev), (user, dev), "{path}");
    }
}

#[test]
fn the_version_decides_by_what_was_read_of_it() {
    for (path, major) in [("v=4", None), ("v=", None), ("v=abc", None), ("v=4.0.9", Some(4)), ("v=3.x", Some(3))] {
        let refusal = read(&format!("sesion=&myid=&devid=0&{path}&api=js")).unwrap_err();
        assert_eq!(refusal, Refusal::Version { major }, "{path}");
    }
    assert_eq!(read("sesion=&myid=&devid=0&v=4.08"), Err(Refusal::Version { major: Some(4) }));
    assert_eq!(read("sesion=&myid=&devid=0&v=3.31&").unwrap().major, 3);
}

#[test]
fn the_uuid_is_the_next_32_bytes() {
    let swallowed = read("sesion=&myid=&devid=0&v=4.08&uuid=short&api=js").unwrap();
    assert_eq!(swallowed.uuid, "short&api=js HTTP/1.1\r\nHost: 127");
    assert_eq!(read("sesion=&myid=&devid=0&v=4.08&api=js").unwrap().uuid, "");
    assert_eq!(read("sesion=&myid=&devid=0&v=4.08&UUID=x&api=js").unwrap().uuid, "");
}

#[test]
fn a_session_of_600_bytes_is_deadly_unless_the_rest_cannot_be_found_behind_it() {
    let with = |length: usize| read(&format!("sesion={}&myid=&devid=0&v=4.08&api=js", "a".repeat(length)));
    assert_eq!(with(599).unwrap().session, token(&"a".repeat(599)));
    assert_eq!(with(600).unwrap().session, Session::Deadly);
    assert_eq!(with(2_000), Err(Refusal::User));
}

#[test]
fn an_old_server_looks_for_equals_signs_and_takes_32_bytes_as_the_session() {
    let text = "GET /ws/sesion=short&myid=7&devid=15&v=3.31&uuid=u&api=js HTTP/1.1\r\n\r\n";
    let found = parameters(text.as_bytes(), Era::V331, Faults::Faithful).unwrap();
    assert_eq!(found.session, token("short&myid=7&devid=15&v=3.31&uui"));
    assert_eq!((found.user, found.dev, found.major), (7, 0, 3));
}

#[test]
fn a_session_does_not_show_in_debug_output() {
    assert!(!format!("{:?}", read("sesion=hush&myid=&devid=0&v=4.08&")).contains("hush"));
}
