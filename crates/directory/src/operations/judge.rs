//! Whether the agent may touch an account: never a protected one, never one out of its scope.

use ritorno_protocol::outcome::Fault;

use super::account_control::{INTERDOMAIN_TRUST, SERVER_TRUST, WORKSTATION_TRUST};
use crate::error::DirectoryError;
use crate::forest::Directory;
use crate::identity::{Sid, is_within};
use crate::ldap::Entry;
use crate::operations::locate::Person;
use crate::root_dse::RootDse;

/// Groups of a domain that AdminSDHolder protects, and the built-in account's RID (MS-ADTS 3.1.1.6.1.2).
const PROTECTED_IN_DOMAIN: [u32; 10] = [498, 500, 502, 512, 516, 518, 519, 521, 526, 527];
/// Built-in groups that AdminSDHolder protects: Administrators, Account, Server, Print and Backup Operators, Replicator.
const PROTECTED_BUILTIN: [u32; 6] = [544, 548, 549, 550, 551, 552];

impl Directory {
    /// Judges an account by what [`Directory::locate`] read of it at the PDC emulator. To be done just before a write, with one that was
    /// located just before.
    ///
    /// # Errors
    /// [`Fault::Protected`] or [`Fault::OutOfScope`]; [`Fault::NoPermission`] when its groups could not be read, since then it can't
    /// be told that it is not protected.
    pub async fn judge(&self, person: &Person) -> Result<(), DirectoryError> {
        // Locating has found it; only if it was forgotten since, it is asked again.
        let pdc = match self.known_pdc() {
            Some(pdc) => pdc,
            None => self.connect_for_writing().await?.dse,
        };
        judged(&person.entry, &self.inner.config.scope, &pdc)
    }
}

/// What [`judged`] needs of an account.
pub(crate) const JUDGED_BY: [&str; 6] =
    ["objectClass", "objectSid", "adminCount", "userAccountControl", "primaryGroupID", "tokenGroups"];

/// Judges an account as it was read at that controller.
///
/// # Errors
/// As [`Directory::judge`].
pub(crate) fn judged(entry: &Entry, scope: &[String], at: &RootDse) -> Result<(), DirectoryError> {
    let in_scope = is_in_scope(&entry.dn, scope);
    let (fault, why) = match protection(entry, &at.own_sids) {
        Ok(None) if in_scope => return Ok(()),
        Ok(None) => (Fault::OutOfScope, "it is outside the agent's scope".to_owned()),
        Ok(Some(why)) => (Fault::Protected, why),
        Err(why) => (Fault::NoPermission, why.to_owned()),
    };
    Err(DirectoryError::fault(fault, &at.host, format!("{}: {why}", entry.dn)))
}

/// Whether an object of this name is one that the agent may touch.
pub(crate) fn is_in_scope(dn: &str, scope: &[String]) -> bool {
    scope.is_empty() || scope.iter().any(|base| is_within(dn, base))
}

/// Why the account is protected, if it is.
fn protection(entry: &Entry, own: &[Sid]) -> Result<Option<String>, &'static str> {
    let sid = entry.first("objectSid").and_then(Sid::new).ok_or("its objectSid can't be read")?;
    let groups: Vec<Sid> = entry.values("tokenGroups").iter().filter_map(|sid| Sid::new(sid)).collect();
    let control = entry.integer("userAccountControl").ok_or("its userAccountControl can't be read")?;
    if groups.is_empty() {
        return Err("its groups can't be read");
    }
    let primary = entry.integer("primaryGroupID").and_then(|rid| u32::try_from(rid).ok());
    let guarded = |sid: &Sid| {
        sid.domain_rid().is_some_and(|rid| PROTECTED_IN_DOMAIN.contains(&rid))
            || sid.builtin_rid().is_some_and(|rid| PROTECTED_BUILTIN.contains(&rid))
    };
    Ok(if entry.has("objectClass", "computer") {
        Some("a computer or a group managed service account".to_owned())
    } else if control & (INTERDOMAIN_TRUST | WORKSTATION_TRUST | SERVER_TRUST) != 0 {
        Some("an account of a machine or a trust".to_owned())
    } else if own.contains(&sid) {
        Some("the agent's own account".to_owned())
    } else if guarded(&sid) {
        Some(format!("a built-in account ({sid})"))
    } else if entry.integer("adminCount").is_some_and(|count| count > 0) {
        Some("adminCount is set: it is or was in a protected group".to_owned())
    } else if let Some(group) = groups.iter().find(|group| guarded(group)) {
        Some(format!("member of the protected group {group}"))
    } else {
        primary
            .filter(|rid| PROTECTED_IN_DOMAIN.contains(rid))
            .map(|rid| format!("its primary group is the protected group with RID {rid}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain_sid(rid: u32) -> Vec<u8> {
        let mut sid = vec![1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0];
        sid.extend_from_slice(&rid.to_le_bytes());
        sid
    }

    fn account(rid: u32, groups: &[Vec<u8>], extra: &[(&str, &str)]) -> Entry {
        let mut entry = Entry { dn: "CN=x,DC=t".into(), ..Entry::default() };
        let mut set = |name: &str, values: Vec<Vec<u8>>| entry.attributes.insert(name.to_lowercase(), values);
        set("objectClass", vec![b"top".to_vec(), b"person".to_vec(), b"user".to_vec()]);
        set("userAccountControl", vec![b"512".to_vec()]);
        set("primaryGroupID", vec![b"513".to_vec()]);
        set("objectSid", vec![domain_sid(rid)]);
        set("tokenGroups", groups.to_vec());
        for (name, value) in extra {
            set(name, vec![value.as_bytes().to_vec()]);
        }
        entry
    }

    #[test]
    fn each_kind_of_protection() {
        let users = domain_sid(513);
        let plain =
            |extra: &[(&str, &str)]| protection(&account(1104, std::slice::from_ref(&users), extra), &[]);
        assert_eq!(plain(&[]), Ok(None));
        assert!(plain(&[("adminCount", "1")]).unwrap().unwrap().contains("adminCount"));
        assert_eq!(plain(&[("adminCount", "0")]), Ok(None));
        assert!(plain(&[("objectClass", "computer")]).unwrap().is_some());
        assert!(plain(&[("userAccountControl", "4096")]).unwrap().is_some());
        assert!(plain(&[("primaryGroupID", "512")]).unwrap().is_some());
        for rid in PROTECTED_IN_DOMAIN {
            let entry = account(1104, &[users.clone(), domain_sid(rid)], &[]);
            assert!(protection(&entry, &[]).unwrap().is_some(), "group {rid}");
        }
        for rid in PROTECTED_BUILTIN {
            let mut group = vec![1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0];
            group.extend_from_slice(&rid.to_le_bytes());
            assert!(
                protection(&account(1104, &[users.clone(), group], &[]), &[]).unwrap().is_some(),
                "builtin {rid}"
            );
        }
        assert!(
            protection(&account(502, std::slice::from_ref(&users), &[]), &[]).unwrap().is_some(),
            "krbtgt"
        );
        let own = Sid::new(&domain_sid(1104)).unwrap();
        assert!(protection(&account(1104, &[users], &[]), &[own]).unwrap().unwrap().contains("own"));
        assert!(
            protection(&account(1104, &[], &[]), &[]).is_err(),
            "groups that can't be read prove nothing"
        );
    }
}
