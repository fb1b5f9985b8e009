//! Before anything that can count as a bad password: one attempt at a time for a person, and none that could come near to locking
//! the account.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::outcome::Fault;
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

use super::account_control::LOCKED;
use super::effective_policy::Lockout;
use crate::error::DirectoryError;
use crate::forest::Lease;
use crate::identity::guid_dn;
use crate::ldap::Entry;
use crate::operations::locate::Person;

/// How many wrong passwords stay free for the person's own mistakes elsewhere.
const SPARED: u32 = 2;
/// Of the wrong passwords that lock, how many are at least out of reach of browsers in which the person never succeeded; where more
/// of them lock, it is half.
const SPARED_FROM_OTHERS: u32 = 3;
/// What is assumed when the threshold can't be read: one wrong attempt, then no more.
const ASSUMED_THRESHOLD: u32 = 3;
/// Added to the time for which wrong passwords count, for clocks that differ.
pub(crate) const CLOCKS_DIFFER: Duration = Duration::from_secs(60);

/// One lock for each person with an attempt under way.
#[derive(Default)]
pub(crate) struct Attempts(Mutex<HashMap<[u8; 16], Arc<tokio::sync::Mutex<()>>>>);

/// In which browser a password was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Browser {
    /// One in which the person succeeded before, or in which they have just proved the password.
    Known,
    /// Any other one: whoever knows a name has it. It leaves some of the wrong passwords to the person's own.
    Other,
}

/// Whether a password may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// It may.
    Free,
    /// The account is locked already.
    Locked,
    /// A wrong one would come too close to locking it.
    TooClose,
}

impl Attempts {
    /// Waits for the attempts on `object` before this one, `limit` at most. The turn ends when the guard is dropped.
    pub(crate) async fn turn(
        &self,
        object: [u8; 16],
        limit: Duration,
    ) -> Result<OwnedMutexGuard<()>, DirectoryError> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Whoever waits or works holds a second reference.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(object).or_default())
        };
        timeout(limit, turn.lock_owned()).await.map_err(|_| {
            let detail = format!("other attempts for {} are under way", guid_dn(&object));
            DirectoryError::fault(Fault::DirectoryUnavailable, "", detail)
        })
    }
}

impl Lease<'_> {
    /// Reads how many wrong passwords have been counted, and how many lock.
    pub(crate) async fn room(
        &mut self,
        person: &Person,
        browser: Browser,
        now: Timestamp,
    ) -> Result<Room, DirectoryError> {
        let (_, lockout) = self.policy(person).await?;
        let attributes =
            ["badPwdCount", "badPasswordTime", "lockoutTime", "msDS-User-Account-Control-Computed"];
        let entry = self.read(&guid_dn(&person.object_guid), &attributes).await?;
        Ok(room(&entry, lockout, browser, now))
    }
}

fn room(entry: &Entry, lockout: Lockout, browser: Browser, now: Timestamp) -> Room {
    if entry.integer("msDS-User-Account-Control-Computed").is_some_and(|bits| bits & LOCKED != 0) {
        return Room::Locked;
    }
    let last = entry.integer("badPasswordTime").and_then(Timestamp::from_filetime);
    let forgotten =
        last.zip(lockout.window).is_some_and(|(last, window)| now > last.plus(window + CLOCKS_DIFFER));
    let counted = entry.integer("badPwdCount").and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
    enough_room(if forgotten { 0 } else { counted }, lockout.threshold, browser)
}

/// Whether one more wrong password leaves enough of them, of `threshold` that lock: 0 for never, `None` if it can't be read.
pub(crate) fn enough_room(counted: u32, threshold: Option<u32>, browser: Browser) -> Room {
    let most = match threshold {
        Some(0) => return Room::Free,
        threshold => most(threshold.unwrap_or(ASSUMED_THRESHOLD), browser),
    };
    if counted >= most { Room::TooClose } else { Room::Free }
}

/// How many wrong passwords an account may have from such a browser.
fn most(threshold: u32, browser: Browser) -> u32 {
    let known = threshold.saturating_sub(SPARED);
    match browser {
        Browser::Known => known,
        // Where so few lock that nothing could be left to the person, one is not kept from everybody else.
        Browser::Other => (threshold / 2).min(threshold.saturating_sub(SPARED_FROM_OTHERS)).max(known.min(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(count: &str, threshold: Option<u32>, now_ms: i64) -> Room {
        let mut entry = Entry::default();
        let mut set = |name: &str, value: &str| entry.attributes.insert(name.into(), vec![value.into()]);
        set("badpwdcount", count);
        // The Unix epoch.
        set("badpasswordtime", "116444736000000000");
        let window = Some(Duration::from_secs(1800));
        let lockout = Lockout { threshold, window, duration: window };
        room(&entry, lockout, Browser::Known, Timestamp::from_unix_ms(now_ms))
    }

    #[tokio::test]
    async fn a_turn_is_waited_for_and_not_for_ever() {
        let (attempts, limit) = (Attempts::default(), Duration::from_millis(20));
        let first = attempts.turn([1; 16], limit).await.unwrap();
        attempts.turn([2; 16], limit).await.unwrap();
        assert!(matches!(attempts.turn([1; 16], limit).await, Err(DirectoryError::NotApplied { .. })));
        drop(first);
        attempts.turn([1; 16], limit).await.unwrap();
    }

    #[test]
    fn two_below_the_threshold_is_the_end() {
        assert_eq!(counted("2", Some(5), 1_000), Room::Free);
        assert_eq!(counted("3", Some(5), 1_000), Room::TooClose);
        assert_eq!(counted("0", Some(2), 1_000), Room::TooClose, "so low a threshold leaves no room at all");
        assert_eq!(counted("900", Some(0), 1_000), Room::Free, "0 never locks");
        assert_eq!(counted("0", None, 1_000), Room::Free);
        assert_eq!(counted("1", None, 1_000), Room::TooClose, "unknown: one attempt");
        assert_eq!(
            counted("4", Some(5), 1_800_000),
            Room::TooClose,
            "within the window, by clocks that may differ"
        );
        assert_eq!(counted("4", Some(5), 1_861_000), Room::Free, "the count has been forgotten");
    }

    #[test]
    fn whoever_is_not_known_leaves_some_to_the_person() {
        for (threshold, others, known) in
            [(1, 0, 0), (2, 0, 0), (3, 1, 1), (4, 1, 2), (5, 2, 3), (6, 3, 4), (10, 5, 8), (50, 25, 48)]
        {
            let told = (most(threshold, Browser::Other), most(threshold, Browser::Known));
            assert_eq!(told, (others, known), "{threshold}");
        }
        assert_eq!(enough_room(4, Some(10), Browser::Other), Room::Free);
        assert_eq!(enough_room(5, Some(10), Browser::Other), Room::TooClose);
        assert_eq!(enough_room(900, Some(0), Browser::Other), Room::Free, "0 never locks");
        assert_eq!(enough_room(1, None, Browser::Other), Room::TooClose, "unknown: one attempt");
    }
}
