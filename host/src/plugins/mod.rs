//! The plugin side: what lies in the folder becomes running, sandboxed plugins.
//!
//! From the outside in: [`folder`] sees files come and go; [`package`] makes a file into a checked, compiled component;
//! [`slot`] is one plugin's life; [`sandbox`] holds the engine, [`limits`] its bounds, [`rate`] how often a plugin may do
//! something, [`grants`] what it may do, [`manifest`] what it says of that in its file, [`secrets`] what nobody else may
//! read, [`kept`] what outlives the process, [`outgoing`] what it has sent, and [`api`] the functions that it can call.
//! `bot` and `cli` call them; they call `comet` to send and to ask.

pub mod api;
pub mod folder;
pub mod grants;
pub mod kept;
pub mod limits;
pub mod manifest;
pub mod outgoing;
pub mod package;
pub mod rate;
pub mod sandbox;
pub mod secrets;
pub mod slot;
