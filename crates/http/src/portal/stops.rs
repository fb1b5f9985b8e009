//! What stops everybody, written down once for as long as it lasts: whoever looks at the first page a thousand times
//! fills no database, and everybody reads out the same support code.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::SupportCode;
use ritorno_protocol::random::Random;

/// How long one support code stands for a stop that lasts.
const STANDS_FOR: Duration = Duration::from_secs(10 * 60);

struct Stop {
    detail: String,
    support_code: SupportCode,
    since: Timestamp,
}

/// The stop that was told last.
#[derive(Default)]
pub(super) struct Stops(Mutex<Option<Stop>>);

impl Stops {
    /// The support code for a stop with this operator's face, and whether it is a new one that is to be written down.
    pub(super) fn code(&self, detail: &str, now: Timestamp, random: &dyn Random) -> (SupportCode, bool) {
        // One assignment is all that happens under the lock, so a panic elsewhere leaves it whole.
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stop) = &*last
            && stop.detail == detail
            && now.since(stop.since) < STANDS_FOR
        {
            return (stop.support_code.clone(), false);
        }
        let support_code = SupportCode::random(random);
        *last = Some(Stop { detail: detail.to_owned(), support_code: support_code.clone(), since: now });
        (support_code, true)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    struct Counting(AtomicU8);
    impl Random for Counting {
        fn fill(&self, out: &mut [u8]) {
            out.fill(self.0.fetch_add(1, Ordering::SeqCst));
        }
    }

    #[test]
    fn one_code_for_one_stop_while_it_lasts() {
        let (stops, random) = (Stops::default(), Counting(AtomicU8::new(0)));
        let now = Timestamp::from_unix_ms(0);
        let (first, new) = stops.code("no agent", now, &random);
        assert!(new);
        assert_eq!(stops.code("no agent", now, &random), (first.clone(), false));
        let (other, new) = stops.code("writeback off", now, &random);
        assert!(new && other != first);
        let (later, new) = stops.code("writeback off", now.plus(STANDS_FOR), &random);
        assert!(new && later != other);
    }
}
