//! Servers before 4.0: what plugins get from one is no different.

use cometbot::local::Era;
use cometbot_tests::{Client, Comet, Home, Plugin};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_count_and_echo_work_on_a_server_before_4_0() {
    let comet = Comet::start_like(Era::V331).await;
    let plugin = Plugin::new().hears("web_ask", ["msg"]).sends("web_told").logs("web_*").counts("web_*").handle(
        r#"(call $tell_log "web_log" (i32.const 5))
            (call $tell_count "web_told")"#,
    );
    let home = Home::at(&comet).plugin("reader.wat", plugin.text());
    let _bot = home.live().await;
    let mut client = Client::join(&comet, ["web_told"]).await;
    client.send_and_wait("web_log", "row", r#"it's "one" \ row"#).await;
    client.send("web_ask", "msg", "x");
    assert_eq!(client.next_lines(3).await, [r#"row it's "one" \ row"#, "rows 1", "count 1"]);
}
