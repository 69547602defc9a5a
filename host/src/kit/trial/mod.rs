//! `cometbot test`: events are played to a built plugin, and what it sends is compared with what it should.
//!
//! The plugin runs as it does in the bot: in the sandbox, with its settings and grants, connected to the embedded comet
//! server; a second connection hears what it sends. So a test is the same in every language, and nothing in it is
//! pretended. [`script`] reads a test, [`stage`] is where it is played.

pub mod script;
pub mod stage;
