//! The lab's own certificate authority: one root that signs the domain controllers', the mail server's and the portal's certificates.

use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, date_time_ymd,
};

/// The authority, with its key (P-256) in a file of mode 0600 below the lab's folder.
#[derive(Debug, Clone)]
pub struct CertificateAuthority {
    folder: PathBuf,
}

/// A server's certificate and key, both PEM.
pub struct ServerCertificate {
    /// The server's certificate, followed by the authority's.
    pub chain_pem: String,
    /// The private key, PKCS#8.
    pub key_pem: String,
}

impl CertificateAuthority {
    /// Opens the authority in `folder`, and makes it at the first call.
    ///
    /// # Errors
    /// When the folder cannot be written or the key in it is not readable.
    pub fn open(folder: &Path) -> Result<Self> {
        let authority = Self { folder: folder.to_owned() };
        if !authority.certificate_path().exists() {
            fs::create_dir_all(folder)?;
            let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
            let certificate = root_parameters()?.self_signed(&key)?;
            write_private(&authority.key_path(), &key.serialize_pem())?;
            fs::write(authority.certificate_path(), certificate.pem())?;
        }
        Ok(authority)
    }

    /// Where the authority's certificate lies (PEM), for clients that shall trust the lab.
    #[must_use]
    pub fn certificate_path(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    fn key_path(&self) -> PathBuf {
        self.folder.join("ca.key")
    }

    /// Issues a server certificate for DNS names and addresses.
    ///
    /// # Errors
    /// When the authority's key cannot be read or a name is no DNS name.
    pub fn issue(&self, dns_names: &[&str], addresses: &[IpAddr]) -> Result<ServerCertificate> {
        let authority_key = KeyPair::from_pem(
            &fs::read_to_string(self.key_path()).context("the lab's authority has lost its key")?,
        )?;
        let authority = Issuer::new(root_parameters()?, authority_key);
        let names: Vec<String> = dns_names.iter().map(|name| (*name).to_owned()).collect();
        let mut parameters = CertificateParams::new(names)?;
        parameters.subject_alt_names.extend(addresses.iter().map(|address| SanType::IpAddress(*address)));
        parameters
            .distinguished_name
            .push(DnType::CommonName, dns_names.first().copied().unwrap_or("ritorno lab server"));
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.use_authority_key_identifier_extension = true;
        (parameters.not_before, parameters.not_after) = validity();
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = parameters.signed_by(&key, &authority)?;
        Ok(ServerCertificate {
            chain_pem: certificate.pem() + &fs::read_to_string(self.certificate_path())?,
            key_pem: key.serialize_pem(),
        })
    }
}

impl ServerCertificate {
    /// Writes the pair; the key's file gets mode 0600.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, chain: &Path, key: &Path) -> Result<()> {
        fs::write(chain, &self.chain_pem).with_context(|| format!("cannot write {}", chain.display()))?;
        write_private(key, &self.key_pem)
    }
}

/// Fixed dates: a lab that is kept, or whose clock is moved by a test, goes on working.
fn validity() -> (time::OffsetDateTime, time::OffsetDateTime) {
    (date_time_ymd(2025, 1, 1), date_time_ymd(2045, 1, 1))
}

fn root_parameters() -> Result<CertificateParams> {
    let mut parameters = CertificateParams::new(Vec::new())?;
    parameters.distinguished_name.push(DnType::CommonName, "Ritorno lab authority");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (parameters.not_before, parameters.not_after) = validity();
    Ok(parameters)
}

fn write_private(path: &Path, content: &str) -> Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(content.as_bytes())?;
    Ok(())
}
