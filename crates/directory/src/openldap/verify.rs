//! Whether a password is right: one bind on a connection of its own.

use ritorno_protocol::secret::Password;

use super::state::{AccountState, state};
use super::{OpenLdap, Person, refusal};
use crate::error::DirectoryError;
use crate::ldap::{Connection, Control, LdapError, PolicyError};
use crate::operations::attempts::{Room, enough_room};
use crate::operations::verify::SignIn;

/// What a bind with a person's password came to.
pub(super) enum Tried {
    /// Signed in, on this connection; with `true` the password must be changed before anything else.
    In(Box<Connection>, bool),
    /// Not signed in, or not tried.
    Not(SignIn),
}

impl OpenLdap {
    /// Tries a password with one bind. Attempts for one person wait for each other, and none is made that could bring the account
    /// within one wrong password of being locked.
    ///
    /// # Errors
    /// What kept us from asking, or an answer that is in no table.
    pub async fn verify(&self, person: &Person, password: &Password) -> Result<SignIn, DirectoryError> {
        let _turn = self.inner.attempts.turn(*person.uuid.as_bytes(), self.inner.config.timeout).await?;
        match self.try_password(person, password).await? {
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
    ) -> Result<Tried, DirectoryError> {
        if password.expose().is_empty() {
            return Ok(Tried::Not(SignIn::WrongPassword));
        }
        let (state, room) = self.room(person).await?;
        match room {
            _ if state.disabled => return Ok(Tried::Not(SignIn::Disabled)),
            Room::Free => {}
            Room::Locked => return Ok(Tried::Not(SignIn::Locked)),
            Room::TooClose => return Ok(Tried::Not(SignIn::TooCloseToLockout)),
        }
        let connected = self.fresh_connection(&person.host).await;
        let mut connection = connected.map_err(|error| refusal::read(&error))?;
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

    /// The account as it is now, and whether a password may be tried.
    async fn room(&self, person: &Person) -> Result<(AccountState, Room), DirectoryError> {
        let now = self.inner.clock.now();
        let mut lease = self.lease().await?;
        let entry = lease.entry(&person.dn, &super::locate::ATTRIBUTES).await?.unwrap_or_default();
        let person = Person { entry, ..person.clone() };
        let rules = lease.rules(&person).await?;
        lease.finish().await;
        let state = state(&person, &rules, now);
        let room = if state.locked {
            Room::Locked
        } else {
            enough_room(state.bad_password_count, rules.lockout.threshold)
        };
        Ok((state, room))
    }
}
