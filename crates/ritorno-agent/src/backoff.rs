//! How long to wait before the link is dialled again.

use std::time::Duration;

use ritorno_protocol::random::{Random, array};

/// Shortest wait.
pub(crate) const SHORTEST: Duration = Duration::from_secs(1);
/// Longest wait.
pub(crate) const LONGEST: Duration = Duration::from_secs(30);

/// Waits that double with each failure, with jitter, so that a thousand agents do not come back in the same second.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait: between half and the whole of 1 s, 2 s, 4 s ... 30 s.
    pub(crate) fn next(&mut self, random: &dyn Random) -> Duration {
        let ceiling = SHORTEST.saturating_mul(2_u32.saturating_pow(self.failures)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let half = ceiling / 2;
        let part = u32::from(u16::from_be_bytes(array(random)));
        half + half.saturating_mul(part) / u32::from(u16::MAX)
    }

    /// The link was up: the next failure begins anew.
    pub(crate) const fn reset(&mut self) {
        self.failures = 0;
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
    fn it_doubles_up_to_half_a_minute_and_begins_anew() {
        let mut backoff = Backoff::default();
        let most: Vec<u128> = (0..7).map(|_| backoff.next(&Always(0xff)).as_millis()).collect();
        assert_eq!(most, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        backoff.reset();
        let least: Vec<u128> = (0..3).map(|_| backoff.next(&Always(0)).as_millis()).collect();
        assert_eq!(least, [500, 1_000, 2_000]);
    }
}
