//! A new password without the old one.

use std::time::Duration;

use ritorno_protocol::outcome::{Done, Fault};
use ritorno_protocol::secret::Password;
use tokio::time::{Instant, timeout};

use super::{Lease, OpenLdap, Person, refusal};
use crate::error::DirectoryError;
use crate::ldap::{Change, Modify};
use crate::operations::{done, timed};

/// Longest wait for what follows the write.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(4);
/// What shows the effect of a reset.
const AFTERWARDS: [&str; 2] = ["pwdReset", "pwdAccountLockedTime"];

impl OpenLdap {
    /// Sets a new password by the service account (RFC 3062), sent once; the server clears a lockout with it. The policy holds for
    /// whoever may write passwords and no more: an account with the right `manage`, or the database's own administrator, stands above
    /// it, which shows where resets have to be followed by a change.
    ///
    /// # Errors
    /// [`DirectoryError`]; `Unknown` when no answer came.
    pub async fn reset(
        &self,
        person: &Person,
        new: &Password,
        must_change: bool,
    ) -> Result<Done, DirectoryError> {
        let since = Instant::now();
        let mut lease = self.lease().await?;
        let written = lease.write_password(person, new).await;
        let outcome = match written {
            Ok(()) => {
                // A write that is done must not become unknown because of what follows it.
                let followed = timeout(FOLLOWS_WITHIN, lease.follow(person, must_change, since)).await;
                let detail = "what else it did could not be read in time";
                Ok(followed.unwrap_or_else(|_| done(&person.host, since, false, false, true, detail)))
            }
            Err(error) => Err(timed(lease.explain(person, error).await, since)),
        };
        lease.finish().await;
        outcome
    }
}

impl Lease<'_> {
    pub(super) async fn write_password(
        &mut self,
        person: &Person,
        new: &Password,
    ) -> Result<(), DirectoryError> {
        self.is_where(person)?;
        let limit = self.directory.timeout();
        let written = self.connection.modify_password(&person.dn, None, new.expose(), limit).await;
        written.map_err(|error| refusal::write(&error, self.connection.policy_error()))
    }

    /// That it goes to the very server that the person was read from: what is seen later is compared with that one's.
    ///
    /// # Errors
    /// [`Fault::DirectoryUnavailable`]: another server took over meanwhile; nothing was written.
    pub(super) fn is_where(&self, person: &Person) -> Result<(), DirectoryError> {
        let host = self.host();
        if host == person.host {
            return Ok(());
        }
        let detail =
            format!("it took over after the person had been read at {}; nothing was written", person.host);
        Err(DirectoryError::fault(Fault::DirectoryUnavailable, &host, detail))
    }

    /// What belongs to a reset: whether it must be changed. The password is set: what fails here is told, and takes nothing back.
    async fn follow(&mut self, person: &Person, must_change: bool, since: Instant) -> Done {
        let host = self.host();
        let Ok(Some(after)) = self.entry(&person.dn, &AFTERWARDS).await else {
            let detail = "what else it did could not be read";
            return done(&host, since, false, false, true, detail);
        };
        let marked = after.has("pwdReset", "TRUE");
        let mut now_marked = marked;
        if marked != must_change {
            let change = match must_change {
                true => Change::replace("pwdReset", "TRUE"),
                false => Change::clear("pwdReset"),
            };
            let modify = Modify { dn: person.dn.clone(), changes: vec![change] };
            let limit = self.directory.timeout();
            if self.connection.modify(&modify, &[], limit).await.is_ok() {
                now_marked = must_change;
            }
        }
        let unlocked = after.first("pwdAccountLockedTime").is_none();
        let detail = match (unlocked, now_marked == must_change) {
            (true, true) => "",
            (false, true) => "not unlocked: pwdAccountLockedTime is still there",
            (true, false) => "pwdReset could not be written",
            (false, false) => "not unlocked, and pwdReset could not be written",
        };
        // A server marks a reset by itself only if it takes the account for an administrator, whom no rule holds.
        done(&host, since, unlocked, now_marked, !marked, detail)
    }
}
