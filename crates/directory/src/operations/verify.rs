//! Whether a password is right: one bind on a connection of its own.

use std::time::Duration;

use ritorno_protocol::secret::Password;

use super::attempts::Room;
use crate::error::DirectoryError;
use crate::forest::Directory;
use crate::ldap::LdapError;
use crate::operations::locate::Person;
use crate::refusal::{BindRefusal, classify_bind};

/// What the directory says to a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// Right.
    Accepted,
    /// Taken, but the password was replaced less than [`REPLACED_STAYS`] ago: it may be the one before.
    ReplacedLately,
    /// Wrong.
    WrongPassword,
    /// Right, but it has expired.
    PasswordExpired,
    /// Right, but it must be changed first.
    MustChange,
    /// Right, but the account's end date has passed.
    AccountExpired,
    /// The account is disabled.
    Disabled,
    /// The account is locked: nothing is known about the password.
    Locked,
    /// Not at this hour.
    LogonHours,
    /// Not from this machine.
    Workstation,
    /// Not tried: a wrong one would come too close to locking the account.
    TooCloseToLockout,
}

/// How long a directory may go on taking the password before: by default an hour, with Samba (`old password allowed period`)
/// as with Windows (`OldPasswordAllowedPeriod`, KB 906305); and the five minutes by which Kerberos lets clocks differ.
pub const REPLACED_STAYS: Duration = Duration::from_secs(65 * 60);

impl Directory {
    /// Tries a password with one bind. Attempts for one person wait for each other, and none is made that could bring the account
    /// within one wrong password of being locked.
    ///
    /// # Errors
    /// What kept us from asking, or an answer that is in no table.
    pub async fn verify(&self, person: &Person, password: &Password) -> Result<SignIn, DirectoryError> {
        if password.expose().is_empty() {
            return Ok(SignIn::WrongPassword);
        }
        let _turn = self.inner.attempts.turn(person.object_guid, self.inner.config.timeout).await?;
        let mut lease = self.lease().await?;
        lease.is_the_pdc()?;
        let pdc = std::sync::Arc::clone(&lease.pdc);
        let room = lease.room(person, self.inner.clock.now()).await?;
        lease.finish().await;
        match room {
            Room::Free => {}
            Room::Locked => return Ok(SignIn::Locked),
            Room::TooClose => return Ok(SignIn::TooCloseToLockout),
        }
        let mut connection = self.fresh_connection(&pdc).await?;
        let answer = connection.bind(&person.dn, password.expose(), self.inner.config.timeout).await;
        connection.close().await;
        match answer {
            // Read after the bind: it may have been replaced just before.
            Ok(()) => {
                let version = self.password_version(person).await?;
                let replaced = version.may_have_replaced(self.inner.clock.now().minus(REPLACED_STAYS));
                Ok(if replaced { SignIn::ReplacedLately } else { SignIn::Accepted })
            }
            Err(LdapError::Refused { host, answer }) => match classify_bind(&answer) {
                BindRefusal::WrongPassword | BindRefusal::NoSuchAccount => Ok(SignIn::WrongPassword),
                BindRefusal::PasswordExpired => Ok(SignIn::PasswordExpired),
                BindRefusal::MustChange => Ok(SignIn::MustChange),
                BindRefusal::AccountExpired => Ok(SignIn::AccountExpired),
                BindRefusal::Disabled => Ok(SignIn::Disabled),
                BindRefusal::Locked => Ok(SignIn::Locked),
                BindRefusal::LogonHours => Ok(SignIn::LogonHours),
                BindRefusal::Workstation => Ok(SignIn::Workstation),
                BindRefusal::TooManyGroups | BindRefusal::Unrecognised => {
                    Err(DirectoryError::read(&LdapError::Refused { host, answer }))
                }
            },
            Err(error) => Err(DirectoryError::read(&error)),
        }
    }
}
