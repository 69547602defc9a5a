//! How foreign text and repeated troubles reach the log and the terminal.
//!
//! Anyone may call it; it calls nothing.

use std::{
    fmt,
    time::{Duration, Instant},
};

/// Whether a character can forge a line of a log, steer a terminal, or show text in another order than it is in: control
/// characters, line separators, and what changes the direction of writing.
#[must_use]
pub fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// Text that can do no harm where it is shown: [harmful](is_harmful) characters are escaped. Tabs are let be.
pub struct Quiet<'a>(pub &'a str);

impl fmt::Display for Quiet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for character in self.0.chars() {
            if is_harmful(character) && character != '\t' {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

/// How much of a foreign text is shown in a line.
const BRIEF_BYTES: usize = 4 * 1024;

/// Foreign text for a line of the log: quiet, and cut where it is long.
#[must_use]
pub fn brief(text: &str) -> String {
    let shown = text.get(..text.floor_char_boundary(BRIEF_BYTES)).unwrap_or_default();
    let rest = if shown.len() < text.len() { "…" } else { "" };
    format!("{}{rest}", Quiet(shown))
}

/// The same for text of several lines: its line breaks stay.
pub struct QuietText<'a>(pub &'a str);

impl fmt::Display for QuietText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.0.split('\n');
        if let Some(first) = lines.next() {
            write!(f, "{}", Quiet(first))?;
        }
        lines.try_for_each(|line| write!(f, "\n{}", Quiet(line)))
    }
}

/// The time over which lines are counted, usually.
const PERIOD: Duration = Duration::from_secs(1);

/// Lets so many lines a second through and counts the rest, so that a flood of the same trouble does not become a flood
/// of lines.
#[derive(Debug, Clone)]
pub struct Throttle {
    lines: u32,
    /// The time over which lines are counted.
    length: Duration,
    period: Option<Instant>,
    /// Lines in this period.
    written: u32,
    /// Occurrences since the last line.
    times: u64,
}

impl Throttle {
    /// At most `lines` a second.
    #[must_use]
    pub const fn lines_per_second(lines: u32) -> Self {
        Self { lines, length: PERIOD, period: None, written: 0, times: 0 }
    }

    /// At most one line in so long a time.
    #[must_use]
    pub const fn line_in(length: Duration) -> Self {
        Self { lines: 1, length, period: None, written: 0, times: 0 }
    }

    /// Counts an occurrence. If a line may be written now, gives how many occurrences it stands for.
    pub fn pass(&mut self) -> Option<u64> {
        self.pass_many(1)
    }

    /// The same for several occurrences at once.
    pub fn pass_many(&mut self, times: u64) -> Option<u64> {
        self.times += times;
        if self.times == 0 {
            return None;
        }
        if self.period.is_none_or(|since| since.elapsed() >= self.length) {
            (self.period, self.written) = (Some(Instant::now()), 0);
        }
        if self.written >= self.lines {
            return None;
        }
        self.written += 1;
        Some(std::mem::take(&mut self.times))
    }
}

/// What is logged while `act` runs, as the log shows it.
#[cfg(test)]
pub(crate) fn log_of(act: impl FnOnce()) -> String {
    use std::sync::{Arc, LazyLock, Mutex, PoisonError};
    use tracing::{Dispatch, subscriber::NoSubscriber};
    // With only one subscriber in the process, what another test logs first on a thread of its own is switched off here.
    static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));
    LazyLock::force(&ANOTHER);
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, act);
    let bytes = log.0.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let text = "ж".repeat(BRIEF_BYTES);
        assert_eq!(brief(&text).chars().count(), BRIEF_BYTES / 2 + 1);
        assert_eq!(brief("short\n"), "short\\n");
    }

    #[test]
    fn foreign_text_cannot_forge_a_line_or_steer_the_terminal() {
        assert_eq!(Quiet("a\nERROR \u{1b}[31m").to_string(), "a\\nERROR \\u{1b}[31m");
        assert_eq!(QuietText("a\nb\u{9b}").to_string(), "a\nb\\u{9b}");
        assert_eq!(Quiet("tab\tand Ünïcode").to_string(), "tab\tand Ünïcode");
        assert_eq!(Quiet("\u{202e}txt.exe\u{2028}").to_string(), "\\u{202e}txt.exe\\u{2028}");
    }

    #[test]
    fn a_flood_becomes_one_line_with_a_count() {
        let mut throttle = Throttle::lines_per_second(2);
        assert_eq!((throttle.pass(), throttle.pass_many(5)), (Some(1), Some(5)));
        assert_eq!((throttle.pass(), throttle.pass()), (None, None));
        throttle.period = Instant::now().checked_sub(PERIOD);
        assert_eq!(throttle.pass(), Some(3));
        assert_eq!(throttle.pass_many(0), None, "nothing happened");
    }
}
