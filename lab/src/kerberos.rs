//! Proof by Kerberos that a password is the one the directory knows.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::capture;

/// Where a realm's KDC is.
#[derive(Debug, Clone)]
pub struct Realm<'a> {
    /// Realm name, upper case.
    pub name: &'a str,
    /// Address of the KDC.
    pub kdc: std::net::Ipv4Addr,
}

/// Asks the KDC for a ticket with `kinit`, in a configuration and a ticket cache of its own below `scratch`.
/// `true`: granted. `false`: the KDC says that the password is wrong.
///
/// # Errors
/// When the KDC is not there, or refuses for another reason (disabled, locked, must change); the message is kinit's.
pub fn kinit(realm: &Realm<'_>, user: &str, password: &str, scratch: &Path) -> Result<bool> {
    let folder = tempfile_folder(scratch)?;
    let configuration = folder.join("krb5.conf");
    // A limit of 1 makes kinit use TCP, so that a KDC that is down is told at once.
    std::fs::write(
        &configuration,
        format!(
            "[libdefaults]\n default_realm = {name}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n rdns = false\n \
             dns_canonicalize_hostname = false\n udp_preference_limit = 1\n\
             [realms]\n {name} = {{\n  kdc = {kdc}\n }}\n",
            name = realm.name,
            kdc = realm.kdc,
        ),
    )?;
    let output = capture(
        Command::new("timeout")
            .args(["20", "kinit", "-E"])
            .arg(user)
            .env("LC_ALL", "C")
            .env("KRB5_CONFIG", &configuration)
            .env("KRB5CCNAME", format!("FILE:{}", folder.join("ccache").display())),
        format!("{password}\n").as_bytes(),
    );
    let _ = std::fs::remove_dir_all(&folder);
    let output = output?;
    if output.success {
        return Ok(true);
    }
    let wrong = ["Password incorrect", "Preauthentication failed"];
    if wrong.iter().any(|text| output.stderr.contains(text)) {
        return Ok(false);
    }
    bail!("kinit {user}: {}", output.stderr.trim());
}

/// A folder that no other call uses, not even in another process.
fn tempfile_folder(scratch: &Path) -> Result<std::path::PathBuf> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let folder =
        scratch.join(format!("kinit-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}
