//! Where log lines go: standard error, for people on a terminal and as JSON lines otherwise.

use std::io::{self, IsTerminal as _, Write};

use tracing_subscriber::{
    Registry, filter::Targets, fmt, layer::SubscriberExt as _, reload, util::SubscriberInitExt as _,
};

use super::CliError;
use crate::{
    config::{self, LogFormat},
    report::is_harmful,
};

/// Whether log lines are for people.
pub(super) fn is_human(settings: &config::Log) -> bool {
    match settings.format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    }
}

/// Starts the log of a command for people: what it could not do, without times.
pub(super) fn start_for_people() -> Result<(), CliError> {
    start_with(Targets::new().with_default(tracing::Level::WARN))
}

/// The same with all that plugins say: for their authors.
pub(super) fn start_for_authors() -> Result<(), CliError> {
    start_with(Targets::new().with_default(tracing::Level::WARN).with_target("plugin", tracing::Level::TRACE))
}

fn start_with(filter: Targets) -> Result<(), CliError> {
    let writer = || Harmless { form: Form::people(), inner: io::stderr() };
    let layer = fmt::layer().with_writer(writer).with_target(false).with_ansi(has_colour()).without_time();
    tracing_subscriber::registry().with(filter).with(layer.compact()).try_init().map_err(CliError::failed)
}

fn has_colour() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// The level of the log, which can change while it is written.
///
/// It costs nothing where nothing is written: whether a place in the code writes is kept at that place, and determined
/// anew only when the level changes. The lock around the filter is taken for lines that are written.
#[derive(Debug)]
pub(super) struct Level(reload::Handle<Targets, Registry>);

impl Level {
    /// Makes another level hold.
    ///
    /// # Errors
    /// In words, if it is none. The level is as it was then.
    pub(super) fn set(&self, level: &str) -> Result<(), String> {
        let filter = targets(level)?;
        self.0.reload(filter).map_err(|error| error.to_string())
    }
}

fn targets(level: &str) -> Result<Targets, String> {
    level
        .parse()
        .map_err(|error| format!("`log.level`: {error}; write error, warn, info, debug or trace, or info,plugin=debug"))
}

/// Starts the log.
pub(super) fn start(settings: &config::Log) -> Result<Level, CliError> {
    let (filter, level) = reload::Layer::new(targets(&settings.level).map_err(CliError::usage)?);
    let registry = tracing_subscriber::registry().with(filter);
    let form = if is_human(settings) { Form::people() } else { Form::Json };
    let layer = fmt::layer().with_writer(move || Harmless { form, inner: io::stderr() });
    let started = if is_human(settings) {
        registry.with(layer.with_target(false).with_ansi(has_colour()).compact()).try_init()
    } else {
        registry.with(layer.json().flatten_event(true)).try_init()
    };
    started.map_err(CliError::failed)?;
    Ok(Level(level))
}

/// What a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Plain,
    Coloured,
}

impl Form {
    fn people() -> Self {
        if has_colour() { Self::Coloured } else { Self::Plain }
    }
}

/// The last gate before the log: whatever a line is made of, it can do no harm where it is read. Who writes foreign text
/// into a line makes it quiet there; this is for the place where that was forgotten.
struct Harmless<W> {
    form: Form,
    inner: W,
}

impl<W: Write> Write for Harmless<W> {
    /// Takes whole lines, as they are given to it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(line) {
            Ok(text) if text.chars().any(|character| self.form.is_escaped(character)) => {
                self.inner.write_all(self.form.escaped(text).as_bytes())?;
            }
            _ => self.inner.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Form {
    /// Line breaks between parts of a line are our own, and so are the colours.
    fn is_escaped(self, character: char) -> bool {
        is_harmful(character)
            && match self {
                Self::Json => character != '\n',
                Self::Plain => !matches!(character, '\n' | '\t'),
                Self::Coloured => !matches!(character, '\n' | '\t' | '\u{1b}'),
            }
    }

    fn escaped(self, text: &str) -> String {
        let mut safe = String::with_capacity(text.len() + 16);
        for character in text.chars() {
            match self {
                _ if !self.is_escaped(character) => safe.push(character),
                // All of them have 16 bits.
                Self::Json => safe.push_str(&format!("\\u{:04x}", u32::from(character))),
                Self::Plain | Self::Coloured => safe.extend(character.escape_unicode()),
            }
        }
        safe
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::*;
    use crate::report::brief;

    /// What is in the log if `act` writes it in this form.
    fn in_form(form: Form, act: impl FnOnce()) -> String {
        let written = Written::default();
        let inner = written.clone();
        let layer = fmt::layer().with_writer(move || Harmless { form, inner: inner.clone() });
        match form {
            Form::Json => {
                let subscriber = tracing_subscriber::registry().with(layer.json().flatten_event(true));
                tracing::subscriber::with_default(subscriber, act);
            }
            _ => {
                let layer = layer.with_target(false).with_ansi(form == Form::Coloured).compact();
                tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), act);
            }
        }
        let bytes = std::mem::take(&mut *written.0.lock().unwrap());
        String::from_utf8(bytes).unwrap()
    }

    /// Text with many characters that do harm.
    fn wild() -> impl Strategy<Value = String> {
        let harmful = proptest::char::ranges(vec!['\0'..='\u{9f}', '\u{2028}'..='\u{2069}'].into());
        proptest::collection::vec(prop_oneof![harmful, any::<char>()], 0..40).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn whatever_is_logged_is_one_line_without_harm_and_json_keeps_all_of_it(text in wild(), other in wild()) {
            let line = in_form(Form::Json, || {
                tracing::info!(text, shown = %other, debug = ?text, "{other}");
            });
            let body = line.strip_suffix('\n').unwrap();
            prop_assert!(!body.chars().any(is_harmful), "{body:?}");
            let json: serde_json::Value = serde_json::from_str(body).unwrap();
            prop_assert_eq!(json["text"].as_str(), Some(&*text));
            prop_assert_eq!(json["shown"].as_str(), Some(&*other));
            prop_assert!(json["message"].is_string());
        }

        #[test]
        fn what_plugins_write_is_one_line_for_people_without_harm(text in wild(), context in wild()) {
            for form in [Form::Plain, Form::Coloured] {
                let (message, context) = (brief(&text), Some(brief(&context)));
                let line = in_form(form, || tracing::info!(plugin = "karma", context, "{message}"));
                let body = line.strip_suffix('\n').unwrap();
                // Colours are numbers between ESC [ and m.
                let mut parts = body.split("\u{1b}[");
                let first = parts.next().unwrap_or_default().to_owned();
                let uncoloured = parts.fold(first, |text, part| {
                    let (colour, rest) = part.split_once('m').unwrap();
                    assert!(form == Form::Coloured && colour.bytes().all(|byte| byte.is_ascii_digit() || byte == b';'));
                    text + rest
                });
                prop_assert!(!uncoloured.chars().any(|it| is_harmful(it) && it != '\t'), "{uncoloured:?}");
            }
        }
    }

    #[test]
    fn a_line_of_our_own_is_written_as_it_is() {
        for form in [Form::Json, Form::Plain, Form::Coloured] {
            let mut written = Vec::new();
            Harmless { form, inner: &mut written }.write_all("Ünïcode, {\"a\":1}\n".as_bytes()).unwrap();
            assert_eq!(written, "Ünïcode, {\"a\":1}\n".as_bytes());
        }
    }

    /// Lines as they are written.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Written {
        /// The words of the lines since the last time.
        fn take(&self) -> Vec<String> {
            let bytes = std::mem::take(&mut *self.0.lock().unwrap());
            String::from_utf8(bytes).unwrap().lines().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect()
        }
    }

    /// One place for each line, as in a program that runs: the level must reach places that have written before.
    fn say() {
        tracing::debug!("debug");
        tracing::info!("info");
        tracing::debug!(target: "plugin", "debug-of-plugin");
        tracing::error!("error");
    }

    #[test]
    fn another_level_holds_from_the_next_line_on() {
        let (filter, level) = reload::Layer::new(targets("info").unwrap());
        let level = Level(level);
        let written = Written::default();
        let writer = written.clone();
        let layer = fmt::layer().with_writer(move || writer.clone()).with_ansi(false);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(filter).with(layer), || {
            say();
            assert_eq!(written.take(), ["info", "error"]);
            level.set("debug").unwrap();
            say();
            assert_eq!(written.take(), ["debug", "info", "debug-of-plugin", "error"]);
            level.set("error,plugin=debug").unwrap();
            say();
            assert_eq!(written.take(), ["debug-of-plugin", "error"]);
            assert!(level.set("a[{b=info").unwrap_err().contains("`log.level`"));
            say();
            assert_eq!(written.take(), ["debug-of-plugin", "error"]);
        });
        assert!(level.set("info").is_err(), "there is no log any more");
    }
}
