//! The lines that create the service account and delegate to it, before there is one: from the configuration alone.

use std::path::Path;

use ritorno_protocol::ids::Forest;

use super::remedy::{ANCHOR, Remedy, UNEXPIRE, USER, WORDS, Words, quoted, windows_line};
use crate::identity::{is_within, leaf_name, parent};
use crate::kerberos::realm;

/// What is to be prepared.
#[derive(Clone, Copy, Debug)]
pub struct Preparation<'a> {
    /// The forest's name.
    pub forest: &'a Forest,
    /// The account, as configured: UPN or DN.
    pub account: &'a str,
    /// DNs that people are below; empty for the whole domain.
    pub scope: &'a [String],
    /// Whether people are given their source anchor as `mS-DS-ConsistencyGuid`.
    pub fill_anchors: bool,
    /// Where the account's password will lie, if it signs in by one.
    pub password_file: Option<&'a Path>,
    /// Where the account's key will lie, if it signs in by one.
    pub keytab_file: Option<&'a Path>,
}

/// Why there are no lines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// The account's name can't be told from the configuration.
    #[error("'{0}' names no account: write it as name@ and the forest's name")]
    Account(String),
    /// The DN lies in another domain.
    #[error("{dn} does not lie in {domain}")]
    Elsewhere {
        /// The DN.
        dn: String,
        /// The forest's root domain.
        domain: String,
    },
}

impl Preparation<'_> {
    /// The lines: one script for a shell at a Samba controller, and commands for PowerShell on Windows after the documented syntax of
    /// `New-ADUser`, `dsacls` and `ktpass`.
    ///
    /// # Errors
    /// [`PrepareError`].
    pub fn lines(&self) -> Result<Remedy, PrepareError> {
        let labels: Vec<_> = self.forest.0.split('.').map(|label| format!("DC={label}")).collect();
        let domain = labels.join(",");
        let within = |dn: &str| {
            let elsewhere = || PrepareError::Elsewhere { dn: dn.to_owned(), domain: domain.clone() };
            is_within(dn, &domain).then_some(()).ok_or_else(elsewhere)
        };
        self.scope.iter().try_for_each(|base| within(base))?;
        let unnamed = || PrepareError::Account(self.account.to_owned());
        let (name, container) = match self.account.rsplit_once('@') {
            Some((name, _)) => (name.to_owned(), None),
            None => {
                within(self.account)?;
                let container = parent(self.account).ok_or_else(unnamed)?;
                (leaf_name(self.account).ok_or_else(unnamed)?, Some(container))
            }
        };
        // What sAMAccountName takes (MS-ADTS 3.1.1.5.2.2, MS-SAMR 3.1.1.6), and no more than twenty of it.
        let plain = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        if name.is_empty() || name.len() > 20 || !name.chars().all(plain) {
            return Err(unnamed());
        }
        let scope = if self.scope.is_empty() { std::slice::from_ref(&domain) } else { self.scope };
        let mut notes = vec![
            "Each of these rights is checked for a person by `ritorno-agent rights NAME` afterwards."
                .to_owned(),
        ];
        if let Some(file) = self.password_file {
            notes.push(format!("Write the password that you choose into {}, mode 0600.", file.display()));
        }
        if let Some(file) = self.keytab_file {
            notes.push(format!(
                "Bring the file ritorno.keytab to {} on the agent's machine, mode 0600.",
                file.display()
            ));
            notes.push(
                "With transport = \"kerberos\" a person's password is proved by a ticket for this account, which needs an AES key: where \
                 Samba is older than 4.18, set its msDS-SupportedEncryptionTypes to 24."
                    .to_owned(),
            );
        }
        Ok(Remedy {
            samba: self.samba(&name, container, &domain, scope),
            windows: self.windows(&name, container, &domain, scope),
            notes,
        })
    }

    /// The rights on people.
    fn words(&self) -> impl Iterator<Item = &'static Words> {
        WORDS.iter().chain(self.fill_anchors.then_some(&ANCHOR))
    }

    fn samba(&self, name: &str, container: Option<&str>, domain: &str, scope: &[String]) -> Vec<String> {
        // `--userou` is without the domain.
        let unit =
            container.filter(|dn| dn.len() > domain.len()).map(|dn| &dn[..dn.len() - domain.len() - 1]);
        let unit = unit.map(|unit| format!(" {}", quoted(&format!("--userou={unit}")))).unwrap_or_default();
        let set = |target: &str, entries: &str| {
            format!("samba-tool dsacl set {} --sddl=\"{entries}\"", quoted(&format!("--objectdn={target}")))
        };
        let people: String =
            self.words().map(|words| format!("(OA;CIIO;{};{USER};$sid)", words.sddl)).collect();
        let random = if self.keytab_file.is_some() { " --random-password" } else { "" };
        let mut lines = vec![
            format!("samba-tool user create {name}{random}{unit}"),
            format!("samba-tool user setexpiry {name} --noexpiry"),
            format!("sid=$(samba-tool user show {name} --attributes=objectSid | sed -n 's/^objectSid: //p')"),
        ];
        lines.extend(scope.iter().map(|base| set(base, &people)));
        lines.push(set(domain, &format!("(OA;;{};;$sid)", UNEXPIRE.sddl)));
        lines.push(set(&settings(domain), "(A;CI;LCRPLORC;;;$sid)"));
        if self.keytab_file.is_some() {
            let principal = format!("{name}@{}", realm(self.forest));
            lines.push(format!("samba-tool spn add {} {name}", service(name)));
            lines.push(format!("samba-tool domain exportkeytab ritorno.keytab --principal={principal}"));
        }
        lines
    }

    fn windows(&self, name: &str, container: Option<&str>, domain: &str, scope: &[String]) -> Vec<String> {
        let account = format!("{name}@{}", self.forest);
        let path = container.map(|dn| format!(" -Path \"{dn}\"")).unwrap_or_default();
        let mut lines = vec![format!(
            "New-ADUser -Name \"{name}\" -SamAccountName \"{name}\" -UserPrincipalName \"{account}\"{path} -AccountPassword \
             (Read-Host -AsSecureString \"Password\") -PasswordNeverExpires $true -KerberosEncryptionType AES128,AES256 \
             -Enabled $true"
        )];
        for base in scope {
            lines.extend(
                self.words().map(|words| windows_line(base, " /I:S", &account, words.dsacls, ";user")),
            );
        }
        lines.push(windows_line(domain, "", &account, UNEXPIRE.dsacls, ""));
        lines.push(windows_line(&settings(domain), " /I:T", &account, "GR", ""));
        let deleted = format!("CN=Deleted Objects,{domain}");
        lines.push(format!("dsacls \"{deleted}\" /takeOwnership"));
        lines.push(windows_line(&deleted, "", &account, "LCRP", ""));
        if self.keytab_file.is_some() {
            lines.push(format!("setspn -S {} {name}", service(name)));
            lines.push(format!(
                "ktpass /out ritorno.keytab /princ {name}@{} /mapuser {account} /crypto AES256-SHA1 /ptype KRB5_NT_PRINCIPAL \
                 /pass *",
                realm(self.forest)
            ));
        }
        lines
    }
}

/// The account's service principal name: without any, no tickets are made for it, and a ticket is what proves a person's password over
/// Kerberos. Whoever gets one can try keys against it, so that the account's password has to be a long random one.
fn service(name: &str) -> String {
    format!("ritorno-agent/{name}")
}

/// Where a domain's fine-grained password policies are.
fn settings(domain: &str) -> String {
    format!("CN=Password Settings Container,CN=System,{domain}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(account: &str, scope: &[&str]) -> Result<Remedy, PrepareError> {
        let scope: Vec<String> = scope.iter().map(|base| (*base).to_owned()).collect();
        let (forest, keytab_file) = (Forest("contoso.test".into()), Some(Path::new("/etc/k")));
        let fill_anchors = false;
        Preparation {
            forest: &forest,
            account,
            scope: &scope,
            fill_anchors,
            password_file: None,
            keytab_file,
        }
        .lines()
    }

    #[test]
    fn windows_gets_what_is_documented() {
        let windows = told("svc-ritorno@contoso.test", &["OU=People,DC=contoso,DC=test"]).unwrap().windows;
        assert!(windows[0].starts_with(
            "New-ADUser -Name \"svc-ritorno\" -SamAccountName \"svc-ritorno\" -UserPrincipalName"
        ));
        assert_eq!(
            windows[1..],
            [
                r#"dsacls "OU=People,DC=contoso,DC=test" /I:S /G "svc-ritorno@contoso.test:CA;Reset Password;user""#,
                r#"dsacls "OU=People,DC=contoso,DC=test" /I:S /G "svc-ritorno@contoso.test:RPWP;lockoutTime;user""#,
                r#"dsacls "OU=People,DC=contoso,DC=test" /I:S /G "svc-ritorno@contoso.test:RPWP;pwdLastSet;user""#,
                r#"dsacls "DC=contoso,DC=test" /G "svc-ritorno@contoso.test:CA;Unexpire Password""#,
                r#"dsacls "CN=Password Settings Container,CN=System,DC=contoso,DC=test" /I:T /G "svc-ritorno@contoso.test:GR""#,
                r#"dsacls "CN=Deleted Objects,DC=contoso,DC=test" /takeOwnership"#,
                r#"dsacls "CN=Deleted Objects,DC=contoso,DC=test" /G "svc-ritorno@contoso.test:LCRP""#,
                "setspn -S ritorno-agent/svc-ritorno svc-ritorno",
                "ktpass /out ritorno.keytab /princ svc-ritorno@CONTOSO.TEST /mapuser svc-ritorno@contoso.test /crypto AES256-SHA1 \
                 /ptype KRB5_NT_PRINCIPAL /pass *",
            ]
        );
    }

    #[test]
    fn names_that_a_shell_could_mistake_are_refused() {
        for account in
            ["a b@contoso.test", "$(id)@contoso.test", "@contoso.test", "CN=a\\,b,DC=contoso,DC=test"]
        {
            assert_eq!(told(account, &[]), Err(PrepareError::Account(account.to_owned())));
        }
        assert!(matches!(told("CN=a,DC=other,DC=test", &[]), Err(PrepareError::Elsewhere { .. })));
        assert!(matches!(
            told("a@contoso.test", &["OU=x,DC=other,DC=test"]),
            Err(PrepareError::Elsewhere { .. })
        ));
        let inside = told("CN=svc,OU=Service's,DC=contoso,DC=test", &[]).unwrap();
        assert_eq!(
            inside.samba[0],
            r"samba-tool user create svc --random-password '--userou=OU=Service'\''s'"
        );
    }
}
