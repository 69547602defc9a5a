//! The commands of a client, in the order in which the server looks for them (PROTOCOL.md, section 5).
//!
//! Texts end at their first NUL, as C strings do. A keyword is matched as a beginning and one byte behind it is skipped
//! unseen.

use std::sync::Arc;

use super::complaint::Complaint;
use super::desk::Desk;
use super::forms::{Saying, Voice};
use super::limits::{LOOSE_NAME_BYTES, NAME_BYTES};
use super::listing::is_name_byte;
use super::old;
use super::options::Faults;
use super::pipes;
use super::wire::Width;
use super::world::{Peer, World};

/// One connection as its commands see it.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) peer: Arc<Peer>,
    /// What it is subscribed to, in order.
    pub(super) names: Vec<Vec<u8>>,
}

/// What a command comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The connection goes on.
    Go,
    /// The connection ends.
    Close,
    /// The server dies, for this reason.
    Crash(&'static str),
}

type Command = fn(&mut World, &mut Desk, &mut Session, &[u8]) -> Next;

/// Which servers know a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    Always,
    V4,
}

const COMMANDS: [(&str, Since, Command); 10] = [
    ("subscription", Since::Always, pipes::subscription),
    ("web_pipe2", Since::Always, web_pipe2),
    ("pipe_log", Since::Always, pipe_log),
    ("pipe_count", Since::Always, pipe_count),
    ("track_pipe_users", Since::Always, track_pipe_users),
    ("user_status", Since::Always, user_status),
    ("statistics", Since::Always, nothing),
    ("user_data", Since::V4, user_data),
    ("cgi_call", Since::V4, nothing),
    ("CometQL_call", Since::V4, cometql_call),
];

/// Carries out one command.
pub(super) fn run(world: &mut World, desk: &mut Desk, session: &mut Session, text: &[u8]) -> Next {
    let is_old = session.peer.voice == Voice::Old;
    for (keyword, since, command) in COMMANDS {
        if text.starts_with(keyword.as_bytes()) && !(is_old && since == Since::V4) {
            return command(world, desk, session, text.get(keyword.len() + 1..).unwrap_or_default());
        }
    }
    Next::Close
}

/// Says an error; a 3.31 closes after most of them.
pub(super) fn complain(desk: &mut Desk, peer: &Peer, complaint: Complaint) -> Next {
    desk.say(peer, &Saying::Error(complaint));
    if peer.voice == Voice::Old && old::closes(complaint) { Next::Close } else { Next::Go }
}

/// Says the general error and then that of the command.
fn complain_twice(desk: &mut Desk, peer: &Peer, first: Complaint, second: Complaint) -> Next {
    desk.say(peer, &Saying::Error(first));
    complain(desk, peer, second)
}

fn nothing(_: &mut World, _: &mut Desk, _: &mut Session, _: &[u8]) -> Next {
    Next::Go
}

fn web_pipe2(world: &mut World, desk: &mut Desk, session: &mut Session, text: &[u8]) -> Next {
    let peer = &session.peer;
    let mut user = peer.user;
    let mut lines = Lines(text);
    if text.starts_with(b"@web_") {
        user = 0;
        lines = Lines(text.get(1..).unwrap_or_default());
    } else if text.starts_with(b"webauth_") && peer.voice != Voice::Old {
        if user == 0 {
            return complain(desk, peer, Complaint::NotLoggedIn);
        }
    } else if !text.starts_with(b"web_") {
        return complain(desk, peer, Complaint::NotWeb);
    }
    let pipe = lines.next_line();
    if let Err(flaw) = name_flaw(pipe) {
        let complaint = if flaw == Flaw::Length { Complaint::NameLength } else { Complaint::NameCharacters };
        return complain(desk, peer, complaint);
    }
    let event = lines.next_line();
    if let Err(flaw) = name_flaw(event) {
        let complaint = if flaw == Flaw::Length { Complaint::EventLength } else { Complaint::EventCharacters };
        return complain(desk, peer, complaint);
    }
    let Some((_, b"\n")) = lines.0.get(..2).and_then(|line| line.split_at_checked(1)) else {
        return complain(desk, peer, Complaint::AuthType);
    };
    let message = until_nul(lines.0.get(2..).unwrap_or_default());
    if peer.voice != Voice::Old && std::str::from_utf8(message).is_err() {
        return died(world, "a message that is not valid UTF-8");
    }

    world.log(peer.dev, pipe, event, user, message, desk.now);
    let reached = world.pipe(peer.dev, pipe).map_or_else(Default::default, |there| {
        let others = there.subscribers.iter().rev().filter(|other| other.id != peer.id);
        desk.say_to_all(others, &Saying::Message { data: message, event, pipe, user })
    });
    let counts_all = peer.voice == Voice::Old || world.faults() == Faults::Forgiving;
    let count = if counts_all { reached.all } else { reached.long };
    match desk.say(peer, &Saying::Sent { message, count, pipe }) {
        Width::TooLong => Next::Close,
        Width::Short | Width::Long => Next::Go,
    }
}

fn pipe_log(world: &mut World, desk: &mut Desk, session: &mut Session, text: &[u8]) -> Next {
    let peer = &session.peer;
    let mut lines = Lines(text);
    let pipe = lines.next_line();
    if let Err(flaw) = name_flaw(pipe) {
        return complain_twice(desk, peer, flaw.complaint(), Complaint::LogName);
    }
    let marker = lines.next_line();
    if let Err(flaw) = name_flaw(marker) {
        return complain_twice(desk, peer, flaw.complaint(), Complaint::LogMarker);
    }
    if let Some(there) = world.pipe(peer.dev, pipe) {
        for row in there.log.answer(world.faults()) {
            let (data, event, user, time) = (&row.data, &row.event, row.user, row.time);
            desk.say(peer, &Saying::LogRow { data, event, pipe, user, time, marker });
        }
    }
    Next::Go
}

fn pipe_count(world: &mut World, desk: &mut Desk, session: &mut Session, text: &[u8]) -> Next {
    let peer = &session.peer;
    let mut lines = Lines(text);
    let (pipe, marker) = (lines.next_line(), lines.next_line());
    if let Err(flaw) = name_flaw(pipe).and_then(|()| name_flaw(marker)) {
        return complain_twice(desk, peer, flaw.complaint(), Complaint::CountName);
    }
    if !pipe.starts_with(b"web_") && !pipe.starts_with(b"track_") {
        return complain(desk, peer, Complaint::CountPrefix);
    }
    let count = u64::try_from(world.subscribers(peer.dev, pipe)).unwrap_or(u64::MAX);
    desk.say(peer, &Saying::Counted { count, marker });
    Next::Go
}

fn user_status(world: &mut World, desk: &mut Desk, session: &mut Session, text: &[u8]) -> Next {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let user = number(text.get(..digits).unwrap_or_default()).unwrap_or(0);
    let seconds = world.seconds_since_seen(session.peer.dev, user, desk.now);
    desk.say(&session.peer, &Saying::Status { user, seconds });
    Next::Go
}

fn track_pipe_users(world: &mut World, desk: &mut Desk, session: &mut Session, text: &[u8]) -> Next {
    let peer = &session.peer;
    let mut rest = until_nul(text);
    let (pipe, marker) = (word(&mut rest), word(&mut rest));
    if !pipe.starts_with(b"track_") {
        return complain(desk, peer, Complaint::TrackPrefix);
    }
    if peer.voice != Voice::Old && std::str::from_utf8(marker).is_err() {
        return died(world, "a marker that is not valid UTF-8");
    }
    let there = world.pipe(peer.dev, pipe).map_or(&[][..], |there| there.subscribers.as_slice());
    let users: Vec<_> = there.iter().rev().map(|other| (other.user, other.uuid.clone())).collect();
    match desk.say(peer, &Saying::Tracked { users: &users, pipe, marker }) {
        Width::TooLong => Next::Close,
        Width::Short | Width::Long => Next::Go,
    }
}

fn user_data(world: &mut World, desk: &mut Desk, session: &mut Session, text: &[u8]) -> Next {
    let peer = &session.peer;
    let mut lines = Lines(text);
    let marker = lines.next_line();
    if let Err(flaw) = name_flaw(marker) {
        return complain_twice(desk, peer, flaw.complaint(), Complaint::DataMarker);
    }
    let Some(user) = leading_integer(until_nul(lines.0)) else {
        return complain(desk, peer, Complaint::DataUser);
    };
    desk.say(peer, &Saying::UserData { user, data: world.user_data(peer.dev, user), marker });
    Next::Go
}

fn cometql_call(_: &mut World, desk: &mut Desk, session: &mut Session, text: &[u8]) -> Next {
    match name_flaw(Lines(text).next_line()) {
        Ok(()) => Next::Go,
        Err(flaw) => complain_twice(desk, &session.peer, flaw.complaint(), Complaint::DataMarker),
    }
}

/// What the real server does not survive; a forgiving double ends the one connection.
fn died(world: &World, cause: &'static str) -> Next {
    match world.faults() {
        Faults::Faithful => Next::Crash(cause),
        Faults::Forgiving => Next::Close,
    }
}

/// The rest of a command, read line by line. A NUL ends a line too.
struct Lines<'a>(&'a [u8]);

impl<'a> Lines<'a> {
    fn next_line(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| matches!(byte, b'\n' | 0)).unwrap_or(self.0.len());
        let line = self.0.get(..end).unwrap_or_default();
        self.0 = self.0.get(end + 1..).unwrap_or_default();
        line
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    Characters,
    Length,
}

impl Flaw {
    const fn complaint(self) -> Complaint {
        match self {
            Self::Characters => Complaint::NameCharacters,
            Self::Length => Complaint::NameLength,
        }
    }
}

/// The first flaw of a name or marker.
fn name_flaw(name: &[u8]) -> Result<(), Flaw> {
    for (index, &byte) in name.iter().enumerate() {
        if !is_name_byte(byte) {
            return Err(Flaw::Characters);
        }
        if index >= LOOSE_NAME_BYTES {
            return Err(Flaw::Length);
        }
    }
    Ok(())
}

fn until_nul(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// The next word of at most 64 bytes, and the rest.
fn word<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let text = *rest;
    let start = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    let text = text.get(start..).unwrap_or_default();
    let end = text.iter().position(is_space).unwrap_or(text.len()).min(NAME_BYTES);
    let (word, left) = text.split_at_checked(end).unwrap_or_default();
    *rest = left;
    word
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The integer with which a text begins, as `std::stoi` finds it.
fn leading_integer(text: &[u8]) -> Option<i64> {
    let text = text.trim_ascii_start();
    let (sign, digits) = match text.first()? {
        b'-' => (-1, text.get(1..)?),
        b'+' => (1, text.get(1..)?),
        _ => (1, text),
    };
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let value = i64::try_from(number(digits.get(..length)?)?).ok()? * sign;
    i32::try_from(value).ok().map(i64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_have_65_characters_and_no_others_than_these() {
        assert_eq!(name_flaw(b""), Ok(()));
        assert_eq!(name_flaw(&[b'a'; 65]), Ok(()));
        assert_eq!(name_flaw(&[b'a'; 66]), Err(Flaw::Length));
        assert_eq!(name_flaw(b"web.a"), Err(Flaw::Characters));
        assert_eq!(name_flaw(b"web_a\r"), Err(Flaw::Characters));
    }

    #[test]
    fn integers_are_read_as_far_as_they_go() {
        for (text, value) in
            [("7", Some(7)), (" 7abc", Some(7)), ("-3", Some(-3)), ("abc", None), ("", None), ("99999999999", None)]
        {
            assert_eq!(leading_integer(text.as_bytes()), value, "{text:?}");
        }
    }

    #[test]
    fn words_are_cut_at_64_bytes() {
        let text = format!("  {} next", "a".repeat(70));
        let mut rest = text.as_bytes();
        assert_eq!(word(&mut rest).len(), 64);
        assert_eq!(word(&mut rest).len(), 6);
        assert_eq!(word(&mut rest), b"next");
        assert_eq!(word(&mut rest), b"");
    }
}
