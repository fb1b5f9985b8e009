//! One attempt at a time for one person, so that two never read the same password version or bad-password count.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ritorno_protocol::ids::SourceAnchor;
use tokio::sync::OwnedMutexGuard;

/// A lock for each person that is being worked on.
#[derive(Debug, Default)]
pub struct PersonLocks(Mutex<HashMap<SourceAnchor, Weak<tokio::sync::Mutex<()>>>>);

impl PersonLocks {
    /// Waits for the person's turn. The turn lasts until the guard is dropped.
    pub async fn lock(&self, anchor: &SourceAnchor) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| lock.strong_count() > 0);
            if let Some(lock) = locks.get(anchor).and_then(Weak::upgrade) {
                lock
            } else {
                let lock = Arc::new(tokio::sync::Mutex::new(()));
                locks.insert(anchor.clone(), Arc::downgrade(&lock));
                lock
            }
        };
        lock.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_person_waits_and_another_does_not() {
        let locks = Arc::new(PersonLocks::default());
        let (anna, marco) = (SourceAnchor("anna".into()), SourceAnchor("marco".into()));
        let first = locks.lock(&anna).await;
        let _other = locks.lock(&marco).await;
        let waiting = tokio::spawn({
            let (locks, anna) = (locks.clone(), anna.clone());
            async move { drop(locks.lock(&anna).await) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        waiting.await.unwrap();
    }
}
