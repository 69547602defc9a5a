//! Series that exist as long as somebody holds their tally.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

/// The tallies that are held, by name or number.
#[derive(Debug)]
pub(super) struct Held<K, T>(Mutex<BTreeMap<K, Weak<T>>>);

impl<K: Ord, T> Held<K, T> {
    /// The tally that is held, or the one that `make` makes.
    pub(super) fn get(&self, key: K, make: impl FnOnce() -> T) -> Arc<T> {
        let mut held = self.lock();
        if let Some(tally) = held.get(&key).and_then(Weak::upgrade) {
            return tally;
        }
        let tally = Arc::new(make());
        held.insert(key, Arc::downgrade(&tally));
        tally
    }

    /// Called by a tally that nobody holds any more: calls `remove`, unless another one has taken its place already and
    /// counts in the same series.
    pub(super) fn gone(&self, key: &K, remove: impl FnOnce()) {
        let mut held = self.lock();
        if held.get(key).is_some_and(|tally| tally.strong_count() > 0) {
            return;
        }
        held.remove(key);
        remove();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<K, Weak<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, T> Default for Held<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}
