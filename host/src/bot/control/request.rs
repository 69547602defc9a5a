//! What can be asked of a running bot: one JSON object a line, whose `do` says what to do.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a running bot is asked to do.
///
/// `wait`: answer only when the outcome is final, the end of a probation included; without it, as soon as it is on its
/// way. A field that is not known is an error: it would ask for something that is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Tell about every plugin.
    Plugins {},
    /// Look at what is on disk, now, and take it up.
    Reload {
        /// The plugin; without one, bot.toml and the whole folder.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plugin: Option<String>,
        /// Answer when it is final.
        #[serde(default)]
        wait: bool,
        /// Let the new version begin without the state of the old one.
        #[serde(default)]
        without_state: bool,
    },
    /// Put the last good version before the running one back.
    Rollback {
        /// The plugin.
        plugin: String,
        /// Answer when it is final.
        #[serde(default)]
        wait: bool,
    },
    /// Switch a plugin off, also for later starts of the bot.
    Disable {
        /// The plugin.
        plugin: String,
    },
    /// Switch a plugin on again.
    Enable {
        /// The plugin.
        plugin: String,
    },
    /// Grant what the waiting version asks for, and let it take over; or what the running one asks for and does not have.
    Grant {
        /// The plugin.
        plugin: String,
        /// Answer when it is final.
        #[serde(default)]
        wait: bool,
    },
    /// Take back all that was granted so.
    Revoke {
        /// The plugin.
        plugin: String,
    },
    /// Run a candidate beside the running version, without effect, and compare the two.
    Shadow {
        /// The plugin.
        plugin: String,
        /// The candidate's file, as an absolute path.
        file: PathBuf,
    },
    /// Let the candidate go.
    Unshadow {
        /// The plugin.
        plugin: String,
    },
    /// Let the candidate take over.
    Promote {
        /// The plugin.
        plugin: String,
        /// Answer when it is final.
        #[serde(default)]
        wait: bool,
    },
    /// List the events that failed.
    QuarantineList {
        /// Of this plugin; of all without one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plugin: Option<String>,
    },
    /// Show one of them whole.
    QuarantineShow {
        /// The plugin.
        plugin: String,
        /// Which one.
        id: String,
    },
    /// Give them to the plugin again.
    QuarantineRedrive {
        /// The plugin.
        plugin: String,
        /// Which one; all of the plugin without one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
    /// Throw them away.
    QuarantineDrop {
        /// The plugin.
        plugin: String,
        /// Which one; all of the plugin without one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
}

impl Request {
    /// Reads a line, with or without its line break.
    ///
    /// # Errors
    /// What is wrong with it, in words for whoever sent it.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(line).map_err(|error| format!("this is no request: {error}"))
    }

    /// Whether the answer may take as long as a probation does.
    #[must_use]
    pub const fn waits(&self) -> bool {
        match self {
            Self::Reload { wait, .. }
            | Self::Rollback { wait, .. }
            | Self::Grant { wait, .. }
            | Self::Promote { wait, .. } => *wait,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use proptest::{option, prelude::*};

    use super::*;

    fn any_request() -> impl Strategy<Value = Request> {
        let parts = (0..14_u8, any::<String>(), any::<String>(), option::of(any::<String>()), any::<[bool; 2]>());
        parts.prop_map(|(which, plugin, id, maybe, [wait, without_state])| match which {
            0 => Request::Plugins {},
            1 => Request::Reload { plugin: maybe, wait, without_state },
            2 => Request::Rollback { plugin, wait },
            3 => Request::Disable { plugin },
            4 => Request::Enable { plugin },
            5 => Request::Grant { plugin, wait },
            6 => Request::Shadow { plugin, file: id.into() },
            7 => Request::Unshadow { plugin },
            8 => Request::Promote { plugin, wait },
            9 => Request::QuarantineList { plugin: maybe },
            10 => Request::QuarantineShow { plugin, id },
            11 => Request::QuarantineRedrive { plugin, id: maybe },
            12 => Request::Revoke { plugin },
            _ => Request::QuarantineDrop { plugin, id: maybe },
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again_and_is_one_line(request in any_request()) {
            let line = serde_json::to_vec(&request).unwrap();
            prop_assert!(!line.contains(&b'\n'));
            prop_assert_eq!(Request::parse(&line).unwrap(), request);
        }

        #[test]
        fn a_part_of_a_request_is_none(request in any_request(), cut in any::<prop::sample::Index>()) {
            let line = serde_json::to_vec(&request).unwrap();
            prop_assert!(Request::parse(&line[..cut.index(line.len())]).is_err());
        }

        #[test]
        fn any_bytes_are_a_request_or_an_error(line in any::<Vec<u8>>(), text in r#"\{("do|plugin|wait"|:|,|true|"[a-z]*"){0,9}\}"#) {
            let _ = Request::parse(&line);
            if let Ok(request) = Request::parse(text.as_bytes()) {
                prop_assert!(text.contains("\"do\""), "{:?}", request);
            }
        }

        #[test]
        fn a_field_that_is_not_known_is_an_error(request in any_request(), field in "[a-z]{10,12}") {
            let mut value = serde_json::to_value(&request).unwrap();
            value[&field] = true.into();
            let why = Request::parse(value.to_string().as_bytes()).unwrap_err();
            prop_assert!(why.contains(&field), "{}", why);
        }
    }

    #[test]
    fn what_may_be_left_out_may_be_left_out() {
        let read = |text: &str| Request::parse(text.as_bytes()).unwrap();
        assert_eq!(read(r#"{"do":"reload"}"#), Request::Reload { plugin: None, wait: false, without_state: false });
        assert_eq!(
            read(r#"{"do":"quarantine-drop","plugin":"karma"}"#),
            Request::QuarantineDrop { plugin: "karma".to_owned(), id: None }
        );
        assert!(Request::parse(br#"{"do":"rollback"}"#).unwrap_err().contains("missing field `plugin`"));
    }

    #[test]
    fn what_cannot_be_done_is_answered_with_what_can() {
        let why = Request::parse(br#"{"do":"stop"}"#).unwrap_err();
        assert!(why.contains("unknown variant `stop`, expected one of `plugins`, `reload`"), "{why}");
    }
}
