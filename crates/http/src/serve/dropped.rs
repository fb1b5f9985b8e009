//! Says why connections are dropped: one line a minute however many there are, since strangers would fill the disk otherwise.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often one is told.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// What was told last, and how many have not been told since.
#[derive(Debug, Default)]
pub(super) struct Dropped(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    told_at: Option<Instant>,
    untold: u64,
}

impl Dropped {
    /// A connection of `peer` was dropped.
    pub(super) fn tell(&self, peer: SocketAddr, reason: &str) {
        match self.due(Instant::now()) {
            Some(untold) => tracing::info!(%peer, reason, untold, "a connection was dropped"),
            None => tracing::debug!(%peer, reason, "a connection was dropped"),
        }
    }

    /// How many were not told since the last line, if it is time for another one.
    fn due(&self, now: Instant) -> Option<u64> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.told_at.is_some_and(|at| now.duration_since(at) < TOLD_EVERY) {
            known.untold += 1;
            return None;
        }
        known.told_at = Some(now);
        Some(std::mem::take(&mut known.untold))
    }
}

/// An error with what caused it, in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(below) = cause {
        text = format!("{text}: {below}");
        cause = below.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_minute_says_how_many_there_were() {
        let (dropped, now) = (Dropped::default(), Instant::now());
        assert_eq!([(); 3].map(|()| dropped.due(now)), [Some(0), None, None]);
        assert_eq!([(); 2].map(|()| dropped.due(now + TOLD_EVERY)), [Some(2), None]);
    }
}
