//! Whether the agent may touch an entry: never a protected one, never one out of its bases.

use ritorno_protocol::outcome::Fault;

use super::{Lease, OpenLdap, Person};
use crate::error::DirectoryError;
use crate::identity::is_within;
use crate::ldap::{Filter, Scope, Search};

/// How many groups may lie in one another.
const DEEPEST: usize = 8;

impl OpenLdap {
    /// Judges a person who was located just before.
    ///
    /// # Errors
    /// [`Fault::Protected`] or [`Fault::OutOfScope`]; [`Fault::NoPermission`] when a protected group can't be read, since then it can't be
    /// told that the person is not in it.
    pub async fn judge(&self, person: &Person) -> Result<(), DirectoryError> {
        let config = &self.inner.config;
        let refused = |fault, why: &str| {
            Err(DirectoryError::fault(fault, &person.host, format!("{}: {why}", person.dn)))
        };
        if is_same(&person.dn, &config.account) {
            return refused(Fault::Protected, "the agent's own account");
        }
        if !config.bases.iter().any(|base| is_within(&person.dn, base)) {
            return refused(Fault::OutOfScope, "it is outside the agent's bases");
        }
        if config.protected_groups.is_empty() {
            return Ok(());
        }
        let mut lease = self.lease().await?;
        let member_of = lease.protected_group_of(person).await?;
        lease.finish().await;
        match member_of {
            Some(group) => refused(Fault::Protected, &format!("member of the protected group {group}")),
            None => Ok(()),
        }
    }
}

impl Lease<'_> {
    /// The protected group that the person is in, directly or through groups below the same suffix.
    async fn protected_group_of(&mut self, person: &Person) -> Result<Option<String>, DirectoryError> {
        let groups = self.directory.inner.config.protected_groups.clone();
        for group in &groups {
            if self.entry(group, &["objectClass"]).await?.is_none() {
                let detail = format!("the protected group {group} is not there, or can't be read");
                return Err(DirectoryError::fault(Fault::NoPermission, &person.host, detail));
            }
        }
        let root = self.entry("", &["namingContexts"]).await?.unwrap_or_default();
        let suffixes = root.values("namingContexts").iter();
        let suffixes: Vec<String> =
            suffixes.map(|suffix| String::from_utf8_lossy(suffix).into_owned()).collect();
        let (mut seen, mut ring) = (Vec::<String>::new(), vec![person.dn.clone()]);
        for depth in 0..DEEPEST {
            let mut next = Vec::new();
            for member in &ring {
                let mut by: Vec<Filter> =
                    ["member", "uniqueMember"].map(|name| Filter::text(name, member)).into();
                if depth == 0 {
                    // A posixGroup names its members by their login (RFC 2307).
                    by.push(Filter::text("memberUid", &person.login));
                }
                for base in &suffixes {
                    let (base, filter) = (base.clone(), Filter::Or(by.clone()));
                    // 1.1 asks for no attribute (RFC 4511 section 4.5.1.8).
                    let attributes = vec!["1.1".to_owned()];
                    let search = Search { base, scope: Scope::Subtree, filter, attributes };
                    let found = self.find(&search).await.map_err(|mut error| {
                        // What may not be searched may hold the group.
                        if let DirectoryError::NotApplied { fault: fault @ Fault::NotFound, .. } = &mut error
                        {
                            *fault = Fault::NoPermission;
                        }
                        error
                    })?;
                    next.extend(found.into_iter().map(|entry| entry.dn));
                }
            }
            next.retain(|dn| !seen.iter().any(|known| is_same(known, dn)));
            if let Some(group) = next.iter().find(|dn| groups.iter().any(|group| is_same(group, dn))) {
                return Ok(Some(group.clone()));
            }
            if next.is_empty() {
                return Ok(None);
            }
            seen.extend(next.iter().cloned());
            ring = next;
        }
        let detail = format!("groups lie in one another more than {DEEPEST} deep");
        Err(DirectoryError::fault(Fault::NoPermission, &person.host, detail))
    }
}

/// Whether two DNs name the same entry.
fn is_same(a: &str, b: &str) -> bool {
    is_within(a, b) && is_within(b, a)
}
