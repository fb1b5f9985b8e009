//! A new password with the old one.

use ritorno_protocol::outcome::{Done, Fault};
use ritorno_protocol::secret::Password;
use tokio::time::Instant;

use super::verify::Tried;
use super::{OpenLdap, Person, refusal};
use crate::error::DirectoryError;
use crate::operations::attempts::Browser;
use crate::operations::verify::SignIn;
use crate::operations::{done, timed};

impl OpenLdap {
    /// Changes a password as the person: signed in with the old one on a connection of its own, which is closed afterwards, the new one
    /// is written with the Password Modify operation, old and new in it. A wrong old password counts like a wrong sign-in, so it is
    /// not tried near the lockout threshold. One that is right but expired is replaced by the service account.
    ///
    /// # Errors
    /// [`Fault::WrongOldPassword`], [`Fault::AccountLocked`], also near the threshold; else [`DirectoryError`].
    pub async fn change(
        &self,
        person: &Person,
        old: &Password,
        new: &Password,
    ) -> Result<Done, DirectoryError> {
        let since = Instant::now();
        let _turn = self.inner.attempts.turn(*person.uuid.as_bytes(), self.inner.config.timeout).await?;
        let refused = |fault, why: &str| Err(DirectoryError::fault(fault, &person.host, why));
        let written = match self.try_password(person, old, Browser::Known).await? {
            Tried::In(mut connection, _) => {
                let sent =
                    connection.modify_password(&person.dn, Some(old.expose()), new.expose(), self.timeout());
                let written = sent.await.map_err(|error| refusal::write(&error, connection.policy_error()));
                connection.close().await;
                written
            }
            Tried::Not(SignIn::PasswordExpired) => {
                let mut lease = self.lease().await?;
                let written = lease.write_password(person, new).await;
                lease.finish().await;
                written
            }
            Tried::Not(SignIn::Locked) => return refused(Fault::AccountLocked, "the account is locked"),
            Tried::Not(SignIn::Disabled) => {
                return refused(Fault::AccountDisabled, "an administrator has locked the account");
            }
            Tried::Not(SignIn::TooCloseToLockout) => {
                let why = "not tried: two more wrong passwords would lock the account";
                return refused(Fault::AccountLocked, why);
            }
            Tried::Not(_) => return refused(Fault::WrongOldPassword, "the old password is wrong"),
        };
        match written {
            // Whoever could sign in is not locked.
            Ok(()) => Ok(done(&person.host, since, true, false, true, "")),
            Err(error) => {
                // Only to name the rule: what became of the write is known without it, or unknown for good.
                let error = match self.lease().await {
                    Ok(mut lease) => {
                        let explained = lease.explain(person, error).await;
                        lease.finish().await;
                        explained
                    }
                    Err(_) => error,
                };
                Err(timed(error, since))
            }
        }
    }
}
