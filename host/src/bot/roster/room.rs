//! Whether there is room for one more plugin. Asked before a version starts, and by `cometbot check`.

use std::collections::BTreeSet;

use super::Rejection;
use crate::{comet::name::PipeName, plugins::grants::Grants};

/// The most pipes that are heard: 64 connections full.
pub(super) const PIPES_MAX: usize = 2048;

/// Whether there is room for a plugin with these grants beside `others`, of which `max` may run.
///
/// # Errors
/// The [`Rejection`] that says of what there would be too much.
pub fn admit<'a>(others: impl Iterator<Item = &'a Grants>, grants: &'a Grants, max: usize) -> Result<(), Rejection> {
    let mut plugins = 0;
    let counted = others.inspect(|_| plugins += 1);
    let pipes: BTreeSet<&PipeName> = counted.chain([grants]).flat_map(Grants::subscribed).collect();
    if pipes.len() > PIPES_MAX {
        return Err(Rejection::TooManyPipes(pipes.len()));
    }
    if plugins >= max {
        return Err(Rejection::TooMany(max));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use super::*;
    use crate::plugins::grants::Heard;

    /// A plugin that hears the pipes of these numbers.
    fn hearing(numbers: std::ops::Range<usize>) -> Grants {
        let heard = |number| Heard { pipe: PipeName::new(&format!("web_{number}")).unwrap(), events: Vec::new() };
        let mut grants = Grants::default();
        grants.hear = numbers.map(heard).collect();
        grants
    }

    #[test]
    fn a_plugin_is_admitted_as_long_as_all_hear_2048_pipes_together() {
        let others = [hearing(0..1_000), hearing(500..1_900)];
        assert!(admit(others.iter(), &hearing(1_800..2_048), 3).is_ok());
        let refused = admit(others.iter(), &hearing(1_800..2_049), 3).unwrap_err();
        assert!(
            refused.to_string().contains("make 2049 with those of the plugins that run, and 2048 is the most"),
            "{refused}"
        );
    }

    #[test]
    fn pipes_that_are_not_subscribed_are_not_counted() {
        let mut grants = hearing(0..2_047);
        for pipe in ["msg", "host:gap"] {
            grants.hear.push(Heard { pipe: PipeName::heard(pipe).unwrap(), events: Vec::new() });
        }
        assert!(admit([hearing(2_047..2_048)].iter(), &grants, 2).is_ok());
    }

    #[test]
    fn a_plugin_is_not_admitted_beside_as_many_as_may_run() {
        let others = [hearing(0..1), hearing(1..2)];
        assert!(admit(others.iter(), &hearing(2..3), 3).is_ok());
        assert!(matches!(admit(others.iter(), &hearing(2..3), 2), Err(Rejection::TooMany(2))));
    }
}
