//! Says why connections are dropped: one line a minute however many there are, since strangers would fill the disk otherwise.

use std::net::SocketAddr;
use std::time::Duration;

use ritorno_relay::seldom::Seldom;
use tokio::time::Instant;

/// How often one is told.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// What was told last, and how many have not been told since.
#[derive(Debug)]
pub(super) struct Dropped(Seldom<Instant>);

impl Dropped {
    /// Nothing was told.
    pub(super) const fn new() -> Self {
        Self(Seldom::new(TOLD_EVERY))
    }

    /// A connection of `peer` was dropped.
    pub(super) fn tell(&self, peer: SocketAddr, reason: &str) {
        let now = Instant::now();
        match self.0.due(now, |at| now.duration_since(at)) {
            Some(untold) => tracing::info!(%peer, reason, untold, "a connection was dropped"),
            None => tracing::debug!(%peer, reason, "a connection was dropped"),
        }
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
