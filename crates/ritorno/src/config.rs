//! The configuration file. Every error names the file, the line and the key.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};

use ritorno_http::client::{Proxies, Told};
use ritorno_http::mail::config::MailConfig;
use ritorno_http::releases::Releases;
use ritorno_http::sms::config::SmsConfig;
use serde::Deserialize;
use toml::Spanned;
use url::{Host, Url};

mod tls;

pub(crate) use tls::Tls;
use tls::{TenantTable, TlsTable};

/// What the file holds, as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    public_url: Spanned<String>,
    listen: Spanned<SocketAddr>,
    state_dir: PathBuf,
    database: Spanned<String>,
    #[serde(default)]
    trusted_proxies: Vec<IpAddr>,
    proxies_tell_by: Option<Spanned<Told>>,
    packages: Option<PathBuf>,
    release_key: Option<PathBuf>,
    tls: Option<Spanned<TlsTable>>,
    #[serde(default)]
    tenant: Vec<Spanned<TenantTable>>,
    mail: Option<MailConfig>,
    sms: Option<SmsConfig>,
    audit: Option<Audit>,
    metrics: Option<Metrics>,
}

/// Where the package of this program has the key that releases are signed with.
const RELEASE_KEY: &str = "/usr/share/ritorno/release-key";

/// The `[audit]` table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Audit {
    /// A file that every audit fact is added to as a line of JSON, with the signed heads of the chain.
    pub(crate) file: PathBuf,
}

/// The `[metrics]` table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Metrics {
    /// The address at which Prometheus finds `/metrics`. Whoever reaches it reads it.
    pub(crate) listen: SocketAddr,
}

/// The configuration, checked.
#[derive(Debug)]
pub(crate) struct Config {
    /// The address that people and agents use, without a path: the first tenant's, if there are several.
    pub(crate) public_url: Url,
    /// The address to listen at.
    pub(crate) listen: SocketAddr,
    /// Where the root key and the node key are.
    pub(crate) state_dir: PathBuf,
    /// The database's address.
    pub(crate) database: String,
    /// What stands between people and this server.
    pub(crate) proxies: Proxies,
    /// The agent's packages that are offered for download.
    pub(crate) releases: Releases,
    /// Certificate and key; without them only a loopback address is listened at.
    pub(crate) tls: Option<Tls>,
    /// The file that this was read from.
    pub(crate) file: PathBuf,
    /// Where mail goes out.
    pub(crate) mail: Option<MailConfig>,
    /// Where text messages go out.
    pub(crate) sms: Option<SmsConfig>,
    /// Where the audit goes besides the database.
    pub(crate) audit: Option<Audit>,
    /// Where metrics are.
    pub(crate) metrics: Option<Metrics>,
    /// The tenant that the command line names, by its name or host.
    pub(crate) tenant: Option<String>,
}

/// Why the configuration can't be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file can't be read.
    #[error("{}: {reason}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// One key is wrong.
    #[error("{}, line {line}, key '{key}': {reason}", file.display())]
    Key {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key.
        key: String,
        /// What is wrong, and what it should be.
        reason: String,
    },
    /// The file is wrong as a whole: something is missing.
    #[error("{}: {reason}", file.display())]
    Whole {
        /// The file.
        file: PathBuf,
        /// What is missing.
        reason: String,
    },
}

impl Config {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// [`ConfigError`], by the first thing that is wrong.
    pub(crate) fn read(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| ConfigError::Unreadable { file: file.into(), reason: error.to_string() })?;
        Self::parse(file, &text)
    }

    fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        let at = |span: Range<usize>, reason: String| key_error(file, text, span, reason);
        let read: File = toml::from_str(text).map_err(|error| match error.span() {
            // A missing key has no place of its own: its span is the whole table.
            Some(span) if !error.message().starts_with("missing field") => {
                at(span, error.message().to_owned())
            }
            _ => ConfigError::Whole { file: file.into(), reason: error.message().to_owned() },
        })?;
        let public_url =
            public_url(read.public_url.get_ref()).map_err(|reason| at(read.public_url.span(), reason))?;
        let listen = *read.listen.get_ref();
        if read.tls.is_none() && !listen.ip().is_loopback() {
            let reason =
                "without a [tls] table only a loopback address is listened at, such as 127.0.0.1:8080";
            return Err(at(read.listen.span(), reason.to_owned()));
        }
        if let Some(told) = &read.proxies_tell_by
            && read.trusted_proxies.is_empty()
        {
            let reason = "'trusted_proxies' names none, so nobody is believed".to_owned();
            return Err(at(told.span(), reason));
        }
        let tls = tls::checked(read.tls, read.tenant, &at)?;
        let database = read.database.get_ref().clone();
        if !["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| database.starts_with(scheme)) {
            let reason = "it begins with 'sqlite:' or 'postgres:'".to_owned();
            return Err(at(read.database.span(), reason));
        }
        let releases = Releases {
            folder: read.packages.unwrap_or_else(|| read.state_dir.join("packages")),
            key: read.release_key.unwrap_or_else(|| RELEASE_KEY.into()),
        };
        Ok(Self {
            public_url,
            listen,
            releases,
            state_dir: read.state_dir,
            database,
            proxies: Proxies {
                trusted: read.trusted_proxies,
                told: read.proxies_tell_by.map(Spanned::into_inner).unwrap_or_default(),
            },
            tls,
            file: file.to_owned(),
            mail: read.mail,
            sms: read.sms,
            audit: read.audit,
            metrics: read.metrics,
            tenant: None,
        })
    }

    /// The public address as text, without a slash at its end.
    pub(crate) fn public_address(&self) -> &str {
        self.public_url.as_str().trim_end_matches('/')
    }
}

/// An address of a tenant: scheme, host and port.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn public_url(text: &str) -> Result<Url, String> {
    let url =
        Url::parse(text).map_err(|error| format!("{error}; it looks like https://ritorno.example.org"))?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
        return Err("it begins with https:// (http:// is for loopback addresses only)".into());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err("it is scheme, host and port only".into());
    }
    Ok(url)
}

fn key_error(file: &Path, text: &str, span: Range<usize>, reason: String) -> ConfigError {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let written = text.lines().nth(line - 1).unwrap_or_default();
    let key = written.split('=').next().unwrap_or_default().trim().to_owned();
    let reason = reason.trim_end().replace('\n', "; ");
    ConfigError::Key { file: file.into(), line, key, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../ritorno.example.toml");

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(Path::new("ritorno.toml"), text)
    }

    fn wrong(from: &str, to: &str) -> (usize, String, String) {
        assert!(EXAMPLE.contains(from), "the example has no {from}");
        match parse(&EXAMPLE.replacen(from, to, 1)).unwrap_err() {
            ConfigError::Key { line, key, reason, .. } => (line, key, reason),
            other => panic!("{other} names no key"),
        }
    }

    fn line_of(needle: &str) -> usize {
        EXAMPLE.lines().position(|line| line.starts_with(needle)).unwrap() + 1
    }

    #[test]
    fn the_example_is_a_configuration() {
        let config = parse(EXAMPLE).unwrap();
        assert_eq!(config.public_address(), "https://ritorno.example.org");
        assert!(config.tls.is_some() && config.mail.is_some());
    }

    #[test]
    fn errors_name_line_and_key() {
        let (line, key, reason) = wrong("listen = ", "lisen = ");
        assert_eq!((line, key.as_str()), (line_of("listen"), "lisen"));
        assert!(reason.contains("unknown field"), "{reason}");
        let (line, key, _) = wrong("\"0.0.0.0:443\"", "443");
        assert_eq!((line, key.as_str()), (line_of("listen"), "listen"));
        let (line, key, reason) = wrong("https://ritorno.example.org", "http://ritorno.example.org");
        assert_eq!((line, key.as_str()), (line_of("public_url"), "public_url"));
        assert!(reason.contains("https://"), "{reason}");
        let (line, key, _) = wrong("sqlite:", "mysql:");
        assert_eq!((line, key.as_str()), (line_of("database"), "database"));
        let (line, key, _) = wrong("certificate = ", "certifcate = ");
        assert_eq!((line, key.as_str()), (line_of("certificate"), "certifcate"));
    }

    #[test]
    fn a_tenants_certificate_is_for_one_host_with_a_name() {
        let with = |tenants: &str| parse(&format!("{EXAMPLE}{tenants}"));
        let one = |host: &str| {
            format!("[[tenant]]\nhost = \"{host}\"\ntls.certificate = \"a.pem\"\ntls.key = \"a.key\"\n")
        };
        let tls = with(&one("Reset.Fabrikam.example")).unwrap().tls.unwrap();
        assert_eq!(tls.hosts().collect::<Vec<_>>(), ["reset.fabrikam.example"]);
        let first = EXAMPLE.lines().count() + 2;
        for (text, line, key, told) in [
            (one("203.0.113.1"), first, "host", "a name"),
            (one("https://x.example"), first, "host", "a name"),
            (one("a.example") + &one("A.example"), first + 4, "host", "twice"),
            (one("a.example").replace("tls.key", "tls.kye"), first + 2, "tls.kye", "unknown field"),
            (one("a.example").replace("host", "hots"), first, "hots", "unknown field"),
        ] {
            match with(&text).unwrap_err() {
                ConfigError::Key { line: at, key: named, reason, .. } => {
                    assert_eq!((at, named.as_str()), (line, key), "{reason}");
                    assert!(reason.contains(told), "{reason}");
                }
                other => panic!("{other} names no key"),
            }
        }
        let bare = "public_url = \"http://localhost:8080\"\nstate_dir = \"s\"\ndatabase = \"sqlite:s/d\"\n";
        let error = parse(&format!("{bare}listen = \"127.0.0.1:8080\"\n{}", one("a.example"))).unwrap_err();
        assert!(error.to_string().contains("without a [tls] table"), "{error}");
    }

    #[test]
    fn a_missing_key_is_named() {
        let text = EXAMPLE.replace("state_dir = ", "# state_dir = ");
        let error = parse(&text).unwrap_err();
        assert!(
            matches!(&error, ConfigError::Whole { reason, .. } if reason.contains("state_dir")),
            "{error}"
        );
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        let bare = "public_url = \"http://localhost:8080\"\nstate_dir = \"s\"\ndatabase = \"sqlite:s/d\"\n";
        assert!(parse(&format!("{bare}listen = \"127.0.0.1:8080\"\n")).is_ok());
        let error = parse(&format!("{bare}listen = \"0.0.0.0:8080\"\n")).unwrap_err();
        assert!(matches!(error, ConfigError::Key { line: 4, ref key, .. } if key == "listen"), "{error}");
    }
}
