//! In which groups an object is that may have been brought back from deletion.
//!
//! When an object is deleted, the domain controller takes it out of its groups by itself (MS-ADTS 3.1.1.5.5.1.1: a tombstone keeps no link
//! values that refer to it). That is no change of the groups: each controller does so for itself, nothing of it is replicated, and
//! neither DirSync nor `uSNChanged` of a group tells. Brought back (3.1.1.5.3.7), a tombstone is in none of them; what comes from
//! the recycle bin is in all of them again (3.1.1.5.5.1.2), and whether that is told as a change of each link is not said there. So the
//! groups themselves are asked which of them have it, whichever of both it is.
//!
//! The deletion alone is no reason to forget in which groups somebody was: nobody shows who is gone, a person who is suspended first
//! keeps what they had until they are removed, and who only left the scope is in their groups as before.
//!
//! That an object was brought back is not told as such. But its name and what it is in were others while it was deleted, so that both are
//! told as changed, also if nobody looked meanwhile: whatever was renamed or moved is asked for (by update sequence numbers, which
//! do not say what changed, whatever is not new). The groups are asked and not the object's `memberOf`: the right to read that is another
//! one, and without it there would seem to be no groups.

use ritorno_protocol::outcome::Fault;

use super::changes::{Delta, guid};
use super::{NO_SUCH_OBJECT, Pages, members};
use crate::error::DirectoryError;
use crate::identity::guid_dn;
use crate::ldap::{Filter, Scope, Search};

/// How often an object is looked for again that is renamed meanwhile.
const TRIES: usize = 5;

impl Delta {
    /// The groups below the groups' bases that have the object as a member; `None` if it is not there any more, which the next delta tells.
    /// `dn` is its name as it was read a moment ago. If it, or a container above it, was renamed since, nothing has a member of that name,
    /// and of the container's people the next delta would not ask: so it is looked for until its name was the same before and after.
    pub(super) async fn groups_with(
        &mut self,
        object: &[u8; 16],
        mut dn: String,
    ) -> Result<Option<Vec<[u8; 16]>>, DirectoryError> {
        for _ in 0..TRIES {
            let groups = self.naming(&dn).await?;
            let Some(now) = self.name(object).await? else { return Ok(None) };
            if now == dn {
                return Ok(Some(groups));
            }
            dn = now;
        }
        let detail = format!("{dn} was renamed {TRIES} times while its groups were looked for");
        Err(DirectoryError::fault(Fault::DirectoryUnavailable, self.host(), detail))
    }

    async fn naming(&mut self, dn: &str) -> Result<Vec<[u8; 16]>, DirectoryError> {
        let mut groups = Vec::new();
        for base in self.group_bases.clone() {
            let search = Search {
                base,
                scope: Scope::Subtree,
                filter: Filter::And(vec![members::groups(), Filter::text("member", dn)]),
                attributes: vec!["objectGUID".to_owned()],
            };
            // That one finds nothing says nothing of the next one.
            self.pages = Pages::default();
            let mut cookie = Vec::new();
            loop {
                groups.extend(self.page(&search, &[], &mut cookie).await?.iter().filter_map(guid));
                if cookie.is_empty() {
                    break;
                }
            }
        }
        Ok(groups)
    }

    async fn name(&mut self, object: &[u8; 16]) -> Result<Option<String>, DirectoryError> {
        let search = Search::entry(guid_dn(object), &["objectGUID"]);
        match self.page(&search, &[], &mut Vec::new()).await {
            Err(error) if error.operator().ldap_code == Some(NO_SUCH_OBJECT) => Ok(None),
            found => Ok(found?.pop().map(|entry| entry.dn)),
        }
    }
}
