//! Finds one person.

use ritorno_protocol::ids::SourceAnchor;
use ritorno_protocol::outcome::Fault;
use uuid::Uuid;

use super::{Lease, OpenLdap};
use crate::error::DirectoryError;
use crate::identity::{anchor_bytes, anchor_of, is_within};
use crate::ldap::{Entry, Filter, Scope, Search};

/// What the operations need to know beside the login attribute. Operational ones come only if named.
pub(super) const ATTRIBUTES: [&str; 13] = [
    "objectClass",
    "entryUUID",
    "displayName",
    "cn",
    "pwdPolicySubentry",
    "pwdChangedTime",
    "pwdReset",
    "pwdAccountLockedTime",
    "pwdAccountTmpLockoutEnd",
    "pwdFailureTime",
    "pwdStartTime",
    "pwdEndTime",
    "pwdLastSuccess",
];

/// By what a person is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// What an authorisation carries: both must name the same entry.
    Authorised {
        /// Source anchor.
        anchor: SourceAnchor,
        /// [`Person::object_guid`].
        object_guid: Vec<u8>,
    },
    /// `uid`.
    Uid(String),
}

/// A person as found in the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Distinguished name, as the directory writes it.
    pub dn: String,
    /// `entryUUID`.
    pub uuid: Uuid,
    /// The name that the person signs in with.
    pub login: String,
    /// `displayName`, else `cn`.
    pub display_name: String,
    /// The server that it was read from.
    pub host: String,
    pub(super) entry: Entry,
}

impl Person {
    /// The source anchor.
    pub fn anchor(&self) -> SourceAnchor {
        anchor_of(&self.object_guid())
    }

    /// `entryUUID` as Active Directory stores a GUID, so that whoever prints it as one prints the `entryUUID`.
    pub fn object_guid(&self) -> [u8; 16] {
        self.uuid.to_bytes_le()
    }
}

impl OpenLdap {
    /// Finds exactly one person below the bases, and reads what the operations need. The moment of reading counts for
    /// [`OpenLdap::judge`]: locate just before the write.
    ///
    /// # Errors
    /// [`Fault::NotFound`], [`Fault::MultipleMatches`], or [`Fault::IdentityMismatch`] when the anchor is another entry's; else what kept
    /// us from reading.
    pub async fn locate(&self, identity: &Identity) -> Result<Person, DirectoryError> {
        let mut lease = self.lease().await?;
        let found = lease.locate(identity).await;
        lease.finish().await;
        found
    }
}

impl Lease<'_> {
    async fn locate(&mut self, identity: &Identity) -> Result<Person, DirectoryError> {
        let host = self.host();
        let config = &self.directory.inner.config;
        let fail = |fault, detail: &str| Err(DirectoryError::fault(fault, &host, detail));
        let by = match identity {
            Identity::Authorised { anchor, object_guid } => {
                let Ok(guid) = <[u8; 16]>::try_from(object_guid.as_slice()) else {
                    return fail(Fault::NotFound, "the identifier has not 16 bytes");
                };
                if anchor_bytes(anchor) != Some(guid) {
                    return fail(Fault::IdentityMismatch, "anchor and entryUUID are not the same");
                }
                Filter::text("entryUUID", &Uuid::from_bytes_le(guid).to_string())
            }
            Identity::Uid(name) => Filter::text("uid", name),
        };
        let mut attributes = ATTRIBUTES.map(str::to_owned).to_vec();
        attributes.push(config.login.clone());
        let mut found: Vec<Entry> = Vec::new();
        for base in config.bases.clone() {
            let filter = Filter::And(vec![Filter::text("objectClass", "person"), by.clone()]);
            let attributes = attributes.clone();
            let search = Search { base, scope: Scope::Subtree, filter, attributes };
            for entry in self.find(&search).await? {
                // Bases may lie in one another.
                if !found.iter().any(|known| is_within(&known.dn, &entry.dn)) {
                    found.push(entry);
                }
            }
        }
        let (entry, others) = match (found.pop(), found.len()) {
            (None, _) => return fail(Fault::NotFound, "no entry carries it"),
            (Some(entry), others) => (entry, others),
        };
        if others > 0 {
            return fail(Fault::MultipleMatches, &format!("{} entries carry it", others + 1));
        }
        let Some(uuid) = entry.text("entryUUID").and_then(|text| Uuid::try_parse(text).ok()) else {
            return fail(Fault::NotFound, "the entry has no entryUUID that can be read");
        };
        let text = |name: &str| entry.text(name).unwrap_or_default().to_owned();
        let display_name = if text("displayName").is_empty() { text("cn") } else { text("displayName") };
        Ok(Person { dn: entry.dn.clone(), uuid, login: text(&config.login), display_name, host, entry })
    }
}
