//! Waiting as an argument, like the clock itself.

use std::time::Duration;

use async_trait::async_trait;
use ritorno_protocol::clock::{Clock, SystemClock, Timestamp};

/// A clock that can also be waited on.
#[async_trait]
pub trait Timer: Clock {
    /// Returns once the clock has reached `moment`; at once if it has.
    async fn sleep_until(&self, moment: Timestamp);
}

/// The machine's own clock and timer.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemTimer;

impl Clock for SystemTimer {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }
}

#[async_trait]
impl Timer for SystemTimer {
    async fn sleep_until(&self, moment: Timestamp) {
        let left: Duration = moment.since(self.now());
        tokio::time::sleep(left).await;
    }
}
