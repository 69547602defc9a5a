//! Commands on their way to the server, back to back in one buffer.
//!
//! Plugins write into such a buffer, links write it out: a burst of a thousand commands costs two allocations.

use super::wire::command::{self, Refusal};

/// Whether the server answers a command, which decides how many may be under way (see [`super::outbox`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `web_pipe2`: exactly one answer or one error comes back (PROTOCOL.md, section 9).
    Send,
    /// Everything else.
    Other,
}

#[derive(Debug, Clone, Copy)]
struct End {
    at: usize,
    kind: Kind,
}

/// Commands in the order in which they will be sent.
#[derive(Debug, Default)]
pub struct Commands {
    text: Vec<u8>,
    ends: Vec<End>,
}

/// A place in a [`Commands`] to which it can be cut back.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    text: usize,
    ends: usize,
}

impl Commands {
    /// Appends a `web_pipe2` command.
    ///
    /// # Errors
    /// The [`Refusal`] of a send that the server could not take; nothing is appended then.
    pub fn send(&mut self, pipe: &str, event: &str, message: &str) -> Result<(), Refusal> {
        command::web_pipe2(&mut self.text, pipe, event, message)?;
        self.ends.push(End { at: self.text.len(), kind: Kind::Send });
        Ok(())
    }

    /// Appends the text of any other command, one that the server does not answer as it answers a send.
    pub fn push(&mut self, command: &str) {
        self.text.extend_from_slice(command.as_bytes());
        self.ends.push(End { at: self.text.len(), kind: Kind::Other });
    }

    /// Appends a command taken out of another buffer.
    pub(super) fn copy(&mut self, command: &[u8], is_send: bool) {
        self.text.extend_from_slice(command);
        self.ends.push(End { at: self.text.len(), kind: if is_send { Kind::Send } else { Kind::Other } });
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

    /// The present end.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark { text: self.text.len(), ends: self.ends.len() }
    }

    /// Forgets what was appended since `mark` was taken.
    pub fn cut_back(&mut self, mark: Mark) {
        self.text.truncate(mark.text);
        self.ends.truncate(mark.ends);
    }

    /// Forgets everything, keeping the buffers.
    pub fn clear(&mut self) {
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
            self.ends.extend(other.ends.iter().map(|end| End { at: base + end.at, kind: end.kind }));
        }
        other.clear();
    }

    /// The commands from the `first` on, each with whether it is a send.
    pub(super) fn iter_from(&self, first: usize) -> impl Iterator<Item = (&[u8], bool)> {
        let ends = self.ends.get(first..).unwrap_or_default();
        let mut start = first.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| end.at);
        ends.iter().map(move |end| {
            let command = self.text.get(start..end.at).unwrap_or_default();
            start = end.at;
            (command, end.kind == Kind::Send)
        })
    }

    /// Forgets the first `count` commands.
    pub(super) fn drop_first(&mut self, count: usize) {
        let cut = count.checked_sub(1).and_then(|last| self.ends.get(last)).map_or(0, |end| end.at);
        self.text.drain(..cut.min(self.text.len()));
        self.ends.drain(..count.min(self.ends.len()));
        for end in &mut self.ends {
            end.at -= cut;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn texts(commands: &Commands, first: usize) -> Vec<String> {
        commands.iter_from(first).map(|(text, _)| String::from_utf8(text.to_vec()).unwrap()).collect()
    }

    #[test]
    fn what_was_staged_since_a_mark_can_be_taken_back() {
        let mut commands = Commands::default();
        commands.send("web_a", "e", "kept").unwrap();
        let mark = commands.mark();
        commands.send("web_a", "e", "dropped").unwrap();
        commands.cut_back(mark);
        assert_eq!(texts(&commands, 0), ["web_pipe2\nweb_a\ne\n*\nkept"]);
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
        let mut commands = Commands::default();
        commands.push("a");
        commands.push("bb");
        let mut more = Commands::default();
        more.push("ccc");
        commands.append(&mut more);
        assert!(more.is_empty());
        assert_eq!(texts(&commands, 1), ["bb", "ccc"]);
        commands.drop_first(2);
        assert_eq!(texts(&commands, 0), ["ccc"]);
        commands.drop_first(1);
        assert!(commands.is_empty());
    }
}
