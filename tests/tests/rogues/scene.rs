//! What happens around a rogue, and what has to hold whatever it does.

use std::fs::File;

use cometbot_tests::{Client, Comet, Home, Line, PATIENCE, Process};
use tokio::time::{Duration, sleep};

use crate::{
    gallery,
    neighbour::{Slow, Talk},
};

/// The pipe that the rogues hear.
pub const PIPE: &str = "web_rogue";
/// How much more memory the bot may have when a rogue is gone: its allocator keeps some for the next one.
const LEFT_KIB: u64 = 32 * 1024;
/// How often a rogue is tried, while all that is wrong is that the neighbour had to wait: a busy machine makes it wait too.
const ATTEMPTS: usize = 3;
/// Lines of the log for a rogue, unless its test says otherwise.
const LINES: usize = 40;

/// A bot with a neighbour to whom somebody talks, and a rogue.
pub struct Scene {
    name: &'static str,
    home: Home,
    bot: Process,
    talk: Talk,
    /// Somebody who talks to the rogue, and hears what it says.
    pub client: Client,
    /// How much memory the bot had before the rogue came.
    before_kib: u64,
    lines: usize,
    comet: Comet,
}

impl Scene {
    /// Waits until the bot and the neighbour are at work, and nobody else.
    pub async fn open(name: &'static str) -> Self {
        Self::open_in(name, |home| home).await
    }

    /// The same with another configuration.
    pub async fn open_in(name: &'static str, configure: impl FnOnce(Home) -> Home) -> Self {
        let comet = Comet::start().await;
        let url = comet.url();
        Self::open_at(name, comet, &url, configure).await
    }

    /// The same with a bot that connects to `url`, behind which is `comet`.
    pub async fn open_at(name: &'static str, comet: Comet, url: &str, configure: impl FnOnce(Home) -> Home) -> Self {
        let home = Home::at_url(url)
            .set("defaults", "time-per-event-ms = 100\ntime-to-start-ms = 500\nnew-grants = \"grant\"")
            .plugin("neighbour.wat", crate::neighbour::text());
        let home = configure(home);
        let bot = home.live().await;
        let talk = Talk::begin(&comet).await;
        let client = Client::join(&comet, [PIPE]).await;
        let before_kib = bot.resident_kib();
        Self { name, home, bot, talk, client, before_kib, lines: LINES, comet }
    }

    /// Lets the rogue write more lines into the log than others.
    pub fn lines(&mut self, lines: usize) {
        self.lines = lines;
    }

    /// Waits longer than usual for what the bot says.
    pub fn patient(mut self, patience: Duration) -> Self {
        self.bot = self.bot.patient(patience);
        self
    }

    /// Puts the rogue into the folder.
    pub fn enters(&self) {
        self.puts("wat", &gallery::text(self.name));
    }

    /// Puts a file into the folder in the rogue's name.
    pub fn puts(&self, ending: &str, bytes: &[u8]) {
        self.home.rename_plugin(&format!("{}.{ending}", self.name), bytes);
    }

    /// Puts a file of zeros into the folder in the rogue's name, of which only the beginning and the length are kept.
    pub fn puts_sparse(&self, beginning: &[u8], bytes: u64) {
        let outside = self.home.path().join("sparse");
        std::fs::write(&outside, beginning).unwrap();
        File::options().append(true).open(&outside).unwrap().set_len(bytes).unwrap();
        std::fs::rename(outside, self.home.plugins().join(format!("{}.wasm", self.name))).unwrap();
    }

    /// Waits until it runs and hears its pipe.
    pub async fn starts(&self) {
        self.bot.started(self.name).await;
        // The bot, and the client here.
        self.comet.subscribed(PIPE, 2).await;
    }

    /// Sends it so many events.
    pub fn hears(&self, events: usize) {
        self.client.send_all(PIPE, "msg", (0..events).map(|_| "go"));
    }

    /// Waits for a line of the log that names the rogue and has one of these texts.
    pub async fn says_one_of(&self, texts: &[&str]) -> Line {
        let what = format!("a line of {} with one of {texts:?}", self.name);
        self.bot.wait_for(&what, |line| line.of(self.name) && texts.iter().any(|text| line.says(text))).await
    }

    /// Waits for a line of the log that names the rogue and has this text.
    pub async fn says(&self, text: &str) -> Line {
        self.says_one_of(&[text]).await
    }

    /// Takes the rogue away, and checks everything.
    ///
    /// # Errors
    /// If all is well but the neighbour's answers, which came late.
    pub async fn ends(mut self) -> Result<(), Slow> {
        self.talk.goes_on().await;
        self.home.plugins().read_dir().unwrap().for_each(|file| {
            let path = file.unwrap().path();
            if path.file_stem().is_some_and(|stem| stem == self.name) {
                std::fs::remove_file(path).unwrap();
            }
        });
        self.says("plugin removed").await;
        self.memory_returns().await;
        let soon = self.talk.end().await;
        let rest = self.client.rest();
        assert_eq!(rest, [], "nobody hears anything of {}", self.name);
        let ended = self.bot.stop().await;
        assert_eq!(ended.code, Some(0), "it ends in order");
        assert!(!ended.err.contains("panicked"), "{}", ended.err);
        let lines: Vec<serde_json::Value> = ended.err.lines().map(read).collect();
        let of_rogue = lines.iter().filter(|line| line["plugin"] == self.name).count();
        assert!(of_rogue <= self.lines, "{of_rogue} lines are about {}, and {} is the most", self.name, self.lines);
        soon
    }

    async fn memory_returns(&self) {
        let most = self.before_kib + LEFT_KIB;
        let back = async {
            while self.bot.resident_kib() > most {
                sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, back).await.is_err() {
            panic!("the bot had {} KiB before the rogue came and has {} now", self.before_kib, self.bot.resident_kib());
        }
    }
}

/// Reads a line of the log, in which nothing may steer a terminal, forge another line or turn the text around.
fn read(line: &str) -> serde_json::Value {
    let steers = |character: char| {
        character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!line.chars().any(steers), "a line that steers the terminal: {line:?}");
    serde_json::from_str(line).unwrap_or_else(|error| panic!("a line that is not JSON ({error}): {line}"))
}

/// Lets a rogue do its misdeed, again if the neighbour had to wait, and fails if it has to wait each time.
pub async fn at_best(misdeed: impl AsyncFn() -> Result<(), Slow>) {
    let mut slow = Vec::new();
    while slow.len() < ATTEMPTS {
        match misdeed().await {
            Ok(()) => return,
            Err(late) => slow.push(late),
        }
    }
    panic!("the neighbour had to wait each time: {slow:?}");
}

/// A rogue that is refused when it is loaded, in these words.
pub async fn refused(name: &'static str, words: &str) {
    at_best(async || {
        let scene = Scene::open(name).await;
        scene.enters();
        let line = scene.says("the file does not run").await;
        assert!(line.says(words), "`{words}` is not in: {}", line.raw);
        scene.ends().await
    })
    .await;
}

/// A rogue that runs until it hears something, and fails then in these words.
pub async fn failing(name: &'static str, words: &str) {
    failing_in(name, words, |home| home).await;
}

/// The same with another configuration.
pub async fn failing_in(name: &'static str, words: &str, configure: fn(Home) -> Home) {
    at_best(async || {
        let scene = Scene::open_in(name, configure).await;
        scene.enters();
        scene.starts().await;
        scene.hears(3);
        scene.says(words).await;
        scene.ends().await
    })
    .await;
}
