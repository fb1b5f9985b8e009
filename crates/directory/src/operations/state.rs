//! The state of an account.

use ritorno_protocol::clock::Timestamp;

use super::account_control::{DISABLED, LOCKED, PASSWORD_EXPIRED, PASSWORD_NEVER_EXPIRES};
use crate::descriptor::denies_change_password;
use crate::error::DirectoryError;
use crate::forest::Directory;
use crate::identity::guid_dn;
use crate::ldap::{Control, Entry, Search};
use crate::operations::locate::Person;

/// Reads parts of a security descriptor (MS-ADTS 3.1.1.3.4.1.11); 4 is the DACL.
pub(super) const SD_FLAGS: &str = "1.2.840.113556.1.4.801";
pub(super) const DACL: i32 = 4;

const ATTRIBUTES: [&str; 7] = [
    "userAccountControl",
    "msDS-User-Account-Control-Computed",
    "lockoutTime",
    "accountExpires",
    "pwdLastSet",
    "badPwdCount",
    "nTSecurityDescriptor",
];

/// The state of an account at the PDC emulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// Disabled by an administrator.
    pub disabled: bool,
    /// Locked by wrong passwords.
    pub locked: bool,
    /// When the lock ends by itself, if it does.
    pub locked_until: Option<Timestamp>,
    /// The account's own end date has passed.
    pub expired: bool,
    /// The password has expired, or must be changed at the next sign-in.
    pub password_expired: bool,
    /// The password must be changed at the next sign-in.
    pub must_change: bool,
    /// The password never expires.
    pub never_expires: bool,
    /// The person may not change the password.
    pub cannot_change: bool,
    /// When the password was set; `None` if it must be changed.
    pub password_set: Option<Timestamp>,
    /// Wrong passwords counted.
    pub bad_password_count: u32,
}

impl Directory {
    /// Reads an account's state.
    ///
    /// # Errors
    /// What kept us from reading.
    pub async fn state(&self, person: &Person) -> Result<AccountState, DirectoryError> {
        let mut lease = self.lease().await?;
        let search = Search::entry(guid_dn(&person.object_guid), &ATTRIBUTES);
        let entry = lease.find(&search, &[Control::flags(SD_FLAGS, DACL)]).await?.pop().unwrap_or_default();
        let mut state = state(&entry, self.inner.clock.now());
        if state.locked {
            let (_, lockout) = lease.policy(person).await?;
            let since = entry.integer("lockoutTime").and_then(Timestamp::from_filetime);
            state.locked_until = since.zip(lockout.duration).map(|(since, duration)| since.plus(duration));
        }
        lease.finish().await;
        Ok(state)
    }
}

fn state(entry: &Entry, now: Timestamp) -> AccountState {
    let control = entry.integer("userAccountControl").unwrap_or(0);
    let computed = entry.integer("msDS-User-Account-Control-Computed").unwrap_or(0);
    let password_set = entry.integer("pwdLastSet");
    let ends = entry.integer("accountExpires").and_then(Timestamp::from_filetime);
    let never_expires = control & PASSWORD_NEVER_EXPIRES != 0;
    AccountState {
        disabled: control & DISABLED != 0,
        locked: computed & LOCKED != 0,
        locked_until: None,
        expired: ends.is_some_and(|ends| ends <= now),
        password_expired: computed & PASSWORD_EXPIRED != 0,
        must_change: password_set == Some(0) && !never_expires,
        never_expires,
        cannot_change: entry.first("nTSecurityDescriptor").is_some_and(denies_change_password),
        password_set: password_set.and_then(Timestamp::from_filetime),
        bad_password_count: entry
            .integer("badPwdCount")
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(0),
    }
}
