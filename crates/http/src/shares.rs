//! How many of something one may hold, so that the rest stays for everybody else.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// What is held, by whom.
pub(crate) struct Shares<K> {
    each: usize,
    held: Mutex<HashMap<K, usize>>,
}

/// One of somebody's, until it is dropped.
pub(crate) struct Share<K: Eq + Hash> {
    of: K,
    shares: Arc<Shares<K>>,
}

impl<K: Copy + Eq + Hash> Shares<K> {
    /// Each may hold so many.
    pub(crate) fn new(each: usize) -> Arc<Self> {
        Arc::new(Self { each, held: Mutex::default() })
    }

    /// One more for `of`; none if that is more than one may hold.
    pub(crate) fn take(self: &Arc<Self>, of: K) -> Option<Share<K>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(of).or_default();
        if *count >= self.each {
            return None;
        }
        *count += 1;
        Some(Share { of, shares: self.clone() })
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = self.shares.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.of);
            }
        }
    }
}
