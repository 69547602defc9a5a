//! What a newcomer meets, and the sentence that helps.

use cometbot_tests::{Client, Comet, HASH, Home, Plugin, USER};
use rustix::process::Signal;

/// A port of this machine on which nobody listens.
fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn help_names_every_command_and_every_exit_code() {
    let ended = Home::new().run(["--help"]).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    for word in
        ["run", "check", "server", "send", "listen", "log", "count", "0  done", "1  not", "2  wrong", "3  no con"]
    {
        assert!(ended.out.contains(word), "{word}: {}", ended.out);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shipped_configuration_runs_as_it_stands() {
    let port = closed_port();
    let home = Home::new()
        .file("bot.toml", include_str!("../../../bot.toml"))
        .variable("COMETBOT_EMBEDDED__LISTEN", &format!("127.0.0.1:{port}"))
        .plugin("echo.wat", include_str!("../../../plugins/echo.wat"));
    let bot = home.live().await;
    let mut client = Client::join_at(&format!("ws://127.0.0.1:{port}/ws/"), ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "hello").await, "echo echo: hello");
    assert!(bot.troubles().is_empty());
    let ended = bot.stop().await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_told_what_to_try_next() {
    let home = Home::new()
        .set("log", "")
        .set("embedded", "listen = \"127.0.0.1:0\"")
        .variable("COMETBOT_LOG__FORMAT", "human")
        .plugin("echo.wat", include_str!("../../../plugins/echo.wat"));
    let bot = home.start();
    bot.wait_until_it_says("with echo.").await;
    bot.wait_until_it_says("send web_chat msg hello").await;
    let ended = bot.stop().await;
    assert!(!ended.err.contains('\u{1b}'), "no colours where there is no terminal: {}", ended.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_server_can_be_reached() {
    let url = format!("ws://127.0.0.1:{}/ws/", closed_port());
    let home = Home::new().set("server", &format!("url = \"{url}\""));
    let bot = home.start();
    let line = bot.wait_until_it_says("cannot connect").await;
    assert!(line.says(&url) && line.says("is the comet server running") && line.says("next try in"), "{}", line.raw);
    assert_eq!(bot.stop().await.code, Some(0), "it waits for the server, and can be stopped meanwhile");
    for arguments in [vec!["send", "web_chat", "msg", "x"], vec!["listen", "web_chat"], vec!["count", "web_chat"]] {
        let ended = home.run(arguments).await;
        assert_eq!(ended.code, Some(3));
        assert!(ended.err.contains("is the comet server running"), "{}", ended.err);
        assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn something_else_listens_there() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let home = Home::new().set("server", &format!("url = \"ws://127.0.0.1:{port}/ws/\""));
    let ended = home.run(["count", "web_chat"]).await;
    assert_eq!(ended.code, Some(3));
    assert!(
        ended.err.contains("not as a comet server (HTTP status 404") && ended.err.contains("/ws/"),
        "{}",
        ended.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_is_wrong() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).set("server", &format!("user-id = {USER}\ntoken = \"wrong\""));
    let bot = home.start();
    let line = bot.wait_until_it_says("does not accept the login of user 7").await;
    assert!(line.says("check the token"), "{}", line.raw);
    drop(bot);
    let ended = home.run(["send", "web_chat", "msg", "x"]).await;
    assert_eq!(ended.code, Some(3));
    assert!(ended.err.contains("does not accept the login of user 7"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_is_right() {
    let comet = Comet::start().await;
    let home = Home::at(&comet)
        .set("server", &format!("user-id = {USER}\ntoken-file = \"token\""))
        .file("token", &format!("{HASH}\n"));
    home.live().await.wait_until_it_says("connected as user 7").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_needs_a_user() {
    let ended = Home::new().set("server", "token = \"abc\"").run(["run"]).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("set `user-id` to that user's number"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_folder_is_empty() {
    let comet = Comet::start().await;
    let home = Home::at(&comet);
    let bot = home.live().await;
    let line = bot.wait_until_it_says("no plugin runs: put a .wasm or .wat file into the folder").await;
    assert!(line.is("WARN") && line.field("folder").ends_with("plugins"), "{}", line.raw);
    let ended = home.run(["check"]).await;
    assert_eq!(ended.code, Some(0));
    assert!(ended.out.contains("no plugin: put a .wasm or .wat file there"), "{}", ended.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_folder_is_missing() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).set("plugins", "folder = \"plugns\"");
    for command in ["run", "check"] {
        let ended = home.run([command]).await;
        assert_eq!(ended.code, Some(1));
        assert!(ended.err.contains("cannot look into the plugin folder"), "{}", ended.err);
        assert!(ended.err.contains("plugns") && ended.err.contains("create it, or set `folder`"), "{}", ended.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_plugin_lies_beside_good_ones() {
    let comet = Comet::start().await;
    let home = Home::at(&comet)
        .plugin("bad.wasm", "not a plugin")
        .plugin("good.wat", Plugin::answering("web_chat", "good").text())
        .plugin("ugly.wat", "(module");
    let bot = home.live().await;
    bot.rejected("bad").await;
    bot.rejected("ugly").await;
    let line = bot.wait_until_it_says("live: events reach the plugins").await;
    assert_eq!(line.field("plugins"), "good");
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "hello").await, "good hello");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_beside_the_configuration_but_the_state_folder() {
    use std::{fs, os::unix::fs::PermissionsExt as _};
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("good.wat", Plugin::answering("web_chat", "good").text());
    assert_eq!(home.run(["check"]).await.code, Some(0));
    let state = home.path().join("state");
    assert!(!state.exists(), "a check leaves nothing behind");
    fs::create_dir(&state).unwrap();
    let read_only = |folder: &std::path::Path, is: bool| {
        fs::set_permissions(folder, fs::Permissions::from_mode(if is { 0o555 } else { 0o755 })).unwrap();
    };
    read_only(&home.plugins(), true);
    read_only(home.path(), true);
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "hello").await, "good hello");
    assert!(bot.troubles().is_empty());
    assert_eq!(bot.stop().await.code, Some(0));
    read_only(home.path(), false);
    read_only(&home.plugins(), false);
    // Whoever may write everywhere must find nothing new either.
    let names = |folder: &std::path::Path| {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(home.path()), ["bot.toml", "plugins", "state"]);
    assert_eq!(names(&home.plugins()), ["good.wat"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistake_in_the_configuration_is_named_with_its_line() {
    for (text, line, words) in [
        ("[server]\nurl = \"embedded\"\n\n[pluggins]\nfolder = \"x\"\n", 4, "pluggins"),
        ("[server]\nurll = \"embedded\"\n", 2, "urll"),
        ("[server]\nurl = \"http://example.org\"\n", 2, "must begin with ws:// or wss://"),
        ("[server]\nurl = \"embedded\n", 2, ""),
        ("\n\n[defaults]\nmemory-mib = 0\n", 4, "`defaults.memory-mib`: it must be"),
        ("[plugins]\nmax = \"many\"\n", 2, "many"),
        ("[embedded]\nlisten = \"8087\"\n", 2, "127.0.0.1:8087"),
        ("[log]\nlevel = \"info\"\nformat = \"pretty\"\n", 3, "human"),
        ("[server]\nversion = \"four\"\n", 2, "four"),
    ] {
        for command in ["run", "check"] {
            let ended = Home::new().file("bot.toml", text).run([command]).await;
            assert_eq!(ended.code, Some(2), "{text}: {}", ended.err);
            assert!(ended.err.contains(&format!("bot.toml, line {line}:")), "{text}: {}", ended.err);
            assert!(ended.err.contains(words), "{words}: {}", ended.err);
        }
    }
    let ended = Home::new().variable("COMETBOT_PLUGINS__MAX", "many").run(["check"]).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("environment variable COMETBOT_PLUGINS__MAX"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_log_level_is_a_mistake_in_the_configuration() {
    let home = Home::new().file("bot.toml", "[log]\n\nlevel = \"loud\"\n");
    for command in ["check", "run"] {
        let ended = home.run([command]).await;
        assert_eq!(ended.code, Some(2), "{command}: {}", ended.err);
        assert!(ended.err.contains("\"loud\" is no level: write one of"), "{command}: {}", ended.err);
        assert!(ended.err.contains("bot.toml, line 3"), "{command}: {}", ended.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_no_configuration() {
    let home = Home::without_configuration();
    for (arguments, file) in [
        (vec!["run"], "bot.toml"),
        (vec!["check"], "bot.toml"),
        (vec!["run", "--config", "nowhere.toml"], "nowhere.toml"),
        (vec!["count", "web_chat", "--config", "nowhere.toml"], "nowhere.toml"),
    ] {
        let ended = home.run(arguments).await;
        assert_eq!(ended.code, Some(2));
        assert!(ended.err.contains(&format!("cannot read the configuration {file}")), "{}", ended.err);
        assert!(ended.err.contains("--config"), "{}", ended.err);
    }
    let ended = home.variable("COMETBOT_CONFIG", "elsewhere.toml").run(["check"]).await;
    assert!(ended.err.contains("elsewhere.toml"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_port_of_the_embedded_server_is_in_use() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let home = Home::new().set("embedded", &format!("listen = \"{address}\""));
    for command in ["run", "server"] {
        let ended = home.run([command]).await;
        assert_eq!(ended.code, Some(1));
        assert!(
            ended.err.contains(&address.to_string()) && ended.err.contains("`listen` in [embedded]"),
            "{}",
            ended.err
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_arguments_are_answered_with_what_was_probably_meant() {
    let home = Home::new();
    for (arguments, words) in [
        (vec!["lisen", "web_chat"], "listen"),
        (vec!["chek"], "check"),
        (vec!["run", "--confg", "x"], "--config"),
        (vec!["listen"], "PIPES"),
        (vec!["send", "web_chat"], "EVENT"),
        (vec![], "Usage"),
        (vec!["count", "web chat"], "only A-Z a-z 0-9 _ and -"),
        (vec!["send", "chat", "msg", "x"], "begin with web_ or webauth_"),
        (vec!["count", "--server", "example.org", "web_chat"], "must begin with ws:// or wss://"),
    ] {
        let ended = home.run(&arguments).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(words), "{arguments:?}: {}", ended.err);
        assert_eq!(ended.out, "");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_plugins_are_refused_by_number() {
    let comet = Comet::start().await;
    let home = Home::at(&comet)
        .set("plugins", "max = 2")
        .plugin("a.wat", Plugin::answering("web_chat", "a").text())
        .plugin("b.wat", Plugin::answering("web_chat", "b").text());
    let bot = home.live().await;
    home.write_plugin("c.wat", Plugin::answering("web_chat", "c").text());
    let line = bot.rejected("c").await;
    assert!(line.says("no more than 2 plugins may run") && line.says("raise `max` in [plugins]"), "{}", line.raw);
    bot.signal(Signal::INT);
    assert_eq!(bot.end().await.code, Some(0));
}
