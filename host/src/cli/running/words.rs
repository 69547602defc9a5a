//! How numbers and grants read for people.

use serde::Deserialize as _;
use serde_json::Value;

use crate::plugins::grants::{AskedFor, Grants};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A time in seconds, in the one or two units that matter.
pub(super) fn duration(seconds: u64) -> String {
    let two = |large: u64, name: &str, small: u64, small_name: &str| match seconds % large / small {
        0 => format!("{} {name}", seconds / large),
        rest => format!("{} {name} {rest} {small_name}", seconds / large),
    };
    match seconds {
        DAY.. => two(DAY, "d", HOUR, "h"),
        HOUR.. => two(HOUR, "h", MINUTE, "min"),
        MINUTE.. => format!("{} min", seconds / MINUTE),
        _ => format!("{seconds} s"),
    }
}

/// How long ago something was, both in seconds of Unix time.
pub(super) fn age(then: u64, now: u64) -> String {
    // Clocks are set back now and then.
    duration(now.saturating_sub(then))
}

/// A size in bytes.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        1_000_000.. => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
        1_000.. => format!("{}.{} KB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{bytes} bytes"),
    }
}

/// Grants as `cometbot check` shows them; those of another version than ours as they come.
pub(super) fn grants(value: &Value) -> String {
    Grants::deserialize(value).map_or_else(|_| value.to_string(), |grants| grants.to_string())
}

/// The same as a list of what is asked for, or was taken or given.
pub(super) fn asked(value: &Value) -> String {
    Grants::deserialize(value).map_or_else(|_| value.to_string(), |grants| AskedFor(&grants).to_string())
}

/// How a plugin is granted all that it asks for.
pub(super) fn to_grant(plugin: &str, asks: &Value) -> String {
    Grants::deserialize(asks).map_or_else(|_| String::new(), |asks| crate::cli::words::to_grant(plugin, &asks))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_said_in_the_units_that_matter() {
        let said = [0, 59, 60, 119, 3_600, 3_661, 86_399, 86_400, 90_000, 10_000_000].map(duration);
        assert_eq!(
            said,
            ["0 s", "59 s", "1 min", "1 min", "1 h", "1 h 1 min", "23 h 59 min", "1 d", "1 d 1 h", "115 d 17 h"]
        );
        assert_eq!(age(100, 40), "0 s", "a clock that was set back");
    }

    #[test]
    fn sizes_are_said_in_the_unit_that_matters() {
        assert_eq!(
            [0, 999, 1_000, 1_250, 65_536, 1_310_720].map(size),
            ["0 bytes", "999 bytes", "1.0 KB", "1.2 KB", "65.5 KB", "1.3 MB"]
        );
    }

    #[test]
    fn grants_read_as_check_shows_them() {
        let value = json!({
            "hear": [{"pipe": "web_chat", "events": ["msg", "edit"]}, {"pipe": "web_all", "events": []}],
            "send": ["web_*"], "log": [], "count": ["web_chat", "web_b"],
        });
        assert_eq!(grants(&value), "hears web_chat[msg,edit] web_all; send web_*; count web_chat web_b");
        assert_eq!(grants(&json!({"hear": [], "send": [], "log": [], "count": []})), "hears nothing");
        assert_eq!(grants(&json!({"send": 1})), r#"{"send":1}"#);
    }
}
