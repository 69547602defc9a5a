//! A token, a password or a plugin's secret shows nowhere: in no log however chatty, in no error, in no answer, in no file.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use cometbot_tests::{Client, Comet, Ended, HASH, Home, Plugin, USER};

use crate::scrape::{SERVED, Scraper};

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
    let checked = home.run(["check", "--json"]).await;
    let listed = home.run(["plugins", "--json"]).await;
    let ended = bot.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for secret in [HASH, NUMERIC] {
        for ended in [&checked, &listed, &ended] {
            assert_hidden(ended, secret);
        }
        assert_nowhere_below(&home.path().join("state"), secret);
    }

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
    let mut told = Client::join(&comet, ["web_told"]).await;
    told.send("web_chat", "msg", "x");
    assert_eq!(told.next_lines(1).await, ["values 0"]);
}

/// A plugin that reads its secret `api-key` and lets it slip wherever it can: into its log, into a refused call, into an
/// error. It sends its length to web_told.
fn careless() -> Plugin {
    let key = "(i32.load (i32.const 0x208)) (i32.load (i32.const 0x20c))";
    Plugin::new()
        .import(r#"(import "wasi:config/store@0.2.0-rc.1" "get" (func $get (param i32 i32 i32)))"#)
        .writes_log()
        .hears("web_chat", ["msg"])
        .sends("web_told")
        .version("1.0.0")
        .handle(&format!(
            r#"(call $get "api-key" (i32.const 0x200))
            (if (i32.load8_u (i32.const 0x200)) (then (unreachable)))
            (if (i32.eqz (i32.load8_u (i32.const 0x204))) (then (return (call $fail "there is none"))))
            (call $log (i32.const 2) {key} {key})
            (call $try_send {key} "e" "x" (i32.const 0x100))
            (call $send "web_told" "length" (call $decimal (i64.extend_i32_u (i32.load (i32.const 0x20c)))))
            (if (call $is (local.get $data) (local.get $data_bytes) "fail") (then (return (call $fail {key}))))"#
        ))
}

const API_KEY: &str = "sk-live-4f9a8b7c6d5e";

/// Reads every file below a folder.
fn assert_nowhere_below(folder: &Path, secret: &str) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_nowhere_below(&path, secret);
        } else if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            let shows = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!shows, "{} has {secret}", path.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugins_secret_is_its_own_and_shows_nowhere() {
    let comet = Comet::start().await;
    for format in ["json", "human"] {
        let home = Home::at(&comet)
            .variable("COMETBOT_LOG__FORMAT", format)
            .variable("THE_KEY", API_KEY)
            .set("log", "level = \"trace\"")
            .set("service", SERVED)
            .set("defaults", "probation-events = 0\nretries = 0")
            .set("server", &format!("user-id = {USER}\ntoken-file = \"token\""))
            .set("plugin.careless.secrets", "api-key = { file = \"key\" }")
            .set("plugin.another.secrets", "api-key = { env = \"THE_KEY\" }")
            .file("token", HASH)
            .file("key", API_KEY)
            .plugin("careless.wat", careless().text())
            .plugin("nosy.wat", careless().hears("web_nosy", ["msg"]).text());
        let secrets = [API_KEY, HASH];
        let bot = home.live().await;
        let mut told = Client::join(&comet, ["web_told"]).await;
        told.send("web_chat", "msg", "x");
        told.send("web_chat", "msg", "fail");
        // Whoever has no secret of that name gets none, and fails.
        assert_eq!(told.next_lines(1).await, [format!("length {}", API_KEY.len())]);
        bot.wait_for_all("the failures", 3, |line| line.says("the plugin failed on an event")).await;
        for arguments in [
            vec!["check"],
            vec!["check", "--json"],
            vec!["plugins"],
            vec!["plugins", "careless"],
            vec!["plugins", "careless", "--json"],
            vec!["quarantine", "list"],
            vec!["quarantine", "list", "--json"],
        ] {
            let ended = home.run(&arguments).await;
            assert_eq!(ended.code, Some(0), "{ended:?}");
            for secret in secrets {
                assert_hidden(&ended, secret);
            }
        }
        if format == "json" {
            let page = Scraper::of(&bot).await.page().await;
            assert!(page.has("careless"));
            for secret in secrets {
                assert!(!page.has(secret));
            }
        }
        let ended = bot.stop().await;
        for secret in secrets {
            assert_hidden(&ended, secret);
        }
        assert!(ended.err.contains("***") && ended.err.contains("it returned an error: ***"), "{}", ended.err);
        for secret in secrets {
            assert_nowhere_below(&home.path().join("state"), secret);
        }
        let warned = ended.err.matches("others on this machine can read").count();
        assert_eq!(warned, 2, "of the token and of the key: {}", ended.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_whose_file_others_can_read_is_told_and_one_that_is_private_is_not() {
    let home = Home::new().set("plugin.word.secrets", "key = { file = \"key\" }").file("key", API_KEY);
    let ended = home.run(["check"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("  ! others on this machine can read key, which holds a secret"), "{ended:?}");
    fs::set_permissions(home.path().join("key"), fs::Permissions::from_mode(0o600)).unwrap();
    let ended = home.run(["check"]).await;
    assert!(!ended.out.contains("others"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_refuses_to_run_says_no_secret() {
    let telling =
        Plugin::new().import(r#"(import "wasi:config/store@0.2.0-rc.1" "get" (func $get (param i32 i32 i32)))"#).setup(
            r#"(call $get "api-key" (i32.const 0x200))
            (return (call $fail (i32.load (i32.const 0x208)) (i32.load (i32.const 0x20c))))"#,
        );
    let home = Home::new()
        .set("plugin.word.secrets", "api-key = { env = \"THE_KEY\" }")
        .variable("THE_KEY", API_KEY)
        .plugin("word.wat", telling.text());
    let ended = home.run(["check"]).await;
    assert!(ended.code == Some(1) && ended.out.contains("word: it refuses to run: ***"), "{ended:?}");
    assert_hidden(&ended, API_KEY);
}
