//! Whether somebody of another forest lives here as well.

use ritorno_protocol::ids::SourceAnchor;

use super::account_control::DISABLED;
use crate::error::DirectoryError;
use crate::forest::Directory;
use crate::identity::anchor_bytes;
use crate::ldap::{Filter, Scope, Search};

impl Directory {
    /// The DN of an enabled account with this source anchor, as a migration leaves one that copies `mS-DS-ConsistencyGuid` and forgets to
    /// disable what it copied. Where the forest's schema has no index on that attribute, only accounts of the same name are looked at:
    /// a search over the whole domain would hold up every reset.
    ///
    /// # Errors
    /// What kept us from reading.
    pub async fn twin_of(
        &self,
        anchor: &SourceAnchor,
        account_name: &str,
    ) -> Result<Option<String>, DirectoryError> {
        let Some(bytes) = anchor_bytes(anchor) else { return Ok(None) };
        let mut lease = self.lease().await?;
        let mut by_copy = vec![Filter::Equal("mS-DS-ConsistencyGuid", bytes.to_vec())];
        if !lease.pdc.anchor_indexed {
            by_copy.push(Filter::text("sAMAccountName", account_name));
        }
        let by = Filter::Or(vec![Filter::Equal("objectGUID", bytes.to_vec()), Filter::And(by_copy)]);
        let search = Search {
            base: lease.pdc.domain.clone(),
            scope: Scope::Subtree,
            filter: Filter::And(vec![Filter::text("objectClass", "user"), by]),
            attributes: vec!["userAccountControl".to_owned()],
        };
        let found = lease.find(&search, &[]).await?;
        lease.finish().await;
        let enabled = found
            .into_iter()
            .find(|entry| entry.integer("userAccountControl").is_some_and(|control| control & DISABLED == 0));
        Ok(enabled.map(|entry| entry.dn))
    }
}
