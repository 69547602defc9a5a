//! What WASI gives a plugin: clocks of a grain, random numbers, and streams that are its log. Nothing else is there.
//!
//! Files, sockets, arguments and the environment link all the same, since the runtimes of languages mention them in every
//! program. They hold nothing, and what would make something answers an error. docs/src/sandbox.md has all of it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::{SeedableRng as _, rngs::StdRng};
use wasmtime_wasi::{
    WasiCtx,
    clocks::{HostMonotonicClock, HostWallClock},
};

use super::{Tag, output};
use crate::{config::PluginTerms, plugins::limits};

/// What an instance of the plugin called `tag` gets on these terms.
pub(super) fn context(tag: &Tag, terms: &PluginTerms) -> WasiCtx {
    let mut wasi = WasiCtx::builder();
    wasi.stdout(output::Lines::new(tag.clone(), output::Stream::Stdout))
        .stderr(output::Lines::new(tag.clone(), output::Stream::Stderr))
        .wall_clock(Coarse { grain: terms.clock, since: Instant::now() })
        .monotonic_clock(Coarse { grain: terms.clock, since: Instant::now() })
        .max_random_size(limits::RANDOM_BYTES)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false);
    if let Some(seed) = terms.random_seed {
        // Each of the three begins anew with each instance, so that an instance is the same each time.
        let from = |number| StdRng::seed_from_u64(seed.wrapping_add(number));
        wasi.secure_random(from(0)).insecure_random(from(1)).insecure_random_seed(seed.into());
    }
    wasi.build()
}

/// A clock that tells no more than the beginning of each `grain`.
struct Coarse {
    grain: Duration,
    since: Instant,
}

impl Coarse {
    fn floor(&self, time: Duration) -> Duration {
        let grain = self.grain.as_nanos().max(1);
        let nanoseconds = time.as_nanos() / grain * grain;
        // The time of this universe fits.
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }
}

impl HostWallClock for Coarse {
    fn resolution(&self) -> Duration {
        self.grain
    }

    fn now(&self) -> Duration {
        // A machine whose clock is set before 1970 has no time that WASI could say.
        self.floor(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

impl HostMonotonicClock for Coarse {
    fn resolution(&self) -> u64 {
        u64::try_from(self.grain.as_nanos()).unwrap_or(u64::MAX)
    }

    fn now(&self) -> u64 {
        // It begins with the first grain over: Go's runtime does not start where the time is 0.
        let now = self.floor(self.since.elapsed()) + self.grain;
        u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_since_the_start_is_never_nothing() {
        let clock = Coarse { grain: Duration::from_hours(1), since: Instant::now() };
        assert_eq!(HostMonotonicClock::now(&clock), HostMonotonicClock::resolution(&clock));
    }

    #[test]
    fn a_clock_is_never_ahead_and_never_finer_than_its_grain() {
        let clock = Coarse { grain: Duration::from_millis(7), since: Instant::now() };
        for time in [0, 1, 6_999_999, 7_000_000, 7_000_001, 1_795_524_000_123_456_789] {
            let floor = clock.floor(Duration::from_nanos(time));
            assert!(floor <= Duration::from_nanos(time));
            assert!(Duration::from_nanos(time) - floor < clock.grain);
            assert_eq!(floor.as_nanos() % clock.grain.as_nanos(), 0);
        }
    }
}
