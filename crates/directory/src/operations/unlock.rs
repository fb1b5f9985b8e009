//! Clears a lockout; the password stays.

use ritorno_protocol::outcome::Done;
use tokio::time::Instant;

use super::{done, timed};
use crate::error::DirectoryError;
use crate::forest::Directory;
use crate::identity::guid_dn;
use crate::ldap::{Change, Modify};
use crate::operations::locate::Person;

impl Directory {
    /// Sets `lockoutTime` to 0 (MS-ADTS 3.1.1.3.1.5.3), which clears the count of wrong passwords too. Done as well if the account was
    /// not locked.
    ///
    /// # Errors
    /// [`DirectoryError`]; `Unknown` when no answer came.
    pub async fn unlock(&self, person: &Person) -> Result<Done, DirectoryError> {
        let since = Instant::now();
        let mut lease = self.lease().await?;
        lease.is_where(person)?;
        let host = lease.pdc.host.clone();
        let changes = vec![Change::replace("lockoutTime", "0")];
        let written = lease.write(&Modify { dn: guid_dn(&person.object_guid), changes }, &[]).await;
        let outcome =
            written.map(|()| done(&host, since, true, false, false, "")).map_err(|error| timed(error, since));
        let outcome = lease.noted(outcome);
        lease.finish().await;
        outcome
    }
}
