//! Certificates by the name that a client asks for (SNI, RFC 6066 section 3): one for a host that has its own, and for every other name, or
//! none, the default one. Which these are can be replaced while connections are served: who is connected stays so.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::verify_server_name;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::TlsAcceptor;

use super::H2;

/// What is wrong with the certificate or its key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read as PEM.
    #[error("{path}: {source}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls_pki_types::pem::Error,
    },
    /// The file holds no certificate.
    #[error("{0}: no certificate in it")]
    NoCertificate(PathBuf),
    /// Certificate and key do not belong together, or are of no use.
    #[error("the certificate and its key can't be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// A certificate with its key, which fit together.
#[derive(Clone, Debug)]
pub struct Certified(Arc<CertifiedKey>);

impl Certified {
    /// The certificate chain and the key in these PEM files.
    ///
    /// # Errors
    /// [`TlsError`], by what is wrong.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let pem = |path: &Path| {
            let path = path.to_path_buf();
            move |source| TlsError::Pem { path, source }
        };
        let chain = CertificateDer::pem_file_iter(certificate)
            .map_err(pem(certificate))?
            .collect::<Result<Vec<_>, _>>()
            .map_err(pem(certificate))?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate(certificate.into()));
        }
        let key = PrivateKeyDer::from_pem_file(key).map_err(pem(key))?;
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        Ok(Self(Arc::new(CertifiedKey::from_der(chain, key, &provider)?)))
    }

    /// Whether it is for that host, as a browser would judge.
    ///
    /// # Errors
    /// [`TlsError::Unusable`], with what it is for.
    pub fn names(&self, host: &str) -> Result<(), TlsError> {
        let end = ParsedCertificate::try_from(self.0.end_entity_cert()?)?;
        let name = ServerName::try_from(host).map_err(|error| rustls::Error::General(error.to_string()))?;
        Ok(verify_server_name(&end, &name)?)
    }
}

/// The certificates of one listener. Clones share them.
#[derive(Clone, Debug)]
pub struct Certificates(Arc<RwLock<Arc<Table>>>);

#[derive(Debug)]
struct Table {
    default: Certified,
    by_host: HashMap<String, Certified>,
}

impl Certificates {
    /// Those of some hosts, in lower case, and the one for all others.
    pub fn new(default: Certified, by_host: HashMap<String, Certified>) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(Table { default, by_host }))))
    }

    /// Takes those of another one from now on, for connections that begin.
    pub fn replace(&self, by: &Self) {
        let by = by.table();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = by;
    }

    /// TLS 1.2 and 1.3 with them; HTTP/2 and HTTP/1.1.
    ///
    /// # Errors
    /// [`TlsError::Unusable`].
    pub fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![H2.to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    fn table(&self) -> Arc<Table> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, asked: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let table = self.table();
        let own = asked.server_name().and_then(|name| table.by_host.get(&name.to_ascii_lowercase()));
        Some(own.unwrap_or(&table.default).0.clone())
    }
}
