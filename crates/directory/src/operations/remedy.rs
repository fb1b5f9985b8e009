//! The lines that would give the service account what it lacks on a person.

use ritorno_protocol::outcome::Fault;

use crate::error::DirectoryError;
use crate::forest::{Directory, Lease};
use crate::identity::{Sid, is_within, parent};
use crate::ldap::{Filter, Scope, Search};
use crate::operations::locate::Person;
use crate::operations::rights::Rights;
use crate::rights::Verdict;

/// `schemaIDGUID` of the class `user`: what is delegated reaches people and nothing else.
pub(super) const USER: &str = "bf967aba-0de6-11d0-a285-00aa003049e2";

/// How a right is written in SDDL, and for `dsacls`.
pub(super) struct Words {
    name: &'static str,
    pub(super) sddl: &'static str,
    pub(super) dsacls: &'static str,
}

/// *Unexpire Password*, which counts on the domain alone.
pub(super) const UNEXPIRE: Words = Words {
    name: "unexpire password",
    sddl: "CR;ccc2dc7d-a6ad-4a7a-8846-c04e3cc53501",
    dsacls: "CA;Unexpire Password",
};

/// In the order of [`Rights`]: reset, unlock, must change.
pub(super) const WORDS: [Words; 3] = [
    Words {
        name: "reset password",
        sddl: "CR;00299570-246d-11d0-a768-00aa006e0529",
        dsacls: "CA;Reset Password",
    },
    Words {
        name: "write lockoutTime",
        sddl: "RPWP;28630ebf-41d5-11d1-a9c1-0000f80367c1",
        dsacls: "RPWP;lockoutTime",
    },
    Words {
        name: "write pwdLastSet",
        sddl: "RPWP;bf967a0a-0de6-11d0-a285-00aa003049e2",
        dsacls: "RPWP;pwdLastSet",
    },
];

/// Writing the source anchor, by the attribute's `schemaIDGUID` (MS-ADA2), where people are given theirs.
pub(super) const ANCHOR: Words = Words {
    name: "write mS-DS-ConsistencyGuid",
    sddl: "RPWP;23773dc2-b63a-11d2-90e1-00c04fd91ab1",
    dsacls: "RPWP;mS-DS-ConsistencyGuid",
};

/// What an administrator can do about missing rights. Empty if nothing is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remedy {
    /// Command lines for root at a Samba domain controller.
    pub samba: Vec<String>,
    /// Command lines for a domain administrator on Windows, after the documented syntax of `dsacls`.
    pub windows: Vec<String>,
    /// What no added entry can mend.
    pub notes: Vec<String>,
}

impl Directory {
    /// Works out how the account gets what `rights` says that it lacks: on the unit of the agent's scope that holds the person (or the
    /// person's own unit), or on the person alone if nothing is inherited there.
    ///
    /// # Errors
    /// [`Fault::NotFound`] if the service account's own object can't be read; else what kept us from reading.
    pub async fn remedy(&self, person: &Person, rights: &Rights) -> Result<Remedy, DirectoryError> {
        if rights.is_complete() {
            return Ok(Remedy::default());
        }
        let mut lease = self.lease().await?;
        let (own, domain) = (lease.own_account(&self.inner.config.account).await, lease.pdc.domain.clone());
        lease.finish().await;
        let (sid, name) = own?;
        let account = format!("{name}@{}", self.forest());
        let scope = self.inner.config.scope.iter().find(|base| is_within(&person.dn, base));
        let unit = scope.map(String::as_str).or_else(|| parent(&person.dn)).unwrap_or(&person.dn);
        Ok(remedy(&person.dn, unit, &domain, rights, &sid, &account))
    }
}

impl Lease<'_> {
    /// SID and `sAMAccountName` of the account that we are signed in with.
    async fn own_account(&mut self, account: &str) -> Result<(Sid, String), DirectoryError> {
        let (base, filter) = match account.split_once('@') {
            Some((name, _)) => {
                let by_name =
                    [Filter::text("userPrincipalName", account), Filter::text("sAMAccountName", name)];
                (self.pdc.domain.clone(), Filter::Or(by_name.to_vec()))
            }
            None => (account.to_owned(), Filter::Present("objectClass")),
        };
        let attributes = ["objectSid", "sAMAccountName"].map(str::to_owned).to_vec();
        let found = self.find(&Search { base, scope: Scope::Subtree, filter, attributes }, &[]).await?;
        // Several may carry the name; ours is the one in our own token.
        found
            .iter()
            .find_map(|entry| {
                let sid = entry.first("objectSid").and_then(Sid::new)?;
                let name = entry.text("sAMAccountName")?.to_owned();
                self.pdc.own_sids.contains(&sid).then_some((sid, name))
            })
            .ok_or_else(|| {
                let detail = format!("the object of {account} can't be read");
                DirectoryError::fault(Fault::NotFound, &self.pdc.host, detail)
            })
    }
}

fn remedy(person: &str, unit: &str, domain: &str, rights: &Rights, sid: &Sid, account: &str) -> Remedy {
    let mut remedy = Remedy::default();
    match &rights.unexpire {
        Verdict::Granted { .. } => {}
        Verdict::Denied { to, .. } => remedy.notes.push(denied(UNEXPIRE.name, to, " of the domain")),
        Verdict::Missing => {
            remedy.samba.push(samba_line(domain, &format!("(OA;;{};;{sid})", UNEXPIRE.sddl)));
            remedy.windows.push(windows_line(domain, "", account, UNEXPIRE.dsacls, ""));
        }
    }
    if rights.admin_count {
        remedy.notes.push(format!(
            "{person} is or was in a protected group (adminCount): AdminSDHolder puts its own entries back, and the agent refuses the \
             account anyway"
        ));
        return remedy;
    }
    let (target, flags, class) = if rights.inheritance_broken {
        remedy.notes.push(format!("{person} inherits nothing: what is granted above does not reach it"));
        (person, "", "")
    } else {
        (unit, "CIIO", USER)
    };
    let mut entries = String::new();
    let anchor = rights.anchor.iter().map(|verdict| (&ANCHOR, verdict));
    for (words, verdict) in WORDS.iter().zip(rights.all()).chain(anchor) {
        match verdict {
            Verdict::Granted { .. } => {}
            Verdict::Denied { to, inherited } => {
                let place = if *inherited { " further up" } else { "" };
                remedy.notes.push(denied(words.name, to, place));
            }
            Verdict::Missing => {
                entries.push_str(&format!("(OA;{flags};{};{class};{sid})", words.sddl));
                let (inherit, to) = if class.is_empty() { ("", "") } else { (" /I:S", ";user") };
                remedy.windows.push(windows_line(target, inherit, account, words.dsacls, to));
            }
        }
    }
    if !entries.is_empty() {
        remedy.samba.push(samba_line(target, &entries));
    }
    remedy
}

fn denied(name: &str, to: &Sid, place: &str) -> String {
    format!("'{name}' is denied to {to} by an entry{place}: remove it, since one that allows does not help")
}

fn samba_line(target: &str, entries: &str) -> String {
    let (target, entries) = (quoted(&format!("--objectdn={target}")), quoted(&format!("--sddl={entries}")));
    format!("samba-tool dsacl set {target} {entries}")
}

/// A grant for `dsacls`; `inherit` is its switch with a space before it, `to` the class after a semicolon.
pub(super) fn windows_line(target: &str, inherit: &str, account: &str, right: &str, to: &str) -> String {
    format!("dsacls \"{}\"{inherit} /G \"{account}:{right}{to}\"", target.replace('"', "\\\""))
}

/// One word for a POSIX shell, whatever is in it.
pub fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_words_and_name_what_is_missing_alone() {
        let sid = Sid::new(&[1, 1, 0, 0, 0, 0, 0, 5, 7, 0, 0, 0]).unwrap();
        let granted = Verdict::Granted { to: sid.clone() };
        let mut rights = Rights {
            reset: Verdict::Missing,
            unlock: granted.clone(),
            must_change: Verdict::Denied { to: sid.clone(), inherited: true },
            unexpire: granted.clone(),
            anchor: None,
            inheritance_broken: false,
            admin_count: false,
        };
        let told = remedy("CN=a,OU=D'Oro,DC=t", "OU=D'Oro,DC=t", "DC=t", &rights, &sid, "svc@t");
        assert_eq!(
            told.samba,
            [
                r"samba-tool dsacl set '--objectdn=OU=D'\''Oro,DC=t' '--sddl=(OA;CIIO;CR;00299570-246d-11d0-a768-00aa006e0529;bf967aba-0de6-11d0-a285-00aa003049e2;S-1-5-7)'"
            ]
        );
        assert_eq!(told.windows, [r#"dsacls "OU=D'Oro,DC=t" /I:S /G "svc@t:CA;Reset Password;user""#]);
        assert!(
            matches!(told.notes.as_slice(), [note] if note.contains("pwdLastSet") && note.contains("further up"))
        );
        (rights.reset, rights.unexpire) = (granted, Verdict::Missing);
        let told = remedy("CN=a,OU=b,DC=t", "OU=b,DC=t", "DC=t", &rights, &sid, "svc@t");
        assert_eq!(
            told.samba,
            [
                "samba-tool dsacl set '--objectdn=DC=t' '--sddl=(OA;;CR;ccc2dc7d-a6ad-4a7a-8846-c04e3cc53501;;S-1-5-7)'"
            ]
        );
        assert_eq!(told.windows, [r#"dsacls "DC=t" /G "svc@t:CA;Unexpire Password""#]);
        (rights.unexpire, rights.anchor) = (Verdict::Granted { to: sid.clone() }, Some(Verdict::Missing));
        let told = remedy("CN=a,OU=b,DC=t", "OU=b,DC=t", "DC=t", &rights, &sid, "svc@t");
        assert_eq!(
            told.windows,
            [r#"dsacls "OU=b,DC=t" /I:S /G "svc@t:RPWP;mS-DS-ConsistencyGuid;user""#],
            "where it is asked for"
        );
        (rights.admin_count, rights.unexpire) = (true, Verdict::Granted { to: sid.clone() });
        let told = remedy("CN=a,DC=t", "DC=t", "DC=t", &rights, &sid, "svc@t");
        assert!(told.samba.is_empty() && told.windows.is_empty() && told.notes[0].contains("AdminSDHolder"));
    }
}
