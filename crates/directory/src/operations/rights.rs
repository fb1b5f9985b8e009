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

/// The control access right *Unexpire Password* `ccc2dc7d-a6ad-4a7a-8846-c04e3cc53501`, as stored. It counts on the domain alone
/// (MS-ADTS 5.1.3.2.1).
const UNEXPIRE_PASSWORD: [u8; 16] =
    [0x7d, 0xdc, 0xc2, 0xcc, 0xad, 0xa6, 0x7a, 0x4a, 0x88, 0x46, 0xc0, 0x4e, 0x3c, 0xc5, 0x35, 0x01];

/// The service account's rights on one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Setting a new password.
    pub reset: Verdict,
    /// Writing `lockoutTime`, which unlocks.
    pub unlock: Verdict,
    /// Writing `pwdLastSet`, which makes a password one to be changed.
    pub must_change: Verdict,
    /// *Unexpire Password*, on the domain: without it Windows makes each password that is reset one to be changed at the next sign-in
    /// (MS-SAMR 3.1.1.8.7). Samba asks for it only where a password is made one that never expires.
    pub unexpire: Verdict,
    /// Writing `mS-DS-ConsistencyGuid`, where people are given their source anchor; `None` where they are not.
    pub anchor: Option<Verdict>,
    /// The person's object inherits no rights from the OUs above: what is delegated there does not reach it.
    pub inheritance_broken: bool,
    /// `adminCount` is set: AdminSDHolder has put its own rights in place of the inherited ones, and does so again every hour.
    pub admin_count: bool,
}

impl Rights {
    /// Reset, unlock, must change, unexpire, in this order.
    pub const fn all(&self) -> [&Verdict; 4] {
        [&self.reset, &self.unlock, &self.must_change, &self.unexpire]
    }

    /// Whether nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.all().into_iter().chain(&self.anchor).all(Verdict::is_granted)
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
        let anchor = if self.fills_anchors() {
            let unread = || unreadable("mS-DS-ConsistencyGuid's schema");
            Some(self.write_of("mS-DS-ConsistencyGuid").await?.ok_or_else(unread)?)
        } else {
            None
        };
        let search = Search::entry(guid_dn(&person.object_guid), &["nTSecurityDescriptor", "adminCount"]);
        let entry = self.find(&search, &[Control::flags(SD_FLAGS, DACL)]).await?.pop().unwrap_or_default();
        let descriptor =
            entry.first("nTSecurityDescriptor").ok_or_else(|| unreadable("nTSecurityDescriptor"))?;
        let domain = Search::entry(self.pdc.domain.clone(), &["nTSecurityDescriptor"]);
        let domain = self.find(&domain, &[Control::flags(SD_FLAGS, DACL)]).await?.pop().unwrap_or_default();
        let of_domain = || unreadable("the domain's nTSecurityDescriptor");
        let of_domain_sd = domain.first("nTSecurityDescriptor").ok_or_else(of_domain)?;
        let token = &self.pdc.own_sids;
        let unexpire =
            check(of_domain_sd, token, &Right::Control(UNEXPIRE_PASSWORD)).ok_or_else(of_domain)?;
        let verdict =
            |right: &Right| check(descriptor, token, right).ok_or_else(|| unreadable("nTSecurityDescriptor"));
        Ok(Rights {
            reset: verdict(&Right::Control(RESET_PASSWORD))?,
            unlock: verdict(&unlock)?,
            must_change: verdict(&change)?,
            unexpire,
            anchor: anchor.as_ref().map(verdict).transpose()?,
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
