//! What the service account may do to one person, read ahead.

use ritorno_protocol::outcome::Fault;

use crate::error::DirectoryError;
use crate::forest::{Directory, Lease};
use crate::identity::guid_dn;
use crate::ldap::{Control, Filter, Scope, Search};
use crate::operations::locate::Person;
use crate::operations::state::{DACL, SD_FLAGS};
use crate::rights::{Right, Verdict, check, is_inheritance_broken};

/// The control access right *Reset Password* `00299570-246d-11d0-a768-00aa006e0529` (MS-ADTS 5.1.3.2.1), as stored.
const RESET_PASSWORD: [u8; 16] =
    [0x70, 0x95, 0x29, 0x00, 0x6d, 0x24, 0xd0, 0x11, 0xa7, 0x68, 0x00, 0xaa, 0x00, 0x6e, 0x05, 0x29];

/// The service account's rights on one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Setting a new password.
    pub reset: Verdict,
    /// Writing `lockoutTime`, which unlocks.
    pub unlock: Verdict,
    /// Writing `pwdLastSet`, which makes a password one to be changed.
    pub must_change: Verdict,
    /// The person's object inherits no rights from the OUs above: what is delegated there does not reach it.
    pub inheritance_broken: bool,
    /// `adminCount` is set: AdminSDHolder has put its own rights in place of the inherited ones, and does so again every hour.
    pub admin_count: bool,
}

impl Rights {
    /// Reset, unlock, must change, in this order.
    pub const fn all(&self) -> [&Verdict; 3] {
        [&self.reset, &self.unlock, &self.must_change]
    }
}

impl Directory {
    /// Computes what the service account may do to a person, from the person's DACL and the account's own token. The DC has the last word;
    /// this tells it beforehand, and by which entry.
    ///
    /// # Errors
    /// [`Fault::NoPermission`] if the descriptor or the schema can't be read; else what kept us from reading.
    pub async fn rights(&self, person: &Person) -> Result<Rights, DirectoryError> {
        let mut lease = self.lease().await?;
        let rights = lease.rights(person).await;
        lease.finish().await;
        rights
    }
}

impl Lease<'_> {
    async fn rights(&mut self, person: &Person) -> Result<Rights, DirectoryError> {
        let host = self.pdc.host.clone();
        let unreadable = |what: &str| {
            DirectoryError::fault(Fault::NoPermission, &host, format!("{}: {what} can't be read", person.dn))
        };
        let unlock = self.write_of("lockoutTime").await?.ok_or_else(|| unreadable("lockoutTime's schema"))?;
        let change = self.write_of("pwdLastSet").await?.ok_or_else(|| unreadable("pwdLastSet's schema"))?;
        let search = Search::entry(guid_dn(&person.object_guid), &["nTSecurityDescriptor", "adminCount"]);
        let entry = self.find(&search, &[Control::flags(SD_FLAGS, DACL)]).await?.pop().unwrap_or_default();
        let descriptor =
            entry.first("nTSecurityDescriptor").ok_or_else(|| unreadable("nTSecurityDescriptor"))?;
        let token = &self.pdc.own_sids;
        let verdict =
            |right: &Right| check(descriptor, token, right).ok_or_else(|| unreadable("nTSecurityDescriptor"));
        Ok(Rights {
            reset: verdict(&Right::Control(RESET_PASSWORD))?,
            unlock: verdict(&unlock)?,
            must_change: verdict(&change)?,
            inheritance_broken: is_inheritance_broken(descriptor),
            admin_count: entry.integer("adminCount").is_some_and(|count| count > 0),
        })
    }

    /// The right to write an attribute, by the forest's own schema, where an administrator may have put it into another property set.
    async fn write_of(&mut self, attribute: &str) -> Result<Option<Right>, DirectoryError> {
        let search = Search {
            base: format!("CN=Schema,{}", self.pdc.configuration),
            scope: Scope::Subtree,
            filter: Filter::text("lDAPDisplayName", attribute),
            attributes: ["schemaIDGUID", "attributeSecurityGUID"].map(str::to_owned).to_vec(),
        };
        let found = self.find(&search, &[]).await?;
        let guid = |name| {
            let value = found.first().and_then(|entry| entry.first(name));
            value.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok())
        };
        Ok(guid("schemaIDGUID")
            .map(|attribute| Right::Write { attribute, set: guid("attributeSecurityGUID") }))
    }
}
