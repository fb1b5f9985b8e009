//! Settling: proving by the password's version, never by writing, how an unknown attempt ended.

use std::time::Duration;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::Operation;
use ritorno_protocol::ids::RequestId;
use ritorno_protocol::outcome::{Done, Fault, Operator, Outcome};
use ritorno_protocol::statement::{PasswordVersion, Says};

use crate::directory::{DatabaseId, Directory, SeenVersion};
use crate::handle::{DIRECTORY_TIMEOUT, Handler};
use crate::journal::{Entry, JournalError};
use crate::report::Reporter;

/// How long it is tried.
pub const SETTLE_FOR: Duration = Duration::from_secs(24 * 3600);
/// First pause between two tries; doubled until [`LONGEST_PAUSE`].
pub const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Longest pause between two tries.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What one look at the directory proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The password is the new one.
    Applied,
    /// The password is the old one, and the write can't come any more.
    NotApplied,
    /// Nothing yet: look again.
    NotYet,
    /// Nothing, ever: another write came between, or nothing to compare with.
    Never,
}

/// By how much the directory's clock may differ from ours for a write of that moment to be taken for the attempt's. Metadata
/// tell seconds, and a domain's machines keep their clocks together for Kerberos; a wider window would take in other people's
/// writes.
pub const CLOCKS_DIFFER: Duration = Duration::from_secs(10);

/// What was known before the write.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a> {
    /// The password's version.
    pub version: Option<&'a PasswordVersion>,
    /// The database that it was read from, and that was written to.
    pub database: Option<&'a DatabaseId>,
    /// When the write was begun, by the agent's clock.
    pub begun_at: Timestamp,
}

/// What `seen` proves about a write. `now` is the agent's clock.
///
/// An equal version in the very database that was written to proves that nothing was written, once the directory's time-out
/// has passed twice; in another one, which took over the role meanwhile, it may only not have arrived yet. One version more,
/// written first by the database that was written to, at the time of the attempt, is the attempt's, wherever it is read.
/// Anything else was written by somebody else, or can't be told from that, and proves nothing. `pwdLastSet` alone never
/// proves a write: it does not tell who wrote, nor how often.
pub fn prove(before: Before<'_>, seen: &SeenVersion, now: Timestamp) -> Proof {
    let Before { version: Some(before), database: Some(database), begun_at } = before else {
        return Proof::Never;
    };
    // 'Must change', or an attribute that can't be read: it would be equal whatever was written.
    if matches!(before, PasswordVersion::LastSet { filetime } if *filetime <= 0) {
        return Proof::Never;
    }
    if *before == seen.version {
        let over = now >= begun_at.plus(2 * DIRECTORY_TIMEOUT);
        let same_database = seen.read_from.as_ref() == Some(database);
        return if over && same_database { Proof::NotApplied } else { Proof::NotYet };
    }
    let one_more = match (before, &seen.version) {
        (PasswordVersion::Replicated { version: before }, PasswordVersion::Replicated { version: now }) => {
            before.checked_add(1) == Some(*now)
        }
        _ => false,
    };
    let in_time = seen.written_at.is_some_and(|written| {
        written >= begun_at.minus(CLOCKS_DIFFER)
            && written <= begun_at.plus(DIRECTORY_TIMEOUT + CLOCKS_DIFFER)
    });
    let written_there = seen.written_by.as_ref() == Some(database);
    if one_more && in_time && written_there { Proof::Applied } else { Proof::Never }
}

impl<'a> Before<'a> {
    fn of(entry: &'a Entry) -> Self {
        Self {
            version: entry.version_before.as_ref(),
            database: entry.database.as_ref(),
            begun_at: entry.begun_at,
        }
    }
}

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
        match self.directory.password_version(&person).await {
            Ok(seen) => prove(Before::of(entry), &seen, now),
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

#[cfg(test)]
mod tests {
    use super::*;

    use crate::testing::database;

    const BEGUN: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn elsewhere() -> DatabaseId {
        DatabaseId(ritorno_protocol::bytes::Bytes(vec![9; 16]))
    }

    fn replicated(version: u32, written: Timestamp) -> SeenVersion {
        SeenVersion {
            version: PasswordVersion::Replicated { version },
            written_at: Some(written),
            written_by: Some(database()),
            read_from: Some(database()),
        }
    }

    fn proved(version: Option<&PasswordVersion>, seen: &SeenVersion, now: Timestamp) -> Proof {
        prove(Before { version, database: Some(&database()), begun_at: BEGUN }, seen, now)
    }

    #[test]
    fn the_same_version_proves_nothing_before_the_time_out_and_no_write_after() {
        let before = PasswordVersion::Replicated { version: 7 };
        let seen = replicated(7, BEGUN.minus(Duration::from_secs(86_400)));
        let look = |after| proved(Some(&before), &seen, BEGUN.plus(Duration::from_secs(after)));
        assert_eq!(look(1), Proof::NotYet);
        assert_eq!(look(20), Proof::NotApplied);
    }

    #[test]
    fn the_same_version_in_another_database_may_only_not_have_arrived() {
        let before = PasswordVersion::Replicated { version: 7 };
        let now = BEGUN.plus(Duration::from_secs(3600));
        for read_from in [Some(elsewhere()), None] {
            let seen = SeenVersion { read_from, ..replicated(7, BEGUN.minus(Duration::from_secs(86_400))) };
            assert_eq!(proved(Some(&before), &seen, now), Proof::NotYet);
        }
        let arrived = SeenVersion { read_from: Some(elsewhere()), ..replicated(8, BEGUN) };
        assert_eq!(proved(Some(&before), &arrived, now), Proof::Applied);
    }

    #[test]
    fn one_more_at_that_time_is_ours_and_everything_else_proves_nothing() {
        let before = PasswordVersion::Replicated { version: 7 };
        let now = BEGUN.plus(Duration::from_secs(30));
        assert_eq!(proved(Some(&before), &replicated(8, BEGUN), now), Proof::Applied);
        assert_eq!(proved(Some(&before), &replicated(9, BEGUN), now), Proof::Never);
        let hours_later = BEGUN.plus(Duration::from_secs(7200));
        assert_eq!(proved(Some(&before), &replicated(8, hours_later), hours_later), Proof::Never);
        assert_eq!(proved(None, &replicated(8, BEGUN), now), Proof::Never);
        let unknown = Before { version: Some(&before), database: None, begun_at: BEGUN };
        assert_eq!(prove(unknown, &replicated(8, BEGUN), now), Proof::Never);
        let undated = SeenVersion { written_at: None, ..replicated(8, BEGUN) };
        assert_eq!(proved(Some(&before), &undated, now), Proof::Never);
        for written_by in [Some(elsewhere()), None] {
            let seen = SeenVersion { written_by, ..replicated(8, BEGUN) };
            assert_eq!(proved(Some(&before), &seen, now), Proof::Never);
        }
        for (seconds, proof) in [(19, Proof::Applied), (21, Proof::Never)] {
            let written = BEGUN.plus(Duration::from_secs(seconds));
            assert_eq!(proved(Some(&before), &replicated(8, written), now), proof, "{seconds} s later");
        }
        let earlier = BEGUN.minus(Duration::from_secs(11));
        assert_eq!(proved(Some(&before), &replicated(8, earlier), now), Proof::Never);
    }

    #[test]
    fn the_time_of_the_last_change_alone_proves_no_write() {
        let last_set =
            |filetime| SeenVersion { version: PasswordVersion::LastSet { filetime }, ..replicated(0, BEGUN) };
        let before = PasswordVersion::LastSet { filetime: 133_000_000_000_000_000 };
        let now = BEGUN.plus(Duration::from_secs(30));
        assert_eq!(proved(Some(&before), &last_set(133_000_000_000_000_000), now), Proof::NotApplied);
        assert_eq!(proved(Some(&before), &last_set(134_000_000_000_000_000), now), Proof::Never);
        assert_eq!(proved(Some(&before), &last_set(0), now), Proof::Never);
    }
}
