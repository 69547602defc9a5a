//! What is said of a call that cost its instance: which function, what it did, and what was expected.
//!
//! The engine tells a plugin's mistakes in the ABI in its own words and without a name. Which call it was follows from
//! the frames that were running, so that calls that end well pay for nothing here.

use std::{borrow::Cow, fmt, str::Utf8Error, time::Duration};

use wasmtime::{FrameInfo, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::plugins::{
    api::{HANDLE, RESTORE, SAVE, SETUP},
    limits::{CallBudget, Overrun},
    package::landmarks::{self, Landmarks},
};

/// A trap or a call that ran too long.
#[derive(Debug)]
pub struct Crash {
    /// What happened, in one sentence.
    pub reason: String,
    /// The plugin's functions that were running, innermost first, with names where the file has them; may be empty.
    pub backtrace: Vec<String>,
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        if let Some(innermost) = self.backtrace.first() {
            write!(f, " (in {innermost})")?;
        }
        Ok(())
    }
}

/// What the host was doing with the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Start,
    Setup,
    Handle,
    Save,
    Restore,
}

impl Act {
    const fn export(self) -> &'static str {
        match self {
            Self::Start => "",
            Self::Setup => SETUP,
            Self::Handle => HANDLE,
            Self::Save => SAVE,
            Self::Restore => RESTORE,
        }
    }

    /// What the export has to answer.
    const fn answer(self) -> &'static str {
        match self {
            Self::Start | Self::Setup => "result<wants, string>",
            Self::Handle | Self::Restore => "result<_, string>",
            Self::Save => "result<list<u8>, string>",
        }
    }
}

impl Crash {
    /// A call that waited, and did not run, for longer than it may.
    #[cold]
    pub(in crate::plugins::slot) fn waited(most: Duration) -> Self {
        Self { reason: format!("it waited longer than {} s and was stopped", most.as_secs()), backtrace: Vec::new() }
    }

    #[cold]
    pub(super) fn new(
        error: &wasmtime::Error,
        act: Act,
        budget: CallBudget,
        was_denied_memory: bool,
        landmarks: &Landmarks,
    ) -> Self {
        let frames = error.downcast_ref::<WasmBacktrace>().map(WasmBacktrace::frames).unwrap_or_default();
        let mut reason = if error.is::<Overrun>() {
            format!("it ran longer than {} ms and was stopped", budget.time.milliseconds())
        } else if let (Some(Trap::OutOfFuel), Some(fuel)) = (error.downcast_ref(), budget.fuel) {
            format!("it used more than {fuel} units of fuel and was stopped (`fuel-per-event`)")
        } else if let Some(trap) = error.downcast_ref::<Trap>() {
            trapped(*trap, act, frames, landmarks)
        } else {
            refused(error, act, frames, landmarks)
        };
        if was_denied_memory {
            reason.push_str("; it had asked for more memory than it may have");
        }
        let of_plugin = frames.iter().filter(|frame| !landmarks::is_shim(frame));
        let backtrace =
            of_plugin.map(|frame| match frame.func_name().or_else(|| landmarks.function(frame, act.export())) {
                Some(name) => rustc_demangle::demangle(name).to_string(),
                None => format!("function {}", frame.func_index()),
            });
        Self { reason, backtrace: backtrace.collect() }
    }
}

/// The plugin's own code gave up.
fn trapped(trap: Trap, act: Act, frames: &[FrameInfo], landmarks: &Landmarks) -> String {
    let called = frames.first().and_then(|frame| landmarks.import(frame));
    let running = frames.iter().find_map(|frame| landmarks.function(frame, act.export()));
    match (trap, running, called) {
        (Trap::CannotLeaveComponent, Some(function), _) => {
            format!("its `{function}` called an import, and must not: the host is in the middle of a call of its own")
        }
        (_, Some(function), _) => format!("its `{function}` trapped: {trap}"),
        (_, None, Some(import)) if act == Act::Start => {
            let import = shown(import);
            format!("it called {import} while it was started, before there are imports: do so in `{SETUP}`")
        }
        _ => format!("it trapped: {trap}"),
    }
}

/// The host did not take what the plugin gave it.
fn refused(error: &wasmtime::Error, act: Act, frames: &[FrameInfo], landmarks: &Landmarks) -> String {
    // The backtrace is the outermost context; the cause is what people need.
    let cause = error.root_cause();
    let text = cause.to_string();
    if let Some(what) = room(&text) {
        return format!("its `cabi_realloc` gave room {what}");
    }
    if let Some(I32Exit(status)) = error.downcast_ref() {
        return format!("it ended itself with status {status}: a plugin goes on, and answers an error where it cannot");
    }
    let words = if cause.is::<Utf8Error>() { format!("a string is not UTF-8: {text}").into() } else { plain(&text) };
    match frames.iter().find_map(|frame| landmarks.import(frame)) {
        Some(import) => format!("its call of {} failed: {words}", shown(import)),
        None if !frames.is_empty() => format!("its call of an import failed: {words}"),
        None if act == Act::Start => words.into_owned(),
        None => format!("it answered what is no `{}`: {words}", act.answer()),
    }
}

fn shown((interface, name): (Option<&str>, &str)) -> String {
    match interface {
        Some(interface) => format!("`{name}` of `{interface}`"),
        None => format!("`{name}`"),
    }
}

/// What is wrong with the room that the plugin was asked for.
fn room(text: &str) -> Option<&'static str> {
    match text.strip_prefix("realloc return: ")? {
        "result not aligned" => Some("at an address that is not a multiple of the alignment that it was asked for"),
        _ => Some("that lies outside of its memory"),
    }
}

/// The engine's words about the canonical ABI, made plain. Others stay as they are.
fn plain(text: &str) -> Cow<'_, str> {
    match text {
        "resource table has no free keys" => {
            "it holds more handles of the host than it may, such as streams and pollables"
        }
        "string pointer/length out of bounds of memory" => "a string lies outside of its memory",
        "list pointer/length out of bounds of memory" => "a list lies outside of its memory",
        "list pointer is not aligned" => "a list begins at an address that is not a multiple of its alignment",
        "return pointer not aligned" => "the address of the answer is not a multiple of its alignment",
        "pointer out of bounds of memory" => "the answer lies outside of its memory",
        "pointer not aligned" => "the address for the answer is not a multiple of its alignment",
        "pointer out of bounds" | "pointer size overflow" => "the address for the answer lies outside of its memory",
        "invalid expected discriminant" => "the first byte of a result is neither 0 (ok) nor 1 (an error)",
        "invalid option discriminant" => "the first byte of an option is neither 0 (none) nor 1 (some)",
        _ => {
            if let Some(number) = text.strip_prefix("unexpected discriminant: ") {
                return format!("there is no case {number} of this type").into();
            }
            if text.starts_with("too much data is being copied") {
                return "it is more than the host takes at once".into();
            }
            text
        }
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_words_are_made_plain_and_unknown_ones_stay() {
        assert_eq!(plain("string pointer/length out of bounds of memory"), "a string lies outside of its memory");
        assert_eq!(plain("unexpected discriminant: 9"), "there is no case 9 of this type");
        assert_eq!(plain("something else"), "something else");
        assert_eq!(room("realloc return: beyond end of memory"), Some("that lies outside of its memory"));
        assert_eq!(room("beyond end of memory"), None);
    }
}
