//! The state of an account, and the version of its password.

use std::time::Duration;

use ritorno_protocol::clock::Timestamp;

use super::moment::moment;
use super::policy::{Rules, changed};
use super::{OpenLdap, Person};
use crate::error::DirectoryError;
use crate::ldap::Entry;

/// `pwdAccountLockedTime` of an account that an administrator has locked (draft-behera-ldap-password-policy-10 section 5.3.3).
const FOR_GOOD: &str = "000001010000Z";
/// An account that may never sign in, by its own dates.
const FAR: i64 = i64::MAX;

/// `pwdChangedTime` tells seconds: a password that was set less than this before it is read could be written again without a trace.
const TELLS_APART: Duration = Duration::from_secs(10);

/// The state of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// Locked by an administrator, or outside the dates between which it may be used.
    pub disabled: bool,
    /// Locked by wrong passwords.
    pub locked: bool,
    /// When the lock ends by itself, if it does.
    pub locked_until: Option<Timestamp>,
    /// The password has expired.
    pub password_expired: bool,
    /// The password must be changed at the next sign-in.
    pub must_change: bool,
    /// When the password was set, to the second.
    pub password_set: Option<Timestamp>,
    /// Wrong passwords that count.
    pub bad_password_count: u32,
}

impl Person {
    /// Whether an administrator had locked the account when it was read.
    pub fn is_disabled(&self, now: Timestamp) -> bool {
        is_disabled(&self.entry, now)
    }

    /// When the password was set, as read with the person: what tells later that no other was written. `None` if that can't be told from
    /// it, since it is too near to `now`, or nobody has set one.
    pub fn password_version(&self, now: Timestamp) -> Option<Timestamp> {
        changed(self).filter(|changed| changed.plus(TELLS_APART) <= now)
    }
}

impl OpenLdap {
    /// The account's state when the person was located, by the policy as it is now.
    ///
    /// # Errors
    /// What kept us from reading.
    pub async fn state(&self, person: &Person) -> Result<AccountState, DirectoryError> {
        let mut lease = self.lease().await?;
        let rules = lease.rules(person).await?;
        lease.finish().await;
        Ok(state(person, &rules, self.inner.clock.now()))
    }
}

pub(super) fn state(person: &Person, rules: &Rules, now: Timestamp) -> AccountState {
    let entry = &person.entry;
    let until = locked_until(entry, rules, now);
    let password_set = changed(person);
    let expires = password_set.zip(rules.maximum_age).map(|(set, age)| set.plus(age));
    let window = rules.lockout.window;
    let counts = |failed: &Timestamp| window.is_none_or(|window| failed.plus(window) > now);
    let failures = entry.values("pwdFailureTime").iter();
    let failures = failures.filter_map(|time| moment(std::str::from_utf8(time).ok()?)).filter(counts);
    AccountState {
        disabled: is_disabled(entry, now),
        locked: until.is_some(),
        locked_until: until.filter(|until| until.unix_ms() != FAR),
        password_expired: expires.is_some_and(|expires| expires <= now),
        must_change: entry.has("pwdReset", "TRUE"),
        password_set,
        bad_password_count: u32::try_from(failures.count()).unwrap_or(u32::MAX),
    }
}

/// Until when wrong passwords have locked the account, if they have.
fn locked_until(entry: &Entry, rules: &Rules, now: Timestamp) -> Option<Timestamp> {
    let by_count = entry.text("pwdAccountLockedTime").and_then(moment).map(|since| {
        let forever = Timestamp::from_unix_ms(FAR);
        rules.lockout.duration.map_or(forever, |duration| since.plus(duration))
    });
    let for_now = entry.text("pwdAccountTmpLockoutEnd").and_then(moment);
    by_count.into_iter().chain(for_now).filter(|until| *until > now).max()
}

fn is_disabled(entry: &Entry, now: Timestamp) -> bool {
    let at = |name: &str| entry.text(name).and_then(moment);
    entry.has("pwdAccountLockedTime", FOR_GOOD)
        || at("pwdStartTime").is_some_and(|start| now < start)
        || at("pwdEndTime").is_some_and(|end| end <= now)
}
