//! The machine's clock and random source: the only place of this program that names them.

use std::sync::Arc;

use ritorno_protocol::clock::{Clock, SystemClock};
use ritorno_protocol::random::Random;

/// The system's random source.
struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, out: &mut [u8]) {
        // Without it no key and no epoch may be made: there is nothing sensible left to do.
        getrandom::fill(out).expect("the system's random source works");
    }
}

/// The system's random source.
pub(crate) fn random() -> Arc<dyn Random> {
    Arc::new(SystemRandom)
}

/// The machine's clock.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}
