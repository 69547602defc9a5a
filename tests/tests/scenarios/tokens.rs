//! The login while the bot runs: tokens from a program, tokens that expire, logins that are withdrawn and given back.

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cometbot::local::text_frame;
use cometbot_tests::{Client, Comet, End, HASH, Home, PASSWORD, Plugin, Refusal, USER, Wire};
use ring::hmac;

use crate::scrape::{SERVED, Scraper};

/// Another hash of [`USER`].
const SECOND_HASH: &str = "fedcba9876543210fedcba9876543210";
/// Who has JSON web tokens.
const BEARER: u32 = 21;
/// What is no token and is not to be seen.
const SECRET: &str = "hush-hush";
const QUICK: &str = "retry-min-ms = 10\nretry-max-seconds = 1";
const EXPIRES: &str = "cometbot_token_expires_seconds";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A JSON web token as a back end makes it for dev 0.
fn token(expires: u64) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let payload = URL_SAFE_NO_PAD.encode(format!(r#"{{"user_id":{BEARER},"exp":{expires}}}"#));
    let key = hmac::Key::new(hmac::HMAC_SHA256, format!("{PASSWORD}0").as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, format!("{header}.{payload}").as_bytes()));
    format!("{header}.{payload}.{signature}")
}

fn home(url: &str, user: u32, source: &str) -> Home {
    Home::at_url(url)
        .set("server", &format!("user-id = {user}\n{source}\n{QUICK}"))
        .set("service", SERVED)
        .plugin("echo.wat", Plugin::answering("web_chat", "echo").text())
}

/// With a program that does what the file `act` says, and notes each run in the file `runs`.
fn home_of_program(url: &str, act: &str) -> Home {
    home(url, USER, "token-command = [\"sh\", \"program\"]")
        .file("program", "echo run >> runs\n. ./act\n")
        .file("act", act)
}

/// Replaces a file in one step, as it may be read meanwhile.
fn replace(home: &Home, file: &str, text: &str) {
    let temporary = home.path().join("temporary");
    fs::write(&temporary, text).unwrap();
    fs::rename(temporary, home.path().join(file)).unwrap();
}

async fn answers(comet: &Comet, text: &str) {
    let mut client = Client::join(comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", text).await, format!("echo {text}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_is_asked_for_the_token_before_each_connection() {
    let comet = Comet::start().await;
    let home = home_of_program(&comet.url(), &format!("echo {HASH}"));
    let mut bot = home.live().await;
    bot.wait_until_it_says("connected as user 7").await;
    let runs = || fs::read_to_string(home.path().join("runs")).unwrap().lines().count();

    let before = runs();
    replace(&home, "act", &format!("echo {SECOND_HASH}"));
    comet.control.add_user(USER, SECOND_HASH).unwrap();
    bot.forget();
    comet.control.disconnect_all();
    bot.wait_until_it_says("connected as user 7").await;
    bot.wait_until_it_says("live: events reach the plugins").await;
    assert!(runs() > before);
    answers(&comet, "x").await;
    let ended = bot.stop().await;
    assert!(![HASH, SECOND_HASH].iter().any(|hash| ended.err.contains(hash)), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_gives_no_token_is_named_and_run_again() {
    let comet = Comet::start().await;
    let home = home_of_program(&comet.url(), "echo sealed >&2\nexit 3");
    let mut bot = home.start();
    bot.wait_until_it_says("cannot connect: token-command sh failed (exit status: 3, saying: sealed)").await;
    for (act, words) in [
        ("exit 0".to_owned(), "token-command sh printed nothing"),
        (format!("echo {SECRET} and more"), "what token-command sh printed is no token"),
        (format!("echo {SECRET}; echo not {SECRET} >&2; exit 1"), "saying: not ***"),
        (format!("yes {SECRET} | head -n 1000"), "token-command sh printed more than 4096 bytes"),
    ] {
        bot.forget();
        replace(&home, "act", &act);
        let line = bot.wait_until_it_says(words).await;
        assert!(line.is("WARN") && line.field("reason") == "login", "{}", line.raw);
    }
    replace(&home, "act", &format!("echo {HASH}"));
    bot.wait_until_it_says("live: events reach the plugins").await;
    answers(&comet, "x").await;
    let ended = bot.stop().await;
    assert!(![HASH, SECRET].iter().any(|secret| ended.err.contains(secret)), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_does_not_end_is_stopped() {
    let comet = Comet::start().await;
    let home = home_of_program(&comet.url(), "exec sleep 3600");
    let bot = home.start();
    bot.wait_until_it_says("cannot connect: token-command sh has not ended within 10 s and was stopped").await;
    replace(&home, "act", &format!("echo {HASH}"));
    bot.wait_until_it_says("live: events reach the plugins").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_nobody_renews_is_warned_of_and_its_end_is_an_error_but_the_connection_stays() {
    const LIFE_SECONDS: u64 = 8;
    let comet = Comet::start().await;
    let expires = now() + LIFE_SECONDS;
    let home = home(&comet.url(), BEARER, "token-file = \"token\"").file("token", &token(expires));
    let mut bot = home.live().await;
    let line = bot.wait_until_it_says("`token-file` still has the same").await;
    assert!(line.is("WARN") && line.says("the token expires in "), "{}", line.raw);
    assert!(now() < expires, "in time");
    assert_eq!(Scraper::of(&bot).await.page().await.value(EXPIRES), Some(expires as f64));

    let line = bot.wait_until_it_says("the token has expired").await;
    assert!(line.is("ERROR"), "{}", line.raw);
    assert!(now() >= expires, "not before");
    answers(&comet, "x").await;
    assert!(bot.lines(|line| line.says("connection lost")).is_empty());

    bot.forget();
    comet.control.disconnect_all();
    let line = bot.wait_until_it_says("no longer accepts the login of user 21: its token expired ").await;
    assert!(line.says("write a new one into"), "{}", line.raw);
    let secret = fs::read_to_string(home.path().join("token")).unwrap();
    assert!(!bot.stop().await.err.contains(&secret));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_renewed_in_time_is_noticed_and_used() {
    const LIFE_SECONDS: u64 = 6;
    let comet = Comet::start().await;
    let first = now() + LIFE_SECONDS;
    let home = home(&comet.url(), BEARER, "token-file = \"token\"").file("token", &token(first));
    let mut bot = home.live().await;
    let metrics = Scraper::of(&bot).await;
    metrics.until("the end of the first", |page| page.value(EXPIRES) == Some(first as f64)).await;
    let second = first + 3600;
    replace(&home, "token", &token(second));
    let line = bot.wait_until_it_says("the token has been renewed").await;
    assert!(line.is("INFO"), "{}", line.raw);
    assert!(now() <= first, "before the first has expired");
    assert_eq!(metrics.page().await.value(EXPIRES), Some(second as f64));
    assert!(bot.troubles().is_empty());
    comet.control.revoke(&token(first));
    bot.forget();
    comet.control.disconnect_all();
    bot.wait_until_it_says("connected as user 21").await;
    bot.wait_until_it_says("live: events reach the plugins").await;
    answers(&comet, "x").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_is_withdrawn_has_words_of_its_own_and_is_not_tried_in_a_tight_loop() {
    let comet = Comet::start().await;
    let home = home(&comet.url(), USER, &format!("token = \"{HASH}\""));
    let mut bot = home.live().await;
    let metrics = Scraper::of(&bot).await;
    bot.forget();
    comet.control.remove_user(USER);
    let line = bot.wait_until_it_says("the server no longer accepts the login of user 7: it did before").await;
    assert!(line.is("WARN") && line.says("next try in 60.0 s"), "{}", line.raw);
    assert_eq!(comet.control.subscribers("web_chat"), 0, "it does not act as nobody");
    let page = metrics.state("waiting").await;
    assert_eq!(page.losses("not_authorized"), Some(1.0));
    let ended = bot.stop().await;
    assert!(!ended.err.contains(HASH), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_was_withdrawn_and_given_back_while_the_bot_was_away_is_as_good_as_before() {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let home = home(&wire.url(), USER, "token-file = \"token\"").file("token", HASH);
    let mut bot = home.live().await;
    bot.forget();
    wire.refuse(Refusal::NoListener);
    comet.control.remove_user(USER);
    bot.wait_until_it_says("cannot be reached").await;
    comet.control.add_user(USER, SECOND_HASH).unwrap();
    replace(&home, "token", SECOND_HASH);
    wire.heal();
    bot.wait_until_it_says("connected as user 7").await;
    bot.wait_until_it_says("live: events reach the plugins").await;
    answers(&comet, "x").await;
}

/// The server says so only where a login is needed: in answer to what is sent to a `webauth_` pipe.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_forgets_the_user_is_told_anew_who_the_bot_is() {
    const FORGOTTEN: &[u8] = br#"{"data":{"error":"[webauth_pipe_msg2] Invalid user auth. In to channel with name like webauth_* can not send messages anonim users","number_messages":-1},"event":"error","message_send_time":1700000000,"pipe":"sys"}"#;
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let home = home(&wire.url(), USER, &format!("token = \"{HASH}\"")).plugin(
        "members.wat",
        Plugin::new()
            .hears("web_members", ["msg"])
            .sends("webauth_members")
            .handle(r#"(call $send "webauth_members" "said" (local.get $data) (local.get $data_bytes))"#)
            .text(),
    );
    let mut bot = home.live().await;
    let mut member = Client::join_as_user(&comet, ["webauth_members"]).await;
    bot.forget();
    wire.clamp();
    let before = wire.counts().came.up;
    member.send("web_members", "msg", "one");
    wire.until("a send", |counts| counts.came.up > before).await;
    assert_eq!(comet.control.raw_to_pipe("web_members", &text_frame(FORGOTTEN)), 1);
    let line = bot.wait_until_it_says("connection lost: the server no longer knows the bot as the user").await;
    assert_eq!(line.field("reason"), "disowned", "{}", line.raw);
    let line = bot.wait_for("the refusal", |line| line.of("members") && line.says("Invalid user auth")).await;
    assert!(line.is("WARN"), "{}", line.raw);
    wire.cut(End::Reset);
    wire.heal();
    bot.wait_until_it_says("connected as user 7").await;
    bot.wait_until_it_says("live: events reach the plugins").await;
    member.send("web_members", "msg", "two");
    assert_eq!(member.next_lines(1).await, ["said two"], "the first was refused, and is not sent again");
}
