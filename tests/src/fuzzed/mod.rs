//! What the fuzz targets do with an input: functions that panic where something does not hold that must hold of any
//! input. `tests/fuzz` calls them with whatever libFuzzer makes up, and the test `corpus` with the inputs that are kept.

pub mod config;
pub mod package;
pub mod wire;
