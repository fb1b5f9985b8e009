//! What strangers can have said as often as they like is said once in a while, with a count of what was left out: else they would fill
//! the disk with it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Says when it is time for the next line. `M` is a moment by whatever clock the caller has.
#[derive(Debug)]
pub struct Seldom<M> {
    every: Duration,
    known: Mutex<Known<M>>,
}

#[derive(Debug)]
struct Known<M> {
    told_at: Option<M>,
    untold: u64,
}

impl<M: Copy> Seldom<M> {
    /// One line in that time, at most.
    pub const fn new(every: Duration) -> Self {
        Self { every, known: Mutex::new(Known { told_at: None, untold: 0 }) }
    }

    /// How many were not told since the last line, if it is time for another one at `now`. `passed` is how long ago a moment is.
    pub fn due(&self, now: M, passed: impl FnOnce(M) -> Duration) -> Option<u64> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.told_at.is_some_and(|at| passed(at) < self.every) {
            known.untold += 1;
            return None;
        }
        known.told_at = Some(now);
        Some(std::mem::take(&mut known.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_in_a_while_says_how_many_there_were() {
        let seldom = Seldom::new(Duration::from_secs(60));
        let due = |now: u64| seldom.due(now, |at| Duration::from_secs(now - at));
        assert_eq!([7; 3].map(due), [Some(0), None, None]);
        assert_eq!([67; 2].map(due), [Some(2), None]);
    }
}
