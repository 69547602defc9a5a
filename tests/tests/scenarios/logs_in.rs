//! As whom the bot comes: a session hash, a JSON web token, nobody, and a login that is not accepted.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cometbot::comet::wire::Seen;
use cometbot_tests::{Client, Comet, HASH, Home, PASSWORD, Plugin, USER};
use ring::hmac;

/// A JSON web token as a back end makes it for dev 0.
fn token(user: u32, expires_in_seconds: i64) -> String {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let payload = URL_SAFE_NO_PAD.encode(format!(r#"{{"user_id":{user},"exp":{}}}"#, now + expires_in_seconds));
    let key = hmac::Key::new(hmac::HMAC_SHA256, format!("{PASSWORD}0").as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, format!("{header}.{payload}").as_bytes()));
    format!("{header}.{payload}.{signature}")
}

fn home_of(comet: &Comet, user: u32, token: &str) -> Home {
    Home::at(comet)
        .set("server", &format!("user-id = {user}\ntoken = \"{token}\""))
        .plugin("echo.wat", Plugin::answering("web_chat", "echo").text())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hash_and_a_json_web_token_make_the_bot_a_user() {
    let comet = Comet::start().await;
    for (user, token) in [(USER, HASH.to_owned()), (21, token(21, 3600))] {
        let home = home_of(&comet, user, &token);
        let bot = home.live().await;
        bot.wait_until_it_says(&format!("connected as user {user}")).await;
        let mut client = Client::join(&comet, ["web_chat"]).await;
        client.send("web_chat", "msg", "x");
        assert_eq!(client.next().await.user, Some(u64::from(user)), "the others see who answers");
        bot.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_is_not_accepted_is_named_and_the_bot_does_not_act_as_nobody() {
    let comet = Comet::start().await;
    for (user, token) in [(USER, "f".repeat(32)), (21, token(21, -1)), (22, token(21, 3600))] {
        let home = home_of(&comet, user, &token);
        let bot = home.start();
        let line = bot.wait_until_it_says(&format!("does not accept the login of user {user}")).await;
        assert!(line.says("check the token, whether it has expired"), "{line:?}");
        assert_eq!(comet.control.subscribers("web_chat"), 0);
        bot.stop().await;
        let ended = home.run(["count", "web_chat"]).await;
        assert_eq!(ended.code, Some(3), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_s_status_says_online_or_how_long_ago() {
    let comet = Comet::start().await;
    let asking = Client::join(&comet, []).await;
    let user = Client::join_as_user(&comet, []).await;
    assert_eq!(asking.user_status(USER).await, Seen::OnlineOrUnknown);
    drop(user);
    comet.control.wait_for_connections(1).await;
    assert!(matches!(asking.user_status(USER).await, Seen::SecondsAgo(seconds) if seconds < 20));
    assert_eq!(asking.user_status(424_242).await, Seen::OnlineOrUnknown, "a user that never was");
}

/// Hazard 5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_was_renewed_in_its_file_is_used_at_the_next_connection() {
    let comet = Comet::start().await;
    let home = Home::at(&comet)
        .set("server", "user-id = 21\ntoken-file = \"token\"")
        .file("token", &token(21, 3600))
        .plugin("echo.wat", Plugin::answering("web_chat", "echo").text());
    let mut bot = home.live().await;
    let first = std::fs::read_to_string(home.path().join("token")).unwrap();
    comet.control.revoke(&first);
    std::fs::write(home.path().join("token"), token(21, 7200)).unwrap();
    bot.forget();
    comet.control.disconnect_all();
    bot.wait_until_it_says("connected as user 21").await;
    bot.wait_until_it_says("live: events reach the plugins").await;
}
