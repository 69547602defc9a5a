//! The log of a process that runs: its standard error, line by line, in memory.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    sync::watch,
};

/// A line of the log.
#[derive(Debug, Clone)]
pub struct Line {
    /// As it was written.
    pub raw: String,
    json: Value,
}

impl Line {
    fn read(raw: String) -> Self {
        Self { json: serde_json::from_str(&raw).unwrap_or_default(), raw }
    }

    /// Whether its message has `text` in it.
    #[must_use]
    pub fn says(&self, text: &str) -> bool {
        self.message().contains(text)
    }

    /// Its message; the whole line where that is no JSON.
    #[must_use]
    pub fn message(&self) -> &str {
        self.json["message"].as_str().unwrap_or(&self.raw)
    }

    /// Whether it is about the plugin `name`.
    #[must_use]
    pub fn of(&self, name: &str) -> bool {
        self.field("plugin") == name
    }

    /// Whether it has the level, as in `WARN`.
    #[must_use]
    pub fn is(&self, level: &str) -> bool {
        self.field("level") == level
    }

    /// One of its fields as text; empty if it has none of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> String {
        match &self.json[name] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

/// All lines so far.
#[derive(Clone)]
pub(crate) struct Lines {
    lines: Arc<Mutex<Vec<Line>>>,
    more: watch::Sender<()>,
}

impl Lines {
    /// Reads `stream` to its end, in a task of its own, which gives the end away.
    pub(crate) fn follow(stream: impl AsyncRead + Unpin + Send + 'static) -> (Self, tokio::task::JoinHandle<()>) {
        let lines = Self { lines: Arc::default(), more: watch::Sender::new(()) };
        let task = tokio::spawn({
            let lines = lines.clone();
            async move {
                let mut reader = BufReader::new(stream);
                let mut bytes = Vec::new();
                while matches!(reader.read_until(b'\n', &mut bytes).await, Ok(1..)) {
                    let raw = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
                    lines.lock().push(Line::read(raw));
                    lines.more.send_replace(());
                    bytes.clear();
                }
            }
        });
        (lines, task)
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// The lines from the `first` on.
    pub(crate) fn since(&self, first: usize) -> Vec<Line> {
        self.lock().iter().skip(first).cloned().collect()
    }

    /// The first `count` lines from the `first` on that fit, as soon as there are so many.
    pub(crate) async fn find(&self, first: usize, count: usize, fits: impl Fn(&Line) -> bool) -> Vec<Line> {
        let mut more = self.more.subscribe();
        let (mut seen, mut found) = (first, Vec::new());
        loop {
            more.mark_unchanged();
            let lines = self.since(seen);
            seen += lines.len();
            found.extend(lines.into_iter().filter(&fits).take(count - found.len()));
            if found.len() == count {
                return found;
            }
            more.changed().await.expect("the sender is here");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap()
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lock().iter().try_for_each(|line| writeln!(f, "    {}", line.raw))
    }
}
