//! A new password with the old one.

use ritorno_protocol::outcome::{Done, Fault};
use ritorno_protocol::secret::Password;
use tokio::time::Instant;

use super::attempts::{Browser, Room};
use super::{done, timed};
use crate::error::DirectoryError;
use crate::forest::Directory;
use crate::identity::guid_dn;
use crate::ldap::{Change, ChangeKind, Modify, unicode_pwd};
use crate::operations::locate::Person;

impl Directory {
    /// Changes a password: the old one deleted and the new one added in one modify on the service account's connection (MS-ADTS
    /// 3.1.1.3.1.5.1), so that the person is never bound. A wrong old password counts like a wrong sign-in, so it is not tried near the
    /// lockout threshold.
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
        let _turn = self.inner.attempts.turn(person.object_guid, self.inner.config.timeout).await?;
        let mut lease = self.lease().await?;
        lease.is_the_pdc()?;
        let host = lease.pdc.host.clone();
        // Whoever changes it has just proved it.
        match lease.room(person, Browser::Known, self.inner.clock.now()).await? {
            Room::Free => {}
            Room::Locked => {
                lease.finish().await;
                return Err(DirectoryError::fault(Fault::AccountLocked, &host, "the account is locked"));
            }
            Room::TooClose => {
                lease.finish().await;
                let detail = "not tried: two more wrong passwords would lock the account";
                return Err(DirectoryError::fault(Fault::AccountLocked, &host, detail));
            }
        }
        lease.is_where(person)?;
        let one = |kind, password: &Password| Change {
            kind,
            attribute: "unicodePwd",
            value: unicode_pwd(password.expose()),
        };
        let changes = vec![one(ChangeKind::Delete, old), one(ChangeKind::Add, new)];
        let written = lease.write(&Modify { dn: guid_dn(&person.object_guid), changes }, &[]).await;
        let outcome = match written {
            // A change is always held against history and age, and is refused while the account is locked.
            Ok(()) => Ok(done(&host, since, true, false, true, "")),
            Err(error) => Err(timed(lease.explain(person, error).await, since)),
        };
        let written = lease.written(person, &outcome).await;
        let outcome = lease.noted(outcome);
        lease.finish().await;
        self.when_shown(person, outcome, written).await
    }
}
