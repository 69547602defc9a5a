//! What stands between the exports of the contract and a [`Plugin`]. For the macro [`export!`](crate::export) alone.

#[cfg(target_arch = "wasm32")]
use std::panic::PanicHookInfo;
use std::{cell::RefCell, error::Error as StdError};

#[cfg(target_arch = "wasm32")]
use crate::host::{self, Level};
use crate::{Event, Plugin, Wants, gap, logger};

/// The one instance of a plugin that lives in a WebAssembly instance.
#[derive(Debug)]
pub struct Instance<P>(RefCell<Option<P>>);

impl<P: Plugin> Instance<P> {
    /// No instance yet: the host calls `setup` first.
    #[must_use]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// The export `setup`. `version` stands where the plugin names none.
    ///
    /// # Errors
    /// The plugin's own error, as a text.
    pub fn setup(&self, version: &str) -> Result<Wants, String> {
        // Natively the panic of a test is the test's.
        #[cfg(target_arch = "wasm32")]
        std::panic::set_hook(Box::new(report_panic));
        logger::start();
        let (plugin, mut wants) = P::setup().map_err(|error| chain(&*error))?;
        if wants.version.is_empty() {
            version.clone_into(&mut wants.version);
        }
        self.0.replace(Some(plugin));
        Ok(wants)
    }

    /// The export `handle`.
    ///
    /// # Errors
    /// The plugin's own error, as a text.
    pub fn handle(&self, event: Event) -> Result<(), String> {
        self.with(|plugin| deliver(plugin, event))
    }

    /// The export `save`.
    ///
    /// # Errors
    /// The plugin's own error, as a text.
    pub fn save(&self) -> Result<Vec<u8>, String> {
        self.with(|plugin| plugin.save())
    }

    /// The export `restore`.
    ///
    /// # Errors
    /// The plugin's own error, as a text.
    pub fn restore(&self, state: Vec<u8>) -> Result<(), String> {
        self.with(|plugin| plugin.restore(state))
    }

    fn with<T>(&self, work: impl FnOnce(&mut P) -> Result<T, crate::Error>) -> Result<T, String> {
        let mut instance = self.0.borrow_mut();
        let plugin = instance.as_mut().ok_or("a call came before setup: the host must call setup first")?;
        work(plugin).map_err(|error| chain(&*error))
    }
}

impl<P: Plugin> Default for Instance<P> {
    fn default() -> Self {
        Self::new()
    }
}

/// Hands an event to the function that is for it.
///
/// # Errors
/// The plugin's own.
pub(crate) fn deliver<P: Plugin>(plugin: &mut P, event: Event) -> Result<(), crate::Error> {
    if event.pipe == gap::PIPE {
        plugin.gap(event)
    } else if event.history {
        plugin.history(event)
    } else {
        plugin.handle(event)
    }
}

/// All that the host sees of a panic otherwise is a trap called `unreachable`.
#[cfg(target_arch = "wasm32")]
fn report_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("a panic without a text");
    let message = match panic.location() {
        Some(place) => format!("panicked at {place}: {message}"),
        None => format!("panicked: {message}"),
    };
    host::write(Level::Critical, "", &message);
}

/// An error and what caused it, on one line.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    struct Counter(u64);

    impl Plugin for Counter {
        fn setup() -> Result<(Self, Wants), crate::Error> {
            Ok((Self(0), Wants::new().hear_all("web_chat")))
        }

        fn handle(&mut self, event: Event) -> Result<(), crate::Error> {
            self.0 += event.data.parse::<u64>()?;
            if self.0 > 9 { Err(format!("{} is too much", self.0).into()) } else { Ok(()) }
        }

        fn save(&self) -> Result<Vec<u8>, crate::Error> {
            if self.0 > 9 { Err("too much to carry".into()) } else { Ok(self.0.to_string().into_bytes()) }
        }

        fn restore(&mut self, state: Vec<u8>) -> Result<(), crate::Error> {
            self.0 = String::from_utf8(state)?.parse()?;
            Ok(())
        }
    }

    #[test]
    fn a_plugin_keeps_its_memory_from_event_to_event() {
        let instance = Instance::<Counter>::new();
        instance.setup("1.2.3").unwrap();
        assert_eq!(instance.handle(Event::new("web_chat", "add", "6")), Ok(()));
        assert_eq!(instance.handle(Event::new("web_chat", "add", "4")), Err("10 is too much".to_owned()));
    }

    #[test]
    fn the_version_is_that_of_the_crate_where_the_plugin_names_none() {
        assert_eq!(Instance::<Counter>::new().setup("1.2.3").unwrap().version, "1.2.3");
    }

    #[test]
    fn an_event_before_setup_is_an_error() {
        assert!(Instance::<Counter>::new().handle(Event::new("web_chat", "add", "1")).is_err());
    }

    #[test]
    fn what_an_instance_saved_another_one_restores() {
        let (old, new) = (Instance::<Counter>::new(), Instance::<Counter>::new());
        old.setup("1.2.3").unwrap();
        old.handle(Event::new("web_chat", "add", "6")).unwrap();
        new.setup("1.2.4").unwrap();
        assert_eq!(new.restore(old.save().unwrap()), Ok(()));
        assert_eq!(new.save(), Ok(b"6".to_vec()));
    }

    #[test]
    fn state_that_cannot_be_carried_is_an_error_in_the_plugins_words() {
        let instance = Instance::<Counter>::new();
        assert!(instance.save().is_err() && instance.restore(b"1".to_vec()).is_err());
        instance.setup("1.2.3").unwrap();
        assert_eq!(instance.restore(b"x".to_vec()), Err("invalid digit found in string".to_owned()));
        instance.handle(Event::new("web_chat", "add", "10")).unwrap_err();
        assert_eq!(instance.save(), Err("too much to carry".to_owned()));
    }

    #[test]
    fn a_plugin_that_carries_nothing_saves_nothing_and_takes_anything() {
        struct Forgetful;
        impl Plugin for Forgetful {
            fn setup() -> Result<(Self, Wants), crate::Error> {
                Ok((Self, Wants::new()))
            }
            fn handle(&mut self, _: Event) -> Result<(), crate::Error> {
                Ok(())
            }
        }
        let instance = Instance::<Forgetful>::new();
        instance.setup("1.2.3").unwrap();
        assert_eq!(instance.save(), Ok(Vec::new()));
        assert_eq!(instance.restore(b"of an earlier version".to_vec()), Ok(()));
    }

    #[test]
    fn an_error_says_what_caused_it() {
        #[derive(Debug)]
        struct Outer(std::num::ParseIntError);
        impl std::fmt::Display for Outer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("not a number of strikes")
            }
        }
        impl StdError for Outer {
            fn source(&self) -> Option<&(dyn StdError + 'static)> {
                Some(&self.0)
            }
        }
        let error = Outer("x".parse::<u8>().unwrap_err());
        assert_eq!(chain(&error), "not a number of strikes: invalid digit found in string");
    }
}
