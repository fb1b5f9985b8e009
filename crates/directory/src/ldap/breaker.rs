//! A circuit breaker for each host: one that could not be connected to several times in a row is left alone for a while, then tried
//! once. It spares whoever waits the seconds that a silent host takes; it never speaks for a host that nobody tried.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::error::LdapError;

/// Failures in a row after which a host is left alone.
const FAILURES: u32 = 3;
/// How long it is.
const LEFT_ALONE_FOR: Duration = Duration::from_secs(15);
/// Hosts that are remembered: far more than a forest has.
const HOSTS: usize = 1_000;

/// What is known of all hosts. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Breaker(Arc<Mutex<HashMap<String, Failed>>>);

struct Failed {
    in_a_row: u32,
    last: Instant,
    words: String,
}

/// Why a host is not tried.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LeftAlone {
    pub(super) failures: u32,
    /// Until it is tried again.
    pub(super) seconds: u64,
    /// How it failed the last time.
    pub(super) words: String,
}

impl Breaker {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Failed>> {
        // The lock guards plain values and no code that panics: a poisoned one is as good.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `host` is to be left alone. When its time has passed, the first who asks may try it, and whoever asks meanwhile not.
    pub(super) fn ask(&self, host: &str, now: Instant) -> Option<LeftAlone> {
        let mut hosts = self.lock();
        let failed =
            hosts.get_mut(&host.to_ascii_lowercase()).filter(|failed| failed.in_a_row >= FAILURES)?;
        let since = now.saturating_duration_since(failed.last);
        if since >= LEFT_ALONE_FOR {
            // Counted as failed until it comes back: whoever asks meanwhile does not wait for it.
            failed.last = now;
            return None;
        }
        let seconds = LEFT_ALONE_FOR.saturating_sub(since).as_secs().max(1);
        Some(LeftAlone { failures: failed.in_a_row, seconds, words: failed.words.clone() })
    }

    /// Whether it failed so often that a try should be a short one.
    pub(super) fn is_doubtful(&self, host: &str) -> bool {
        self.lock().get(&host.to_ascii_lowercase()).is_some_and(|failed| failed.in_a_row >= FAILURES)
    }

    /// Takes note of how a try ended that began at `began`. Those that were under way together count once: a moment in which many failed
    /// is still one. A short one that failed proves little: it does not put off the next long one.
    pub(super) fn note<T>(
        &self,
        host: &str,
        outcome: &Result<T, LdapError>,
        short: bool,
        began: Instant,
        now: Instant,
    ) {
        let (mut hosts, host) = (self.lock(), host.to_ascii_lowercase());
        match outcome {
            Err(error) => {
                if hosts.len() >= HOSTS {
                    hosts.clear();
                }
                let failed =
                    hosts.entry(host).or_insert(Failed { in_a_row: 0, last: now, words: String::new() });
                if failed.in_a_row == 0 || began >= failed.last {
                    failed.in_a_row = failed.in_a_row.saturating_add(1);
                }
                failed.words = error.to_string();
                if !short {
                    failed.last = now;
                }
            }
            Ok(_) => drop(hosts.remove(&host)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::ConnectFault;
    use super::*;

    fn refused() -> Result<(), LdapError> {
        let (host, detail) = ("dc1.test".to_owned(), "no route".to_owned());
        Err(LdapError::Connect { host, fault: ConnectFault::Tcp, detail })
    }

    #[test]
    fn after_three_failures_a_host_is_left_alone_and_then_tried_once() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..2 {
            breaker.note("DC1.test", &refused(), false, now, now);
            assert_eq!(breaker.ask("dc1.test", now), None);
        }
        breaker.note("dc1.test", &refused(), false, now, now);
        let LeftAlone { failures, seconds, words } = breaker.ask("dc1.test", now).unwrap();
        assert!(
            (failures, seconds) == (3, 15) && words.contains("no route") && breaker.is_doubtful("dc1.test")
        );
        assert_eq!(breaker.ask("dc2.test", now), None);

        let later = now + LEFT_ALONE_FOR;
        assert_eq!(breaker.ask("dc1.test", later), None, "the probe");
        assert!(breaker.ask("dc1.test", later).is_some(), "one is enough");
        // One that never comes back keeps nobody off for good.
        let later = later + LEFT_ALONE_FOR;
        assert_eq!(breaker.ask("dc1.test", later), None);
        breaker.note("dc1.test", &refused(), false, later, later);
        assert!(breaker.ask("dc1.test", later).is_some());
        let later = later + LEFT_ALONE_FOR / 2;
        breaker.note("dc1.test", &refused(), true, later, later);
        let later = later + LEFT_ALONE_FOR / 2;
        assert_eq!(breaker.ask("dc1.test", later), None, "a short try puts nothing off");
        breaker.note("dc1.test", &Ok(()), false, later, later);
        assert!(!breaker.is_doubtful("dc1.test"));
        breaker.note("dc1.test", &refused(), false, later, later);
        assert_eq!(breaker.ask("dc1.test", later), None, "counted anew");
    }

    #[test]
    fn what_fails_together_counts_once() {
        let (breaker, began) = (Breaker::default(), Instant::now());
        for number in 1..9 {
            let now = began + Duration::from_millis(3_000 + number);
            breaker.note("dc1.test", &refused(), false, began, now);
            assert!(!breaker.is_doubtful("dc1.test"));
        }
    }
}
