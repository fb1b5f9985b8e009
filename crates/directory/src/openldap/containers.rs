//! What people and groups are below. A unit that is renamed or moved takes them along, and a server tells of the unit alone: nothing was
//! written to those below it. So a delta asks for what has something below it as well, and reads again what is below whatever of that changed; and
//! where one left the bases, everybody is told of who is still there.
//!
//! What has something below it is found by `hasSubordinates` (X.501 15.3.2), which OpenLDAP works out for each entry. From a server without it nothing is
//! found, and a renamed unit shows with the next full import.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::parts::Part;
use super::{OpenLdap, refusal};
use crate::error::DirectoryError;
use crate::identity::is_within;
use crate::ldap::{Connection, Control, Entry, Filter, LdapError, Scope, Search};

/// Entries about which one search asks.
const ASKED_AT_ONCE: usize = 100;

/// noSuchObject and insufficientAccessRights (RFC 4511 section 4.1.9): somewhere that the account does not see.
const NOT_TO_BE_SEEN: [u32; 2] = [32, 50];

/// What a delta told of containers.
#[derive(Debug, Default)]
pub(super) struct Containers {
    /// DNs of those that are below the bases, and changed: renamed, or otherwise, which nothing tells.
    pub(super) changed: Vec<String>,
    /// What is not there any more as a container below a base; most of it never was one.
    pub(super) away: BTreeSet<[u8; 16]>,
}

/// Containers that were modified lately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modified {
    /// Their DNs.
    pub dns: Vec<String>,
    /// Equal only for the same containers in the same state; empty for none. Letters and digits.
    pub state: String,
}

fn texts(entry: &Entry, name: &str) -> Vec<String> {
    entry.values(name).iter().filter_map(|value| String::from_utf8(value.clone()).ok()).collect()
}

fn has_something_below() -> Filter {
    Filter::text("hasSubordinates", "TRUE")
}

impl OpenLdap {
    /// The bases of everything that is imported, none below another.
    pub(super) fn tops(&self) -> Vec<String> {
        let mut tops: Vec<String> = Vec::new();
        for part in self.parts() {
            if !tops.iter().any(|top| is_within(&part.base, top)) {
                tops.retain(|top| !is_within(top, &part.base));
                tops.push(part.base);
            }
        }
        tops
    }

    /// Finds the containers at and below a base, and nothing of them.
    pub(super) fn containers(base: &str) -> Search {
        Search {
            base: base.to_owned(),
            scope: Scope::Subtree,
            filter: has_something_below(),
            attributes: vec!["1.1".to_owned()],
        }
    }

    /// What finds the people and groups at and below these containers, each once.
    pub(super) fn below(&self, containers: &[String]) -> Vec<Part> {
        let mut found: Vec<Part> = Vec::new();
        for part in self.parts() {
            for dn in containers {
                let base = match dn {
                    dn if is_within(dn, &part.base) => dn,
                    dn if is_within(&part.base, dn) => &part.base,
                    _ => continue,
                };
                let is_same = |known: &Part| known.kind == part.kind;
                if !found.iter().any(|known| is_same(known) && is_within(base, &known.base)) {
                    found.retain(|known| !is_same(known) || !is_within(&known.base, base));
                    found.push(Part { base: base.clone(), kind: part.kind });
                }
            }
        }
        found
    }

    /// Whether one of these is a container somewhere else in the server's trees: it may have left the bases. One that may not be seen there is
    /// taken for none.
    pub(super) async fn is_container_elsewhere(
        &self,
        connection: &mut Connection,
        guids: &BTreeSet<[u8; 16]>,
    ) -> Result<bool, DirectoryError> {
        let limit = self.timeout();
        let dse = connection.search(&Search::entry("", &["namingContexts"]), &[], limit).await;
        let dse = dse.map_err(|error| refusal::read(&error))?;
        let contexts = dse.entries.first().map(|dse| texts(dse, "namingContexts")).unwrap_or_default();
        let tops = self.tops();
        let all: Vec<[u8; 16]> = guids.iter().copied().collect();
        for context in contexts.iter().filter(|context| tops.iter().any(|top| is_within(top, context))) {
            for some in all.chunks(ASKED_AT_ONCE) {
                let uuid =
                    |guid: &[u8; 16]| Filter::text("entryUUID", &Uuid::from_bytes_le(*guid).to_string());
                let named = Filter::Or(some.iter().map(uuid).collect());
                let mut search = Self::containers(context);
                search.filter = Filter::And(vec![named, search.filter]);
                match connection.search(&search, &[], limit * 6).await {
                    Ok(page) if page.entries.is_empty() => {}
                    Ok(_) => return Ok(true),
                    // The tree's top may be nothing that the account may see.
                    Err(LdapError::Refused { answer, .. }) if NOT_TO_BE_SEEN.contains(&answer.code) => break,
                    Err(error) => return Err(refusal::read(&error)),
                }
            }
        }
        Ok(false)
    }

    /// The containers that were modified at that moment (as `modifyTimestamp` holds it) or later: for a server that does not tell what changed. Which of
    /// them left the bases can't be seen so.
    ///
    /// # Errors
    /// What kept us from reading.
    pub async fn modified_containers(&self, since: &str) -> Result<Modified, DirectoryError> {
        let mut connection = self.connect().await?;
        let mut found: Vec<Entry> = Vec::new();
        for top in self.tops() {
            let mut search = Self::containers(&top);
            search.filter = Filter::And(vec![Filter::at_least("modifyTimestamp", since), search.filter]);
            // The change's own number, which tells two in one second apart, where there is one.
            search.attributes = ["entryUUID", "modifyTimestamp", "entryCSN"].map(str::to_owned).to_vec();
            let mut cookie = Vec::new();
            loop {
                let control = Control::paged(i32::from(self.inner.config.page), &cookie);
                let page = connection.search(&search, &[control], self.timeout() * 6).await;
                let page = page.map_err(|error| refusal::read(&error))?;
                found.extend(page.entries);
                cookie = page.cookie;
                if cookie.is_empty() {
                    break;
                }
            }
        }
        connection.close().await;
        let state = |entry: &Entry| {
            let text = |name| entry.text(name).unwrap_or_default();
            format!("{} {} {}", text("entryUUID"), text("modifyTimestamp"), text("entryCSN"))
        };
        let states: BTreeSet<String> = found.iter().map(state).collect();
        let digest = Sha256::digest(states.into_iter().collect::<Vec<_>>().join("\n"));
        let digest = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let state = if found.is_empty() { String::new() } else { digest };
        Ok(Modified { dns: found.into_iter().map(|entry| entry.dn).collect(), state })
    }
}
