#![doc = include_str!("../README.md")]
//!
//! # Layout
//! - [`Plugin`] and [`export!`]: what you write, and what makes a plugin of it
//! - [`Event`] and [`Wants`]: what comes in, and what you ask for at the start
//! - [`comet`]: send, log and count
//! - [`config`], [`log`], [`clock`], [`random`]: the standard interfaces, with Rust's types
//! - [`testing`]: running a plugin natively, in `cargo test`

pub use bindings::{Event, Wants};
pub use gap::Gap;
/// Lines in the host's log, under the plugin's name: `log::info!("{count} connections")`.
///
/// It is the crate of this name, so the lines of libraries that use it are there as well. A `target:` of your own is shown
/// as the line's context. All levels reach the host, whose operator chooses what is shown; `log::set_max_level` in
/// `setup` saves the making of lines that nobody looks at.
pub use log;
/// For its macro `json!` and its type `Value`. For types of your own add the crate serde with its feature `derive`.
pub use serde_json;

#[doc(hidden)]
pub mod bindings;
#[doc(hidden)]
pub mod runtime;

pub mod clock;
pub mod comet;
pub mod config;
mod event;
mod gap;
mod host;
mod logger;
pub mod random;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod wants;

/// Any error, or just a text: `?` turns every [`std::error::Error`] into it, `.into()` every string.
pub type Error = Box<dyn std::error::Error>;

/// One instance of a plugin, with the memory that it keeps from event to event.
///
/// The host sets up a new instance at the start, at a reload, and after a panic or a deadline: then the old one is
/// thrown away with its memory. Over a reload [`save`](Self::save) and [`restore`](Self::restore) carry it. An error that
/// `handle` returns costs only that event.
pub trait Plugin: Sized {
    /// Makes an instance and says what it wants to hear and to do. Called once, before the first event.
    ///
    /// # Errors
    /// Any error keeps the plugin from running: its text is for the operator.
    fn setup() -> Result<(Self, Wants), Error>;

    /// Handles one event. Events come in order and one at a time, so there is nothing to lock.
    ///
    /// # Errors
    /// Any error is a failure of this event: its text goes to the log and nothing that was sent for it leaves.
    fn handle(&mut self, event: Event) -> Result<(), Error>;

    /// Handles one event that was missed while there was no connection: it comes from the pipe's log (or, a personal
    /// message, from the server's queue), once, and before everything newer in its pipe. By default it is handled like
    /// any other; a plugin that must not answer old questions looks at [`Event::time`] here.
    ///
    /// # Errors
    /// As those of [`handle`](Self::handle).
    fn history(&mut self, event: Event) -> Result<(), Error> {
        self.handle(event)
    }

    /// Is told of a gap, if `setup` asked for the pipe `host:gap`: events of a pipe that are missing for good. The event's
    /// `name` is the pipe, and `event.json::<Gap>()` the whole. By default that is nothing to a plugin.
    ///
    /// # Errors
    /// As those of [`handle`](Self::handle).
    fn gap(&mut self, event: Event) -> Result<(), Error> {
        // Not read already: plugins that hear of no gaps would carry the reader all the same.
        let _ = event;
        Ok(())
    }

    /// Hands over what the next version shall know when it takes over, in a form that it will understand. Called between
    /// two events, and nothing can be sent; this instance goes on as it is if the next one does not take over. By default
    /// it is nothing.
    ///
    /// # Errors
    /// Any error keeps the next version from taking over: its text is for the operator.
    fn save(&self) -> Result<Vec<u8>, Error> {
        Ok(Vec::new())
    }

    /// Takes what an earlier version saved: after `setup`, before the first event, and only if there is something. By
    /// default it is let go.
    ///
    /// # Errors
    /// Any error keeps this version from taking over, and the earlier one goes on: its text is for the operator.
    fn restore(&mut self, state: Vec<u8>) -> Result<(), Error> {
        let _ = state;
        Ok(())
    }
}

/// Makes a plugin of a type: `export!(Greeter);`, once in a crate of the type `cdylib`.
///
/// The plugin's version, unless `setup` named one, is that of its crate.
#[macro_export]
macro_rules! export {
    ($plugin:ty) => {
        const _: () = {
            ::std::thread_local! {
                static INSTANCE: $crate::runtime::Instance<$plugin> = const { $crate::runtime::Instance::new() };
            }

            struct Exports;

            impl $crate::bindings::Guest for Exports {
                fn setup() -> ::std::result::Result<$crate::Wants, ::std::string::String> {
                    INSTANCE.with(|instance| instance.setup(::std::env!("CARGO_PKG_VERSION")))
                }

                fn handle(event: $crate::Event) -> ::std::result::Result<(), ::std::string::String> {
                    INSTANCE.with(|instance| instance.handle(event))
                }

                fn save() -> ::std::result::Result<::std::vec::Vec<u8>, ::std::string::String> {
                    INSTANCE.with(|instance| instance.save())
                }

                fn restore(state: ::std::vec::Vec<u8>) -> ::std::result::Result<(), ::std::string::String> {
                    INSTANCE.with(|instance| instance.restore(state))
                }
            }

    $crate::bindings::export_plugin!(Exports with_types_in $crate::bindings);
        };
    };
}
