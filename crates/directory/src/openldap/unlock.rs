//! Clears a lockout; the password stays.

use ritorno_protocol::outcome::Done;
use tokio::time::Instant;

use super::{OpenLdap, Person, refusal};
use crate::error::DirectoryError;
use crate::ldap::{Change, LdapError, Modify};
use crate::operations::{done, timed};

/// noSuchAttribute (RFC 4511 appendix A.2).
const NO_SUCH_ATTRIBUTE: u32 = 16;

impl OpenLdap {
    /// Deletes `pwdAccountLockedTime`, with which the server forgets the wrong passwords too; replacing it by nothing would leave them, and
    /// the next wrong one would lock again. Done as well if the account was not locked.
    ///
    /// # Errors
    /// [`DirectoryError`]; `Unknown` when no answer came.
    pub async fn unlock(&self, person: &Person) -> Result<Done, DirectoryError> {
        let since = Instant::now();
        let mut lease = self.lease().await?;
        lease.is_where(person)?;
        let host = lease.host();
        let modify = Modify { dn: person.dn.clone(), changes: vec![Change::clear("pwdAccountLockedTime")] };
        let written = lease.connection.modify(&modify, &[], self.timeout()).await;
        let policy = lease.connection.policy_error();
        lease.finish().await;
        let written = match written {
            Err(LdapError::Refused { answer, .. }) if answer.code == NO_SUCH_ATTRIBUTE => Ok(()),
            written => written,
        };
        written
            .map(|()| done(&host, since, true, false, false, ""))
            .map_err(|error| timed(refusal::write(&error, policy), since))
    }
}
