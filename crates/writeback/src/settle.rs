//! Settling: proving by the password's version, never by writing, how an unknown attempt ended.

use std::time::Duration;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::Operation;
use ritorno_protocol::ids::RequestId;
use ritorno_protocol::outcome::{Done, Fault, Operator, Outcome};
use ritorno_protocol::settle::{DIRECTORY_TIMEOUT, Proof, SETTLE_FOR, prove};
use ritorno_protocol::statement::Says;

use crate::directory::Directory;
use crate::handle::Handler;
use crate::journal::{Entry, JournalError};
use crate::report::Reporter;

/// First pause between two tries; doubled until [`LONGEST_PAUSE`].
pub const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Longest pause between two tries.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(300);

impl<D: Directory> Handler<D> {
    /// Settles one unknown attempt: looks until something is proved, or nothing ever will be, or a day has passed.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn settle(&self, request: RequestId, reporter: &dyn Reporter) -> Result<(), JournalError> {
        let mut pause = FIRST_PAUSE;
        loop {
            let Some(entry) = self.journal.find(request).await?.filter(Entry::is_unsettled) else {
                return Ok(());
            };
            let now = self.clock.now();
            let proof = if now >= entry.begun_at.plus(SETTLE_FOR) {
                Proof::Never
            } else {
                self.look(&entry, now).await
            };
            match proof {
                Proof::NotYet => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Proof::Never => return self.journal.write(Entry { settling: false, ..entry }).await,
                Proof::Applied | Proof::NotApplied => {
                    return self.settled(entry, proof == Proof::Applied, reporter).await;
                }
            }
        }
    }

    async fn look(&self, entry: &Entry, now: Timestamp) -> Proof {
        let Ok(person) = self.directory.locate(&entry.target).await else { return Proof::NotYet };
        if entry.operation == Operation::Verify {
            // It writes nothing; a version that grew is somebody else's change.
            return Proof::NotApplied;
        }
        if entry.operation == Operation::Unlock {
            // Clearing a lockout twice is clearing it once: what counts is that it is gone.
            return match self.directory.state(&person).await {
                Ok(state) if !state.locked => Proof::Applied,
                // It may have been locked again since, or be seen at a server that does not know yet.
                Ok(_) | Err(_) => Proof::NotYet,
            };
        }
        let Some(before) = entry.before() else { return Proof::Never };
        match self.directory.password_version(&person).await {
            Ok(seen) => prove(&before, &seen, now >= entry.begun_at.plus(2 * DIRECTORY_TIMEOUT)),
            Err(_) => Proof::NotYet,
        }
    }

    async fn settled(
        &self,
        entry: Entry,
        applied: bool,
        reporter: &dyn Reporter,
    ) -> Result<(), JournalError> {
        let detail = if applied {
            "settled: the directory did apply it"
        } else {
            "settled: the directory did not apply it"
        };
        let operator = Operator { detail: detail.into(), ..Operator::default() };
        let outcome = if applied {
            // What came with it is not known; the least is said.
            let unlocked = entry.operation == Operation::Unlock;
            Outcome::Done(Done { unlocked, must_change: false, history_enforced: false, operator })
        } else {
            Outcome::NotApplied { fault: Fault::DirectoryUnavailable, operator }
        };
        self.conclude(entry, Says::Settled { outcome }, reporter).await.map(drop)
    }
}
