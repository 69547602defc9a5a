//! Why bytes are no plugin: one sentence each, in the terms of whoever wrote or built them.

use std::fmt::{self, Debug, Display};

use super::outline::Signature;
use crate::report::brief;

/// Why bytes are no plugin.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// Neither a binary nor its text form.
    #[error("it is {0}, not WebAssembly: build the plugin and put the .wasm file (or a .wat text) here")]
    NotWasm(&'static str),
    /// The text form has a mistake.
    #[error("its text does not assemble:\n{0}")]
    Text(String),
    /// A binary that breaks off or contradicts itself.
    #[error("it is a damaged or unfinished WebAssembly binary ({0}): build or copy it again")]
    Damaged(String),
    /// A whole binary that says what cannot be.
    #[error("it is not valid WebAssembly ({0}): that is a mistake of the tool that made it, or of the text's author")]
    Invalid(String),
    /// Built for another version of the contract.
    #[error(
        "it was built for the contract cometbot:plugin@{built}, and this cometbot ({}) speaks {spoken}: {advice}",
        env!("CARGO_PKG_VERSION")
    )]
    Version {
        /// The version that it names.
        built: String,
        /// Ours.
        spoken: String,
        /// What to do.
        advice: &'static str,
    },
    /// Built for something else than cometbot.
    #[error("it is {what} ({sign}), and no plugin of cometbot: {advice}")]
    Foreign {
        /// What it is, with its article.
        what: &'static str,
        /// By what it is known: an import or an export.
        sign: String,
        /// What to do.
        advice: &'static str,
    },
    /// A component that lacks an export.
    #[error("it is a component without the export `{name}`{instead}: build it for the world `{world}`")]
    ComponentExport {
        /// The export.
        name: &'static str,
        /// What it exports instead, in parentheses, if it is anything.
        instead: String,
        /// The contract's world.
        world: String,
    },
    /// A core module that lacks an export.
    #[error("it is a core module without the export `{name}`, {why}{similar}; it has to be {wanted}")]
    MissingExport {
        /// Its name.
        name: &'static str,
        /// What it must be.
        wanted: String,
        /// What it is for.
        why: &'static str,
        /// An export that looks as if it was meant.
        similar: Similar,
    },
    /// An export with the right name that is something else.
    #[error("its export `{name}` is a {kind}, and the contract wants {wanted}")]
    ExportKind {
        /// Its name.
        name: String,
        /// What it is.
        kind: String,
        /// What it must be.
        wanted: String,
    },
    /// An exported function with other parameters or results.
    #[error("its export `{name}` is `{found}`, and the contract wants {wanted}")]
    ExportType {
        /// Its name.
        name: String,
        /// What it is.
        found: String,
        /// What it must be.
        wanted: String,
    },
    /// An imported function with other parameters or results.
    #[error("it imports `{name}` of `{module}` as `{found}`, and that is {wanted}")]
    ImportType {
        /// The interface.
        module: String,
        /// The function.
        name: String,
        /// As what it is imported.
        found: String,
        /// What it is.
        wanted: String,
    },
    /// A function that an interface does not have.
    #[error("it imports `{name}` of `{module}`, which has no such function{similar}{others}")]
    ImportName {
        /// The interface.
        module: String,
        /// The function.
        name: String,
        /// A function that looks as if it was meant.
        similar: Similar,
        /// All that there are, in parentheses, if they are few.
        others: String,
    },
    /// An import that nobody gives.
    #[error("it imports {import}, which {advice}")]
    Import {
        /// The import, in backquotes.
        import: String,
        /// Where it comes from and what to do.
        advice: String,
    },
    /// A memory of a kind that the contract does not have.
    #[error("its memory is {kind}: {advice}")]
    Memory {
        /// What is wrong with it.
        kind: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// A core module with several memories.
    #[error("it has {0} memories, and a core module can have one here: put everything into `memory`")]
    Memories(u32),
    /// The module and the contract do not fit together, in the encoder's words.
    #[error("its core module does not fit the contract: {0}")]
    Contract(String),
}

impl EncodeError {
    pub(super) fn damaged(error: impl Display) -> Self {
        Self::Damaged(brief(&error.to_string()))
    }

    pub(super) fn invalid(error: impl Display) -> Self {
        Self::Invalid(brief(&error.to_string()))
    }

    /// A mistake in the text form: the assembler's words, which show the line.
    pub(super) fn text(error: impl Display) -> Self {
        Self::Text(error.to_string().lines().map(brief).collect::<Vec<_>>().join("\n"))
    }

    pub(super) fn contract(error: impl Debug) -> Self {
        // The chain of causes, on one line: `Debug` of the encoder's errors is the only form that has all of it.
        let chain = format!("{error:?}");
        let causes = chain.split("\n\nStack backtrace").next().unwrap_or_default();
        Self::Contract(brief(&causes.split_whitespace().collect::<Vec<_>>().join(" ")))
    }
}

/// What something must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A function of this type.
    Function {
        /// Its type.
        signature: Signature,
        /// What its parameters mean, as in `pipe: i32 i32, history: i32`; may be empty.
        parts: String,
    },
    /// A memory.
    Memory,
}

impl Wanted {
    /// Whether a function is just that.
    pub(super) fn is(&self, found: &Signature) -> bool {
        matches!(self, Self::Function { signature, .. } if signature == found)
    }
}

impl Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("a memory"),
            Self::Function { signature, parts } if parts.is_empty() => write!(f, "a function `{signature}`"),
            Self::Function { signature, parts } => write!(f, "a function `{signature}` ({parts})"),
        }
    }
}

/// A name that looks as if another one was meant; shown with what has to stand before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Similar(Option<String>);

impl Similar {
    /// How many letters may be wrong in a name of so many: one in four.
    const LETTERS_A_MISTAKE: usize = 4;

    /// The one of `names` that is most like `name`, if any is like it.
    pub(super) fn to<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Self {
        let plain = |text: &str| -> Vec<char> {
            text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        };
        let wanted = plain(name);
        // A name of another length cannot be like it, and the largest are as long as the file.
        let names = names.filter(|other| other.len() < 2 * name.len());
        let likest = names.map(|other| (distance(&wanted, &plain(other)), other)).min_by_key(|(distance, _)| *distance);
        let fits = likest.filter(|(distance, _)| *distance <= wanted.len() / Self::LETTERS_A_MISTAKE);
        Self(fits.map(|(_, other)| other.to_owned()))
    }
}

impl Display for Similar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |name| write!(f, " (is `{}` meant to be it?)", brief(name)))
    }
}

/// How many letters differ between two words: put in, left out or changed.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.iter().enumerate() {
        let mut corner = line;
        let mut left = line + 1;
        let mut next = vec![left];
        for (above, letter_of_other) in row.iter().skip(1).zip(other) {
            left = (corner + usize::from(letter != letter_of_other)).min(left + 1).min(above + 1);
            corner = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_was_meant_is_found_and_one_that_was_not_is_not() {
        let similar = |name: &str, names: &[&str]| Similar::to(name, names.iter().copied()).0;
        assert_eq!(similar("setup", &["memory", "_Setup"]).as_deref(), Some("_Setup"));
        assert_eq!(similar("cabi_realloc", &["cabi-realloc"]).as_deref(), Some("cabi-realloc"));
        assert_eq!(similar("handle", &["hendle", "setup"]).as_deref(), Some("hendle"));
        assert_eq!(similar("sent", &["send", "log", "count"]).as_deref(), Some("send"));
        assert_eq!(similar("shout", &["send", "log", "count"]), None);
        assert_eq!(similar("setup", &[]), None);
    }
}
