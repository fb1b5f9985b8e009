//! How long to wait before a try is repeated.

use std::time::Duration;

use ritorno_protocol::random::{Random, array};

/// The longest wait that the other side is granted within a run. What asks for more ends the run; the next scheduled one asks again.
pub const LONGEST_ASKED: Duration = Duration::from_secs(600);

/// Tries and waits. Each wait is drawn at random up to a limit that doubles ('full jitter'), so that many agents that
/// lost the same server do not come back at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Tries in all, the first one included.
    pub tries: u32,
    /// Limit of the first wait.
    pub first: Duration,
    /// No limit grows beyond this. What the other side asks for comes before it, up to [`LONGEST_ASKED`].
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { tries: 6, first: Duration::from_millis(500), longest: Duration::from_secs(60) }
    }
}

impl Backoff {
    /// The wait after try number `tried` (from 1); `None` when there is no further try. `asked` is what the other
    /// side asked for (Retry-After, RFC 9110 section 10.2.3) and is the least that is waited; more than [`LONGEST_ASKED`] is no wait
    /// within a run.
    pub(crate) fn wait(&self, tried: u32, asked: Option<Duration>, random: &dyn Random) -> Option<Duration> {
        if tried >= self.tries || asked.is_some_and(|asked| asked > LONGEST_ASKED) {
            return None;
        }
        let limit = self.first.saturating_mul(1_u32.checked_shl(tried.saturating_sub(1)).unwrap_or(u32::MAX));
        let limit = limit.min(self.longest);
        let share = f64::from(u32::from_le_bytes(array(random))) / f64::from(u32::MAX);
        Some(asked.unwrap_or_default() + limit.mul_f64(share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Always(u8);

    impl Random for Always {
        fn fill(&self, out: &mut [u8]) {
            out.fill(self.0);
        }
    }

    #[test]
    fn waits_double_up_to_the_longest_and_end() {
        let backoff = Backoff { tries: 5, first: Duration::from_secs(1), longest: Duration::from_secs(5) };
        let waits: Vec<_> = (1..=5).map(|tried| backoff.wait(tried, None, &Always(255))).collect();
        assert_eq!(
            waits,
            [1, 2, 4, 5].map(|s| Some(Duration::from_secs(s))).into_iter().chain([None]).collect::<Vec<_>>()
        );
        assert_eq!(backoff.wait(1, None, &Always(0)), Some(Duration::ZERO));
    }

    #[test]
    fn what_the_server_asks_for_is_the_least_and_has_an_end() {
        let backoff = Backoff::default();
        let wait = |seconds| backoff.wait(1, Some(Duration::from_secs(seconds)), &Always(0));
        for seconds in [0, 7, 61, 600] {
            assert_eq!(wait(seconds), Some(Duration::from_secs(seconds)));
        }
        assert_eq!(wait(601), None, "that is the next run's");
        assert_eq!(wait(u64::MAX), None);
        let together = backoff.wait(1, Some(Duration::from_secs(7)), &Always(255));
        assert_eq!(
            together,
            Some(Duration::from_secs(7) + backoff.first),
            "many who were told the same come apart"
        );
    }
}
