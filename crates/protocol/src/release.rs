//! A released package of the agent: who released it signs what it is. The key is another one than any of the cloud side's, and
//! came with the package that is installed, so that a cloud side which offers packages can make none.

use serde::{Deserialize, Serialize};

use crate::bytes::Bytes;
use crate::signed::Signable;

/// Largest package, in bytes. The agent's is about five million.
pub const MAXIMUM_PACKAGE: u64 = 64 * 1024 * 1024;
/// What follows the name of a package's file in that of its signed release.
pub const SUFFIX: &str = ".release";

/// What a package is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The package's name, such as `ritorno-agent`.
    pub package: String,
    /// Its version.
    pub version: Version,
    /// Debian's name of the machine that it is for, such as `amd64`.
    pub architecture: String,
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of the whole file.
    pub sha256: Bytes,
}

impl Signable for Release {
    const PURPOSE: &'static str = "release";
}

impl Release {
    /// The package's file name, as Debian has it.
    pub fn file_name(&self) -> String {
        format!("{}_{}_{}.deb", self.package, self.version, self.architecture)
    }
}

/// Major, minor and patch (semver.org). Nothing else names a release, so that of two it is plain which is later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(pub [u32; 3]);

/// The text is no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no version: it is three numbers, such as 1.2.3")]
pub struct NotAVersion;

impl std::str::FromStr for Version {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let number = |part: &str| -> Option<u32> {
            // One way of writing each: `+1` and `01` are none.
            let plain =
                part.bytes().all(|byte| byte.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
            if plain { part.parse().ok() } else { None }
        };
        let parts: Option<Vec<u32>> = text.split('.').map(number).collect();
        parts.and_then(|parts| parts.try_into().ok()).map(Self).ok_or(NotAVersion)
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

impl TryFrom<String> for Version {
    type Error = NotAVersion;

    fn try_from(text: String) -> Result<Self, NotAVersion> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_three_plain_numbers_in_their_order() {
        let version = |text: &str| text.parse::<Version>();
        assert!(version("1.10.0").unwrap() > version("1.9.9").unwrap());
        assert_eq!(version("0.1.0").unwrap().to_string(), "0.1.0");
        for bad in
            ["", "1", "1.2", "1.2.3.4", "1.2.x", "01.2.3", "+1.2.3", "1..3", "1.2.3-rc.1", "1.2.99999999999"]
        {
            assert_eq!(version(bad), Err(NotAVersion), "{bad}");
        }
    }
}
