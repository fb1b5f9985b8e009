//! The Debian roots that Samba's domain controllers run in, one for each release of Samba.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::Lab;
use crate::command::run;
use crate::packages::{Purpose, ensure_packages};
use crate::progress::step;

pub(crate) const MAKE_ROOT: &str = include_str!("../scripts/make-root.sh");

/// A release of Samba that the lab can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// 4.24 from Debian's trixie-backports: the first that knows the policy-hints control.
    Samba424,
    /// 4.17 of Debian bookworm: a controller without the policy-hints control.
    Samba417,
}

impl Release {
    const fn folder(self) -> &'static str {
        match self {
            Self::Samba424 => "root-424",
            Self::Samba417 => "root-417",
        }
    }

    /// Where the root of this release lies, whether it was made or not.
    #[must_use]
    pub fn path(self, lab: &Lab) -> PathBuf {
        lab.shared_folder().join(self.folder())
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Samba424 => "4.24",
            Self::Samba417 => "4.17",
        }
    }

    /// Debian's suite, and whether its backports hold the wanted release.
    const fn suite(self) -> (&'static str, &'static str) {
        match self {
            Self::Samba424 => ("trixie", "yes"),
            Self::Samba417 => ("bookworm", "no"),
        }
    }
}

/// The root with this release of Samba; made at the first call, which takes about half a minute and 300 MB.
///
/// # Errors
/// Without root, without the packages of [`Purpose::Lab`], or when Debian's mirror cannot be reached.
pub fn ensure_root(lab: &Lab, release: Release) -> Result<PathBuf> {
    let root = release.path(lab);
    let _lock = lab.lock_shared(release.folder())?;
    if root.exists() {
        return Ok(root);
    }
    require_root()?;
    ensure_packages(Purpose::Lab)?;
    let (suite, backports) = release.suite();
    step(&format!("making a Debian root with Samba {} (about half a minute)", release.label()), || {
        run(Command::new("bash").args(["-c", MAKE_ROOT, "make-root.sh", suite, backports]).arg(&root), b"")
    })?;
    Ok(root)
}

/// The lab mounts, changes root and serves ports below 1024.
///
/// # Errors
/// When this process is not root.
pub fn require_root() -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        bail!("the lab starts real domain controllers, which takes root: run the same command with sudo");
    }
    Ok(())
}
