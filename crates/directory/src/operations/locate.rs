//! Finds one person at the PDC emulator.

use ritorno_protocol::ids::SourceAnchor;
use ritorno_protocol::outcome::Fault;
use uuid::Uuid;

use crate::error::DirectoryError;
use crate::forest::{Directory, Lease};
use crate::identity::{Sid, anchor_bytes, anchor_of, guid_dn};
use crate::ldap::{Entry, Filter, Scope, Search};
use crate::operations::account_control::{DISABLED, LOCKED};

/// All that locating, judging, the policy and a reset need to know, in one read.
const ATTRIBUTES: [&str; 16] = [
    "objectGUID",
    "objectSid",
    "objectClass",
    "sAMAccountName",
    "displayName",
    "userPrincipalName",
    "mS-DS-ConsistencyGuid",
    "adminCount",
    "userAccountControl",
    "primaryGroupID",
    "tokenGroups",
    "msDS-ResultantPSO",
    "pwdLastSet",
    "lockoutTime",
    "msDS-User-Account-Control-Computed",
    "replPropertyMetaData",
];

/// By what a person is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Source anchor alone.
    Anchor(SourceAnchor),
    /// What an authorisation carries: all three must name the same object.
    Authorised {
        /// Source anchor.
        anchor: SourceAnchor,
        /// `objectGUID`, 16 bytes as the directory stores them.
        object_guid: Vec<u8>,
        /// `objectSid` as the directory stores it.
        object_sid: Vec<u8>,
    },
    /// `objectGUID`.
    Guid([u8; 16]),
    /// `sAMAccountName`.
    AccountName(String),
    /// `userPrincipalName`.
    UserPrincipalName(String),
}

/// A person as found in the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Distinguished name, as the directory writes it.
    pub dn: String,
    /// `objectGUID`, as the directory stores it.
    pub object_guid: [u8; 16],
    /// `objectSid`.
    pub object_sid: Sid,
    /// `sAMAccountName`.
    pub account_name: String,
    /// `displayName`, empty if there is none.
    pub display_name: String,
    /// `userPrincipalName`.
    pub user_principal_name: Option<String>,
    /// Source anchor: `mS-DS-ConsistencyGuid`, else `objectGUID`.
    pub anchor: SourceAnchor,
    /// The account as it was read: what is judged.
    pub(crate) entry: Entry,
    /// The database that it was read from (the DC's invocation id).
    pub(crate) read_from: Option<Uuid>,
}

impl Person {
    /// Whether the account was locked by wrong passwords when it was read.
    pub fn is_locked(&self) -> bool {
        self.entry.integer("msDS-User-Account-Control-Computed").is_some_and(|bits| bits & LOCKED != 0)
    }

    /// Whether an administrator had disabled the account when it was read.
    pub fn is_disabled(&self) -> bool {
        self.entry.integer("userAccountControl").is_some_and(|bits| bits & DISABLED != 0)
    }
}

impl Directory {
    /// Finds exactly one person in the domain, and reads what the operations on it need. The moment of reading counts for
    /// [`Directory::judge`]: locate just before the write.
    ///
    /// An authorised identity is read by its GUID. That nobody else carries the same anchor is checked with it only where the forest's
    /// schema has an index on `mS-DS-ConsistencyGuid`: without one the search would go over the whole domain each time.
    ///
    /// # Errors
    /// [`Fault::NotFound`], [`Fault::MultipleMatches`], or [`Fault::IdentityMismatch`] when anchor, GUID and SID do not name the
    /// same object; else what kept us from reading.
    pub async fn locate(&self, identity: &Identity) -> Result<Person, DirectoryError> {
        let mut lease = self.lease().await?;
        let found = lease.locate(identity).await;
        lease.finish().await;
        found
    }
}

impl Lease<'_> {
    async fn locate(&mut self, identity: &Identity) -> Result<Person, DirectoryError> {
        let host = self.pdc.host.clone();
        let not_found = |detail: &str| DirectoryError::fault(Fault::NotFound, &host, detail);
        let guid = match identity {
            Identity::Guid(guid) => *guid,
            Identity::Authorised { anchor, object_guid, .. } => {
                if self.pdc.anchor_indexed {
                    self.search_one(identity_filter(&Identity::Anchor(anchor.clone()))).await?;
                }
                object_guid.as_slice().try_into().map_err(|_| not_found("objectGUID has not 16 bytes"))?
            }
            other => self.search_one(identity_filter(other)).await?,
        };
        let entry = self.read(&guid_dn(&guid), &ATTRIBUTES).await?;
        let read_from = self.pdc.invocation_id;
        let person = person(entry, read_from)
            .ok_or_else(|| not_found("the object is no account, or can't be read"))?;
        match identity {
            Identity::Authorised { anchor, object_guid, object_sid }
                if person.anchor != *anchor
                    || person.object_guid.as_slice() != object_guid
                    || person.object_sid.as_bytes() != object_sid =>
            {
                let detail =
                    format!("{} has another anchor, objectGUID or objectSid than was authorised", person.dn);
                Err(DirectoryError::fault(Fault::IdentityMismatch, &host, detail))
            }
            _ => Ok(person),
        }
    }

    /// The GUID of the one object that matches.
    async fn search_one(&mut self, filter: Option<Filter>) -> Result<[u8; 16], DirectoryError> {
        let host = self.pdc.host.clone();
        let fail = |fault, detail: &str| Err(DirectoryError::fault(fault, &host, detail));
        let Some(filter) = filter else {
            return fail(Fault::NotFound, "the anchor is not base64 of 16 bytes");
        };
        let search = Search {
            base: self.pdc.domain.clone(),
            scope: Scope::Subtree,
            filter,
            attributes: vec!["objectGUID".to_owned()],
        };
        let found = self.find(&search, &[]).await?;
        match found.as_slice() {
            [] => fail(Fault::NotFound, "no object carries it"),
            [one] => match one.first("objectGUID").and_then(|guid| guid.try_into().ok()) {
                Some(guid) => Ok(guid),
                None => fail(Fault::NotFound, "the object's GUID can't be read"),
            },
            many => fail(Fault::MultipleMatches, &format!("{} objects carry it", many.len())),
        }
    }
}

/// An anchor is matched by `mS-DS-ConsistencyGuid` and by `objectGUID`, so that an object whose anchor was copied to another is
/// seen as two matches.
fn identity_filter(identity: &Identity) -> Option<Filter> {
    let by = match identity {
        Identity::Anchor(anchor) | Identity::Authorised { anchor, .. } => {
            let bytes = anchor_bytes(anchor)?.to_vec();
            Filter::Or(vec![
                Filter::Equal("mS-DS-ConsistencyGuid", bytes.clone()),
                Filter::And(vec![
                    Filter::Equal("objectGUID", bytes),
                    Filter::Not(Box::new(Filter::Present("mS-DS-ConsistencyGuid"))),
                ]),
            ])
        }
        Identity::Guid(guid) => Filter::Equal("objectGUID", guid.to_vec()),
        Identity::AccountName(name) => Filter::text("sAMAccountName", name),
        Identity::UserPrincipalName(name) => Filter::text("userPrincipalName", name),
    };
    Some(Filter::And(vec![Filter::text("objectClass", "user"), by]))
}

fn person(entry: Entry, read_from: Option<Uuid>) -> Option<Person> {
    if !entry.has("objectClass", "user") {
        return None;
    }
    let guid = entry.first("objectGUID")?;
    Some(Person {
        dn: entry.dn.clone(),
        object_guid: guid.try_into().ok()?,
        object_sid: Sid::new(entry.first("objectSid")?)?,
        account_name: entry.text("sAMAccountName")?.to_owned(),
        display_name: entry.text("displayName").unwrap_or_default().to_owned(),
        user_principal_name: entry.text("userPrincipalName").map(str::to_owned),
        anchor: anchor_of(entry.first("mS-DS-ConsistencyGuid").unwrap_or(guid)),
        entry,
        read_from,
    })
}
