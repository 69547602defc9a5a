//! The binary: hands its arguments to the library and ends with its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    cometbot::cli::main(std::env::args_os())
}
