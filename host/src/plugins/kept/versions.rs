//! The bytes of versions, each in a file that is called by its hash.
//!
//! So a version that is there need not be trusted to be the right one: its content says so. Which ones are wanted is for
//! the records to say.

use std::{collections::BTreeSet, fs, io, path::PathBuf};

use crate::{
    plugins::package::ContentHash,
    private_file::{self, Outlives},
};

/// The folder with the bytes of versions.
#[derive(Debug)]
pub struct Versions {
    folder: PathBuf,
}

impl Versions {
    pub(super) fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Keeps the bytes of a version, unless they are kept already. They are on the disk then.
    ///
    /// # Errors
    /// What the system says; nothing is kept then.
    pub fn put(&self, hash: ContentHash, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(hash);
        // Another length would be a damaged file's.
        if fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() == bytes.len() as u64) {
            return Ok(());
        }
        private_file::replace(&path, bytes, Outlives::Power)
    }

    /// The bytes of a version, if they are kept. Bytes that are not as they were are removed, which is logged.
    ///
    /// # Errors
    /// What the system says.
    pub fn get(&self, hash: ContentHash) -> io::Result<Option<Vec<u8>>> {
        let path = self.path(hash);
        let Some(bytes) = private_file::read(&path)? else { return Ok(None) };
        if ContentHash::of(&bytes) == hash {
            return Ok(Some(bytes));
        }
        tracing::warn!(file = %path.display(), "a kept version is damaged and is removed: nothing can go back to it");
        private_file::remove(&path)?;
        Ok(None)
    }

    /// Removes all versions but these. What is in the folder besides versions stays.
    ///
    /// # Errors
    /// What the system says; some that are not wanted may be left.
    pub fn retain(&self, wanted: &BTreeSet<ContentHash>) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let hash = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if hash.is_some_and(|hash| !wanted.contains(&hash)) {
                private_file::remove(&entry.path())?;
            }
        }
        Ok(())
    }

    fn path(&self, hash: ContentHash) -> PathBuf {
        self.folder.join(hash.full())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::plugins::kept::Kept;

    fn kept() -> (tempfile::TempDir, Kept) {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::open(folder.path()).unwrap();
        (folder, kept)
    }

    #[test]
    fn what_was_put_in_is_there_after_a_restart() {
        let (folder, kept) = kept();
        let hash = ContentHash::of(b"one");
        assert_eq!(kept.versions().get(hash).unwrap(), None);
        kept.versions().put(hash, b"one").unwrap();
        kept.versions().put(hash, b"one").unwrap();
        drop(kept);
        assert_eq!(Kept::open(folder.path()).unwrap().versions().get(hash).unwrap().unwrap(), b"one");
    }

    #[test]
    fn a_damaged_version_is_removed_and_can_be_put_in_again() {
        let (folder, kept) = kept();
        let versions = kept.versions();
        let hash = ContentHash::of(b"whole");
        let path = folder.path().join("versions").join(hash.full());
        for damaged in ["who", "", "wholE"] {
            versions.put(hash, b"whole").unwrap();
            fs::write(&path, damaged).unwrap();
            assert_eq!(versions.get(hash).unwrap(), None, "{damaged}");
            assert!(!path.exists());
        }
        fs::write(&path, "who").unwrap();
        versions.put(hash, b"whole").unwrap();
        assert_eq!(versions.get(hash).unwrap().unwrap(), b"whole", "one that is cut short is not taken for it");
    }

    #[test]
    fn what_a_kill_left_unfinished_is_gone_after_a_restart_and_was_never_a_version() {
        let (folder, kept) = kept();
        let hash = ContentHash::of(b"whole");
        let unfinished = folder.path().join("versions").join(format!("{}.7.new", hash.full()));
        fs::write(&unfinished, "who").unwrap();
        assert_eq!(kept.versions().get(hash).unwrap(), None);
        drop(kept);
        let kept = Kept::open(folder.path()).unwrap();
        assert!(!unfinished.exists());
        kept.versions().put(hash, b"whole").unwrap();
        assert_eq!(kept.versions().get(hash).unwrap().unwrap(), b"whole");
    }

    #[test]
    fn only_the_wanted_versions_stay_and_so_does_what_is_none() {
        let (folder, kept) = kept();
        let versions = kept.versions();
        let [one, two] = [b"one", b"two"].map(|bytes| {
            versions.put(ContentHash::of(bytes), bytes).unwrap();
            ContentHash::of(bytes)
        });
        let note = folder.path().join("versions/README");
        fs::write(&note, "by hand").unwrap();
        versions.retain(&BTreeSet::from([two, ContentHash::of(b"never put in")])).unwrap();
        assert_eq!((versions.get(one).unwrap(), versions.get(two).unwrap()), (None, Some(b"two".to_vec())));
        assert!(note.exists());
    }

    #[test]
    fn several_may_put_in_the_same_version_at_once() {
        let (_folder, kept) = kept();
        let bytes = vec![7; 100_000];
        let hash = ContentHash::of(&bytes);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    kept.versions().put(hash, &bytes).unwrap();
                    assert_eq!(kept.versions().get(hash).unwrap().unwrap(), bytes);
                });
            }
        });
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn a_version_is_read_as_it_was_written_or_not_at_all(bytes in vec(any::<u8>(), 0..50), found in vec(any::<u8>(), 0..50)) {
            let (folder, kept) = kept();
            let hash = ContentHash::of(&bytes);
            fs::write(folder.path().join("versions").join(hash.full()), &found).unwrap();
            prop_assert_eq!(kept.versions().get(hash).unwrap(), (found == bytes).then_some(found));
            kept.versions().put(hash, &bytes).unwrap();
            prop_assert_eq!(kept.versions().get(hash).unwrap(), Some(bytes));
        }
    }
}
