//! Checks of single values, with the place of the value in the error.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    fmt::Display,
    fs::File,
    io::Read as _,
    ops::{Range, RangeInclusive},
    path::{Path, PathBuf},
};

use toml::de::{DeTable, DeValue};

use super::{
    environment::Environment,
    error::{ConfigError, Place},
};

/// The longest file that is taken for a secret.
const SECRET_MAX_BYTES: u64 = 64 * 1024;

/// Knows where every value came from.
pub(super) struct Checker<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
    pub(super) environment: &'a Environment,
    /// Files with secrets that others can read, as they are found.
    pub(super) exposed: RefCell<BTreeSet<PathBuf>>,
}

impl Checker<'_> {
    /// Gives a fault its place.
    pub(super) fn that<T, E: Display>(&self, key: &[&str], outcome: Result<T, E>) -> Result<T, ConfigError> {
        outcome.map_err(|error| self.fault(key, &error.to_string()))
    }

    /// A number that must lie in `range`.
    pub(super) fn within(&self, range: &RangeInclusive<u32>, key: &[&str], value: u32) -> Result<usize, ConfigError> {
        match usize::try_from(value) {
            Ok(number) if range.contains(&value) => Ok(number),
            _ if *range.end() == u32::MAX => Err(self.fault(key, &format!("it must be at least {}", range.start()))),
            _ => Err(self.fault(key, &format!("it must be from {} to {}", range.start(), range.end()))),
        }
    }

    pub(super) fn at_least_one_up_to(&self, most: u32, key: &[&str], value: u32) -> Result<usize, ConfigError> {
        self.within(&(1..=most), key, value)
    }

    /// A file in which a secret stands alone.
    pub(super) fn secret(&self, key: &[&str], file: &Path) -> Result<String, ConfigError> {
        let file = self.beside(file);
        self.holds_a_secret(&file);
        let mut secret = String::new();
        // A device or a file of something else could be without end.
        let read = File::open(&file).and_then(|open| open.take(SECRET_MAX_BYTES + 1).read_to_string(&mut secret));
        match read.map(|bytes| u64::try_from(bytes).unwrap_or(u64::MAX)) {
            Ok(0..=SECRET_MAX_BYTES) => Ok(secret.trim().to_owned()),
            Ok(_) => {
                let most = SECRET_MAX_BYTES / 1024;
                Err(self.fault(key, &format!("{} is longer than {most} KiB, and no secret", file.display())))
            }
            Err(error) => Err(self.fault(key, &format!("cannot read {}: {error}", file.display()))),
        }
    }

    /// Takes down that others can read a file that holds a secret, if they can.
    pub(super) fn holds_a_secret(&self, file: &Path) {
        #[cfg(unix)]
        if std::fs::metadata(file).is_ok_and(|file| std::os::unix::fs::MetadataExt::mode(&file) & 0o077 != 0) {
            self.exposed.borrow_mut().insert(file.to_owned());
        }
        #[cfg(not(unix))]
        let _ = file;
    }

    /// The same for bot.toml, if the secret of `key` stands in there.
    pub(super) fn says_a_secret(&self, key: &[&str]) {
        if self.environment.variable(key).is_none() {
            self.holds_a_secret(self.path);
        }
    }

    /// A path as it is meant: relative ones count from where the configuration lies.
    pub(super) fn beside(&self, file: &Path) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(file)
    }

    /// A fault of the value of `key`.
    pub(super) fn fault(&self, key: &[&str], fault: &str) -> ConfigError {
        let place = match self.environment.variable(key) {
            Some(variable) => Place::Variable(variable),
            None => Place::in_file(self.path, self.text, span(self.text, key)),
        };
        ConfigError::Fault { place, fault: format!("`{}`: {fault}", key.join(".")) }
    }
}

/// Where the key stands in the text, or else the innermost of its tables that is there.
fn span(text: &str, key: &[&str]) -> Option<Range<usize>> {
    let document = DeTable::parse(text).ok()?.into_inner();
    let mut table = &document;
    let mut span = None;
    for step in key {
        let Some((name, value)) = table.iter().find(|(name, _)| name.get_ref() == step) else { break };
        span = Some(name.span());
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    span
}
