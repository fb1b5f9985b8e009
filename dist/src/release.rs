//! Signing what is released: a key of whoever releases, kept apart from every server, and beside each package what it is, signed.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use ritorno_protocol::bytes::{Bytes, decode, encode};
use ritorno_protocol::key::SigningKey;
use ritorno_protocol::random::Random;
use ritorno_protocol::release::{Release, SUFFIX};
use ritorno_protocol::signed::Signed;
use sha2::{Digest as _, Sha256};

use crate::{Build, Package};

struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, out: &mut [u8]) {
        getrandom::fill(out).expect("the system's random source works");
    }
}

/// The key in the file; a new one if the file is not there.
///
/// # Errors
/// When the file can't be read or written, or holds no key.
pub fn open_or_make(file: &Path) -> Result<SigningKey> {
    let place = || format!("{}: the key that signs releases", file.display());
    if file.exists() {
        let text = std::fs::read_to_string(file).with_context(place)?;
        let bytes = decode(text.trim()).with_context(place)?;
        return SigningKey::from_bytes(&bytes).with_context(place);
    }
    let key = SigningKey::generate(&SystemRandom);
    let folder = file.parent().with_context(place)?;
    std::fs::create_dir_all(folder).with_context(place)?;
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    writeln!(made.with_context(place)?, "{}", encode(&key.to_bytes())).with_context(place)?;
    Ok(key)
}

/// The public half, as packages hold it: one line.
///
/// # Errors
/// Never, as keys always serialise.
pub fn public_text(key: &SigningKey) -> Result<String> {
    let text = serde_json::to_value(key.public())?;
    Ok(format!("{}\n", text.as_str().context("a key is written as text")?))
}

/// Writes beside a package what it is, signed.
///
/// # Errors
/// When the package can't be read, or the file not be written.
pub fn sign(package: Package, file: &Path, architecture: &str, build: Build<'_>) -> Result<()> {
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    let release = Release {
        package: package.name().to_owned(),
        version: build.version,
        architecture: architecture.to_owned(),
        size: u64::try_from(bytes.len())?,
        sha256: Bytes(Sha256::digest(&bytes).to_vec()),
    };
    let signed = serde_json::to_vec(&Signed::sign(&release, build.key))?;
    let mut place = file.as_os_str().to_owned();
    place.push(SUFFIX);
    std::fs::write(&place, signed).context("the signed release")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_is_its_owners_alone() {
        let folder = std::env::temp_dir().join(format!("ritorno-release-{}", std::process::id()));
        let file = folder.join("keys/release.key");
        let made = open_or_make(&file).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(open_or_make(&file).unwrap().public(), made.public());
        std::fs::write(&file, "nothing").unwrap();
        assert!(open_or_make(&file).is_err());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
