//! What was built for a released contract goes on working: the kept binaries of every version, on the binary of today.

use std::{fs, path::PathBuf};

use cometbot_tests::{Client, Comet, Home, Process};

/// Where the kept binaries are.
fn kept() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("compatibility")
}

/// The versions of which there are binaries.
fn versions() -> Vec<String> {
    let folders = fs::read_dir(kept()).unwrap().map(Result::unwrap);
    let folders = folders.filter(|entry| entry.file_type().unwrap().is_dir());
    let mut versions: Vec<String> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    versions.sort();
    versions
}

/// The kept binaries of a version: the names without their endings, and the bytes.
fn binaries(version: &str) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(kept().join(version)).unwrap().map(|entry| entry.unwrap().path());
    let binaries = files.filter(|path| path.extension().is_some_and(|ending| ending == "wasm"));
    binaries.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap())).collect()
}

/// The kept binary of a version and a kind.
fn binary(version: &str, kind: &str) -> Vec<u8> {
    fs::read(kept().join(version).join(kind).with_extension("wasm")).unwrap()
}

/// The same plugin as its author would build it once more: other bytes, by a custom section that nobody reads.
fn built_again(binary: &[u8]) -> Vec<u8> {
    let (custom, name) = (0, b"build");
    let name_bytes = u8::try_from(name.len()).unwrap();
    [binary, &[custom, 1 + name_bytes, name_bytes], name].concat()
}

/// Whether the plugins of a contract keep their memory over a reload.
fn carries_memory(version: &str) -> bool {
    version != "1.0.0"
}

/// A bot that runs this binary, and clients: one to hear what it tells, one to ask it.
async fn running(comet: &Comet, bytes: &[u8], config: &str) -> (Home, Process, Client, Client) {
    let home = Home::at(comet).plugin("kept.wasm", bytes).set("plugin.kept.config", config);
    let bot = home.live().await;
    let told = Client::join(comet, ["web_told"]).await;
    (home, bot, told, Client::join_as_user(comet, []).await)
}

/// How often it was asked, by what it answers to one more event.
async fn asked(client: &Client, told: &mut Client) -> String {
    client.send("web_log_chat", "ask", "once more");
    let is_last = |line: &String| line.starts_with("random ");
    let mut lines = told.next_lines(1).await;
    while !lines.iter().any(is_last) {
        lines.extend(told.next_lines(1).await);
    }
    lines.into_iter().find(|line| line.starts_with("asked ")).unwrap()
}

#[test]
fn the_contract_of_today_has_binaries_of_each_kind() {
    let contract = fs::read_to_string(kept().join("../../plugin-sdk/wit/cometbot.wit")).unwrap();
    let version = contract
        .lines()
        .find_map(|line| line.strip_prefix("package cometbot:plugin@")?.strip_suffix(';'))
        .expect("the contract names its version");
    assert!(
        versions().iter().any(|kept| kept == version),
        "there is no tests/compatibility/{version}: see the README there"
    );
    let binaries = binaries(version);
    for kind in ["component", "typed", "core"] {
        assert!(binaries.iter().any(|(name, _)| name == kind), "{kind}.wasm is not in tests/compatibility/{version}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kept_binary_loads_works_and_uses_all_that_its_contract_has() {
    for version in versions() {
        for (name, bytes) in binaries(&version) {
            let comet = Comet::start().await;
            let (home, bot, mut told, mut client) = running(&comet, &bytes, "greeting = \"привет\"").await;
            let started = bot.started("kept").await;
            let wants =
                "hears web_log_chat[ask,refuse] web_none[never]; send web_told*; log web_log_chat; count web_log_chat";
            assert!(started.says(wants), "{version}/{name}: {}", started.raw);
            let set_up = bot.wait_for("its line", |line| line.message() == "set up").await;
            assert!(set_up.of("kept") && set_up.is("INFO"), "{version}/{name}: {}", set_up.raw);

            client.send("web_log_chat", "ask", "one");
            assert_eq!(told.next_lines(15).await, answers("one", 1, &["one"]), "{version}/{name}");
            client.send("web_log_chat", "ask", "\"два\"\n");
            assert_eq!(told.next_lines(16).await, answers("\"два\"\n", 2, &["one", "\"два\"\n"]), "{version}/{name}");
            let line = bot.wait_for("its line", |line| line.message() == "one").await;
            assert!(line.of("kept") && line.is("WARN"), "{version}/{name}: {}", line.raw);

            client.send_and_wait("web_log_chat", "refuse", "I would rather not").await;
            let failure = bot.failed("kept").await;
            assert!(failure.says("it returned an error: I would rather not"), "{version}/{name}: {}", failure.raw);
            client.send("web_log_chat", "ask", "three");
            let lines = told.next_lines(16).await;
            assert!(lines.contains(&"asked 3".to_owned()), "{version}/{name} lost its memory by an error: {lines:?}");

            home.rename_plugin("kept.wasm", built_again(&bytes));
            bot.replaced("kept").await;
            let expected = if carries_memory(&version) { "asked 4" } else { "asked 1" };
            assert_eq!(asked(&client, &mut told).await, expected, "{version}/{name} after a reload");

            let refusing = Home::new().plugin("kept.wasm", &bytes).set("plugin.kept.config", "refuse = \"not today\"");
            let ended = refusing.run(["check"]).await;
            assert!(ended.out.contains("kept: it refuses to run: not today"), "{version}/{name}: {}", ended.out);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_binary_that_refuses_to_save_or_to_restore_keeps_running() {
    for version in versions().into_iter().filter(|version| carries_memory(version)) {
        for (name, bytes) in binaries(&version) {
            for (refusal, why) in [("refuse-save", "`save` failed"), ("refuse-restore", "`restore` failed")] {
                let comet = Comet::start().await;
                let config = format!("{refusal} = \"not today\"");
                let (home, bot, mut told, client) = running(&comet, &bytes, &config).await;
                assert_eq!(asked(&client, &mut told).await, "asked 1", "{version}/{name}");
                home.rename_plugin("kept.wasm", built_again(&bytes));
                let line = bot.rejected("kept").await;
                let says_why = line.says(why) && line.says("it returned an error: not today");
                assert!(says_why, "{version}/{name}: {}", line.raw);
                assert_eq!(asked(&client, &mut told).await, "asked 2", "{version}/{name}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_goes_from_one_kind_to_another_and_is_lost_only_to_contracts_that_have_none() {
    let comet = Comet::start().await;
    let (home, mut bot, mut told, client) = running(&comet, &binary("1.0.0", "typed"), "").await;
    assert_eq!(asked(&client, &mut told).await, "asked 1");
    for (version, kind, expected) in [
        ("1.1.0", "typed", "asked 1"),
        ("1.1.0", "component", "asked 2"),
        ("1.1.0", "core", "asked 3"),
        ("1.1.0", "typed", "asked 4"),
        ("1.0.0", "core", "asked 1"),
    ] {
        bot.forget();
        home.rename_plugin("kept.wasm", binary(version, kind));
        bot.replaced("kept").await;
        assert_eq!(asked(&client, &mut told).await, expected, "now {version}/{kind}");
    }
    let dropped = bot.wait_until_it_says("what the old version saved is dropped").await;
    assert!(dropped.of("kept") && dropped.is("WARN"), "{}", dropped.raw);
}

/// What a plugin of every contract so far says to an event of [`cometbot_tests::USER`].
fn answers(data: &str, asked: usize, rows: &[&str]) -> Vec<String> {
    let rows_told = format!("rows {}", rows.len());
    let data = format!("data {data}");
    let asked = format!("asked {asked}");
    let head =
        ["pipe web_log_chat", "name ask", &data, "user 7", "time some", "history false", &asked, "count 1", &rows_told];
    let tail = ["denied denied", "invalid invalid", "greeting привет", "clocks run", "random differs"];
    let rows = rows.iter().map(|row| format!("row {row}"));
    head.map(str::to_owned).into_iter().chain(rows).chain(tail.map(str::to_owned)).collect()
}
