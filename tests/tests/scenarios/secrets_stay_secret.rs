//! A token or a password shows nowhere: in no log however chatty, in no error, in no answer.

use cometbot_tests::{Comet, Ended, HASH, Home, Plugin, USER};

/// A token that no server knows. Of digits alone, it is also a number in TOML.
const NUMERIC: &str = "987654321987654321";

fn assert_hidden(ended: &Ended, secret: &str) {
    for (stream, text) in [("standard output", &ended.out), ("standard error", &ended.err)] {
        assert!(!text.contains(secret), "{stream} shows {secret}: {text}");
    }
}

fn chatty(comet: &Comet) -> Home {
    Home::at(comet)
        .set("log", "level = \"trace\"")
        .set("server", &format!("user-id = {USER}"))
        .plugin("echo.wat", Plugin::answering("web_chat", "echo").text())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_right_shows_nowhere() {
    let comet = Comet::start().await;
    for home in [
        chatty(&comet).set("server", "token-file = \"token\"").file("token", HASH),
        chatty(&comet).set("server", &format!("token = \"{HASH}\"")),
        chatty(&comet).variable("COMETBOT_SERVER__TOKEN", HASH),
    ] {
        let mut bot = home.live().await;
        bot.wait_until_it_says("connected as user 7").await;
        // The second login is one after an error.
        bot.forget();
        comet.control.disconnect_all();
        bot.wait_until_it_says("connected as user 7").await;
        let ended = bot.stop().await;
        assert_hidden(&ended, HASH);
        for arguments in
            [vec!["check"], vec!["check", "--json"], vec!["count", "web_chat"], vec!["send", "web_a", "e", "x"]]
        {
            let ended = home.run(arguments).await;
            assert_eq!(ended.code, Some(0), "{ended:?}");
            assert_hidden(&ended, HASH);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_wrong_shows_nowhere() {
    let comet = Comet::start().await;
    for home in [
        chatty(&comet).set("server", "token-file = \"token\"").file("token", NUMERIC),
        chatty(&comet).variable("COMETBOT_SERVER__TOKEN", NUMERIC),
    ] {
        let bot = home.start();
        bot.wait_until_it_says("does not accept the login").await;
        assert_hidden(&bot.stop().await, NUMERIC);
        let ended = home.run(["count", "web_chat"]).await;
        assert_eq!(ended.code, Some(3));
        assert_hidden(&ended, NUMERIC);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_cannot_be_one_shows_in_no_error() {
    for secret in ["with a space and hush-hush", "quote\\\"hush-hush", "hush-hush-ё"] {
        let home = Home::new().set("server", &format!("user-id = 7\ntoken = \"{secret}\""));
        let ended = home.run(["run"]).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert_hidden(&ended, "hush");
        let ended =
            Home::new().set("server", "user-id = 7").variable("COMETBOT_SERVER__TOKEN", secret).run(["run"]).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert_hidden(&ended, "hush");
        assert!(ended.err.contains("COMETBOT_SERVER__TOKEN"), "{}", ended.err);
    }
    let long = format!("hush{}", "x".repeat(600));
    let ended = Home::new().set("server", "user-id = 7").variable("COMETBOT_SERVER__TOKEN", &long).run(["check"]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_hidden(&ended, "hush");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_is_written_wrongly_shows_in_no_error() {
    for (table, lines) in [
        ("server", format!("token = {NUMERIC}")),
        ("server", format!("token = [\"{NUMERIC}\"]")),
        ("server", format!("token = \"{NUMERIC}")),
        ("server", format!("token = {NUMERIC}abc")),
        ("embedded", format!("password = {NUMERIC}")),
        ("server", format!("url = \"wss://bot:{NUMERIC}@comet.example.org/ws/\"")),
        ("server", format!("url = \"wss://comet.example.org/ws/?sesion={NUMERIC}\"")),
        ("server", format!("url = \"{NUMERIC}\"")),
    ] {
        let ended = Home::new().set(table, &lines).run(["check"]).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert_hidden(&ended, NUMERIC);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_secrets_of_the_embedded_server_show_nowhere() {
    let home = Home::new()
        .set("log", "level = \"trace\"")
        .set("embedded", "listen = \"127.0.0.1:0\"\nusers-file = \"users\"\npassword-file = \"password\"")
        .set("server", &format!("user-id = {USER}\ntoken = \"{HASH}\""))
        .file("users", &format!("0 {USER} {HASH}\n"))
        .file("password", NUMERIC);
    let bot = home.live().await;
    bot.wait_until_it_says("connected as user 7").await;
    let ended = bot.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_hidden(&ended, HASH);
    assert_hidden(&ended, NUMERIC);

    let home = Home::new()
        .set("embedded", "listen = \"127.0.0.1:0\"\nusers-file = \"users\"")
        .file("users", &format!("0 seven {HASH}\n"));
    let ended = home.run(["run"]).await;
    assert_ne!(ended.code, Some(0));
    assert!(ended.err.contains("line 1 of the users file"), "{}", ended.err);
    assert_hidden(&ended, HASH);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_sees_no_secret_of_the_bot() {
    let comet = Comet::start().await;
    let plugin = Plugin::new()
        .import(r#"(import "wasi:config/store@0.2.0-rc.1" "get-all" (func $get_all (param i32)))"#)
        .hears("web_chat", ["msg"])
        .sends("web_told")
        .handle(
            r#"(call $get_all (i32.const 0x200))
            (if (i32.load8_u (i32.const 0x200)) (then (unreachable)))
            (call $send "web_told" "values" (call $decimal (i64.extend_i32_u (i32.load (i32.const 0x208)))))"#,
        );
    let home = Home::at(&comet)
        .set("server", &format!("user-id = {USER}\ntoken = \"{HASH}\""))
        .set("plugin.other.config", "password = \"theirs\"")
        .plugin("nosy.wat", plugin.text());
    let _bot = home.live().await;
    let mut told = cometbot_tests::Client::join(&comet, ["web_told"]).await;
    told.send("web_chat", "msg", "x");
    assert_eq!(told.next_lines(1).await, ["values 0"]);
}
