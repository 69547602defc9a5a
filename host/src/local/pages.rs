//! The answers to requests that ask for no websocket (PROTOCOL.md, section 1.1).

use super::forms::SERVER;
use super::http::Route;

/// The whole answer to `route`; nothing for a websocket.
pub(super) fn answer(route: Route, node: &str) -> Vec<u8> {
    match route {
        Route::Socket => String::new(),
        Route::Options => head("200 OK", CACHED, "") + "+OK\r\n",
        Route::Info => head("200 OK", "", "") + &format!(r#"{{"status":"ok","node":"{}"}}"#, padded(node)),
        Route::Root => head("200 OK", CACHED, "") + &page(),
        Route::Icon => head("301 OK", CACHED, "Location: http://comet-server.com/favicon.ico\r\n"),
        Route::Missing => head("404 Not Found", CACHED, "") + &page(),
    }
    .into_bytes()
}

const CACHED: &str = "Cache-Control: max-age=3600\r\n";

/// The four spaces are on the wire like that.
fn head(status: &str, cached: &str, last: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type:text/html; charset=UTF-8\r\nServer:CppComet Server\r\n\
         Comet-Server:CppComet Server\r\nAccess-Control-Allow-Origin: *    \r\nAccess-Control-Allow-Methods:POST, GET\r\n\
         Allow: POST, GET\r\nAccess-Control-Allow-Headers: origin, content-type, accept\r\n{cached}Connection: close\r\n\
         {last}\r\n"
    )
}

/// The page for people; its text is the double's own.
fn page() -> String {
    format!(
        "<!DOCTYPE html><html><head><meta charset='utf-8'><title>{SERVER}</title></head><body>{SERVER}</body></html>"
    )
}

/// The first ten bytes of the node's name, filled up with `_`.
fn padded(node: &str) -> String {
    let name = node.chars().filter(char::is_ascii_graphic).filter(|shown| !"\"\\".contains(*shown));
    name.chain(std::iter::repeat('_')).take(10).collect()
}

/// The head of the answer to a websocket request.
pub(super) fn switching(key: &[u8], offers_protocol: bool) -> Vec<u8> {
    let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key);
    let protocol = if offers_protocol { "Sec-WebSocket-Protocol: chat\r\n" } else { "" };
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Version: 13\r\n{protocol}\r\n"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_switching_head_has_156_bytes_and_the_accept_key_of_the_request() {
        let head = String::from_utf8(switching(b"xXrpRlasnKhKD3kg8cr2JQ==", false)).unwrap();
        assert!(head.contains("Sec-WebSocket-Accept: D6wnkWZD14M0/rUHvgpIkmY+bLw=\r\n"), "{head}");
        assert_eq!(head.len(), 156);
        assert_eq!(switching(b"k", true).len() - switching(b"k", false).len(), 30);
    }

    #[test]
    fn heads_are_as_long_as_those_of_the_real_server() {
        for (route, length) in [(Route::Options, 314), (Route::Info, 285), (Route::Root, 314), (Route::Missing, 321)] {
            let answer = String::from_utf8(answer(route, "n1")).unwrap();
            assert_eq!(answer.find("\r\n\r\n").unwrap() + 4, length, "{answer}");
        }
    }

    #[test]
    fn info_shows_ten_bytes_of_the_node() {
        assert!(answer(Route::Info, "n1").ends_with(br#"{"status":"ok","node":"n1________"}"#));
        assert!(answer(Route::Info, "a-very-long-name").ends_with(br#""a-very-lon"}"#));
    }
}
