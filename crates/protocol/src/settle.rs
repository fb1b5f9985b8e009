//! Settling by the password's version: what it proves about a write of unknown outcome. One rule for both ends: the agent that wrote,
//! and the cloud side, which has another agent look when the first one stays away.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bytes::Bytes;
use crate::clock::Timestamp;
use crate::statement::PasswordVersion;

/// 'T': how long the directory may take for one write. Long enough for a domain controller under load, which answers in
/// seconds at worst, and short enough that the person still waits. The relay adds the same time before it lets another
/// agent try.
pub const DIRECTORY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long it is tried to prove how a write ended, at either end.
pub const SETTLE_FOR: Duration = Duration::from_secs(24 * 3_600);

/// By how much the directory's clock may differ from the agent's for a write of that moment to be taken for the attempt's. Metadata
/// tell seconds, and a domain's machines keep their clocks together for Kerberos; a wider window would take in other people's
/// writes.
pub const CLOCKS_DIFFER: Duration = Duration::from_secs(10);

/// One copy of a directory on one server: another one after a restore. What a directory names it by is its own affair
/// (Active Directory: `invocationId`, MS-ADTS 3.1.1.1.9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DatabaseId(pub Bytes);

/// A password's version, and when it was written as far as the directory says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenVersion {
    /// The version.
    pub version: PasswordVersion,
    /// When that version was written, by the directory's clock.
    pub written_at: Option<Timestamp>,
    /// The database that wrote it first, if the directory tells.
    pub written_by: Option<DatabaseId>,
    /// The database that it was read from. Versions of two databases can be compared only once the one has reached the other.
    pub read_from: Option<DatabaseId>,
}

/// What was known before a write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// The password's version.
    pub version: PasswordVersion,
    /// The database that it was read from, and that was to be written to.
    pub database: Option<DatabaseId>,
    /// When the write was begun, by the agent's clock.
    pub begun_at: Timestamp,
}

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

/// What `seen` proves about a write. `over` is whether the write could not come any more when it was seen.
///
/// An equal version in the very database that was written to proves that nothing was written, once it is over; in another one,
/// which took over the role meanwhile, it may only not have arrived yet. One version more, written first by the database that was
/// written to, at the time of the attempt, is the attempt's, wherever it is read. Anything else was written by somebody else, or
/// can't be told from that, and proves nothing. `pwdLastSet` alone never proves a write: it does not tell who wrote, nor how often.
pub fn prove(before: &Before, seen: &SeenVersion, over: bool) -> Proof {
    let Before { version: before, database: Some(database), begun_at } = before else { return Proof::Never };
    // 'Must change', or an attribute that can't be read: it would be equal whatever was written.
    if matches!(before, PasswordVersion::LastSet { filetime } if *filetime <= 0) {
        return Proof::Never;
    }
    if *before == seen.version {
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

#[cfg(test)]
mod tests {
    use super::*;

    const BEGUN: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn database() -> DatabaseId {
        DatabaseId(Bytes(vec![1; 16]))
    }

    fn elsewhere() -> DatabaseId {
        DatabaseId(Bytes(vec![9; 16]))
    }

    fn replicated(version: u32, written: Timestamp) -> SeenVersion {
        SeenVersion {
            version: PasswordVersion::Replicated { version },
            written_at: Some(written),
            written_by: Some(database()),
            read_from: Some(database()),
        }
    }

    fn proved(version: &PasswordVersion, seen: &SeenVersion, over: bool) -> Proof {
        let before = Before { version: version.clone(), database: Some(database()), begun_at: BEGUN };
        prove(&before, seen, over)
    }

    #[test]
    fn the_same_version_proves_nothing_before_the_time_out_and_no_write_after() {
        let before = PasswordVersion::Replicated { version: 7 };
        let seen = replicated(7, BEGUN.minus(Duration::from_secs(86_400)));
        assert_eq!(proved(&before, &seen, false), Proof::NotYet);
        assert_eq!(proved(&before, &seen, true), Proof::NotApplied);
    }

    #[test]
    fn the_same_version_in_another_database_may_only_not_have_arrived() {
        let before = PasswordVersion::Replicated { version: 7 };
        for read_from in [Some(elsewhere()), None] {
            let seen = SeenVersion { read_from, ..replicated(7, BEGUN.minus(Duration::from_secs(86_400))) };
            assert_eq!(proved(&before, &seen, true), Proof::NotYet);
        }
        let arrived = SeenVersion { read_from: Some(elsewhere()), ..replicated(8, BEGUN) };
        assert_eq!(proved(&before, &arrived, true), Proof::Applied);
    }

    #[test]
    fn one_more_at_that_time_is_ours_and_everything_else_proves_nothing() {
        let before = PasswordVersion::Replicated { version: 7 };
        assert_eq!(proved(&before, &replicated(8, BEGUN), true), Proof::Applied);
        assert_eq!(proved(&before, &replicated(9, BEGUN), true), Proof::Never);
        let hours_later = BEGUN.plus(Duration::from_secs(7200));
        assert_eq!(proved(&before, &replicated(8, hours_later), true), Proof::Never);
        let unknown = Before { version: before.clone(), database: None, begun_at: BEGUN };
        assert_eq!(prove(&unknown, &replicated(8, BEGUN), true), Proof::Never);
        let undated = SeenVersion { written_at: None, ..replicated(8, BEGUN) };
        assert_eq!(proved(&before, &undated, true), Proof::Never);
        for written_by in [Some(elsewhere()), None] {
            let seen = SeenVersion { written_by, ..replicated(8, BEGUN) };
            assert_eq!(proved(&before, &seen, true), Proof::Never);
        }
        for (seconds, proof) in [(19, Proof::Applied), (21, Proof::Never)] {
            let written = BEGUN.plus(Duration::from_secs(seconds));
            assert_eq!(proved(&before, &replicated(8, written), true), proof, "{seconds} s later");
        }
        let earlier = BEGUN.minus(Duration::from_secs(11));
        assert_eq!(proved(&before, &replicated(8, earlier), true), Proof::Never);
    }

    #[test]
    fn the_time_of_the_last_change_alone_proves_no_write() {
        let last_set =
            |filetime| SeenVersion { version: PasswordVersion::LastSet { filetime }, ..replicated(0, BEGUN) };
        let before = PasswordVersion::LastSet { filetime: 133_000_000_000_000_000 };
        assert_eq!(proved(&before, &last_set(133_000_000_000_000_000), true), Proof::NotApplied);
        assert_eq!(proved(&before, &last_set(134_000_000_000_000_000), true), Proof::Never);
        assert_eq!(proved(&before, &last_set(0), true), Proof::Never);
    }
}
