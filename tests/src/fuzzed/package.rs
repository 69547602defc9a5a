//! Any bytes as a plugin's file: a package, or one sentence; soon, and the same whenever it is asked.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use cometbot::plugins::{
    package::{ContentHash, Package},
    sandbox::{Room, Sandbox},
};

/// The first bytes of every WebAssembly binary.
const MAGIC: &[u8] = b"\0asm";
/// An empty custom section called `x`: whoever reads a binary goes past it.
const CUSTOM_SECTION: &[u8] = b"\0\x02\x01x";
/// The longest that a message may be: it names a few things of the file, each cut where it is long.
const MESSAGE_MAX_BYTES: usize = 64 * 1024;
/// Far above what any input here takes, even on a machine that does much else.
const TIME_MAX: Duration = Duration::from_secs(20);
/// Memory for one small plugin: instances are not what is tried here.
const MEMORY_BYTES: usize = 64 << 20;

/// One a process, as in the bot.
static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| Sandbox::new(Room::new(1, MEMORY_BYTES)).unwrap());

/// Loads a file.
pub fn check(file: &[u8]) {
    let start = Instant::now();
    let examined = examine(file);
    match (load(file), &examined) {
        (Ok(hash), Ok(())) => assert_eq!(hash, ContentHash::of(file)),
        (Ok(_), Err(error)) => panic!("it loads, and looking at it says: {error}"),
        // What the engine alone can know, if it looked well.
        (Err(_), Ok(())) => {}
        (Err(loaded), Err(examined)) => assert_eq!(&loaded, examined, "loaded and looked at"),
    }
    assert!(start.elapsed() < TIME_MAX, "it took {:?}", start.elapsed());

    if file.starts_with(MAGIC) {
        if examined.is_ok() {
            assert_eq!(examine(&[file, CUSTOM_SECTION].concat()), Ok(()), "with a custom section behind it");
        }
    } else if let Ok(binary) =
        std::str::from_utf8(file).map_err(drop).and_then(|text| wat::parse_str(text).map_err(drop))
    {
        // Text that begins with neither a parenthesis nor a comment is not even tried.
        if !examined.as_ref().is_err_and(|error| error.starts_with("it is a text file")) {
            assert_eq!(examined, examine(&binary), "as text and as a binary");
        }
    }
}

fn examine(file: &[u8]) -> Result<(), String> {
    Package::examine(file).map_err(|error| sentence(&error))
}

fn load(file: &[u8]) -> Result<ContentHash, String> {
    Package::load(&SANDBOX, file).map(|package| package.hash).map_err(|error| sentence(&error))
}

/// The message, as the log and the terminal get it.
fn sentence(error: &dyn std::error::Error) -> String {
    let message = error.to_string();
    assert!(!message.trim().is_empty(), "an error without a message");
    assert!(message.len() <= MESSAGE_MAX_BYTES, "a message of {} bytes", message.len());
    let control = message.chars().find(|character| character.is_control() && !matches!(character, '\n' | '\t'));
    assert_eq!(control, None, "a control character in {message:?}");
    message
}
