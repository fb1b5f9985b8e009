//! An OpenLDAP server with password policies, for what is no Active Directory: Debian's slapd, as a process of the lab's own.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::Lab;
use crate::account::Account;
use crate::command::{capture, run};
use crate::people::{Person, Trait, people};
use crate::process;
use crate::progress::{step, wait_until};

const SCRIPT: &str = include_str!("../scripts/openldap.sh");
const SETTINGS: &str = include_str!("../data/slapd.conf");
const START_LIMIT: Duration = Duration::from_secs(30);
const LAST_NUMBER: u8 = 41;
const DOMAIN: &str = "tailspin.test";
const BASE: &str = "dc=tailspin,dc=test";
const ADMINISTRATOR: &str = "Adm1n-Passw0rd!";

/// The OpenLDAP server of a lab: `tailspin.test`, with the same people as the forests.
#[derive(Debug, Clone)]
pub struct OpenLdap {
    /// Its name in a configuration: `tailspin.test`.
    pub name: &'static str,
    /// Where it is served, over LDAPS; its certificate is for the address.
    pub address: Ipv4Addr,
    /// The port of LDAPS. Not 636, since the server is not root.
    pub port: u16,
    /// `dc=tailspin,dc=test`.
    pub base_dn: &'static str,
    /// `ou=people,dc=tailspin,dc=test`.
    pub people_ou: String,
    /// DN of the default policy: length 8, 5 remembered, locked for 30 minutes after 10 wrong passwords, must change after a reset
    /// by somebody else.
    pub policy: String,
    /// DN of `strict`: length 14, minimum age one day.
    pub strict_policy: String,
    /// DN of the group of administrators.
    pub admins_group: String,
    /// The service account: it may write passwords, `pwdReset` and what locks, below the people, and read all but passwords.
    pub service_account: Account,
    /// Authority of its certificate.
    pub ca_pem: PathBuf,
    /// The people. The one with [`Trait::StrictPolicy`] is under `strict`, the one with [`Trait::Disabled`] is locked by an
    /// administrator, the one with [`Trait::DomainAdmin`] is in the group of administrators.
    pub people: Vec<Person>,
    lab: Lab,
}

impl Lab {
    /// The lab's OpenLDAP server. Starts nothing.
    ///
    /// # Errors
    /// When the lab's certificate authority cannot be made.
    pub fn openldap(&self) -> Result<OpenLdap> {
        let mut people = people(DOMAIN, BASE)?;
        let people_ou = format!("ou=people,{BASE}");
        for person in &mut people {
            person.dn = format!("uid={},ou={},{people_ou}", person.sam, person.unit);
        }
        let dn = format!("uid=svc-ritorno,ou=services,{BASE}");
        Ok(OpenLdap {
            name: DOMAIN,
            address: self.address(LAST_NUMBER),
            port: 1636,
            base_dn: BASE,
            people_ou,
            policy: format!("cn=default,ou=policies,{BASE}"),
            strict_policy: format!("cn=strict,ou=policies,{BASE}"),
            admins_group: format!("cn=admins,ou=groups,{BASE}"),
            service_account: Account {
                sam: "svc-ritorno".to_owned(),
                upn: format!("svc-ritorno@{DOMAIN}"),
                dn,
                password: "Svc-Ritorno-Passw0rd!1".to_owned(),
            },
            ca_pem: self.authority()?.certificate_path(),
            people,
            lab: self.clone(),
        })
    }
}

impl OpenLdap {
    /// Starts the server, unless it runs, and waits until it answers. It outlives this process.
    ///
    /// # Errors
    /// When Debian's `slapd` is missing, or the address is taken.
    pub fn start(&self) -> Result<()> {
        self.start_with(SETTINGS)
    }

    /// The same without the overlay that tells what changed (RFC 4533).
    ///
    /// # Errors
    /// As for [`OpenLdap::start`].
    pub fn start_without_synchronisation(&self) -> Result<()> {
        let lines = SETTINGS.lines().filter(|line| !line.contains("syncprov"));
        self.start_with(&lines.map(|line| format!("{line}\n")).collect::<String>())
    }

    fn start_with(&self, settings: &str) -> Result<()> {
        let _lock = self.lab.lock("openldap")?;
        if self.running().is_some() && self.accepts() {
            return Ok(());
        }
        let folder = self.folder();
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        step("starting OpenLDAP", || {
            let write = |name: &str, text: &str| {
                std::fs::write(folder.join(name), text).with_context(|| format!("cannot write {name}"))
            };
            write("slapd.conf", &settings.replace("ADMINISTRATOR", ADMINISTRATOR))?;
            write("people.ldif", &self.ldif())?;
            let (chain, key) = (folder.join("server.pem"), folder.join("server.key"));
            let names = ["ldap1.tailspin.test", "localhost"];
            self.lab.authority()?.issue(&names, &[self.address.into()])?.write(&chain, &key)?;
            let log = self.lab.folder().join("openldap.log");
            let mut words = vec!["--fork"];
            if nix::unistd::geteuid().is_root() {
                words.extend(["unshare", "--mount", "--propagation", "private"]);
            }
            words.extend(["bash", "-c", SCRIPT, "openldap.sh"]);
            let mut command = Command::new("setsid");
            command.args(words).arg(&folder).arg(self.url());
            process::start(&mut command, &log)?;
            let ready = wait_until(START_LIMIT, || Ok(self.running().is_some() && self.accepts()))?;
            if !ready {
                bail!("OpenLDAP does not start; its log ends:\n{}", process::log_tail(&log));
            }
            Ok(())
        })
    }

    /// Stops the server; what it holds stays.
    ///
    /// # Errors
    /// When its process does not end.
    pub fn stop(&self) -> Result<()> {
        let _lock = self.lab.lock("openldap")?;
        match self.running() {
            Some(pid) => process::stop_session(pid, Signal::SIGTERM),
            None => Ok(()),
        }
    }

    /// Whether the server runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running().is_some()
    }

    /// `ldaps://ADDRESS:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ldaps://{}:{}", self.address, self.port)
    }

    /// The person with this `uid`.
    ///
    /// # Errors
    /// When there is nobody of that name.
    pub fn person(&self, uid: &str) -> Result<&Person> {
        let found = self.people.iter().find(|person| person.sam == uid);
        found.with_context(|| format!("{DOMAIN} has no person `{uid}`"))
    }

    /// Applies LDIF changes as the server's own administrator, who stands above policies and access rules.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn modify(&self, ldif: &str) -> Result<()> {
        // Relaxed rules let the administrator write what the server maintains, such as the time of a failed sign-in.
        run(self.tool("ldapmodify").args(["-e", "relax"]), ldif.as_bytes()).map(drop)
    }

    /// Deletes an entry and everything below it. That it is not there is as good.
    ///
    /// # Errors
    /// When the tool can't be started.
    pub fn delete(&self, dn: &str) -> Result<()> {
        capture(self.tool("ldapdelete").args(["-r", dn]), b"").map(drop)
    }

    /// One entry with all its attributes, as LDIF.
    ///
    /// # Errors
    /// When it is not there.
    pub fn read(&self, dn: &str) -> Result<String> {
        let read = ["-LLL", "-o", "ldif-wrap=no", "-s", "base", "-b", dn, "*", "+"];
        run(self.tool("ldapsearch").args(read), b"")
    }

    /// Whether the server takes this password, by OpenLDAP's own client.
    ///
    /// # Errors
    /// When the tool can't be started.
    pub fn takes(&self, dn: &str, password: &str) -> Result<bool> {
        let mut command = self.client("ldapwhoami");
        command.args(["-D", dn, "-w", password]);
        Ok(capture(&mut command, b"")?.success)
    }

    /// What the server has logged: connections and operations.
    ///
    /// # Errors
    /// When the log can't be read.
    pub fn log(&self) -> Result<String> {
        let path = self.lab.folder().join("openldap.log");
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("LDAPTLS_CACERT", &self.ca_pem).args(["-x", "-H", &self.url()]);
        command
    }

    fn tool(&self, program: &str) -> Command {
        let mut command = self.client(program);
        command.args(["-D", &format!("cn=admin,{BASE}"), "-w", ADMINISTRATOR]);
        command
    }

    fn ldif(&self) -> String {
        let unit = |dn: &str| {
            let name = dn.split([',', '=']).nth(1).unwrap_or_default();
            format!("dn: {dn}\nobjectClass: organizationalUnit\nou: {name}\n\n")
        };
        let mut ldif = format!(
            "dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: tailspin\no: Tailspin\n\n"
        );
        for name in ["people", "services", "policies", "groups"] {
            ldif += &unit(&format!("ou={name},{BASE}"));
        }
        let mut units: Vec<&str> = self.people.iter().map(|person| person.unit.as_str()).collect();
        units.sort_unstable();
        units.dedup();
        for name in units {
            ldif += &unit(&format!("ou={name},{}", self.people_ou));
        }
        let policy = |dn: &str, length: u8, age: u32| {
            let name = dn.split([',', '=']).nth(1).unwrap_or_default();
            format!(
                "dn: {dn}\nobjectClass: device\nobjectClass: pwdPolicy\ncn: {name}\npwdAttribute: userPassword\n\
                 pwdMinLength: {length}\npwdCheckQuality: 2\npwdInHistory: 5\npwdMinAge: {age}\npwdLockout: TRUE\n\
                 pwdMaxFailure: 10\npwdFailureCountInterval: 1800\npwdLockoutDuration: 1800\npwdMustChange: TRUE\n\
                 pwdAllowUserChange: TRUE\n\n"
            )
        };
        ldif += &policy(&self.policy, 8, 0);
        ldif += &policy(&self.strict_policy, 14, 86_400);
        let service = &self.service_account;
        ldif += &format!(
            "dn: {}\nobjectClass: account\nobjectClass: simpleSecurityObject\nuid: {}\nuserPassword: {}\n\n",
            service.dn, service.sam, service.password
        );
        for person in &self.people {
            ldif += &format!(
                "dn: {}\nobjectClass: inetOrgPerson\nobjectClass: inetLocalMailRecipient\nuid: {}\ncn:: {}\nsn:: {}\n\
                 givenName:: {}\ndisplayName:: {}\nmail: {}\nmailRoutingAddress: {}\npreferredLanguage: {}\n\
                 departmentNumber: {}\nuserPassword: {}\npwdChangedTime: 20250101000000Z\n",
                person.dn,
                person.sam,
                base64(&person.display_name),
                base64(&person.surname),
                base64(&person.given_name),
                base64(&person.display_name),
                person.mail,
                person.alternate_mail,
                person.language,
                person.unit,
                person.password,
            );
            if person.traits.contains(&Trait::StrictPolicy) {
                ldif += &format!("pwdPolicySubentry: {}\n", self.strict_policy);
            }
            if person.traits.contains(&Trait::Disabled) {
                ldif += "pwdAccountLockedTime: 000001010000Z\n";
            }
            ldif.push('\n');
        }
        let admins = self.people.iter().filter(|person| person.traits.contains(&Trait::DomainAdmin));
        let members: String = admins.map(|person| format!("member: {}\n", person.dn)).collect();
        ldif + &format!("dn: {}\nobjectClass: groupOfNames\ncn: admins\n{members}\n", self.admins_group)
    }

    fn folder(&self) -> PathBuf {
        self.lab.folder().join("openldap")
    }

    fn running(&self) -> Option<Pid> {
        let folder = self.folder();
        let pid: i32 = std::fs::read_to_string(folder.join("slapd.pid")).ok()?.trim().parse().ok()?;
        // A number in a file can be another process's by now: ours works in this very folder.
        let seen = std::fs::metadata(format!("/proc/{pid}/cwd")).ok()?;
        let own = std::fs::metadata(&folder).ok()?;
        (seen.ino() == own.ino() && seen.dev() == own.dev()).then_some(Pid::from_raw(pid))
    }

    fn accepts(&self) -> bool {
        let address = SocketAddr::from((self.address, self.port));
        TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
            && self.takes(&self.service_account.dn, &self.service_account.password).unwrap_or(false)
    }
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
