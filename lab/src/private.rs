//! A private copy of the lab: its own forests, on addresses of its own, for a test that kills or changes what others use.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::forest::Forest;
use crate::{Lab, parse_network};

/// The file that tells a private lab's network. Nothing is started before it is written.
const NETWORK: &str = "network";

/// A lab that stops and is removed when this value is dropped. It shares Debian roots, snapshots and the authority with
/// the lab it was made from, so its forests come up in seconds. One that a killed test left behind is replaced by the
/// next of the same name, and stopped by `cargo xtask lab down`.
#[derive(Debug)]
pub struct PrivateLab {
    lab: Lab,
}

impl Lab {
    /// Makes a private copy. `name` is the test's name: two at once with one name would disturb each other.
    ///
    /// # Errors
    /// When the folder cannot be made, or all 240 networks are taken.
    pub fn private(&self, name: &str) -> Result<PrivateLab> {
        ensure!(
            !name.is_empty()
                && name.bytes().all(|byte| byte == b'-' || byte == b'_' || byte.is_ascii_alphanumeric()),
            "`{name}` is no plain name"
        );
        let _lock = self.lock("private")?;
        let folder = private_folder(&self.folder).join(name);
        if folder.join(NETWORK).exists() {
            remove(&self.reopen(&folder)?)?;
        }
        let taken: Vec<[u8; 3]> = self.privates()?.iter().map(|private| private.network).collect();
        // The middle number comes from the folder's name, so that two labs on one machine do not meet.
        let middle = self.folder.as_os_str().as_encoded_bytes().iter();
        let middle = middle.fold(7_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte)) | 1;
        let network = (1..=240)
            .map(|last| [127, middle, last])
            .find(|network| !taken.contains(network) && *network != self.network)
            .context("no free network: `cargo xtask lab down` removes private labs")?;
        std::fs::create_dir_all(folder.join("tmp"))
            .with_context(|| format!("cannot make {}", folder.display()))?;
        std::fs::write(folder.join(NETWORK), format!("127.{middle}.{}", network[2]))?;
        Ok(PrivateLab { lab: self.reopen(&folder)? })
    }

    /// The private copies that exist, running or left behind.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn privates(&self) -> Result<Vec<Self>> {
        let folder = private_folder(&self.folder);
        if !folder.exists() {
            return Ok(Vec::new());
        }
        let mut privates = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let folder = entry?.path();
            if folder.join(NETWORK).exists() {
                privates.push(self.reopen(&folder)?);
            }
        }
        Ok(privates)
    }

    /// Stops everything of this lab: private copies (which are removed), forests, mail and PostgreSQL.
    ///
    /// # Errors
    /// When a process does not end.
    pub fn down(&self) -> Result<()> {
        for private in self.privates()? {
            remove(&private)?;
        }
        self.stop_all()
    }

    fn stop_all(&self) -> Result<()> {
        for forest in Forest::ALL {
            self.forest(forest)?.down()?;
        }
        self.mail()?.stop()?;
        self.openldap()?.stop()?;
        self.postgresql().stop()
    }

    fn reopen(&self, folder: &Path) -> Result<Self> {
        let network = std::fs::read_to_string(folder.join(NETWORK))
            .ok()
            .and_then(|text| parse_network(&text))
            .with_context(|| format!("{} is no private lab: remove it", folder.display()))?;
        Ok(Self { folder: folder.to_owned(), shared: Some(self.shared_folder().to_owned()), network })
    }
}

impl Deref for PrivateLab {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}

impl Drop for PrivateLab {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.lab) {
            eprintln!("a private lab stays in {}: {error:#}", self.lab.folder.display());
        }
    }
}

fn remove(lab: &Lab) -> Result<()> {
    lab.stop_all()?;
    crate::middlebox::remove(lab);
    crate::lone::remove(lab);
    std::fs::remove_dir_all(&lab.folder).with_context(|| format!("cannot remove {}", lab.folder.display()))
}

fn private_folder(folder: &Path) -> PathBuf {
    folder.join("private")
}
