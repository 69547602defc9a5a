//! With `outbox = "disk"` sends outlive the bot.
//!
//! When a send is safe: the handler that made it has returned, and the plugin's sends have been handed on. That happens at
//! the latest before a question of the same plugin is asked, so a plugin can know: what earlier events made it send is safe
//! once a question has returned, whatever it returned.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use cometbot_tests::{Ended, Home, Plugin};
use rustix::process::Signal;

use super::cut_off::{SAY, Site, numbered, working};

const ON_DISK: &str = "outbox = \"disk\"";

/// The folder of the files that the bot keeps.
fn folder(home: &Home) -> PathBuf {
    home.path().join("outbox")
}

/// The file of what the plugin `worker` has sent.
fn file(home: &Home) -> PathBuf {
    folder(home).join("worker.0.sends")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The names of all files of sends.
fn files(home: &Home) -> Vec<String> {
    let names = fs::read_dir(folder(home)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".sends")).collect()
}

/// A bot that was stopped while these messages waited to be sent.
async fn stopped_with(messages: &[String]) -> Site {
    let site = Site::with(ON_DISK, &working(SAY, "")).await;
    let mut bot = site.home.live().await;
    site.cut_off(&mut bot, messages).await;
    bot.wait_until_it_says("this was the end").await;
    let ended = bot.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let words = "some sends have not been answered by the server: they are on disk and leave at the next start";
    let line = ended.err.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{}", ended.err));
    assert!(line.contains(&format!("\"sends\":{}", messages.len())), "{line}");
    site.wire.heal();
    site
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_when_the_bot_is_stopped_arrives_once_and_in_order_after_the_next_start() {
    let messages = numbered(200, 1000);
    let mut site = stopped_with(&messages).await;
    assert_eq!(files(&site.home), ["worker.0.sends"]);
    assert_eq!((mode(&folder(&site.home)), mode(&file(&site.home))), (0o700, 0o600), "nobody else can read it");
    let bot = site.home.live().await;
    assert!(site.said_before_anything_new().await == messages);
    let ended = bot.stop().await;
    assert!(!ended.err.contains("have not been answered"), "{}", ended.err);
    assert_eq!(files(&site.home), [""; 0], "what has been answered is not kept");
    let _bot = site.home.live().await;
    assert_eq!(site.said_before_anything_new().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_plugin_has_sent_leaves_though_the_plugin_is_gone() {
    let messages = numbered(200, 1000);
    for is_running in [true, false] {
        let mut site;
        let bot = if is_running {
            site = Site::with(ON_DISK, &working(SAY, "")).await;
            let mut bot = site.home.live().await;
            site.cut_off(&mut bot, &messages).await;
            bot.wait_until_it_says("this was the end").await;
            site.home.delete_plugin("worker.wat");
            bot.wait_until_it_says("plugin removed").await;
            site.let_back(&mut bot).await;
            bot
        } else {
            site = stopped_with(&messages).await;
            site.home.delete_plugin("worker.wat");
            site.home.live().await
        };
        for message in &messages {
            assert_eq!(site.told.next().await.data, *message);
        }
        bot.stop().await;
        assert_eq!(files(&site.home), [""; 0], "nor are its files left");
    }
}

/// A plugin that sends each message on and, before it does, logs of the one before that it is safe.
fn careful() -> Plugin {
    let body = format!(
        r#"(if (global.get $before_bytes)
            (then
                (call $ask_count "web_work" (i32.const 0x140))
                (call $log (i32.const 2) "safe" (i32.const 0x8000) (global.get $before_bytes))))
        {SAY}
        (memory.copy (i32.const 0x8000) (local.get $data) (local.get $data_bytes))
        (global.set $before_bytes (local.get $data_bytes))"#
    );
    working(&body, "").function("(global $before_bytes (mut i32) (i32.const 0))")
}

/// The messages of which [`careful`] said that they are safe.
fn safe(ended: &Ended) -> Vec<String> {
    let lines = ended.err.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    lines.filter(|line| line["context"] == "safe").map(|line| line["message"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_without_a_connection_the_bot_loses_nothing_that_was_safe_and_repeats_nothing() {
    let mut site = Site::with(ON_DISK, &careful()).await;
    let messages = numbered(500, 50);
    for killed_at in [1, 37, 150, 401] {
        let mut bot = site.home.live().await;
        site.cut_off(&mut bot, &messages).await;
        bot.wait_for_all("the moment to be killed", killed_at, |line| line.field("context") == "safe").await;
        bot.signal(Signal::KILL);
        let ended = bot.end().await;
        assert_eq!(ended.code, None, "killed");
        let safe = safe(&ended);
        assert!(safe == messages[..safe.len()], "they are safe one after the other");

        site.wire.heal();
        let bot = site.home.live().await;
        let said = site.said_before_anything_new().await;
        assert!(said.len() >= safe.len(), "{} were safe and {} arrived", safe.len(), said.len());
        assert!(said == messages[..said.len()], "once and in order");
        assert_eq!(bot.stop().await.code, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_it_sends_the_bot_loses_nothing_that_was_safe_and_repeats_only_what_was_not_answered() {
    for delivery in ["at-least-once", "at-most-once"] {
        let mut site = Site::with(&format!("{ON_DISK}\ndelivery = \"{delivery}\""), &careful()).await;
        let messages = numbered(1200, 50);
        let mut answered = Vec::new();
        let mut last_safe = Vec::new();
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        let mut firsts = Vec::new();
        for (messages, killed_at) in messages.chunks(200).zip([3, 20, 55, 90, 140, 180]) {
            let bot = site.home.live().await;
            site.client.send_all("web_work", "msg", messages.iter().map(String::as_str));
            bot.wait_for_all("the moment to be killed", killed_at, |line| line.field("context") == "safe").await;
            bot.signal(Signal::KILL);
            let mut safe = safe(&bot.end().await);
            // Its question was answered, and so was it, but the bot may have been killed before it noted that.
            last_safe.extend(safe.pop());
            answered.extend(safe);
        }
        let _bot = site.home.live().await;
        for message in site.said_before_anything_new().await {
            let times = times.entry(message.clone()).or_default();
            if *times == 0 {
                firsts.push(message);
            }
            *times += 1;
        }
        let of = |message: &String| times.get(message).copied().unwrap_or(0);
        assert!(answered.len() >= 400);
        assert!(answered.iter().all(|message| of(message) == 1), "{delivery}: once, as the server had answered them");
        assert!(last_safe.iter().all(|message| of(message) >= 1), "{delivery}: {last_safe:?}");
        let number = |message: &String| message.split(' ').next().unwrap().parse::<usize>().unwrap();
        assert!(firsts.iter().map(number).is_sorted(), "{delivery}: in order");
        if delivery == "at-most-once" {
            assert!(times.values().all(|times| *times == 1), "none twice");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_bots_cannot_share_a_folder() {
    let site = Site::with(ON_DISK, &working(SAY, "")).await;
    let bot = site.home.live().await;
    let shared = format!("{ON_DISK}\noutbox-folder = \"{}\"", folder(&site.home).display());
    let other = Home::at_url(&site.wire.url()).set("service", &shared);
    let ended = other.run(["run"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let words = format!(
        "another cometbot uses {}/lock: stop it, or set another `outbox-folder` in [service] for one of them",
        folder(&site.home).display()
    );
    assert!(ended.err.contains(&words), "{}", ended.err);
    bot.signal(Signal::KILL);
    bot.end().await;
    let _other = other.live().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_damaged_file_what_is_whole_arrives_and_the_log_says_that_some_is_lost() {
    let messages = numbered(200, 1000);
    let mut site = stopped_with(&messages).await;
    let whole = fs::read(file(&site.home)).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0x10;
    let mut headless = whole.clone();
    headless[20] ^= 0x10;
    let cut = whole[..whole.len() - 500].to_vec();
    let lost = "bytes are not as they were written: the sends in them are lost";
    for (bytes, words, arrive) in [
        (cut, lost, 150..200),
        (flipped, lost, 50..101),
        (headless, "the head is damaged: sends that were answered may go once more", 200..201),
    ] {
        fs::write(file(&site.home), bytes).unwrap();
        let bot = site.home.live().await;
        let line = bot.wait_until_it_says(words).await;
        assert!(line.is("WARN") && line.field("file").ends_with("worker.0.sends"), "{}", line.raw);
        let said = site.said_before_anything_new().await;
        assert!(arrive.contains(&said.len()), "{} arrived", said.len());
        assert!(said == messages[..said.len()], "those at the beginning");
        assert_eq!(bot.stop().await.code, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_none_of_the_bot_s_is_left_alone() {
    let site = stopped_with(&numbered(1, 1)).await;
    let text = "A list of things to do, by someone who likes short names for folders.";
    fs::write(file(&site.home), text).unwrap();
    let ended = site.home.run(["run"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("is no file of sends that this cometbot could read: move it away"), "{}", ended.err);
    assert_eq!(fs::read_to_string(file(&site.home)).unwrap(), text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_sends_go_on_from_memory_and_the_log_says_so() {
    // Much more than a file may have, which is 100 or 200 KiB, depending on the shell.
    let messages = numbered(600, 1000);
    let mut site = Site::with(ON_DISK, &working(SAY, "")).await;
    // The limit on the size of files cuts writes short as a full disk does.
    let mut bot = site.home.start_behind("trap '' XFSZ; ulimit -f 200");
    bot.wait_until_it_says("live: events reach the plugins").await;
    site.cut_off(&mut bot, &messages).await;
    bot.wait_until_it_says("this was the end").await;
    let line = bot.wait_until_it_says("sends are kept in memory alone and would not outlive a restart").await;
    assert!(line.is("ERROR") && line.of("worker") && line.says("cannot write to"), "{}", line.raw);
    assert!(fs::metadata(file(&site.home)).unwrap().len() > 50_000, "as many as there is room for are on disk");
    site.let_back(&mut bot).await;
    assert!(site.said_before_anything_new().await == messages, "once and in order");
    assert_eq!(bot.stop().await.code, Some(0));
    assert_eq!(files(&site.home), [""; 0]);
}
