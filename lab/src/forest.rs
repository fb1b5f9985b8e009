//! A forest of the lab: what it is called, and how it is brought up, taken down and put back to its first state.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use base64::Engine as _;

use crate::Lab;
use crate::account::Account;
use crate::ca::CertificateAuthority;
use crate::crowd::Crowd;
use crate::dc;
use crate::host::Host;
use crate::kerberos::{Realm, kinit};
use crate::people::{Person, people};
use crate::progress::step;
use crate::provision::{provision, readdress, smb_conf};
use crate::root::{Release, ensure_root, require_root};

const ADMINISTRATOR_PASSWORD: &str = "Adm1n-Passw0rd!";
const SERVICE_PASSWORD: &str = "Svc-Ritorno-Passw0rd!1";

/// A forest that the lab knows how to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forest {
    /// `contoso.test` on Samba 4.24, functional level 2016: the main one.
    Contoso,
    /// `fabrikam.test` on Samba 4.17, functional level 2008 R2: its controller lacks the policy-hints control.
    Fabrikam,
}

impl Forest {
    /// All forests, the main one first.
    pub const ALL: [Self; 2] = [Self::Contoso, Self::Fabrikam];

    /// DNS name of the forest's one domain.
    #[must_use]
    pub const fn dns_domain(self) -> &'static str {
        match self {
            Self::Contoso => "contoso.test",
            Self::Fabrikam => "fabrikam.test",
        }
    }

    const fn netbios(self) -> &'static str {
        match self {
            Self::Contoso => "CONTOSO",
            Self::Fabrikam => "FABRIKAM",
        }
    }

    pub(crate) const fn release(self) -> Release {
        match self {
            Self::Contoso => Release::Samba424,
            Self::Fabrikam => Release::Samba417,
        }
    }

    const fn last_number(self) -> u8 {
        match self {
            Self::Contoso => 11,
            Self::Fabrikam => 12,
        }
    }

    pub(crate) fn level_2016(self) -> bool {
        self.release() == Release::Samba424
    }
}

/// A forest, with all that a test needs to know about it. The accessors are plain values; they are right whether it runs or not.
#[derive(Debug, Clone)]
pub struct ForestHandle {
    /// Which one.
    pub forest: Forest,
    /// Kerberos realm: `CONTOSO.TEST`.
    pub realm: String,
    /// DNS domain: `contoso.test`.
    pub dns_domain: String,
    /// NetBIOS name: `CONTOSO`.
    pub netbios: String,
    /// The domain's naming context: `DC=contoso,DC=test`.
    pub base_dn: String,
    /// The OU with all people in OUs below it.
    pub people_ou: String,
    /// Full name of the one domain controller, which is the PDC emulator: `dc1.contoso.test`.
    pub dc_host: String,
    /// Its address: LDAP 389, LDAPS 636, Kerberos 88, DNS 53.
    pub dc_ip: Ipv4Addr,
    /// `svc-ritorno`, with the rights that an administrator would delegate to it on `OU=People`, and no others.
    pub service_account: Account,
    /// The domain's administrator.
    pub administrator: Account,
    /// Everybody in `OU=People`.
    pub people: Vec<Person>,
    /// The lab's authority (PEM), which signed the controller's certificate.
    pub ca_pem: PathBuf,
    lab: Lab,
}

/// Whether a forest's controller runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It runs, with this process id.
    Running(i32),
    /// It was made and is stopped.
    Stopped,
    /// It has never been made in this lab.
    Absent,
}

impl Lab {
    /// A forest of this lab. Starts nothing.
    ///
    /// # Errors
    /// When the lab's certificate authority cannot be made.
    pub fn forest(&self, forest: Forest) -> Result<ForestHandle> {
        let dns_domain = forest.dns_domain();
        let base_dn: Vec<String> = dns_domain.split('.').map(|part| format!("DC={part}")).collect();
        let base_dn = base_dn.join(",");
        let account = |sam: &str, password: &str| Account {
            sam: sam.to_owned(),
            upn: format!("{sam}@{dns_domain}"),
            dn: format!("CN={sam},CN=Users,{base_dn}"),
            password: password.to_owned(),
        };
        Ok(ForestHandle {
            forest,
            realm: dns_domain.to_uppercase(),
            dns_domain: dns_domain.to_owned(),
            netbios: forest.netbios().to_owned(),
            people_ou: format!("OU=People,{base_dn}"),
            dc_host: format!("dc1.{dns_domain}"),
            dc_ip: self.address(forest.last_number()),
            service_account: account("svc-ritorno", SERVICE_PASSWORD),
            administrator: account("Administrator", ADMINISTRATOR_PASSWORD),
            people: people(dns_domain, &base_dn)?,
            ca_pem: self.authority()?.certificate_path(),
            base_dn,
            lab: self.clone(),
        })
    }
}

impl ForestHandle {
    /// Brings the forest up: makes it at the first call (about a minute), else starts what is there (about a second).
    ///
    /// # Errors
    /// Without root, without Debian's mirror at the first call, or when Samba does not start.
    pub fn up(&self) -> Result<()> {
        require_root()?;
        ensure_root(&self.lab, self.forest.release())?;
        let host = self.host();
        let _lock = self.lock()?;
        if dc::running(&host).is_none() {
            self.ensure_snapshot()?;
            if !host.state.join("address").exists() {
                self.unpack(&host)?;
            }
        }
        self.start(&host)
    }

    /// Stops the forest's controllers; what was changed in it stays.
    ///
    /// # Errors
    /// When their processes do not end.
    pub fn down(&self) -> Result<()> {
        let _lock = self.lock()?;
        for replica in self.replicas() {
            replica.stop()?;
        }
        dc::stop(&self.host())
    }

    /// Puts the forest back to what it was when it was made, with one controller, and starts it.
    ///
    /// # Errors
    /// As [`ForestHandle::up`].
    pub fn restore(&self) -> Result<()> {
        require_root()?;
        ensure_root(&self.lab, self.forest.release())?;
        let host = self.host();
        let _lock = self.lock()?;
        dc::stop(&host)?;
        self.ensure_snapshot()?;
        self.unpack(&host)?;
        self.start(&host)
    }

    /// Ends the controller at once, as a power cut would.
    ///
    /// # Errors
    /// When its processes do not end.
    pub fn kill_dc(&self) -> Result<()> {
        let _lock = self.lock()?;
        dc::kill_now(&self.host())
    }

    /// Stops the controller where it stands, or lets it go on: what it was sent meanwhile it does then.
    ///
    /// # Errors
    /// When its processes can't be listed.
    pub fn freeze_dc(&self, frozen: bool) -> Result<()> {
        dc::freeze(&self.host(), frozen)
    }

    /// Starts the controller of a forest that was made before, and waits until it answers.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_dc(&self) -> Result<()> {
        let _lock = self.lock()?;
        self.start(&self.host())
    }

    /// Restarts the controller without TLS, as one that nobody gave a certificate: it serves port 389 and not 636.
    ///
    /// # Errors
    /// When it does not start.
    pub fn take_tls_away(&self) -> Result<()> {
        let (_lock, host) = (self.lock()?, self.host());
        dc::stop(&host)?;
        let settings = smb_conf(self, &host, false).replacen("[global]\n", "[global]\ntls enabled = no\n", 1);
        host.write("etc/smb.conf", &settings)?;
        dc::start_without_tls(&host)
    }

    /// A keytab (MIT's format) with an account's key.
    ///
    /// # Errors
    /// When the controller has no such account.
    pub fn keytab(&self, sam: &str) -> Result<Vec<u8>> {
        let principal = format!("{sam}@{}", self.realm);
        let script = "set -e; file=$(mktemp -u); \
                      samba-tool domain exportkeytab \"$file\" --principal=\"$1\" >/dev/null; \
                      base64 -w0 \"$file\"; rm \"$file\"";
        let text = self.dc_exec(&["bash", "-c", script, "keytab", &principal])?;
        base64::engine::general_purpose::STANDARD.decode(text.trim()).context("no keytab came")
    }

    /// Whether the controller runs.
    #[must_use]
    pub fn state(&self) -> State {
        match dc::running(&self.host()) {
            Some(pid) => State::Running(pid.as_raw()),
            None if self.snapshot().exists() => State::Stopped,
            None => State::Absent,
        }
    }

    /// Whether Kerberos takes this password: `false` when the KDC says that it is wrong.
    ///
    /// # Errors
    /// When the KDC is not there, or refuses for another reason (disabled, locked, must change).
    pub fn kinit(&self, user: &str, password: &str) -> Result<bool> {
        let realm = Realm { name: &self.realm, kdc: self.dc_ip };
        kinit(&realm, user, password, &self.lab.scratch())
    }

    /// The person with this `sAMAccountName`.
    ///
    /// # Errors
    /// When the forest has nobody of that name.
    pub fn person(&self, sam: &str) -> Result<&Person> {
        self.people
            .iter()
            .find(|person| person.sam == sam)
            .with_context(|| format!("{} has no person `{sam}`", self.dns_domain))
    }

    /// Runs a command on the controller, as its root; returns its standard output.
    ///
    /// # Errors
    /// When the command fails; the message holds the end of what it wrote.
    pub fn dc_exec(&self, arguments: &[&str]) -> Result<String> {
        self.host().exec(arguments, b"")
    }

    /// What the controller has logged, a line for each sign-in among it.
    ///
    /// # Errors
    /// When the log can't be read.
    pub fn dc_log(&self) -> Result<String> {
        dc::read_log(&self.host())
    }

    /// Applies LDIF changes on the controller, as the system itself.
    ///
    /// # Errors
    /// When the directory refuses; nothing of a refused record is applied.
    pub fn modify(&self, ldif: &str) -> Result<()> {
        let database = "/var/lib/samba/private/sam.ldb";
        self.host().exec(&["ldbmodify", "-H", database], ldif.as_bytes())?;
        Ok(())
    }

    pub(crate) fn host(&self) -> Host {
        Host {
            name: "dc1".to_owned(),
            domain: self.dns_domain.clone(),
            address: self.dc_ip,
            root: self.forest.release().path(&self.lab),
            state: self.lab.folder().join("dc").join(&self.dns_domain),
        }
    }

    fn ensure_snapshot(&self) -> Result<()> {
        self.ensure_snapshot_with(None).map(drop)
    }

    /// Provisions the forest once for this lab and all its private copies; whether it was done now.
    pub(crate) fn ensure_snapshot_with(&self, crowd: Option<&Crowd>) -> Result<bool> {
        let _lock = self.lab.lock_shared(&format!("{}.snapshot", self.dns_domain))?;
        if self.snapshot().exists() {
            return Ok(false);
        }
        let fresh = Host {
            state: self.lab.shared_folder().join("dc").join(format!("{}.fresh", self.dns_domain)),
            ..self.host()
        };
        step(&format!("provisioning the forest {}", self.dns_domain), || {
            provision(self, &fresh, &self.lab.authority()?, crowd.is_some())
        })?;
        if let Some(crowd) = crowd {
            step(&format!("adding {} people", crowd.people), || crowd.add_at(&fresh))?;
        }
        dc::pack(&fresh, &self.snapshot())?;
        std::fs::remove_dir_all(&fresh.state).context("cannot remove the packed forest")?;
        Ok(true)
    }

    fn unpack(&self, host: &Host) -> Result<()> {
        // A controller that was joined to the forest's other life must not bring it back.
        for replica in self.replicas() {
            replica.remove()?;
        }
        dc::unpack(host, &self.snapshot())?;
        readdress(self, host, &self.lab.authority()?)
    }

    /// Prepares the controller for partners: it is restarted the first time.
    pub(crate) fn replicate(&self) -> Result<()> {
        let (host, wanted) = (self.host(), smb_conf(self, &self.host(), true));
        if std::fs::read_to_string(host.state.join("etc/smb.conf")).is_ok_and(|found| found == wanted) {
            return Ok(());
        }
        host.write("etc/smb.conf", &wanted)?;
        dc::stop(&host)?;
        self.start(&host)
    }

    pub(crate) fn authority(&self) -> Result<CertificateAuthority> {
        self.lab.authority()
    }

    fn start(&self, host: &Host) -> Result<()> {
        if dc::running(host).is_some() {
            return dc::start(host, &self.administrator, &self.ca_pem);
        }
        step(&format!("starting {}", host.fqdn()), || dc::start(host, &self.administrator, &self.ca_pem))
    }

    fn snapshot(&self) -> PathBuf {
        let folder = self.lab.shared_folder().join("snapshots");
        // The number grows with what a forest is made of, so that no test runs on one of an earlier version.
        folder.join(format!("{}.3.tar.gz", self.dns_domain))
    }

    pub(crate) fn lock(&self) -> Result<std::fs::File> {
        self.lab.lock(&self.dns_domain)
    }
}
