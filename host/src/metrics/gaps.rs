//! What was missed while a pipe was not heard: what could be caught up, and what could not.

use std::fmt;

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family},
    registry::{Registry, Unit},
};

use super::link::TARGET;

/// Why a gap cannot be closed. As text it is a clause that goes on from "may be missing: ".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GapReason {
    /// The pipe's log has no rows: it is off, or nothing was ever said.
    NoLog,
    /// Nothing in the log is from before the gap, so its beginning may have been dropped from the log.
    LogTooShort,
    /// The log may be longer than the server hands out, which is the oldest rows (PROTOCOL.md, section 7).
    NewestOutOfReach,
    /// The server did not answer the question for the log.
    LogNotAnswered,
    /// Nobody asks for logs.
    CatchUpOff,
    /// So much came in meanwhile that it could not be kept until the log was read.
    TooMuchHeld,
    /// The log has rows of which nobody can say whether they were heard, and which are not passed on for that reason.
    Ambiguous,
    /// Personal messages may have gone to a connection that was dead without the server's noticing.
    SentToTheDead,
}

impl GapReason {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::NoLog,
        Self::LogTooShort,
        Self::NewestOutOfReach,
        Self::LogNotAnswered,
        Self::CatchUpOff,
        Self::TooMuchHeld,
        Self::Ambiguous,
        Self::SentToTheDead,
    ];

    /// The value of the label `reason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoLog => "no_log",
            Self::LogTooShort => "log_too_short",
            Self::NewestOutOfReach => "newest_out_of_reach",
            Self::LogNotAnswered => "log_not_answered",
            Self::TooMuchHeld => "too_much_held",
            Self::CatchUpOff => "catch_up_off",
            Self::Ambiguous => "ambiguous",
            Self::SentToTheDead => "sent_to_the_dead",
        }
    }
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoLog => "the pipe has no log, or an empty one",
            Self::LogTooShort => "the pipe's log does not reach back far enough",
            Self::NewestOutOfReach => {
                "the pipe's log may have more rows than the server hands out; set its length to 98 or less"
            }
            Self::LogNotAnswered => "the server did not answer when asked for the pipe's log",
            Self::CatchUpOff => "logs are not read, as `catch-up` is off",
            Self::TooMuchHeld => "too much came in before the pipe's log was read",
            Self::Ambiguous => "the pipe's log has messages that may have been heard or missed",
            Self::SentToTheDead => {
                "the server may have sent them to the connection that was dead, and does not keep them"
            }
        })
    }
}

impl EncodeLabelValue for GapReason {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        self.as_str().encode(encoder)
    }
}

/// A time from which messages of a pipe may be missing.
pub struct Gap<'a> {
    /// The link that was to hear it.
    pub link: usize,
    /// The pipe.
    pub pipe: &'a str,
    /// Its beginning, Unix time in seconds by the server's clock.
    pub since: u64,
    /// Its end, likewise.
    pub until: u64,
    /// Events of this time that came out of the log nevertheless.
    pub recovered: usize,
    /// Why.
    pub reason: GapReason,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    reason: GapReason,
}

#[derive(Debug, Default)]
pub(super) struct Gaps {
    gaps: Family<Labels, Counter>,
    seconds: Counter,
    recovered: Counter,
}

impl Gaps {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let gaps = Self::default();
        registry.register("gaps", "Times from which messages of a pipe may be missing", gaps.gaps.clone());
        registry.register_with_unit("gap", "How long these times were", Unit::Seconds, gaps.seconds.clone());
        registry.register("recovered_events", "Missed events that came out of a log", gaps.recovered.clone());
        for reason in GapReason::ALL {
            gaps.gaps.get_or_create_owned(&Labels { reason });
        }
        gaps
    }

    pub(super) fn gap(&self, gap: &Gap<'_>) {
        self.gaps.get_or_create_owned(&Labels { reason: gap.reason }).inc();
        self.seconds.inc_by(gap.until.saturating_sub(gap.since));
        tracing::warn!(
            target: TARGET,
            link = gap.link,
            pipe = gap.pipe,
            since = gap.since,
            until = gap.until,
            recovered = gap.recovered,
            reason = gap.reason.as_str(),
            "messages of this pipe may be missing: {}",
            gap.reason
        );
    }

    pub(super) fn recovered(&self, link: usize, pipe: &str, events: u64) {
        if events > 0 {
            self.recovered.inc_by(events);
            tracing::info!(target: TARGET, link, pipe, events, "what was missed came out of the log");
        }
    }
}
