//! What has to be known about a forest before the first connection.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ritorno_protocol::ids::Forest;
use ritorno_protocol::secret::Password;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::kerberos::Kerberos;
use crate::ldap::Transport;

/// Where the service account's password comes from. Asked at every bind, so that it can be changed without a restart.
pub trait PasswordSource: Send + Sync {
    /// The password now.
    ///
    /// # Errors
    /// When it can't be read.
    fn password(&self) -> std::io::Result<Password>;
}

/// A password in a file, without the line's end.
#[derive(Clone, Debug)]
pub struct PasswordFile(pub PathBuf);

impl PasswordSource for PasswordFile {
    fn password(&self) -> std::io::Result<Password> {
        let text = zeroize::Zeroizing::new(std::fs::read_to_string(&self.0)?);
        Ok(Password::new(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

/// A password that is known already.
impl PasswordSource for Password {
    fn password(&self) -> std::io::Result<Password> {
        Ok(self.clone())
    }
}

/// One domain of a forest, as the administrator configured it: a connector of its own.
#[derive(Clone)]
pub struct ForestConfig {
    /// The domain's DNS name; usually the forest's root domain.
    pub forest: Forest,
    /// Host names of domain controllers of the forest that credentials may be sent to. At least one. The PDC emulator need not be among
    /// them, nor any controller of the domain: they are found through them.
    pub hosts: Vec<String>,
    /// Host names of domain controllers to import from, the best first; credentials may be sent to them too. Empty: by site and latency,
    /// which is the PDC emulator unless it is in another site than this machine. Writes go to the PDC emulator, whether it is among them or not.
    pub preferred: Vec<String>,
    /// Read from the preferred ones or not at all.
    pub only_preferred: bool,
    /// Write at another writable controller when the PDC emulator can't be reached.
    pub write_elsewhere: bool,
    /// Controllers where people sign in: after a write they are asked to fetch it, and waited for, five seconds at most. Credentials may
    /// be sent to them.
    pub show_at: Vec<String>,
    /// How connections are protected.
    pub transport: Transport,
    /// Its port, usually [`Transport::port`].
    pub port: u16,
    /// The Kerberos client, for [`Transport::Kerberos`] and for `by_keytab`.
    pub kerberos: Option<Kerberos>,
    /// Sign in by the account's key in the client's keytab, in place of the password.
    pub by_keytab: bool,
    /// Whether a person's password may be tried by Kerberos where that is the transport. It takes a key of the agent's own as well
    /// (`by_keytab`), and believes a ticket that somebody may have kept: see the threat model.
    pub passwords_by_kerberos: bool,
    /// DNS servers for the forest's names; empty for the machine's own.
    pub dns_servers: Vec<SocketAddr>,
    /// The service account: UPN or DN; with Kerberos `name@` and the forest's name.
    pub account: String,
    /// Its password.
    pub password: Arc<dyn PasswordSource>,
    /// Authorities that may have issued the controllers' certificates.
    pub roots: Arc<RootCertStore>,
    /// Whether people are given their source anchor as `mS-DS-ConsistencyGuid`, which takes a right of its own.
    pub fill_anchors: bool,
    /// DNs that people have to be below; empty for the whole domain.
    pub scope: Vec<String>,
    /// DNs that groups are imported from; empty for none.
    pub groups: Vec<String>,
    /// Longest wait for one operation of the directory.
    pub timeout: Duration,
    /// Entries in a page of the import: 1 to 1000, the most that a domain controller of Windows gives.
    pub page: u16,
}

impl ForestConfig {
    /// A configuration with LDAPS at port 636 and a password, the machine's DNS, the whole domain as scope, 10 seconds for an operation
    /// and pages of 500.
    pub fn new(
        forest: Forest,
        hosts: Vec<String>,
        account: String,
        password: Arc<dyn PasswordSource>,
        roots: Arc<RootCertStore>,
    ) -> Self {
        let timeout = Duration::from_secs(10);
        Self {
            forest,
            hosts,
            preferred: Vec::new(),
            only_preferred: false,
            write_elsewhere: false,
            show_at: Vec::new(),
            transport: Transport::Ldaps,
            port: Transport::Ldaps.port(),
            kerberos: None,
            by_keytab: false,
            passwords_by_kerberos: false,
            dns_servers: Vec::new(),
            account,
            password,
            roots,
            fill_anchors: false,
            scope: Vec::new(),
            groups: Vec::new(),
            timeout,
            page: 500,
        }
    }
}

/// Why a configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No pinned host.
    #[error("forest {0} has no domain controller in its list")]
    NoHosts(Forest),
    /// Only preferred ones may be read, and none is named.
    #[error("forest {0} may be read from preferred domain controllers only, and names none")]
    NoPreferred(Forest),
    /// Kerberos, and the program was not started with what [`Kerberos::environment`] says.
    #[error("forest {0} is to be reached by Kerberos, which was not set up")]
    NoKerberos(Forest),
    /// Kerberos, and an account that is none of the realm's.
    #[error("forest {forest}: '{account}' is no account for Kerberos, which wants name@{forest}")]
    NoPrincipal {
        /// The forest.
        forest: Forest,
        /// The account.
        account: String,
    },
    /// The file with authorities can't be read as PEM.
    #[error("{} can't be read as certificates: {detail}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// TLS can't be set up.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The machine's DNS configuration can't be used.
    #[error("DNS can't be set up: {0}")]
    Dns(String),
}

/// The authorities in a PEM file: at least one.
///
/// # Errors
/// [`ConfigError::Authorities`].
pub fn roots_from_pem_file(path: &Path) -> Result<RootCertStore, ConfigError> {
    let fail = |detail: String| ConfigError::Authorities { path: path.to_owned(), detail };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| fail(error.to_string()))? {
        let certificate = certificate.map_err(|error| fail(error.to_string()))?;
        roots.add(certificate).map_err(|error| fail(error.to_string()))?;
    }
    if roots.is_empty() { Err(fail("it holds none".to_owned())) } else { Ok(roots) }
}

/// TLS 1.2 and 1.3 by aws-lc-rs, whatever provider the process has installed.
pub(crate) fn tls(roots: &Arc<RootCertStore>) -> Result<rustls::ClientConfig, ConfigError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(Arc::clone(roots))
        .with_no_client_auth())
}
