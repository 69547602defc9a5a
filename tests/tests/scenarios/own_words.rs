//! What the bot says itself and what others say in the same words are told apart by who said it.

use cometbot_tests::{Client, Comet, End, HASH, Plugin, USER, Way, Wire};

use crate::scribe::{home, said_long_ago, settled, settled_bot, words_up_to};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_said_in_the_same_words_and_was_missed_is_heard_as_the_others() {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    said_long_ago(&comet, "web_log", 1);
    let answering =
        Plugin::new().hears("web_start", ["go"]).sends("web_log").handle(r#"(call $send "web_log" "msg" "yes")"#);
    // Writes down who said it, and what.
    let who = Plugin::new().hears("web_log", []).hears("web_ask", ["ask"]).logs("web_log").writes_log().handle(
        r#"(if (call $is (local.get $pipe) (local.get $pipe_bytes) "web_ask")
            (then (call $ask_log "web_log" (i32.const 1) (i32.const 0x120))))
        (call $log (i32.const 2)
            (if (result i32 i32) (i32.eqz (local.get $has_user))
                (then "web_log nobody")
                (else (if (result i32 i32) (i64.eqz (local.get $user)) (then "web_log guest") (else "web_log user"))))
            (local.get $data) (local.get $data_bytes))"#,
    );
    let home = home(&wire.url(), &who)
        .set("server", &format!("user-id = {USER}\ntoken = \"{HASH}\""))
        .plugin("answering.wat", answering.text());
    let bot = settled_bot(&comet, &home).await;
    let mut guest = Client::join(&comet, ["web_log"]).await;
    comet.subscribed("web_log", 2).await;
    // The bot is to send something, and before that arrives a guest says the same, of which the bot hears nothing.
    wire.hold(Way::Up);
    let sent = wire.counts().came.up;
    comet.control.publish("web_start", "go", "").unwrap();
    wire.until("the send", |counts| counts.came.up > sent).await;
    wire.hold(Way::Down);
    guest.send_and_wait("web_log", "msg", "yes").await;
    wire.release();
    assert_eq!(guest.next_lines(1).await, ["msg yes"]);
    wire.cut(End::Reset);
    wire.heal();
    // It is sent again, as nobody could know that it had arrived.
    assert_eq!(guest.next_lines(1).await, ["msg yes"]);
    comet.subscribed("web_log", 2).await;
    settled(&comet, &bot).await;
    guest.send("web_log", "msg", "last");
    words_up_to(&bot, "web_log", "last").await;
    let heard = bot.lines(|line| line.of("scribe") && line.message() == "yes");
    let by: Vec<String> = heard.iter().map(|line| line.field("context")).collect();
    assert_eq!(by, ["web_log guest"]);
}
