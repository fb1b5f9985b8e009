//! How a forest's controllers are reached, and what proves who the agent is.

use std::ops::Range;
use std::path::{Path, PathBuf};

use ritorno_directory::{Kerberos, Transport};
use serde::Deserialize;

use super::FileForest;
use crate::secret_file;

/// `transport`, as written.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FileTransport {
    #[default]
    Ldaps,
    StartTls,
    Kerberos,
}

impl From<FileTransport> for Transport {
    fn from(written: FileTransport) -> Self {
        match written {
            FileTransport::Ldaps => Self::Ldaps,
            FileTransport::StartTls => Self::StartTls,
            FileTransport::Kerberos => Self::Kerberos,
        }
    }
}

/// What proves who the agent is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Secret {
    /// The service account's password, in this file.
    Password(PathBuf),
    /// The service account's key, in this keytab.
    Keytab(PathBuf),
}

impl Secret {
    /// The file.
    pub(crate) fn file(&self) -> &Path {
        match self {
            Self::Password(file) | Self::Keytab(file) => file,
        }
    }
}

/// How a forest's controllers are reached.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// The protection.
    pub(crate) transport: Transport,
    /// What proves who the agent is.
    pub(crate) secret: Secret,
    /// Authorities that may have issued the controllers' certificates; there are none to check with Kerberos.
    pub(crate) ca_file: Option<PathBuf>,
    /// Whether a person's password may be tried by Kerberos, where that is the transport.
    pub(crate) passwords_by_kerberos: bool,
    /// The process's Kerberos client, once it is set up.
    pub(crate) kerberos: Option<Kerberos>,
}

impl Access {
    /// LDAPS with a password.
    #[cfg(test)]
    pub(crate) fn by_password(file: PathBuf, ca_file: PathBuf) -> Self {
        let (transport, secret) = (Transport::Ldaps, Secret::Password(file));
        Self { transport, secret, ca_file: Some(ca_file), passwords_by_kerberos: false, kerberos: None }
    }

    pub(super) fn check(forest: &FileForest, name: &str) -> Result<Self, (Range<usize>, String)> {
        let transport = Transport::from(forest.transport.unwrap_or_default());
        let secret = match (&forest.password_file, &forest.keytab_file) {
            (Some(file), None) => Secret::Password(secret_file::resolve(file.get_ref().clone())),
            (None, Some(file)) => Secret::Keytab(secret_file::resolve(file.get_ref().clone())),
            (Some(_), Some(keytab)) => {
                let reason = "there is a 'password_file' as well: the agent signs in by one of them";
                return Err((keytab.span(), reason.to_owned()));
            }
            (None, None) => {
                let reason = format!("{name} has neither a 'password_file' nor a 'keytab_file'");
                return Err((forest.name.span(), reason));
            }
        };
        if transport != Transport::Kerberos && forest.ca_file.is_none() {
            let reason = format!("{name} has no 'ca_file' to check its controllers' certificates with");
            return Err((forest.name.span(), reason));
        }
        let passwords_by_kerberos = forest.passwords_by_kerberos;
        let access = Self {
            transport,
            secret,
            ca_file: forest.ca_file.clone(),
            passwords_by_kerberos,
            kerberos: None,
        };
        let account = forest.account.get_ref();
        let of_realm = account.rsplit_once('@').is_some_and(|(_, domain)| domain.eq_ignore_ascii_case(name));
        if access.needs_kerberos() && !of_realm {
            let reason = format!("'{account}' is no account for Kerberos, which wants sAMAccountName@{name}");
            return Err((forest.account.span(), reason));
        }
        Ok(access)
    }

    /// Whether the agent signs in by Kerberos.
    pub(crate) fn needs_kerberos(&self) -> bool {
        self.transport == Transport::Kerberos || self.keytab().is_some()
    }

    /// The keytab, if the agent signs in by one.
    pub(crate) fn keytab(&self) -> Option<&Path> {
        match &self.secret {
            Secret::Keytab(file) => Some(file),
            Secret::Password(_) => None,
        }
    }
}

/// The Kerberos library knows one keytab for a process, which can hold the keys of many accounts.
pub(super) fn one_keytab(forests: &[FileForest]) -> Result<(), (Range<usize>, String)> {
    let mut keytabs = forests.iter().filter_map(|forest| forest.keytab_file.as_ref());
    let Some(first) = keytabs.next() else { return Ok(()) };
    match keytabs.find(|other| other.get_ref() != first.get_ref()) {
        Some(other) => {
            let reason = format!(
                "another forest has {}: put all accounts' keys into one keytab (`ktutil` does it) and name that one everywhere",
                first.get_ref().display()
            );
            Err((other.span(), reason))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, ConfigError};
    use super::*;

    const CONTOSO: &str = r#"state_dir = "/var/lib/ritorno-agent"
[[forest]]
name = "contoso.test"
hosts = ["dc1.contoso.test"]
account = "svc-ritorno@contoso.test"
"#;

    fn parse(lines: &str) -> Result<Config, ConfigError> {
        Config::parse(Path::new("agent.toml"), &format!("{CONTOSO}{lines}"))
    }

    fn complaint(lines: &str) -> String {
        parse(lines).unwrap_err().to_string()
    }

    #[test]
    fn each_transport_has_what_it_needs() {
        let access = |lines: &str| parse(lines).unwrap().forests.remove(0).access;
        let ldaps = access("password_file = \"p\"\nca_file = \"c\"\n");
        assert_eq!((ldaps.transport, ldaps.needs_kerberos()), (Transport::Ldaps, false));
        let sealed = access("transport = \"kerberos\"\npassword_file = \"p\"\n");
        assert_eq!((sealed.transport, sealed.needs_kerberos()), (Transport::Kerberos, true));
        let bound = access("transport = \"starttls\"\nkeytab_file = \"k\"\nca_file = \"c\"\n");
        assert_eq!((bound.transport, bound.keytab()), (Transport::StartTls, Some(Path::new("k"))));
    }

    #[test]
    fn errors_name_line_and_key() {
        assert!(complaint("transport = \"ldap\"\npassword_file = \"p\"\n").starts_with(
            "agent.toml, line 6, key 'transport': unknown variant `ldap`, expected one of `ldaps`"
        ));
        assert_eq!(
            complaint("password_file = \"p\"\n"),
            "agent.toml, line 3, key 'name': contoso.test has no 'ca_file' to check its controllers' certificates with"
        );
        assert!(
            complaint("ca_file = \"c\"\n")
                .starts_with("agent.toml, line 3, key 'name': contoso.test has neither")
        );
        assert!(
            complaint("ca_file = \"c\"\npassword_file = \"p\"\nkeytab_file = \"k\"\n")
                .starts_with("agent.toml, line 8, key 'keytab_file': there is a 'password_file' as well")
        );
        let other = CONTOSO.split_once('\n').unwrap().1.replace("contoso", "fabrikam");
        let two = format!(
            "transport = \"kerberos\"\nkeytab_file = \"k\"\n{other}transport = \"kerberos\"\nkeytab_file = \"l\"\n"
        );
        assert!(complaint(&two).starts_with("agent.toml, line 13, key 'keytab_file': another forest has k"));
        let foreign = CONTOSO.replace("svc-ritorno@contoso.test", "svc@mail.test");
        let foreign = format!("{foreign}transport = \"kerberos\"\npassword_file = \"p\"\n");
        let error = Config::parse(Path::new("agent.toml"), &foreign).unwrap_err().to_string();
        assert!(
            error.starts_with("agent.toml, line 5, key 'account': 'svc@mail.test' is no account"),
            "{error}"
        );
    }
}
