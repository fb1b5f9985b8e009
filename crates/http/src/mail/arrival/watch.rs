//! The running server looks at its domain's DNS by itself, so that nobody who opens a page waits for somebody else's servers.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ritorno_doctor::{Report, Verdict};
use ritorno_protocol::clock::{Clock, Timestamp};

use super::{Sender, look};

/// How often it looks.
pub const LOOK_EVERY: Duration = Duration::from_secs(3_600);

/// What was found last; nothing before the first look, or if there is no mail. Shared by all tenants, as the sender is.
#[derive(Debug, Default)]
pub struct Looked(RwLock<Option<(Timestamp, Report)>>);

impl Looked {
    /// When it was looked, and what was found.
    pub fn last(&self) -> Option<(Timestamp, Report)> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps what was found.
    pub fn keep(&self, at: Timestamp, report: Report) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some((at, report));
    }
}

/// Looks at once and then every hour, for as long as it is let. The log tells of each check that turns.
pub async fn work(sender: Sender, looked: Arc<Looked>, clock: Arc<dyn Clock>) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    loop {
        ticks.tick().await;
        let report = look(&sender).await;
        let before = looked.last();
        for row in &report.checks {
            let id = row.check.id;
            let old = before.iter().flat_map(|(_, report)| &report.checks).find(|old| old.check.id == id);
            let (was, is) = (old.map_or(Verdict::Pass, |old| old.finding.verdict), row.finding.verdict);
            let good = |verdict| verdict <= Verdict::NotApplicable;
            if was == is || (good(was) && good(is)) {
                continue;
            }
            if good(is) {
                tracing::info!(check = id, "the check of mail passes again");
            } else {
                let found = row.finding.evidence.join("; ");
                tracing::warn!(
                    check = id,
                    found,
                    cause = row.finding.cause,
                    "a check of mail does not pass: see `ritorno mail status`"
                );
            }
        }
        looked.keep(clock.now(), report);
    }
}
