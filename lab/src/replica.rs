//! Further domain controllers of a forest: a second writable one, and a read-only one. Joined when a test asks for them, since most
//! don't need them and a join takes ten seconds.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::dc;
use crate::forest::{ForestHandle, State};
use crate::host::Host;
use crate::progress::{step, wait_until};
use crate::provision::{smb_conf, write_certificate};

const DATABASE: &str = "/var/lib/samba/private/sam.ldb";
/// Written when the join is complete: what is there without it is half made.
const JOINED: &str = "joined";
/// How long a change may take from one controller to the other; it usually takes two seconds.
const REPLICATION_LIMIT: Duration = Duration::from_secs(60);

/// What a further controller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Takes writes, and any role: `dc2`.
    Writable,
    /// A read-only domain controller: `rodc1`. Answers writes with a referral.
    ReadOnly,
}

/// A further controller of a forest.
#[derive(Debug, Clone)]
pub struct Replica {
    /// What it may do.
    pub kind: Kind,
    /// Full name: `dc2.contoso.test`.
    pub host: String,
    /// Its address.
    pub ip: Ipv4Addr,
    forest: ForestHandle,
}

impl ForestHandle {
    /// The forest's second writable controller. Starts nothing.
    #[must_use]
    pub fn second_dc(&self) -> Replica {
        self.replica(Kind::Writable)
    }

    /// The forest's read-only controller. Starts nothing.
    #[must_use]
    pub fn read_only_dc(&self) -> Replica {
        self.replica(Kind::ReadOnly)
    }

    /// All further controllers that the lab knows how to make.
    #[must_use]
    pub fn replicas(&self) -> [Replica; 2] {
        [self.second_dc(), self.read_only_dc()]
    }

    /// Moves the PDC emulator's role (back) to the first controller, with the consent of its holder.
    ///
    /// # Errors
    /// When the holder can't be reached or refuses.
    pub fn take_pdc_role(&self) -> Result<()> {
        take_role(&self.host(), self, "transfer")
    }

    /// Runs the tools that announce a controller's names for Kerberos, which Samba's own schedule does minutes later.
    fn announce(&self, host: &Host) -> Result<()> {
        host.exec(&["samba_spnupdate"], b"").map(|_| ())
    }

    /// The options with which Samba's tools sign in as the administrator.
    fn sign_in(&self) -> [String; 2] {
        let password = format!("--password={}", self.administrator.password);
        [format!("--username=administrator@{}", self.realm), password]
    }

    fn replica(&self, kind: Kind) -> Replica {
        let (name, offset) = match kind {
            Kind::Writable => ("dc2", 2),
            Kind::ReadOnly => ("rodc1", 4),
        };
        let [a, b, c, last] = self.dc_ip.octets();
        Replica {
            kind,
            host: format!("{name}.{}", self.dns_domain),
            ip: Ipv4Addr::new(a, b, c, last + offset),
            forest: self.clone(),
        }
    }
}

impl Replica {
    /// Brings the forest up, and this controller with it: joined at the first call (about 15 seconds), else started. Returns when it
    /// answers and, after a join, when changes have passed.
    ///
    /// # Errors
    /// As [`ForestHandle::up`]; when the join fails or nothing is replicated within a minute.
    pub fn up(&self) -> Result<()> {
        self.forest.up()?;
        let host = self.machine();
        let _lock = self.forest.lock()?;
        if host.state.join(JOINED).exists() {
            return self.run(&host);
        }
        step(&format!("joining {} to {}", self.host, self.forest.dns_domain), || {
            self.forest.replicate()?;
            self.join(&host)?;
            self.run(&host)?;
            // By itself the first one looks for new partners every 30 seconds.
            self.forest.host().exec(&["samba_kcc"], b"")?;
            self.wait_for_replication()?;
            host.write(JOINED, "")
        })
    }

    /// Stops it; what was changed in it stays.
    ///
    /// # Errors
    /// When its processes do not end.
    pub fn down(&self) -> Result<()> {
        let _lock = self.forest.lock()?;
        dc::stop(&self.machine())
    }

    /// Ends it at once, as a power cut would.
    ///
    /// # Errors
    /// When its processes do not end.
    pub fn kill(&self) -> Result<()> {
        let _lock = self.forest.lock()?;
        dc::kill_now(&self.machine())
    }

    /// Whether it runs.
    #[must_use]
    pub fn state(&self) -> State {
        match dc::running(&self.machine()) {
            Some(pid) => State::Running(pid.as_raw()),
            None if self.machine().state.join(JOINED).exists() => State::Stopped,
            None => State::Absent,
        }
    }

    /// Makes it the PDC emulator, with the consent of the role's holder.
    ///
    /// # Errors
    /// When the holder can't be reached or refuses.
    pub fn take_pdc_role(&self) -> Result<()> {
        take_role(&self.machine(), &self.forest, "transfer")
    }

    /// Makes it the PDC emulator although the role's holder is gone.
    ///
    /// # Errors
    /// When the directory refuses.
    pub fn seize_pdc_role(&self) -> Result<()> {
        take_role(&self.machine(), &self.forest, "seize")
    }

    /// Waits until a change made now at the first controller is here, and one made here is there; and with them all that was changed before.
    ///
    /// # Errors
    /// When nothing is replicated within a minute.
    pub fn wait_for_replication(&self) -> Result<()> {
        let (first, host) = (self.forest.host(), self.machine());
        let mut ways = vec![(&first, &host, "to")];
        if self.kind == Kind::Writable {
            ways.push((&host, &first, "from"));
        }
        for (source, target, word) in ways {
            let dn = &self.forest.service_account.dn;
            let read = ["ldbsearch", "-H", DATABASE, "-s", "base", "-b", dn, "comment"];
            let before = source.exec(&read, b"")?.matches('+').count();
            // One more sign than last time, so that an old mark is no answer.
            let mark = format!("replicated {word} {} {}", host.name, "+".repeat(before + 1));
            let ldif = format!("dn: {dn}\nchangetype: modify\nreplace: comment\ncomment: {mark}\n");
            source.exec(&["ldbmodify", "-H", DATABASE], ldif.as_bytes())?;
            let arrived = wait_until(REPLICATION_LIMIT, || Ok(target.exec(&read, b"")?.contains(&mark)))?;
            ensure!(arrived, "nothing is replicated {word} {}", self.host);
        }
        Ok(())
    }

    /// What it has logged since it was joined, a line for each sign-in among it.
    ///
    /// # Errors
    /// When the log can't be read.
    pub fn log(&self) -> Result<String> {
        dc::read_log(&self.machine())
    }

    /// Runs a command on it, as its root; returns its standard output.
    ///
    /// # Errors
    /// When the command fails; the message holds the end of what it wrote.
    pub fn exec(&self, arguments: &[&str]) -> Result<String> {
        self.machine().exec(arguments, b"")
    }

    /// Runs a command on it with `input` on its standard input; returns its standard output.
    ///
    /// # Errors
    /// When the command fails; the message holds the end of what it wrote.
    pub fn exec_with(&self, arguments: &[&str], input: &str) -> Result<String> {
        self.machine().exec(arguments, input.as_bytes())
    }

    /// Stops it and forgets it: the forest that it was joined to is no more.
    pub(crate) fn remove(&self) -> Result<()> {
        let host = self.machine();
        dc::stop(&host)?;
        if host.state.exists() {
            std::fs::remove_dir_all(&host.state)?;
        }
        Ok(())
    }

    pub(crate) fn stop(&self) -> Result<()> {
        dc::stop(&self.machine())
    }

    fn machine(&self) -> Host {
        let name = self.host.split('.').next().unwrap_or_default();
        let first = self.forest.host();
        let state = first.state.with_file_name(format!("{}.{name}", first.domain));
        Host { name: name.to_owned(), address: self.ip, state, ..first }
    }

    fn run(&self, host: &Host) -> Result<()> {
        // A read-only controller knows no administrator's password.
        let account = match self.kind {
            Kind::Writable => &self.forest.administrator,
            Kind::ReadOnly => &self.forest.service_account,
        };
        dc::start(host, account, &self.forest.ca_pem)
    }

    fn join(&self, host: &Host) -> Result<()> {
        let (forest, address) = (&self.forest, self.ip.to_string());
        self.remove()?;
        host.prepare()?;
        let resolver = |first: &str, second: &str| {
            let domain = &forest.dns_domain;
            format!("search {domain}\nnameserver {first}\nnameserver {second}\noptions timeout:2\n")
        };
        let first = forest.dc_ip.to_string();
        host.write("resolv.conf", &resolver(&first, &address))?;
        forest.announce(&forest.host())?;
        let role = if self.kind == Kind::Writable { "DC" } else { "RODC" };
        let mut arguments = vec![
            "samba-tool".to_owned(),
            "domain".to_owned(),
            "join".to_owned(),
            forest.dns_domain.clone(),
            role.to_owned(),
            "--use-kerberos=required".to_owned(),
            "--dns-backend=SAMBA_INTERNAL".to_owned(),
            format!("--option=netbios name={}", host.name),
            format!("--option=interfaces={address}/8"),
            "--option=bind interfaces only=yes".to_owned(),
            "--option=dns forwarder=".to_owned(),
        ];
        arguments.extend(forest.sign_in());
        if forest.forest.level_2016() {
            arguments.push("--option=ad dc functional level=2016".to_owned());
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        host.exec(&arguments, b"")?;
        host.write("resolv.conf", &resolver(&address, &first))?;
        std::fs::create_dir_all(host.state.join("lib/private/tls"))?;
        let names = [self.host.as_str(), forest.dns_domain.as_str()];
        write_certificate(host, &forest.authority()?, &names, &[IpAddr::V4(self.ip)])?;
        host.write("etc/smb.conf", &smb_conf(forest, host, true))?;
        // By itself Samba announces no loopback address, and its partner would never find it.
        let (server, own) = (format!("--rpc-server-ip={first}"), format!("--current-ip={address}"));
        let update = ["samba_dnsupdate", "--use-samba-tool", "--all-names", &server, &own];
        match self.kind {
            Kind::Writable => {
                host.exec(&update, b"")?;
                forest.announce(host)
            }
            Kind::ReadOnly => {
                // It may not write DNS records, but leaves behind which ones it wants; the join has announced its other names.
                let _ = host.exec(&update, b"");
                self.add_records(host)?;
                self.hand_over_the_service_password(host)
            }
        }
    }

    /// Lets the read-only controller hold the service account's password, so that the account can sign in there.
    fn hand_over_the_service_password(&self, host: &Host) -> Result<()> {
        let (forest, sam) = (&self.forest, self.forest.service_account.sam.as_str());
        let group = "Allowed RODC Password Replication Group";
        forest.host().exec(&["samba-tool", "group", "addmembers", group, sam], b"")?;
        let (server, [user, password]) = (format!("--server={}", forest.dc_host), forest.sign_in());
        host.exec(&["samba-tool", "rodc", "preload", sam, &server, &user, &password], b"").map(|_| ())
    }

    /// Adds the DNS records that `samba_dnsupdate` found missing, as the administrator.
    fn add_records(&self, host: &Host) -> Result<()> {
        let wanted = std::fs::read_to_string(host.state.join("lib/private/dns_update_cache"))?;
        let (domain, first) = (&self.forest.dns_domain, self.forest.dc_ip.to_string());
        let [user, password] = self.forest.sign_in();
        for line in wanted.lines() {
            let mut words = line.split(' ');
            let (Some(kind), Some(name)) = (words.next(), words.next()) else { continue };
            let data: Vec<&str> = words.collect();
            let data = match kind {
                // Priority 0, weight 100, as for the others.
                "SRV" => format!("{} 0 100", data.join(" ")),
                _ => data.join(" "),
            };
            let msdcs = format!("_msdcs.{domain}");
            let zone = if name.ends_with(&format!(".{msdcs}")) { &msdcs } else { domain };
            let short = name.strip_suffix(&format!(".{zone}")).unwrap_or("@");
            let add = ["samba-tool", "dns", "add", &first, zone, short, kind, &data, &user, &password];
            match self.forest.host().exec(&add, b"") {
                // A join that broke off had come so far.
                Err(error) if format!("{error:#}").contains("RECORD_ALREADY_EXISTS") => {}
                added => drop(added?),
            }
        }
        Ok(())
    }
}

fn take_role(host: &Host, forest: &ForestHandle, how: &str) -> Result<()> {
    let [user, password] = forest.sign_in();
    let mut arguments = vec!["samba-tool", "fsmo", how, "--role=pdc", &user, &password];
    if how == "seize" {
        arguments.push("--force");
    }
    host.exec(&arguments, b"").map(|_| ())
}
