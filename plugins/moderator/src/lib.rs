//! Warns of words that nobody wants to read, and counts strikes. What it can be told is in the README.

use std::{
    collections::{BTreeSet, VecDeque},
    num::NonZeroU32,
};

use cometbot_plugin::{Error, Event, Plugin, Wants, config, export, log, serde_json};
use serde::Serialize;

const WORDS: &str = "damn, idiot, moron, дурак, идиот";
const STRIKES: u32 = 3;

/// How many users with strikes are remembered; who was warned longest ago is forgotten first. A bot runs for months,
/// and its memory has a bound.
const REMEMBERED_USERS: usize = 1_000;

/// What is sent when somebody has reached the limit.
#[derive(Serialize)]
struct Report {
    user_id: u64,
    strikes: u32,
}

struct Moderator {
    words: BTreeSet<String>,
    strikes: Strikes,
}

impl Plugin for Moderator {
    fn setup() -> Result<(Self, Wants), Error> {
        let words = config::list("words", WORDS)?.iter().map(|word| word.to_lowercase()).collect::<BTreeSet<_>>();
        if let Some(word) = words.iter().find(|word| word.contains(between_words)) {
            return Err(format!("config `words`: `{word}` is not one word, and only whole words are found").into());
        }
        let limit = config::parse::<NonZeroU32>("strikes")?.map_or(STRIKES, NonZeroU32::get);
        let mut wants = Wants::new();
        for pipe in config::list("pipes", "web_chat")? {
            wants = wants.hear(&pipe, ["msg"]).send(pipe);
        }
        Ok((Self { words, strikes: Strikes::new(limit) }, wants))
    }

    fn handle(&mut self, event: Event) -> Result<(), Error> {
        if !has_word(&event.text(), &self.words) {
            return Ok(());
        }
        // All anonymous users are number 0: one of them must not pay for another.
        let Some(user) = event.user_id.filter(|user| *user != 0) else {
            return Ok(event.reply("bot", "careful: please mind your words")?);
        };
        let limit = self.strikes.limit;
        let strike = self.strikes.add(user);
        event.reply("bot", &format!("careful: please mind your words, user {user} (strike {strike} of {limit})"))?;
        if strike >= limit {
            log::info!("user {user} has {strike} strikes in {}", event.pipe);
            event.reply_json("moderation", &Report { user_id: user, strikes: strike })?;
        }
        Ok(())
    }

    fn save(&self) -> Result<Vec<u8>, Error> {
        Ok(serde_json::to_vec(&self.strikes.users)?)
    }

    fn restore(&mut self, state: Vec<u8>) -> Result<(), Error> {
        self.strikes.users = serde_json::from_slice(&state)?;
        Ok(())
    }
}

export!(Moderator);

fn has_word(text: &str, words: &BTreeSet<String>) -> bool {
    text.split(between_words).any(|word| words.contains(&word.to_lowercase()))
}

/// Letters and digits of every script make words, and everything else is between them.
fn between_words(character: char) -> bool {
    !character.is_alphanumeric()
}

/// Who has how many strikes, the latest at the end. The users are what is carried over a reload; the limit is a setting.
struct Strikes {
    limit: u32,
    users: VecDeque<(u64, u32)>,
}

impl Strikes {
    fn new(limit: u32) -> Self {
        Self { limit, users: VecDeque::new() }
    }

    /// One more strike for a user, whose number it answers. Whoever reaches the limit starts anew after it.
    fn add(&mut self, user: u64) -> u32 {
        let known = self.users.iter().position(|(id, _)| *id == user).and_then(|index| self.users.remove(index));
        let strike = known.map_or(1, |(_, strikes)| strikes + 1);
        if strike < self.limit {
            self.users.push_back((user, strike));
            while self.users.len() > REMEMBERED_USERS {
                self.users.pop_front();
            }
        }
        strike
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use cometbot_plugin::testing::{Line, Sent, Stage};

    use super::*;

    fn said(text: &str) -> Event {
        Event::new("web_chat", "msg", text)
    }

    #[test]
    fn a_user_is_warned_until_the_limit_and_then_reported() {
        let mut stage = Stage::<Moderator>::with().config("words", "Badword").config("strikes", "2").start().unwrap();
        let mut answer = || stage.handle(said("a badword!").from_user(7)).unwrap();
        let warned = |strike| {
            let text = format!("careful: please mind your words, user 7 (strike {strike} of 2)");
            Sent::new("web_chat", "bot", text)
        };
        assert_eq!(answer(), [warned(1)]);
        let report = Sent::new("web_chat", "moderation", r#"{"user_id":7,"strikes":2}"#);
        assert_eq!(answer(), [warned(2), report]);
        assert_eq!(stage.lines(), [Line::new("INFO", "user 7 has 2 strikes in web_chat")]);
    }

    #[test]
    fn strikes_outlive_a_reload() {
        let mut stage = Stage::<Moderator>::with().config("strikes", "3").start().unwrap();
        for user in [7, 8, 7] {
            stage.handle(said("damn").from_user(user)).unwrap();
        }
        stage.reload().unwrap();
        assert_eq!(stage.plugin.strikes.users, [(8, 1), (7, 2)]);
        assert_eq!(stage.handle(said("damn").from_user(7)).unwrap().len(), 2);
    }

    #[test]
    fn one_anonymous_user_does_not_pay_for_another() {
        let mut stage = Stage::<Moderator>::with().config("strikes", "1").start().unwrap();
        for nobody in [said("damn").from_user(0), said("damn")] {
            let warned = Sent::new("web_chat", "bot", "careful: please mind your words");
            assert_eq!(stage.handle(nobody).unwrap(), [warned]);
        }
        assert_eq!(stage.handle(said("a fine day")).unwrap(), []);
    }

    #[test]
    fn settings_that_cannot_be_meant_keep_it_from_running() {
        for (key, value, words) in [
            ("words", "two words", "config `words`: `two words` is not one word, and only whole words are found"),
            ("strikes", "0", "config `strikes` is `0`: number would be zero for non-zero type"),
        ] {
            let refused = Stage::<Moderator>::with().config(key, value).start().map(|stage| stage.wants).unwrap_err();
            assert_eq!(refused.to_string(), words);
        }
    }

    fn is_flagged(text: &str) -> bool {
        has_word(text, &["damn", "дурак", "straße"].map(str::to_owned).into())
    }

    #[test]
    fn a_word_is_found_in_any_case_and_script() {
        for text in ["damn", "oh DAMN!", "(damn)", "ты ДУРАК?", "Дурак", "\"damn\"", "die STRAßE", "well,damn,it"]
        {
            assert!(is_flagged(text), "{text}");
        }
    }

    #[test]
    fn a_part_of_a_word_is_not_found() {
        for text in ["", "damnation", "goddamn", "дураками", "придурак", "damn1", "a fine day"] {
            assert!(!is_flagged(text), "{text}");
        }
    }

    #[test]
    fn each_user_has_strikes_of_their_own() {
        let mut strikes = Strikes::new(3);
        assert_eq!([7, 8, 7, 8, 7].map(|user| strikes.add(user)), [1, 1, 2, 2, 3]);
    }

    #[test]
    fn who_reached_the_limit_starts_anew() {
        let mut strikes = Strikes::new(2);
        assert_eq!([7, 7, 7, 7].map(|user| strikes.add(user)), [1, 2, 1, 2]);
    }

    #[test]
    fn the_one_who_was_warned_longest_ago_is_forgotten_first() {
        let mut strikes = Strikes::new(9);
        strikes.add(1);
        strikes.add(2);
        strikes.add(1);
        for user in 3..=REMEMBERED_USERS as u64 + 1 {
            strikes.add(user);
        }
        assert_eq!(strikes.users.len(), REMEMBERED_USERS);
        assert_eq!([strikes.add(1), strikes.add(2)], [3, 1]);
    }
}
