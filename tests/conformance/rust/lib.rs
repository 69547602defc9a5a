//! The conformance plugin: does what the tests ask it to, in Rust.

use std::hint::black_box;

use cometbot_plugin::{Error, Event, Plugin, Wants, clock, comet, config, export, log, random};

struct Conformance {
    states: u64,
    memory: String,
}

impl Plugin for Conformance {
    fn setup() -> Result<(Self, Wants), Error> {
        if let Some(why) = config::get("refuse")? {
            return Err(format!("refused: {why}").into());
        }
        if let Some(why) = config::get("panic-in-setup")? {
            panic!("{why}");
        }
        match config::get("greeting")? {
            Some(greeting) => log::info!("greeting is {greeting}"),
            None => log::info!("greeting is not set"),
        }
        let wants = Wants::new().version("1.0.0").hear_all("web_in").hear("web_picky", ["one", "two"]);
        let wants = wants.send("web_out").send("web_in").log("web_log").count("web_count");
        Ok((Self { states: 0, memory: String::new() }, wants))
    }

    fn handle(&mut self, event: Event) -> Result<(), Error> {
        let data = &*event.data;
        match &*event.name {
            "echo" => answer("echo", data),
            "fields" => answer("fields", &fields(&event)),
            "digest" => answer("digest", &digest(data)),
            "send" => send(data),
            "log" => read_log(data),
            "count" => match comet::count(data) {
                Ok(count) => answer("count", &count.to_string()),
                Err(error) => outcome(&error),
            },
            "text" => answer("text", &event.text()),
            "reply" => Ok(event.reply("reply", "a\n\"b\"")?),
            "levels" => levels(data),
            "print" => {
                log::info!("printed: {data}");
                Ok(())
            }
            "fail" => Err(format!("failed: {data}").into()),
            "uncaught" | "panic" => panic!("{data}"),
            "overflow" => answer("overflow", &deeper(data.len()).to_string()),
            "state" => {
                self.states += 1;
                answer("state", &self.states.to_string())
            }
            "remember" => {
                self.memory.clone_from(&event.data);
                Ok(())
            }
            "recall" => answer("recall", &self.memory),
            "clock" => {
                let since = clock::now().duration_since(std::time::UNIX_EPOCH)?;
                answer("clock", &since.as_secs().to_string())
            }
            "random" => answer("random", &format!("{:016x}", random::number())),
            "heap" => {
                black_box(data.to_owned());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn save(&self) -> Result<Vec<u8>, Error> {
        match &*self.memory {
            "unsaved" => Err("cannot save: it's \"ж\"".into()),
            memory => Ok(memory.as_bytes().to_vec()),
        }
    }

    fn restore(&mut self, state: Vec<u8>) -> Result<(), Error> {
        self.memory = String::from_utf8(state)?;
        match &*self.memory {
            "unrestored" => Err("cannot restore: it's \"ж\"".into()),
            _ => Ok(()),
        }
    }
}

export!(Conformance);

fn answer(event: &str, message: &str) -> Result<(), Error> {
    Ok(comet::send("web_out", event, message)?)
}

fn number(value: Option<u64>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

fn fields(event: &Event) -> String {
    let (user, time) = (number(event.user_id), number(event.time));
    format!("{}|{}|{}|{user}|{time}|{}", event.pipe, event.name, event.data.len(), event.history)
}

/// FNV-1a, 32 bits.
fn digest(data: &str) -> String {
    let hash = data.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{} {hash:08x}", data.len())
}

fn send(data: &str) -> Result<(), Error> {
    let mut parts = data.splitn(3, ' ');
    let mut part = || parts.next().unwrap_or_default();
    match comet::send(part(), part(), part()) {
        Ok(()) => answer("outcome", "ok"),
        Err(error) => outcome(&error),
    }
}

fn read_log(data: &str) -> Result<(), Error> {
    let (pipe, limit) = data.split_once(' ').unwrap_or_default();
    match comet::log(pipe, limit.parse()?) {
        Ok(rows) => {
            let mut text = rows.len().to_string();
            for row in rows {
                let user = number(row.user_id);
                text.push_str(&format!("\n{}|{}|{user}|{}|{}", row.pipe, row.name, row.history, row.data));
            }
            answer("log", &text)
        }
        Err(error) => outcome(&error),
    }
}

fn outcome(error: &comet::Error) -> Result<(), Error> {
    let text = match error {
        comet::Error::Invalid(words) => format!("invalid: {words}"),
        comet::Error::Denied(words) => format!("denied: {words}"),
        comet::Error::Unavailable(words) => format!("unavailable: {words}"),
        comet::Error::TimedOut => "timed-out".to_owned(),
    };
    answer("outcome", &text)
}

fn levels(data: &str) -> Result<(), Error> {
    log::trace!("level trace: {data}");
    log::debug!("level debug: {data}");
    log::info!("level info: {data}");
    log::warn!("level warn: {data}");
    log::error!("level error: {data}");
    Ok(())
}

/// Never ends by itself.
#[allow(unconditional_recursion, reason = "it is what the event asks for")]
#[inline(never)]
fn deeper(depth: usize) -> usize {
    let space = black_box([depth; 16]);
    deeper(depth + 1) + space[depth % 16]
}
