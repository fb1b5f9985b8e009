//! The agent's own limits, which hold whatever the cloud side says. They need no directory, so they come first.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::outcome::Fault;

/// The window that requests are counted over.
const WINDOW: Duration = Duration::from_secs(60);

/// The switch that local root holds: off means that nothing is written, at once, whatever else is said.
pub trait Switch: Send + Sync {
    /// Whether writeback is on, now.
    fn writeback_on(&self) -> bool;
}

/// Counts requests over a sliding minute, and asks the switch.
#[derive(Debug)]
pub struct Limits {
    per_minute: usize,
    admitted: Mutex<VecDeque<Timestamp>>,
}

impl Limits {
    /// At most `per_minute` requests in any 60 s; 0 admits none.
    pub const fn new(per_minute: usize) -> Self {
        Self { per_minute, admitted: Mutex::new(VecDeque::new()) }
    }

    /// Admits one request at `now`, or says why not.
    ///
    /// # Errors
    /// [`Fault::SwitchedOff`] or [`Fault::LimitReached`].
    pub fn admit(&self, switch: &dyn Switch, now: Timestamp) -> Result<(), Fault> {
        if !switch.writeback_on() {
            return Err(Fault::SwitchedOff);
        }
        let mut admitted = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
        while admitted.front().is_some_and(|first| first.plus(WINDOW) <= now) {
            admitted.pop_front();
        }
        if admitted.len() >= self.per_minute {
            return Err(Fault::LimitReached);
        }
        admitted.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(bool);
    impl Switch for Fixed {
        fn writeback_on(&self) -> bool {
            self.0
        }
    }

    #[test]
    fn the_minute_slides() {
        let limits = Limits::new(2);
        let at = |seconds: i64| Timestamp::from_unix_ms(seconds * 1_000);
        assert_eq!(limits.admit(&Fixed(true), at(0)), Ok(()));
        assert_eq!(limits.admit(&Fixed(true), at(30)), Ok(()));
        assert_eq!(limits.admit(&Fixed(true), at(59)), Err(Fault::LimitReached));
        assert_eq!(limits.admit(&Fixed(true), at(60)), Ok(()));
        assert_eq!(limits.admit(&Fixed(true), at(61)), Err(Fault::LimitReached));
    }

    #[test]
    fn off_is_off() {
        let limits = Limits::new(2);
        assert_eq!(limits.admit(&Fixed(false), Timestamp::from_unix_ms(0)), Err(Fault::SwitchedOff));
    }
}
