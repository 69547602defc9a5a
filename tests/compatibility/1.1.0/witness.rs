//! Uses all that the contract 1.1.0 has, and says in web_told what came of it.

use std::time::UNIX_EPOCH;

use cometbot_plugin::{Error, Event, Plugin, Wants, clock, comet, config, export, log, random};

struct Witness {
    /// Carried over a reload, as eight bytes in little-endian order: each kept plugin understands the others.
    asked: u64,
}

impl Plugin for Witness {
    fn setup() -> Result<(Self, Wants), Error> {
        if let Some(words) = config::get("refuse")? {
            return Err(words.into());
        }
        log::info!("set up");
        let wants = Wants::new()
            .version("1.1.0")
            .hear("web_log_chat", ["ask", "refuse"])
            .hear("web_none", ["never"])
            .send("web_told*")
            .log("web_log_chat")
            .count("web_log_chat");
        Ok((Self { asked: 0 }, wants))
    }

    fn handle(&mut self, event: Event) -> Result<(), Error> {
        if event.name == "refuse" {
            return Err(event.data.into());
        }
        self.asked += 1;
        log::warn!("{}", event.data);
        let tell = |name: &str, message: &str| comet::send("web_told", name, message);
        tell("pipe", &event.pipe)?;
        tell("name", &event.name)?;
        tell("data", &event.data)?;
        tell("user", &event.user_id.map_or("none".to_owned(), |user| user.to_string()))?;
        tell("time", if event.time.is_some() { "some" } else { "none" })?;
        tell("history", if event.history { "true" } else { "false" })?;
        tell("asked", &self.asked.to_string())?;
        tell("count", &comet::count("web_log_chat")?.to_string())?;
        let rows = comet::log("web_log_chat", 2)?;
        tell("rows", &rows.len().to_string())?;
        for row in rows {
            tell("row", &row.data)?;
        }
        tell("denied", match comet::send("web_other", "x", "") {
            Err(comet::Error::Denied(_)) => "denied",
            _ => "something else",
        })?;
        tell("invalid", match comet::send("web_told", "a b", "") {
            Err(comet::Error::Invalid(_)) => "invalid",
            _ => "something else",
        })?;
        tell("greeting", &config::get("greeting")?.unwrap_or_else(|| "none".to_owned()))?;
        let is_late = clock::now().duration_since(UNIX_EPOCH).is_ok_and(|time| time.as_secs() > 1_700_000_000);
        let does_run = clock::monotonic() <= clock::monotonic();
        tell("clocks", if is_late && does_run { "run" } else { "stand" })?;
        tell("random", if random::number() == random::number() { "same" } else { "differs" })?;
        Ok(())
    }

    fn save(&self) -> Result<Vec<u8>, Error> {
        match config::get("refuse-save")? {
            Some(words) => Err(words.into()),
            None => Ok(self.asked.to_le_bytes().into()),
        }
    }

    fn restore(&mut self, state: Vec<u8>) -> Result<(), Error> {
        if let Some(words) = config::get("refuse-restore")? {
            return Err(words.into());
        }
        let state = state.try_into().map_err(|_| "what was saved is no number")?;
        self.asked = u64::from_le_bytes(state);
        Ok(())
    }
}

export!(Witness);
