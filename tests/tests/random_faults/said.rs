//! What is said, told apart by its text.

use std::time::Instant;

/// What is said, and by whom. Its number says how much was said before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Text {
    /// By somebody else, in its pipe.
    Other(usize),
    /// By the fleet, over this lane, to its pipe.
    Own { lane: usize, number: usize },
    /// That is no matter of the case.
    Old,
}

impl Text {
    /// Reads what [`Self::event`] and [`Self::data`] make.
    pub fn read(event: &str, data: &str) -> Self {
        let number = |text: Option<&str>| text.and_then(|text| text.parse().ok()).expect("a number is said");
        let mut words = data.split(' ');
        match event {
            "other" => Self::Other(number(words.next())),
            "own" => Self::Own { number: number(words.next()), lane: number(words.next()) },
            _ => Self::Old,
        }
    }

    pub const fn event(self) -> &'static str {
        match self {
            Self::Other(_) => "other",
            Self::Own { .. } => "own",
            Self::Old => "old",
        }
    }

    /// Long enough not to make a frame of a length that the server damages (PROTOCOL.md, section 2.3).
    pub fn data(self) -> String {
        match self {
            Self::Other(number) => format!("{number} is said by somebody else"),
            Self::Own { lane, number } => format!("{number} {lane} is number and lane"),
            Self::Old => "what was said long ago".to_owned(),
        }
    }
}

/// Something that was said, and when.
#[derive(Debug, Clone)]
pub struct Said {
    pub pipe: String,
    pub text: Text,
    pub at: Instant,
}
