//! Reads a plugin's file, whatever lies under its name: no more than a bound of it, and without waiting for anybody.

use std::{
    fs::{self, File, OpenOptions},
    io::Read as _,
    path::Path,
    sync::Arc,
};

use super::PackageError;

/// The bytes of a file that has at most `most_bytes`.
pub(super) fn read(path: &Path, most_bytes: u64) -> Result<Arc<[u8]>, PackageError> {
    // To open a device may do something already.
    bytes_of(&fs::metadata(path)?, most_bytes)?;
    let file = open(path)?;
    // It may be another one by now.
    let length = bytes_of(&file.metadata()?, most_bytes)?;
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    // One that grows meanwhile shows by the byte that is too many.
    file.take(most_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    within(bytes.len() as u64, most_bytes)?;
    Ok(bytes.into())
}

fn open(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // A pipe without a writer would be waited for, and a terminal would become ours.
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    options.open(path)
}

fn bytes_of(metadata: &fs::Metadata, most_bytes: u64) -> Result<u64, PackageError> {
    if !metadata.is_file() {
        return Err(PackageError::NoFile);
    }
    within(metadata.len(), most_bytes)
}

const fn within(bytes: u64, most_bytes: u64) -> Result<u64, PackageError> {
    if bytes > most_bytes { Err(PackageError::TooLarge { most_mib: most_bytes >> 20 }) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const MOST: u64 = 1 << 20;

    #[test]
    fn a_file_is_read_up_to_the_bound_and_no_further() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("it.wasm");
        fs::write(&path, vec![7; 1 << 20]).unwrap();
        assert_eq!(read(&path, MOST).unwrap().len(), 1 << 20);
        fs::write(&path, vec![7; (1 << 20) + 1]).unwrap();
        assert!(matches!(read(&path, MOST), Err(PackageError::TooLarge { most_mib: 1 })));
        // What takes no place on the disk is not read either.
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(matches!(read(&path, MOST), Err(PackageError::TooLarge { most_mib: 1 })));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_whose_length_is_not_known_beforehand_is_read_up_to_the_bound() {
        // Files of the system say that they are empty, as one that grows while it is read does.
        assert_eq!(fs::metadata("/proc/self/maps").unwrap().len(), 0);
        assert!(!read(Path::new("/proc/self/maps"), MOST).unwrap().is_empty());
        assert!(matches!(read(Path::new("/proc/self/maps"), 10), Err(PackageError::TooLarge { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_a_device_and_a_folder_are_no_files() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, endless) = (folder.path().join("pipe.wasm"), folder.path().join("endless.wasm"));
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &endless).unwrap();
        for path in [&*pipe, &*endless, folder.path()] {
            assert!(matches!(read(path, MOST), Err(PackageError::NoFile)), "{}", path.display());
        }
    }
}
