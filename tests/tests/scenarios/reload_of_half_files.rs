//! Files that are not complete when they are looked at, and writers that never stop.

use std::{
    fs::{self, File},
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use cometbot_tests::{Client, Comet, Home, Line, Load, Plugin};

const PIPES: [&str; 2] = ["web_a", "web_b"];
const RATE: u64 = 2_000;
/// A file that is away for less is being replaced.
const BLINK: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_written_in_a_hundred_pieces_is_taken_when_it_is_whole_and_nothing_is_lost() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("word.wat", Plugin::counting(&PIPES, "old").text());
    let bot = home.live().await;
    let load = Load::start(&comet, PIPES, RATE).await;
    let text = Plugin::counting(&PIPES, "new").text();
    let mut file = File::create(home.plugins().join("word.wat")).unwrap();
    for piece in text.as_bytes().chunks(text.len() / 100) {
        file.write_all(piece).unwrap();
        // As slow as a copy over a network, but for no fixed time: an event's way there and back.
        let mut client = Client::join(&comet, ["web_told"]).await;
        client.send("web_ask", "msg", "");
        assert_eq!(client.next().await.event, "old");
    }
    drop(file);
    bot.replaced("word").await;
    let book = load.finish().await;
    book.nothing_is_lost_doubled_or_reordered();
    assert_eq!(book.changes(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_never_stops_holds_up_neither_events_nor_other_plugins() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("word.wat", Plugin::counting(&PIPES, "old").text());
    let bot = home.live().await;
    let load = Load::start(&comet, PIPES, RATE).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let (path, stop) = (home.plugins().join("word.wat"), Arc::clone(&stop));
        move || {
            let mut file = File::create(path).unwrap();
            while !stop.load(Ordering::Relaxed) {
                file.write_all(b"(; and so on ;)\n").unwrap();
                file.flush().unwrap();
                std::thread::yield_now();
            }
        }
    });
    // It is looked at all the same, refused as it is, and the old version goes on.
    let line = bot.rejected("word").await;
    assert!(line.says("the old version goes on"), "{}", line.raw);
    home.rename_plugin("other.wat", Plugin::answering("web_other", "other").text());
    bot.started("other").await;
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    home.rename_plugin("word.wat", Plugin::counting(&PIPES, "new").text());
    bot.replaced("word").await;
    let book = load.finish().await;
    book.nothing_is_lost_doubled_or_reordered();
    assert_eq!(book.changes(), 1);
}

/// Every way in which people and programs replace a file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_a_file_is_replaced_the_new_version_runs() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("word.wat", Plugin::answering("web_chat", "w0").text());
    let mut bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    let (file, beside) = (home.plugins().join("word.wat"), home.plugins().join("word.wat~"));
    type Way<'a> = (&'a str, Box<dyn Fn(&str) + 'a>);
    let ways: [Way<'_>; 6] = [
        ("in place", Box::new(|text| fs::write(&file, text).unwrap())),
        ("a rename over it", Box::new(|text| home.rename_plugin("word.wat", text))),
        (
            "an editor's save: the old one is moved away, a new one is written",
            Box::new(|text| {
                fs::rename(&file, &beside).unwrap();
                fs::write(&file, text).unwrap();
                fs::remove_file(&beside).unwrap();
            }),
        ),
        (
            "deleted and made again",
            Box::new(|text| {
                fs::remove_file(&file).unwrap();
                fs::write(&file, text).unwrap();
            }),
        ),
        (
            "a symbolic link in its place",
            Box::new(|text| {
                fs::write(home.path().join("elsewhere.wat"), text).unwrap();
                fs::remove_file(&file).unwrap();
                std::os::unix::fs::symlink(home.path().join("elsewhere.wat"), &file).unwrap();
            }),
        ),
        (
            "a link that is switched",
            Box::new(|text| {
                fs::write(home.path().join("other.wat"), text).unwrap();
                let link = home.plugins().join(".link");
                std::os::unix::fs::symlink(home.path().join("other.wat"), &link).unwrap();
                fs::rename(link, &file).unwrap();
            }),
        ),
    ];
    for (number, (way, replace)) in ways.iter().enumerate() {
        bot.forget();
        let word = format!("w{}", number + 1);
        let since = Instant::now();
        replace(&Plugin::answering("web_chat", &word).text());
        let was_away_for = since.elapsed();
        let runs = |line: &Line| line.says("plugin replaced") || line.says("plugin started");
        bot.wait_for("the new version", runs).await;
        assert_eq!(client.ask("web_chat", "x").await, format!("{word} x"), "{way}");
        // On a busy machine this test itself may have stood still while the file was away: then it was away for good.
        if was_away_for < BLINK {
            assert_eq!(bot.lines(|line| line.says("plugin removed")).len(), 0, "{way}");
        }
    }
}
