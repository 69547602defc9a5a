//! What a person who writes plugins needs: a new folder, a build, a look at the tools, and rebuilding while they work.
//!
//! - [`language`]: the languages that there are kits for.
//! - [`project`]: a folder with a plugin's source.
//! - [`scaffold`]: makes such a folder out of what is in [`shipped`].
//! - [`build`]: runs the language's own tools in there, which [`toolchain`] finds and [`invocation`] runs; what they make
//!   is made slim.
//! - [`doctor`]: which tools are there, and what installs the others.
//! - [`trial`]: plays events to a built plugin and compares what it sends.
//! - [`watch`]: says when a source has changed.
//!
//! Called by `cli` alone; calls `plugins`, and for trials `local` and `comet`.

pub mod build;
pub mod doctor;
pub mod invocation;
pub mod language;
pub mod project;
pub mod scaffold;
mod shipped;
mod slim;
pub mod toolchain;
pub mod trial;
pub mod watch;
