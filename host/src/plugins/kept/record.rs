//! What was decided about a plugin, by people and by what its versions did: a small JSON file a plugin.
//!
//! A record is read and written by one task alone, so that nothing is lost between the two. Fields that are not known are
//! passed over and missing ones have a default, so that earlier and later versions of the host can read the same file.

use std::{fs, io, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    config::is_plugin_name,
    plugins::{grants::Grants, package::ContentHash},
    private_file::{self, Outlives},
    unix_time,
};

/// What the file of a record ends with.
const EXTENSION: &str = "json";
/// What is added to the name of a file that cannot be read.
const DAMAGED: &str = "damaged";

/// What is remembered of a plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// An operator has switched it off.
    pub disabled: bool,
    /// What it was granted; none if nothing was ever decided.
    pub granted: Option<Grants>,
    /// A version that must not be taken again by itself.
    pub held_back: Option<HeldBack>,
    /// Versions that were good, newest first.
    pub good: Vec<Good>,
}

/// A version that must not be taken again by itself, because it was rolled back or asks for too much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// Which one.
    pub hash: ContentHash,
    /// Why, for people.
    #[serde(default)]
    pub why: String,
}

/// A version that was good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Good {
    /// Which one.
    pub hash: ContentHash,
    /// How it is called in the log.
    #[serde(default)]
    pub label: String,
    /// When it became good, in seconds of Unix time.
    #[serde(default)]
    pub since_unix: u64,
}

impl Record {
    /// Of a plugin about which nothing is known any more.
    fn lost() -> Self {
        Self { granted: Some(Grants::default()), ..Self::default() }
    }
}

impl Good {
    /// A version that is good from now on.
    #[must_use]
    pub fn now(hash: ContentHash, label: &str) -> Self {
        Self { hash, label: label.to_owned(), since_unix: unix_time::now() }
    }
}

/// The records of all plugins.
#[derive(Debug)]
pub struct Records {
    folder: PathBuf,
}

impl Records {
    pub(super) fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The record of a plugin; that of a new one if there is none. A damaged one is kept aside, which is logged: then
    /// nothing counts as granted, so that the plugin waits for the operator.
    #[must_use]
    pub fn read(&self, name: &str) -> Record {
        let Ok(path) = self.path(name) else { return Record::default() };
        let file = path.display();
        let why = match private_file::read(&path) {
            Ok(None) => return Record::default(),
            Ok(Some(bytes)) => match serde_json::from_slice(&bytes) {
                Ok(record) => return record,
                Err(error) => error.to_string(),
            },
            Err(error) => {
                tracing::warn!(plugin = name, %file, "its record cannot be read, so nothing counts as granted: {error}");
                return Record::lost();
            }
        };
        let aside = path.with_added_extension(DAMAGED);
        let kept = match fs::rename(&path, &aside) {
            Ok(()) => format!("it is now {}", aside.display()),
            Err(error) => format!("it stays where it is: {error}"),
        };
        tracing::warn!(
            plugin = name,
            %file,
            "its record is damaged, {kept}; nothing counts as granted, and nothing as disabled: {why}"
        );
        Record::lost()
    }

    /// The record of a plugin, if it can be read; nothing changes.
    pub(super) fn look(&self, name: &str) -> Option<Record> {
        let bytes = private_file::read(&self.path(name).ok()?).ok()??;
        serde_json::from_slice(&bytes).ok()
    }

    /// Writes the record of a plugin in the place of the former one. It is on the disk then.
    ///
    /// # Errors
    /// What the system says; the former one is as it was then.
    pub fn write(&self, name: &str, record: &Record) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(record)?;
        text.push(b'\n');
        private_file::replace(&self.path(name)?, &text, Outlives::Power)
    }

    /// The plugins that have a record, sorted.
    ///
    /// # Errors
    /// What the system says.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = PathBuf::from(entry?.file_name());
            let stem = path.file_stem().and_then(|stem| stem.to_str()).filter(|stem| is_plugin_name(stem));
            if let (Some(name), true) = (stem, path.extension().is_some_and(|extension| extension == EXTENSION)) {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// A name that no plugin can have could be a way out of the folder.
    fn path(&self, name: &str) -> io::Result<PathBuf> {
        if is_plugin_name(name) {
            Ok(self.folder.join(format!("{name}.{EXTENSION}")))
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "no plugin can be called so"))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use proptest::{collection::vec, option, prelude::*};
    use serde_json::json;

    use super::*;
    use crate::{plugins::kept::Kept, report::log_of};

    fn kept() -> (tempfile::TempDir, Kept) {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::open(folder.path()).unwrap();
        (folder, kept)
    }

    fn disabled() -> Record {
        Record { disabled: true, ..Record::default() }
    }

    #[test]
    fn a_record_outlives_a_restart() {
        let (folder, kept) = kept();
        assert_eq!(kept.records().read("karma"), Record::default());
        kept.records().write("karma", &disabled()).unwrap();
        drop(kept);
        let kept = Kept::open(folder.path()).unwrap();
        assert_eq!(kept.records().read("karma"), disabled());
    }

    #[test]
    fn the_form_of_a_record_stays_so_that_other_versions_can_read_it() {
        let (folder, kept) = kept();
        let (old, new) = (ContentHash::of(b"old"), ContentHash::of(b"new"));
        let record = Record {
            disabled: true,
            granted: Some(serde_json::from_value(json!({"send": ["web_*"]})).unwrap()),
            held_back: Some(HeldBack { hash: new, why: "it failed".into() }),
            good: vec![Good { hash: old, label: "1.0.0+abc".into(), since_unix: 1_795_000_000 }],
        };
        let form = json!({
            "disabled": true,
            "granted": {"hear": [], "send": ["web_*"], "log": [], "count": []},
            "held_back": {"hash": new.full(), "why": "it failed"},
            "good": [{"hash": old.full(), "label": "1.0.0+abc", "since_unix": 1_795_000_000}],
        });
        kept.records().write("karma", &record).unwrap();
        let path = folder.path().join("plugins/karma.json");
        let written: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(written, form);

        fs::write(&path, json!({"good": [{"hash": old, "mood": 1}], "of a later version": {}}).to_string()).unwrap();
        let good = vec![Good { hash: old, label: String::new(), since_unix: 0 }];
        assert_eq!(kept.records().read("karma"), Record { good, ..Record::default() });
    }

    #[test]
    fn a_damaged_record_is_kept_aside_and_the_next_can_be_written() {
        let (folder, kept) = kept();
        let (path, aside) =
            (folder.path().join("plugins/karma.json"), folder.path().join("plugins/karma.json.damaged"));
        for damaged in ["", "{", "7", r#"{"disabled": 7}"#, r#"{"granted": {"send": ["no name"]}}"#] {
            fs::write(&path, damaged).unwrap();
            let log = log_of(|| assert_eq!(kept.records().read("karma"), Record::lost(), "{damaged}"));
            assert!(log.contains("WARN") && log.contains("its record is damaged"), "{log}");
            assert_eq!((fs::read_to_string(&aside).unwrap().as_str(), path.exists()), (damaged, false));
        }
        kept.records().write("karma", &disabled()).unwrap();
        assert_eq!(kept.records().read("karma"), disabled());
        assert!(aside.exists());
    }

    #[test]
    fn a_record_that_a_kill_cut_short_leaves_the_former_one() {
        let (folder, kept) = kept();
        kept.records().write("karma", &disabled()).unwrap();
        drop(kept);
        let unfinished = folder.path().join("plugins/karma.json.3.new");
        fs::write(&unfinished, r#"{"disab"#).unwrap();
        let kept = Kept::open(folder.path()).unwrap();
        assert_eq!((kept.records().read("karma"), unfinished.exists()), (disabled(), false));
    }

    #[test]
    fn only_plugins_that_have_a_record_are_named() {
        let (folder, kept) = kept();
        for name in ["karma", "Echo-2"] {
            kept.records().write(name, &Record::default()).unwrap();
        }
        for other in ["a.json.damaged", "b.json.1.new", "no name.json", ".json", "README"] {
            fs::write(folder.path().join("plugins").join(other), "").unwrap();
        }
        assert_eq!(kept.records().names().unwrap(), ["Echo-2", "karma"]);
    }

    #[test]
    fn a_name_is_no_way_out_of_the_folder() {
        let (folder, kept) = kept();
        fs::write(folder.path().join("out.json"), json!({"disabled": true}).to_string()).unwrap();
        for name in ["../out", "", ".", "a/b", "a.b", "a\0b"] {
            assert_eq!(kept.records().read(name), Record::default(), "{name:?}");
            kept.records().write(name, &Record::default()).unwrap_err();
        }
        assert!(folder.path().join("out.json").exists());
    }

    fn any_hash() -> impl Strategy<Value = ContentHash> {
        any::<[u8; 4]>().prop_map(|bytes| ContentHash::of(&bytes))
    }

    fn any_record() -> impl Strategy<Value = Record> {
        let granted = option::of(vec("[a-z_]{2,9}\\*?", 0..4))
            .prop_map(|send| send.map(|send| serde_json::from_value(json!({"send": send, "log": send})).unwrap()));
        let held_back = option::of((any_hash(), any::<String>()).prop_map(|(hash, why)| HeldBack { hash, why }));
        let good = (any_hash(), any::<String>(), any::<u64>()).prop_map(|(hash, label, since_unix)| Good {
            hash,
            label,
            since_unix,
        });
        (any::<bool>(), granted, held_back, vec(good, 0..4)).prop_map(|(disabled, granted, held_back, good)| Record {
            disabled,
            granted,
            held_back,
            good,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn a_record_is_read_as_it_was_written(record in any_record()) {
            let (_folder, kept) = kept();
            kept.records().write("karma", &record).unwrap();
            prop_assert_eq!(kept.records().read("karma"), record);
        }

        #[test]
        fn whatever_the_file_holds_there_is_a_record(record in any_record(), keep in 0.0..1.0, more in vec(any::<u8>(), 0..9)) {
            let (folder, kept) = kept();
            let mut bytes = serde_json::to_vec(&record).unwrap();
            bytes.truncate((bytes.len() as f64 * keep) as usize);
            bytes.extend(more);
            fs::write(folder.path().join("plugins/karma.json"), &bytes).unwrap();
            prop_assert_eq!(kept.records().read("karma"), serde_json::from_slice(&bytes).unwrap_or_else(|_| Record::lost()));
            kept.records().write("karma", &record).unwrap();
            prop_assert_eq!(kept.records().read("karma"), record);
        }
    }
}
