//! bot.toml as it is written: every key may be missing, none may be unknown.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;

use super::{NewGrants, QueueFull};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    pub(super) server: RawServer,
    pub(super) embedded: RawEmbedded,
    pub(super) plugins: RawPlugins,
    pub(super) defaults: RawPlugin,
    pub(super) plugin: BTreeMap<String, RawPlugin>,
    pub(super) service: RawService,
    pub(super) log: RawLog,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct RawServer {
    pub(super) url: Option<String>,
    pub(super) urls: Option<Vec<String>>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) plain_token: Option<bool>,
    pub(super) version: Option<String>,
    pub(super) dev_id: Option<u64>,
    pub(super) user_id: Option<u64>,
    pub(super) token: Option<String>,
    pub(super) token_file: Option<PathBuf>,
    pub(super) token_command: Option<Vec<String>>,
    pub(super) heartbeat_seconds: Option<u32>,
    pub(super) answer_seconds: Option<u32>,
    pub(super) retry_min_ms: Option<u32>,
    pub(super) retry_max_seconds: Option<u32>,
    pub(super) frame_max_kib: Option<u32>,
    pub(super) catch_up: Option<bool>,
    pub(super) hear_own: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct RawEmbedded {
    pub(super) listen: Option<String>,
    pub(super) logs: BTreeMap<String, u16>,
    pub(super) users_file: Option<PathBuf>,
    pub(super) password: Option<String>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) faults: Option<Faults>,
    pub(super) era: Option<Era>,
}

/// Whether the embedded server has the real one's bugs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Faults {
    /// All of them, so that what works here works there.
    #[default]
    Faithful,
    /// None of them.
    Forgiving,
}

/// Which server the embedded one is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Era {
    /// `CppComet` 4.09.
    #[default]
    #[serde(rename = "4.09")]
    V409,
    /// `CppComet` 3.31.
    #[serde(rename = "3.31")]
    V331,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct RawPlugins {
    pub(super) folder: Option<PathBuf>,
    pub(super) max: Option<u32>,
    pub(super) keep_versions: Option<u32>,
    pub(super) stack_kib: Option<u32>,
    pub(super) file_mib: Option<u32>,
    pub(super) compile_seconds: Option<u32>,
    pub(super) compile_memory_mib: Option<u32>,
}

/// What [defaults] and each [plugin.NAME] say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct RawPlugin {
    pub(super) grants: Option<RawGrants>,
    pub(super) new_grants: Option<NewGrants>,
    pub(super) memory_mib: Option<u32>,
    pub(super) table_elements: Option<u32>,
    pub(super) time_per_event_ms: Option<u32>,
    pub(super) time_to_start_ms: Option<u32>,
    pub(super) fuel_per_event: Option<u64>,
    pub(super) sends_per_second: Option<u32>,
    pub(super) sends_burst: Option<u32>,
    pub(super) message_kib: Option<u32>,
    pub(super) log_lines_per_second: Option<u32>,
    pub(super) queue_events: Option<u32>,
    pub(super) queue_full: Option<QueueFull>,
    pub(super) retries: Option<u32>,
    pub(super) retry_ms: Option<u32>,
    pub(super) breaker_failures: Option<u32>,
    pub(super) breaker_seconds: Option<u32>,
    pub(super) hops: Option<u32>,
    pub(super) quarantine_events: Option<u32>,
    pub(super) probation_events: Option<u32>,
    pub(super) probation_seconds: Option<u32>,
    pub(super) probation_failures: Option<u32>,
    pub(super) state_mib: Option<u32>,
    pub(super) shadow: Option<bool>,
    pub(super) clock_ms: Option<u32>,
    pub(super) random_seed: Option<u64>,
    pub(super) config: toml::Table,
    /// Read by hand: a parser's message would repeat a secret that stands here by mistake.
    pub(super) secrets: toml::Table,
}

/// What the operator grants, verb by verb.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct RawGrants {
    pub(super) hear: Vec<String>,
    pub(super) send: Vec<String>,
    pub(super) log: Vec<String>,
    pub(super) count: Vec<String>,
    pub(super) user_status: Vec<String>,
    pub(super) http: Vec<String>,
    pub(super) keys: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct RawService {
    pub(super) outbox_mib: Option<u32>,
    pub(super) outbox_sends: Option<u32>,
    pub(super) outbox: Option<OutboxKind>,
    pub(super) outbox_folder: Option<PathBuf>,
    pub(super) delivery: Option<DeliveryKind>,
    pub(super) metrics: Option<String>,
    pub(super) state_folder: Option<PathBuf>,
    pub(super) control_socket: Option<PathBuf>,
    pub(super) drain_seconds: Option<u32>,
}

/// Where sends wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OutboxKind {
    #[default]
    Memory,
    Disk,
}

/// How often a send may arrive whose answer was lost with the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum DeliveryKind {
    /// A reply that silently vanishes whenever the server is restarted is worse for most bots than one that comes twice.
    #[default]
    AtLeastOnce,
    AtMostOnce,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct RawLog {
    pub(super) format: Option<LogFormat>,
    pub(super) level: Option<String>,
}

/// Whom the log is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people on a terminal, for programs otherwise.
    #[default]
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// A value as the text that a plugin reads; none for a table.
pub(super) fn as_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Array(items) => Some(items.iter().map(as_text).collect::<Option<Vec<_>>>()?.join(",")),
        toml::Value::Table(_) => None,
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(truth) => Some(truth.to_string()),
        toml::Value::Datetime(time) => Some(time.to_string()),
    }
}
