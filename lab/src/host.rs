//! A host of the lab: where one domain controller's files lie and how a command is run as if on it.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::run;

const ENTER: &str = include_str!("../scripts/dc-enter.sh");

/// One host: a Debian root, a folder with its own state, a name and an address on the loopback network.
///
/// All hosts share the machine's network for now. A host with a network of its own is entered in [`Host::enter`]
/// and nowhere else.
#[derive(Debug, Clone)]
pub struct Host {
    /// Host name without domain: `dc1`.
    pub name: String,
    /// DNS domain: `contoso.test`.
    pub domain: String,
    /// Address on 127.0.0.0/8.
    pub address: Ipv4Addr,
    /// The Debian root it runs in.
    pub root: PathBuf,
    /// Its own files: `lib`, `run`, `cache`, `log` and `etc` stand at Samba's default paths.
    pub state: PathBuf,
}

impl Host {
    /// Fully qualified name: `dc1.contoso.test`.
    #[must_use]
    pub fn fqdn(&self) -> String {
        format!("{}.{}", self.name, self.domain)
    }

    /// Makes the folders, and the files of `/etc` that every host has of its own.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn prepare(&self) -> Result<()> {
        for folder in ["lib/private/tls", "lib/sysvol", "run", "cache", "log", "etc"] {
            let folder = self.state.join(folder);
            std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let (name, domain, address) = (&self.name, &self.domain, self.address);
        let realm = domain.to_uppercase();
        self.write("hosts", &format!("127.0.0.1 localhost\n{address} {name}.{domain} {name}\n"))?;
        self.write("resolv.conf", &format!("search {domain}\nnameserver {address}\noptions timeout:2\n"))?;
        self.write(
            "krb5.conf",
            &format!(
                "[libdefaults]\n default_realm = {realm}\n dns_lookup_realm = false\n dns_lookup_kdc = true\n \
                 rdns = false\n dns_canonicalize_hostname = false\n"
            ),
        )
    }

    /// Writes a file below the host's state.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: impl AsRef<Path>, content: &str) -> Result<()> {
        let path = self.state.join(path);
        std::fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))
    }

    /// A command line that runs `arguments` on this host, after the words of `before` (`setsid -f`, say).
    #[must_use]
    pub fn enter(&self, before: &[&str], arguments: &[&str]) -> Command {
        let mut words = before.iter().chain(&[
            "unshare",
            "--mount",
            "--uts",
            "--propagation",
            "private",
            "bash",
            "-c",
            ENTER,
            "dc-enter.sh",
        ]);
        let mut command = Command::new(words.next().copied().unwrap_or("unshare"));
        command.args(words).arg(&self.root).arg(&self.state).arg(&self.name).args(arguments);
        command
    }

    /// Runs a command on this host to its end; returns its standard output.
    ///
    /// # Errors
    /// When it fails; the message holds the end of what it wrote.
    pub fn exec(&self, arguments: &[&str], input: &[u8]) -> Result<String> {
        run(&mut self.enter(&[], arguments), input)
            .with_context(|| format!("on {}: {}", self.fqdn(), arguments.first().unwrap_or(&"")))
    }
}
