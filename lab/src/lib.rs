//! Real forests, a mail server and PostgreSQL, for the demo, the tests and the benchmarks.
//!
//! Everything lies below one folder, `.lab` in the checkout or what `RITORNO_LAB` names, and belongs to the lab. Domain
//! controllers outlive the process that started them; `up` is idempotent and safe to call from many processes at once.

pub mod account;
mod administration;
pub mod booted;
pub mod ca;
pub mod clean_root;
pub mod command;
pub mod crowd;
pub mod dc;
pub mod forest;
pub mod host;
pub mod kerberos;
pub mod lone;
pub mod mail;
pub mod middlebox;
pub mod openldap;
pub mod packages;
pub mod people;
pub mod postgres;
pub mod private;
mod process;
pub mod progress;
mod provision;
pub mod proxy;
pub mod replica;
pub mod root;
pub mod squid;
pub mod stack;
pub mod wire;

use std::fs::File;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

pub use account::Account;
pub use ca::CertificateAuthority;
pub use forest::{Forest, ForestHandle};
pub use mail::{MailServer, Message};
pub use openldap::OpenLdap;
pub use packages::{Purpose, ensure_packages, packages};
pub use people::{Person, Trait};
pub use postgres::PostgreSql;
pub use private::PrivateLab;
pub use proxy::HttpProxy;
pub use replica::Replica;

/// The lab: one folder, one certificate authority, one loopback network.
#[derive(Debug, Clone)]
pub struct Lab {
    folder: PathBuf,
    /// The folder of the lab that this one is a private copy of.
    shared: Option<PathBuf>,
    network: [u8; 3],
}

impl Lab {
    /// Opens the lab in `$RITORNO_LAB`, or `.lab` beside the workspace's `Cargo.toml`. Its hosts have addresses on
    /// `$RITORNO_LAB_NET`, three numbers, or `127.0.0`.
    ///
    /// # Errors
    /// When the folder cannot be made or the network is not three numbers of the loopback network.
    pub fn open() -> Result<Self> {
        let folder = match std::env::var_os("RITORNO_LAB") {
            Some(folder) => PathBuf::from(folder),
            None => Path::new(env!("CARGO_MANIFEST_DIR"))
                .parent()
                .context("the lab crate has no parent folder")?
                .join(".lab"),
        };
        let network = match std::env::var("RITORNO_LAB_NET") {
            Ok(text) => parse_network(&text)
                .with_context(|| format!("RITORNO_LAB_NET: `{text}` is not like 127.0.1"))?,
            Err(_) => [127, 0, 0],
        };
        Self::open_at(&folder, network)
    }

    /// Opens the lab in a folder, with its hosts on a loopback network.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open_at(folder: &Path, network: [u8; 3]) -> Result<Self> {
        std::fs::create_dir_all(folder.join("tmp"))
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let folder = folder.canonicalize()?;
        Ok(Self { folder, shared: None, network })
    }

    /// The folder that everything of the lab lies in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where Debian roots, snapshots and the authority lie, which private copies share.
    pub(crate) fn shared_folder(&self) -> &Path {
        self.shared.as_deref().unwrap_or(&self.folder)
    }

    /// For files of one command only.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.folder.join("tmp")
    }

    /// The address with this last number on the lab's network.
    #[must_use]
    pub fn address(&self, last: u8) -> Ipv4Addr {
        let [a, b, c] = self.network;
        Ipv4Addr::new(a, b, c, last)
    }

    /// The lab's certificate authority, made at the first call.
    ///
    /// # Errors
    /// When its files cannot be written.
    pub fn authority(&self) -> Result<CertificateAuthority> {
        let _lock = self.lock_shared("ca")?;
        CertificateAuthority::open(&self.shared_folder().join("ca"))
    }

    /// Waits for a lock that other processes on this lab respect. It is held until the value is dropped.
    ///
    /// # Errors
    /// When the lock's file cannot be made.
    pub fn lock(&self, name: &str) -> Result<File> {
        lock(&self.folder, name)
    }

    /// The same for what private copies share.
    pub(crate) fn lock_shared(&self, name: &str) -> Result<File> {
        lock(self.shared_folder(), name)
    }
}

fn lock(folder: &Path, name: &str) -> Result<File> {
    let path = folder.join(format!("{name}.lock"));
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

fn parse_network(text: &str) -> Option<[u8; 3]> {
    let numbers: Vec<u8> = text.split('.').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    let network: [u8; 3] = numbers.try_into().ok()?;
    (network[0] == 127).then_some(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_three_numbers_of_the_loopback() {
        assert_eq!(parse_network("127.0.3"), Some([127, 0, 3]));
        for wrong in ["127.0", "10.0.0", "127.0.0.1", "127.0.256", ""] {
            assert_eq!(parse_network(wrong), None, "{wrong}");
        }
    }
}
