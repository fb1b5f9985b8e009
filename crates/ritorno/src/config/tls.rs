//! The `[tls]` table, and the certificates of tenants that have one of their own.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ritorno_http::serve::{Certificates, Certified, TlsError};
use serde::Deserialize;
use toml::Spanned;
use url::Host;

use super::ConfigError;

/// The `[tls]` table, and that of a tenant, as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsTable {
    /// PEM file of the certificate and the chain behind it.
    certificate: Spanned<PathBuf>,
    /// PEM file of the certificate's private key.
    key: Spanned<PathBuf>,
}

/// A `[[tenant]]` table, as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TenantTable {
    host: Spanned<String>,
    tls: TlsTable,
}

/// The certificates that there are to be.
#[derive(Debug)]
pub(crate) struct Tls {
    default: Pair,
    /// By the host, in lower case.
    tenants: Vec<(String, Pair)>,
}

/// Two files, and where in the configuration they are named.
#[derive(Debug)]
struct Pair {
    certificate: Named,
    key: Named,
}

#[derive(Debug)]
struct Named {
    path: PathBuf,
    line: usize,
    key: String,
}

/// What was written, checked as far as it can be without the files. `at` makes an error of what is wrong at a place.
pub(super) fn checked(
    default: Option<Spanned<TlsTable>>,
    tenants: Vec<Spanned<TenantTable>>,
    at: &impl Fn(Range<usize>, String) -> ConfigError,
) -> Result<Option<Tls>, ConfigError> {
    let Some(default) = default else {
        return match tenants.first() {
            Some(tenant) => {
                let reason = "without a [tls] table nothing is served over TLS".to_owned();
                Err(at(tenant.get_ref().host.span(), reason))
            }
            None => Ok(None),
        };
    };
    let mut tls = Tls { default: pair(default.into_inner(), at), tenants: Vec::new() };
    for tenant in tenants {
        let TenantTable { host, tls: files } = tenant.into_inner();
        let span = host.span();
        let host = host.into_inner().to_lowercase();
        if !matches!(Host::parse(&host), Ok(Host::Domain(name)) if name == host) || host.ends_with('.') {
            let reason = "it is a name as certificates have it, such as reset.fabrikam.example: no address and no port";
            return Err(at(span, reason.to_owned()));
        }
        if tls.hosts().any(|other| other == host) {
            return Err(at(span, format!("'{host}' is there twice")));
        }
        tls.tenants.push((host, pair(files, at)));
    }
    Ok(Some(tls))
}

fn pair(table: TlsTable, at: &impl Fn(Range<usize>, String) -> ConfigError) -> Pair {
    Pair { certificate: named(table.certificate, at), key: named(table.key, at) }
}

fn named(file: Spanned<PathBuf>, at: &impl Fn(Range<usize>, String) -> ConfigError) -> Named {
    let (line, key) = match at(file.span(), String::new()) {
        ConfigError::Key { line, key, .. } => (line, key),
        ConfigError::Unreadable { .. } | ConfigError::Whole { .. } => (1, String::new()),
    };
    Named { path: file.into_inner(), line, key }
}

impl Tls {
    /// The hosts that have their own.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.tenants.iter().map(|(host, _)| host.as_str())
    }

    /// The file of the certificate for all others.
    pub(crate) fn certificate(&self) -> &Path {
        &self.default.certificate.path
    }

    /// Reads all of them. `file` is the configuration's.
    ///
    /// # Errors
    /// [`ConfigError::Key`], by the first that can't be used: a tenant's has to name its host.
    pub(crate) fn open(&self, file: &Path) -> Result<Certificates, ConfigError> {
        let default = self.default.read(file)?;
        let mut by_host = HashMap::new();
        for (host, pair) in &self.tenants {
            let certified = pair.read(file)?;
            certified.names(host).map_err(|error| pair.certificate.wrong(file, &error))?;
            by_host.insert(host.clone(), certified);
        }
        Ok(Certificates::new(default, by_host))
    }
}

impl Pair {
    fn read(&self, file: &Path) -> Result<Certified, ConfigError> {
        Certified::read(&self.certificate.path, &self.key.path).map_err(|error| {
            let of_certificate = match &error {
                TlsError::Pem { path, .. } | TlsError::NoCertificate(path) => *path == self.certificate.path,
                TlsError::Unusable(_) => false,
            };
            if of_certificate { self.certificate.wrong(file, &error) } else { self.key.wrong(file, &error) }
        })
    }
}

impl Named {
    fn wrong(&self, file: &Path, error: &TlsError) -> ConfigError {
        let (file, line, key) = (file.to_owned(), self.line, self.key.clone());
        ConfigError::Key { file, line, key, reason: error.to_string() }
    }
}
