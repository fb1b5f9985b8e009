//! Finds one person at the PDC emulator.

use ritorno_protocol::ids::SourceAnchor;
use ritorno_protocol::outcome::Fault;

use crate::error::DirectoryError;
use crate::forest::Directory;
use crate::identity::{Sid, anchor_bytes, anchor_of};
use crate::ldap::{Entry, Filter, Scope, Search};

const ATTRIBUTES: [&str; 6] = [
    "objectGUID",
    "objectSid",
    "sAMAccountName",
    "displayName",
    "userPrincipalName",
    "mS-DS-ConsistencyGuid",
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
}

impl Directory {
    /// Finds exactly one person in the domain.
    ///
    /// # Errors
    /// [`Fault::NotFound`], [`Fault::MultipleMatches`], or [`Fault::IdentityMismatch`] when anchor, GUID and SID do not name the
    /// same object; else what kept us from reading.
    pub async fn locate(&self, identity: &Identity) -> Result<Person, DirectoryError> {
        let mut lease = self.lease().await?;
        let host = lease.pdc.host.clone();
        let Some(filter) = filter(identity) else {
            return Err(DirectoryError::fault(
                Fault::NotFound,
                &host,
                "the anchor is not base64 of 16 bytes",
            ));
        };
        let search = Search {
            base: lease.pdc.domain.clone(),
            scope: Scope::Subtree,
            filter,
            attributes: ATTRIBUTES.map(str::to_owned).into(),
        };
        let mut found = lease.find(&search, &[]).await?;
        lease.finish().await;
        let person = match (found.pop(), found.len()) {
            (Some(entry), 0) => person(&entry),
            (None, _) => return Err(DirectoryError::fault(Fault::NotFound, &host, "no object carries it")),
            (Some(_), more) => {
                let detail = format!("{} objects carry it", more + 1);
                return Err(DirectoryError::fault(Fault::MultipleMatches, &host, detail));
            }
        };
        let Some(person) = person else {
            return Err(DirectoryError::fault(
                Fault::NotFound,
                &host,
                "the object is no account, or can't be read",
            ));
        };
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
}

/// An anchor is matched by `mS-DS-ConsistencyGuid` and by `objectGUID`, so that an object whose anchor was copied to another is
/// seen as two matches.
fn filter(identity: &Identity) -> Option<Filter> {
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

fn person(entry: &Entry) -> Option<Person> {
    let guid = entry.first("objectGUID")?;
    Some(Person {
        dn: entry.dn.clone(),
        object_guid: guid.try_into().ok()?,
        object_sid: Sid::new(entry.first("objectSid")?)?,
        account_name: entry.text("sAMAccountName")?.to_owned(),
        display_name: entry.text("displayName").unwrap_or_default().to_owned(),
        user_principal_name: entry.text("userPrincipalName").map(str::to_owned),
        anchor: anchor_of(entry.first("mS-DS-ConsistencyGuid").unwrap_or(guid)),
    })
}
