//! How fast is an echo through a sandboxed plugin, against a bot written by hand for that one purpose?
//!
//! Both bots get the same load in turn, A B A B …, from a feeder that plays the comet server: it pushes numbered events,
//! answers every send as a real server does, and checks that each echo comes once and in order. Feeder and bot share the
//! machine's processors. What counts is the ratio, and its spread.
//!
//! `make bench` runs it; see CONTRIBUTING.md.

#![allow(clippy::print_stdout, reason = "a measurement prints what it measured")]

use std::{
    error::Error,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

mod feeder;
mod handwritten;
mod raw_call;

/// Rounds in which each bot is measured once.
const ROUNDS: usize = 7;

/// The argument that makes this program be the hand-written bot.
const BE_HANDWRITTEN: &str = "--be-the-handwritten-bot";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(BE_HANDWRITTEN) {
        let address = arguments.next().ok_or("the address is missing")?;
        return handwritten::run(&address);
    }
    let plugin = plugin_file()?;
    raw_call::run(&plugin)?;
    let binary = binary_file()?;
    let folder = tempfile::tempdir()?;
    std::fs::create_dir(folder.path().join("plugins"))?;
    std::fs::copy(&plugin, folder.path().join("plugins").join(plugin.file_name().ok_or("no file name")?))?;

    println!("echo of {} events of {} bytes, {ROUNDS} rounds, events a second:", feeder::EVENTS, feeder::PAYLOAD_BYTES);
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let plugin = measure(|address| start_cometbot(&binary, folder.path(), address))?;
        let handwritten = measure(start_handwritten)?;
        let ratio = plugin / handwritten;
        println!("  round {round}: plugin {plugin:>9.0}   handwritten {handwritten:>9.0}   ratio {ratio:.3}");
        ours.push(plugin);
        theirs.push(handwritten);
        ratios.push(ratio);
    }
    println!("plugin       {}", Spread::of(ours));
    println!("handwritten  {}", Spread::of(theirs));
    println!("ratio        {}", Spread::of(ratios));
    println!("nothing was lost, doubled or reordered");
    Ok(())
}

/// Runs one bot against a new feeder; gives events a second.
fn measure(start: impl Fn(&str) -> Result<Child, Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let feeder = feeder::Feeder::bind()?;
    let mut bot = start(&feeder.address())?;
    let outcome = feeder.run();
    bot.kill()?;
    bot.wait()?;
    Ok(feeder::EVENTS as f64 / outcome?.as_secs_f64())
}

fn start_cometbot(binary: &Path, folder: &Path, address: &str) -> Result<Child, Box<dyn Error>> {
    let config = folder.join("bot.toml");
    std::fs::write(
        &config,
        format!(
            "[server]\nurl = \"ws://{address}/ws/\"\nversion = \"4.09\"\n[defaults]\nnew-grants = \"grant\"\nsends-per-second = 0\nhops = 0\n"
        ),
    )?;
    let mut command = Command::new(binary);
    Ok(command.arg("run").arg("--config").arg(config).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

fn start_handwritten(address: &str) -> Result<Child, Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    Ok(command.arg(BE_HANDWRITTEN).arg(address).stdout(Stdio::null()).spawn()?)
}

fn plugin_file() -> Result<PathBuf, Box<dyn Error>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/bench-echo.wasm");
    if file.exists() { Ok(file) } else { Err(format!("{} is missing: run `make bench`", file.display()).into()) }
}

fn binary_file() -> Result<PathBuf, Box<dyn Error>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/cometbot");
    if file.exists() { Ok(file) } else { Err(format!("{} is missing: run `make bench`", file.display()).into()) }
}

/// Minimum, median and maximum.
struct Spread {
    sorted: Vec<f64>,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self { sorted: values }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = |index: usize| self.sorted.get(index).copied().unwrap_or(f64::NAN);
        let digits = if at(0) < 100.0 { 3 } else { 0 };
        let last = self.sorted.len().saturating_sub(1);
        write!(f, "median {:.digits$}   min {:.digits$}   max {:.digits$}", at(last / 2), at(0), at(last))
    }
}

/// Nanoseconds of a duration divided by a number of calls.
fn nanoseconds_each(time: Duration, calls: u32) -> f64 {
    time.as_secs_f64() * 1e9 / f64::from(calls)
}
