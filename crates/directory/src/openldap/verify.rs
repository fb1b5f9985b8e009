//! Whether a password is right: one bind on a connection of its own.

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::outcome::Fault;
use ritorno_protocol::secret::Password;

use super::policy::Rules;
use super::state::{AccountState, state};
use super::{Lease, OpenLdap, Person, refusal};
use crate::error::DirectoryError;
use crate::ldap::{Connection, Control, LdapError, PolicyError};
use crate::operations::attempts::{Browser, CLOCKS_DIFFER, Room, enough_room};
use crate::operations::verify::SignIn;

/// What a bind with a person's password came to.
pub(super) enum Tried {
    /// Signed in, on this connection; with `true` the password must be changed before anything else.
    In(Box<Connection>, bool),
    /// Not signed in, or not tried.
    Not(SignIn),
}

impl OpenLdap {
    /// [`OpenLdap::verify_in`] a browser that is known.
    ///
    /// # Errors
    /// As there.
    pub async fn verify(&self, person: &Person, password: &Password) -> Result<SignIn, DirectoryError> {
        self.verify_in(person, password, Browser::Known).await
    }

    /// Tries a password with one bind, at the server where it was seen just before on the same connection how many wrong ones there were.
    /// Attempts for one person wait for each other, and none is made that could bring the account
    /// within one wrong password of being locked; from a browser that is not known, none that could bring it beyond half the way there.
    ///
    /// # Errors
    /// What kept us from asking, or an answer that is in no table.
    pub async fn verify_in(
        &self,
        person: &Person,
        password: &Password,
        browser: Browser,
    ) -> Result<SignIn, DirectoryError> {
        let _turn = self.inner.attempts.turn(*person.uuid.as_bytes(), self.inner.config.timeout).await?;
        match self.try_password(person, password, browser).await? {
            Tried::In(connection, must_change) => {
                connection.close().await;
                Ok(if must_change { SignIn::MustChange } else { SignIn::Accepted })
            }
            Tried::Not(why) => Ok(why),
        }
    }

    /// The caller holds the person's turn.
    pub(super) async fn try_password(
        &self,
        person: &Person,
        password: &Password,
        browser: Browser,
    ) -> Result<Tried, DirectoryError> {
        if password.expose().is_empty() {
            return Ok(Tried::Not(SignIn::WrongPassword));
        }
        let mut lease = self.connection_of_its_own(&person.host).await?;
        let (state, room) = lease.room(person, browser, self.inner.clock.now()).await?;
        let not = match room {
            _ if state.disabled => Some(SignIn::Disabled),
            Room::Free => None,
            Room::Locked => Some(SignIn::Locked),
            Room::TooClose => Some(SignIn::TooCloseToLockout),
        };
        let Lease { mut connection, .. } = lease;
        if let Some(not) = not {
            connection.close().await;
            return Ok(Tried::Not(not));
        }
        let controls = [Control::password_policy()];
        let bound = connection.bind_with(&person.dn, password.expose(), &controls, self.timeout()).await;
        let policy = connection.policy_error();
        match bound {
            Ok(()) => Ok(Tried::In(Box::new(connection), policy == Some(PolicyError::ChangeAfterReset))),
            Err(LdapError::Refused { answer, .. }) if matches!(answer.code, 48 | 49) => {
                connection.close().await;
                Ok(Tried::Not(match policy {
                    Some(PolicyError::PasswordExpired) => SignIn::PasswordExpired,
                    Some(PolicyError::AccountLocked) => SignIn::Locked,
                    _ => SignIn::WrongPassword,
                }))
            }
            Err(error) => Err(refusal::read(&error)),
        }
    }
}

impl Lease<'_> {
    /// The account as it is now at this connection's server, and whether a password may be tried there.
    ///
    /// # Errors
    /// [`Fault::NotFound`] when the entry is not there, or may not be seen: nothing is known of what it has left.
    async fn room(
        &mut self,
        person: &Person,
        browser: Browser,
        now: Timestamp,
    ) -> Result<(AccountState, Room), DirectoryError> {
        let entry = self.entry(&person.dn, &super::locate::ATTRIBUTES).await?;
        let entry = entry.ok_or_else(|| {
            let detail = format!("{} is not there any more, or may not be seen", person.dn);
            DirectoryError::fault(Fault::NotFound, &self.host(), detail)
        })?;
        let person = Person { entry, ..person.clone() };
        let rules = self.rules(&person).await?;
        let room = room(&person, &rules, browser, now);
        Ok((state(&person, &rules, now), room))
    }
}

/// Whether a password may be tried, by a clock that need not be the server's: what may still count there counts.
fn room(person: &Person, rules: &Rules, browser: Browser, now: Timestamp) -> Room {
    let seen = state(person, rules, now.minus(CLOCKS_DIFFER));
    if seen.locked {
        return Room::Locked;
    }
    enough_room(seen.bad_password_count, rules.lockout.threshold, browser)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::policy::tests::{person_with, rules_of};
    use super::*;

    /// The policy locks at 5 within 60 s, for 60 s; what is here happened at second 100.
    fn at(seconds: i64, attributes: &[(&str, &str)]) -> Room {
        let rules = rules_of(&[
            ("pwdLockout", "TRUE"),
            ("pwdMaxFailure", "5"),
            ("pwdFailureCountInterval", "60"),
            ("pwdLockoutDuration", "60"),
        ]);
        room(&person_with(attributes), &rules, Browser::Known, Timestamp::from_unix_ms(seconds * 1_000))
    }

    #[test]
    fn what_may_still_count_by_another_clock_counts() {
        let failed = [("pwdFailureTime", "19700101000140Z"); 3];
        assert_eq!(CLOCKS_DIFFER, Duration::from_secs(60));
        for (seconds, expected) in
            [(100, Room::TooClose), (161, Room::TooClose), (219, Room::TooClose), (221, Room::Free)]
        {
            assert_eq!(at(seconds, &failed), expected, "{seconds}");
        }
        let locked = [("pwdAccountLockedTime", "19700101000140Z")];
        for (seconds, expected) in
            [(100, Room::Locked), (161, Room::Locked), (219, Room::Locked), (221, Room::Free)]
        {
            assert_eq!(at(seconds, &locked), expected, "{seconds}");
        }
        // Nobody's clock makes one of the future be over.
        assert_eq!(at(10, &failed), Room::TooClose);
    }
}
