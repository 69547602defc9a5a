//! Sends on their way to the server, back to back in one buffer.
//!
//! Plugins write into such a buffer, links write it out: a burst of a thousand sends costs two allocations.

use super::wire::command::{self, Refusal};

/// A buffer that has grown beyond this is given back when it is empty.
const KEPT_BYTES: usize = 256 * 1024;

/// `web_pipe2` commands in the order in which they will be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commands {
    text: Vec<u8>,
    /// Where each command ends in `text`.
    ends: Vec<usize>,
}

impl Commands {
    /// Appends a send.
    ///
    /// # Errors
    /// The [`Refusal`] of a send that the server could not take; nothing is appended then.
    pub fn send(&mut self, pipe: &str, event: &str, message: &str) -> Result<(), Refusal> {
        command::web_pipe2(&mut self.text, pipe, event, message)?;
        self.ends.push(self.text.len());
        Ok(())
    }

    /// The number of commands.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The length of all commands together, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Forgets everything. The buffers stay, unless they have grown out of proportion.
    pub fn clear(&mut self) {
        if self.text.capacity() > KEPT_BYTES {
            *self = Self::default();
        }
        self.text.clear();
        self.ends.clear();
    }

    /// Moves all commands of `other` behind these.
    pub fn append(&mut self, other: &mut Self) {
        if self.is_empty() {
            std::mem::swap(self, other);
        } else {
            let base = self.text.len();
            self.text.extend_from_slice(&other.text);
            self.ends.extend(other.ends.iter().map(|end| base + end));
        }
        other.clear();
    }

    /// Each send in words: pipe, event, message.
    pub fn shown(&self) -> impl Iterator<Item = String> {
        let sends = self.iter().filter_map(Sent::read);
        sends.map(|Sent { pipe, event, message }| format!("{pipe} {event}: {message:?}"))
    }

    /// The message of each send.
    pub fn messages(&self) -> impl Iterator<Item = &str> {
        self.iter().filter_map(Sent::read).map(|sent| sent.message)
    }

    /// Appends the text of any command.
    pub(super) fn push(&mut self, command: &[u8]) {
        self.text.extend_from_slice(command);
        self.ends.push(self.text.len());
    }

    /// All commands, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let command = self.text.get(start..end).unwrap_or_default();
            start = end;
            command
        })
    }

    /// The command with the number `index`, from 0.
    pub(super) fn get(&self, index: usize) -> Option<&[u8]> {
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.text.get(start..*self.ends.get(index)?)
    }

    /// Forgets the first `count` commands.
    pub(super) fn drop_first(&mut self, count: usize) {
        if count >= self.ends.len() {
            return self.clear();
        }
        let cut = count.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or(0);
        self.text.drain(..cut.min(self.text.len()));
        self.ends.drain(..count);
        for end in &mut self.ends {
            *end -= cut;
        }
    }
}

/// A send, read from its command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent<'c> {
    /// Where to, with an `@` in front where the sender hides.
    pub(super) pipe: &'c str,
    pub(super) event: &'c str,
    pub(super) message: &'c str,
}

impl<'c> Sent<'c> {
    /// Reads a `web_pipe2`; none if it is another command.
    pub(super) fn read(command: &'c [u8]) -> Option<Self> {
        let mut parts = std::str::from_utf8(command).ok()?.splitn(5, '\n');
        if parts.next() != Some(command::WEB_PIPE2) {
            return None;
        }
        let (pipe, event, _, message) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some(Self { pipe, event, message })
    }

    /// The pipe as those who hear it call it.
    pub(super) fn shown_pipe(&self) -> &'c str {
        self.pipe.strip_prefix('@').unwrap_or(self.pipe)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn sends(messages: &[&str]) -> Commands {
        let mut commands = Commands::default();
        for message in messages {
            commands.send("web_a", "e", message).unwrap();
        }
        commands
    }

    fn text(commands: &Commands, index: usize) -> Option<&str> {
        commands.get(index).map(|text| std::str::from_utf8(text).unwrap())
    }

    #[test]
    fn a_send_is_read_back_from_its_command() {
        let mut commands = Commands::default();
        commands.send("@web_a", "", "two\nlines\n").unwrap();
        let sent = Sent::read(commands.get(0).unwrap()).unwrap();
        assert_eq!((sent.pipe, sent.shown_pipe(), sent.event, sent.message), ("@web_a", "web_a", "", "two\nlines\n"));
        assert_eq!(Sent::read(b"pipe_count\nweb_a\nmarker0001\n"), None);
    }

    #[test]
    fn a_refused_send_leaves_nothing_behind() {
        let mut commands = Commands::default();
        commands.send("chat", "e", "no such prefix").unwrap_err();
        assert!(commands.is_empty());
        assert_eq!(commands.bytes(), 0);
    }

    #[test]
    fn appending_and_dropping_keep_the_order_and_the_borders() {
        let mut commands = sends(&["a", "bb"]);
        let mut more = sends(&["ccc"]);
        commands.append(&mut more);
        assert!(more.is_empty());
        assert_eq!(text(&commands, 1), Some("web_pipe2\nweb_a\ne\n*\nbb"));
        assert_eq!(text(&commands, 2), Some("web_pipe2\nweb_a\ne\n*\nccc"));
        assert_eq!(text(&commands, 3), None);
        commands.drop_first(2);
        assert_eq!(text(&commands, 0), Some("web_pipe2\nweb_a\ne\n*\nccc"));
        commands.drop_first(1);
        assert!(commands.is_empty());
    }

    #[test]
    fn a_buffer_that_was_large_once_does_not_stay_large() {
        let mut commands = Commands::default();
        for _ in 0..20 {
            commands.send("web_a", "e", &"x".repeat(60_000)).unwrap();
        }
        commands.clear();
        assert_eq!(commands.text.capacity(), 0);
    }
}
