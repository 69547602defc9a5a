//! The switch from one version to the next: what is carried over, and why it may fail.

use std::time::Duration;

use super::{Identity, StateError, Version};

/// How a version shall take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// With what the running version saves.
    pub with_state: bool,
    /// On probation, if the plugin's terms have one.
    pub on_probation: bool,
}

/// A version has taken over.
#[derive(Debug, Clone)]
pub struct Switched {
    /// For how long no event was handled.
    pub pause: Duration,
    /// How much the old version saved and the new one took, in bytes; none if that was nothing.
    pub state_bytes: Option<usize>,
    /// The version that comes back if this one fails, as long as it can.
    pub fallback: Option<Identity>,
    /// How many versions have taken over in the slot, with this one.
    pub turn: u64,
}

/// Why a version that was ready did not take over. The old one goes on.
#[derive(Debug, thiserror::Error)]
pub enum SwapError {
    /// What the running version knows cannot be had.
    #[error(
        "the running version's `save` failed: {0}; to go on without what it knows say \
         `cometbot reload NAME --without-state`"
    )]
    Save(StateError),
    /// The new version does not take it.
    #[error("its `restore` failed: {0}")]
    Restore(StateError),
}

/// Carries what the old version knows over into the new one; gives how many bytes that is.
///
/// # Errors
/// A [`SwapError`]. The old version goes on as it is; if it was its `save` that crashed, with a new instance.
pub(super) async fn carry_state(old: &mut Version, new: &mut Version) -> Result<Option<usize>, SwapError> {
    let most = new.starter.terms().state_bytes;
    let (Some(instance), Some(next)) = (&mut old.instance, &mut new.instance) else { return Ok(None) };
    let state = match instance.save(most).await {
        Ok(Some(state)) => state,
        Ok(None) => return Ok(None),
        Err(error) => {
            if matches!(error, StateError::Crashed(_)) {
                old.instance = None;
            }
            return Err(SwapError::Save(error));
        }
    };
    let bytes = state.len();
    if !next.carries_state() {
        tracing::warn!(
            plugin = new.starter.name(),
            version = &*new.label,
            bytes,
            "what the old version saved is dropped: the new one has no `restore`"
        );
        return Ok(None);
    }
    next.restore(state).await.map_err(SwapError::Restore)?;
    Ok(Some(bytes))
}
