//! The Debian packages that the lab needs, and how they get onto the machine.

use std::process::Command;

use anyhow::{Result, bail};

use crate::command::{capture, run};
use crate::progress::step;

/// What the machine is going to be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Forests only: `cargo xtask lab up`.
    Lab,
    /// `cargo xtask demo`, with its mail server and the headless browser of `--check`.
    Demo,
    /// `cargo xtask test`: the demo's, and PostgreSQL for the second store.
    Test,
}

// `libkrb5-dev` and `libclang-dev` are for building the agent: it is linked with the system's Kerberos.
const LAB: &[&str] = &["mmdebstrap", "debian-archive-keyring", "krb5-user", "ldap-utils"];
const DEMO: &[&str] = &[
    "mmdebstrap",
    "debian-archive-keyring",
    "krb5-user",
    "ldap-utils",
    "python3-aiosmtpd",
    "curl",
    "chromium",
    "libnss3-tools",
    "libkrb5-dev",
    "pkg-config",
    "libclang-dev",
];
const TEST: &[&str] = &[
    "mmdebstrap",
    "debian-archive-keyring",
    "krb5-user",
    "ldap-utils",
    "python3-aiosmtpd",
    "curl",
    "chromium",
    "libnss3-tools",
    "libkrb5-dev",
    "pkg-config",
    "libclang-dev",
    "openssl",
    "postgresql",
    "tinyproxy-bin",
    "slapd",
    "squid",
    "faketime",
    "systemd",
    "iproute2",
    "nftables",
    "procps",
];

/// The packages for a purpose. Samba itself is not among them: it lives in a Debian root of its own ([`crate::root`]).
#[must_use]
pub fn packages(purpose: Purpose) -> &'static [&'static str] {
    match purpose {
        Purpose::Lab => LAB,
        Purpose::Demo => DEMO,
        Purpose::Test => TEST,
    }
}

/// The packages of a purpose that this machine lacks.
///
/// # Errors
/// When `dpkg-query` cannot be run, so on anything but Debian and its kin.
pub fn missing(purpose: Purpose) -> Result<Vec<&'static str>> {
    let wanted = packages(purpose);
    // dpkg-query fails when it knows nothing of a package, and still lists the others.
    let listed = capture(
        Command::new("dpkg-query")
            .args(["--show", "--showformat=${Package} ${db:Status-Abbrev}\n"])
            .args(wanted),
        b"",
    )?;
    let installed = |name: &str| listed.stdout.lines().any(|line| line.trim_end() == format!("{name} ii"));
    Ok(wanted.iter().copied().filter(|name| !installed(name)).collect())
}

/// Installs what a purpose lacks, after listing it. Without root it names the one command to run and fails.
///
/// # Errors
/// When packages are missing and this is not root, or when apt-get fails.
pub fn ensure_packages(purpose: Purpose) -> Result<()> {
    let missing = missing(purpose)?;
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    let install = format!("apt-get install -y --no-install-recommends {list}");
    eprintln!("These Debian packages are missing: {list}");
    if !nix::unistd::geteuid().is_root() {
        bail!("run this once, then start again:\n    sudo {install}");
    }
    // Without an answer Debian would set up an OpenLDAP server of the machine's own and start it on port 389 of every address.
    let answers = b"slapd slapd/no_configuration boolean true\n";
    run(&mut Command::new("debconf-set-selections"), answers)?;
    step("refreshing the list of Debian packages", || run(apt().args(["update", "-qq"]), b""))?;
    step(&format!("installing {list}"), || {
        run(apt().args(["install", "-qq", "-y", "--no-install-recommends"]).args(&missing), b"")
    })?;
    Ok(())
}

fn apt() -> Command {
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    apt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_contains_the_one_before() {
        for (small, large) in [(Purpose::Lab, Purpose::Demo), (Purpose::Demo, Purpose::Test)] {
            assert!(packages(small).iter().all(|name| packages(large).contains(name)));
        }
    }

    #[test]
    fn what_runs_this_test_is_not_missing() {
        // The lab's other tests could not run without these.
        assert_eq!(missing(Purpose::Lab).unwrap(), Vec::<&str>::new());
    }
}
