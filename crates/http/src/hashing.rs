//! Slow hashes, computed beside the threads that answer. Each takes 19 MiB and a core for tens of milliseconds, so that few are computed at
//! once.

use tokio::sync::Semaphore;

use crate::page::PageError;

/// How many are computed at once in one room.
const AT_ONCE: usize = 2;

/// A room in which hashes are computed. Who hashes for others has one of their own, so that whoever tries many keeps nobody else out.
pub(crate) struct Hashing(Semaphore);

impl Hashing {
    pub(crate) const fn new() -> Self {
        Self(Semaphore::const_new(AT_ONCE))
    }

    /// Computes when there is room. The permit goes along: whoever goes away meanwhile makes no room for another.
    ///
    /// # Errors
    /// [`PageError`], if the computing broke down.
    pub(crate) async fn compute<T: Send + 'static>(
        &'static self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PageError> {
        let permit = self.0.acquire().await.map_err(PageError::behind)?;
        let working = move || {
            let _permit = permit;
            work()
        };
        tokio::task::spawn_blocking(working).await.map_err(PageError::behind)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    static ROOM: Hashing = Hashing::new();

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_goes_away_makes_no_room_while_their_hash_is_computed() {
        let (begun, has_begun) = mpsc::channel();
        let (go_on, goes_on) = mpsc::channel::<()>();
        let computing = tokio::spawn(ROOM.compute(move || {
            begun.send(()).unwrap();
            let _ = goes_on.recv();
        }));
        has_begun.recv_timeout(Duration::from_secs(10)).unwrap();
        computing.abort();
        assert!(computing.await.is_err_and(|error| error.is_cancelled()));
        assert_eq!(ROOM.0.available_permits(), AT_ONCE - 1);
        drop(go_on);
        while ROOM.0.available_permits() < AT_ONCE {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
