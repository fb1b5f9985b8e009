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
    /// What tells that server's database from others, if that is known: a password's version of one is not held against another's.
    pub database: Option<String>,
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
        let (dn, login) = (entry.dn.clone(), text(&config.login));
        let database = self.database_of(&dn).await?;
        Ok(Person { dn, uuid, login, display_name, host, database, entry })
    }

    /// What tells the database with `dn` from others: the host's name, where that leads to one server. Where several share a name and
    /// pass on to each other what they take, two connections may lead to two databases, and no name tells which.
    async fn database_of(&mut self, dn: &str) -> Result<Option<String>, DirectoryError> {
        let host = self.host();
        if self.directory.inner.config.one_server_per_host {
            return Ok(Some(host));
        }
        let root = self.entry("", &["namingContexts"]).await?.unwrap_or_default();
        let suffixes = root.values("namingContexts").iter();
        let suffix = suffixes
            .map(|suffix| String::from_utf8_lossy(suffix).into_owned())
            .filter(|suffix| is_within(dn, suffix))
            .max_by_key(String::len);
        let Some(suffix) = suffix else { return Ok(None) };
        let top = self.entry(&suffix, &["entryCSN", "contextCSN"]).await?;
        Ok(top.filter(is_alone).map(|_| host))
    }
}

/// Whether a suffix's entry, read with `entryCSN` and `contextCSN`, is of a database that takes part in no replication (RFC 4533 as
/// slapo-syncprov(5) and slapd's consumers keep their state). Without either nothing is known.
fn is_alone(top: &Entry) -> bool {
    top.first("entryCSN").is_some() && top.first("contextCSN").is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_alone_if_it_shows_that_it_is() {
        let entry = |names: &[&str]| {
            let mut entry = Entry::default();
            for name in names {
                entry
                    .attributes
                    .insert(name.to_lowercase(), vec![b"20261125000000.000000Z#000000#001#000000".into()]);
            }
            entry
        };
        assert!(is_alone(&entry(&["entryCSN"])));
        for other in [&["entryCSN", "contextCSN"][..], &["contextCSN"], &[]] {
            assert!(!is_alone(&entry(other)), "{other:?}");
        }
    }
}
