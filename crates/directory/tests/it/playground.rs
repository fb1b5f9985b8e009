//! An OU of its own for each test, delegated to the service account like `OU=People`, outside of what other tests count.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_directory::{
    Directory, DirectoryError, ForestConfig, Identity, Person, ResetOptions, roots_from_pem_file,
};
use ritorno_lab::{Forest, ForestHandle, Lab};
use ritorno_protocol::clock::SystemClock;
use ritorno_protocol::outcome::{Done, Fault};
use ritorno_protocol::policy::Rule;
use ritorno_protocol::secret::Password;

const DATABASE: &str = "/var/lib/samba/private/sam.ldb";
const USER_CLASS: &str = "bf967aba-0de6-11d0-a285-00aa003049e2";

/// The password that everybody here starts with.
pub(crate) const INITIAL: &str = "Start-Passw0rd-1!";

pub(crate) fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

/// One test's OU. Removed with everything below it when dropped.
pub(crate) struct Playground {
    pub(crate) forest: ForestHandle,
    pub(crate) ou: String,
    name: String,
}

impl Playground {
    /// Brings the forest up and makes an empty OU.
    pub(crate) fn new(forest: Forest, name: &str) -> Self {
        let lab = Lab::open().expect("the lab opens");
        let forest = lab.forest(forest).expect("the forest is known");
        forest.up().expect("the forest comes up");
        let parent = format!("OU=Directory Tests,{}", forest.base_dn);
        let ou = format!("OU={name},{parent}");
        {
            let _lock =
                lab.lock(&format!("directory-tests-{}", forest.dns_domain)).expect("the lock is there");
            if forest.dc_exec(&["ldbsearch", "-H", DATABASE, "-s", "base", "-b", &parent, "ou"]).is_err() {
                forest
                    .modify(&add(&parent, &[("objectClass", "organizationalUnit")]))
                    .expect("the OU is made");
                delegate(&forest, &parent);
            }
        }
        let playground = Self { forest, ou, name: name.to_owned() };
        playground.remove();
        playground.forest.modify(&add(&playground.ou, &[("objectClass", "organizationalUnit")])).expect("OU");
        playground
    }

    /// A configuration as an administrator would write it.
    pub(crate) fn config(&self) -> ForestConfig {
        config(&self.forest)
    }

    pub(crate) fn directory(&self) -> Directory {
        Directory::new(self.config(), Arc::new(SystemClock)).expect("the configuration is good")
    }

    /// Adds a person with a CN as it is on the wire, and further attributes.
    pub(crate) fn add_named(&self, rdn: &str, sam: &str, extra: &[(&str, &str)]) {
        let quoted: Vec<u8> = format!("\"{INITIAL}\"").encode_utf16().flat_map(u16::to_le_bytes).collect();
        let dn = format!("CN={rdn},{}", self.ou);
        let upn = format!("{}@{}", self.account(sam), self.forest.dns_domain);
        let sam = self.account(sam);
        let mut attributes = vec![
            ("objectClass", "user"),
            ("sAMAccountName", sam.as_str()),
            ("userPrincipalName", upn.as_str()),
        ];
        if !extra.iter().any(|(name, _)| *name == "userAccountControl") {
            attributes.push(("userAccountControl", "512"));
        }
        attributes.extend_from_slice(extra);
        let mut ldif = add(&dn, &attributes);
        ldif.push_str(&format!("unicodePwd:: {}\n", STANDARD.encode(quoted)));
        self.forest.modify(&ldif).expect("the person is made");
    }

    /// Adds a plain person.
    pub(crate) fn add(&self, sam: &str, extra: &[(&str, &str)]) {
        self.add_named(sam, sam, extra);
    }

    /// `sAMAccountName`s are one space for the whole domain.
    pub(crate) fn account(&self, sam: &str) -> String {
        format!("{sam}.{}", self.name)
    }

    /// Replaces attributes of a person, as the system.
    pub(crate) fn set(&self, dn: &str, attribute: &str, value: &str) {
        let ldif =
            format!("{}changetype: modify\nreplace: {attribute}\n{attribute}: {value}\n", line("dn", dn));
        self.forest.modify(&ldif).expect("the system may write it");
    }

    pub(crate) async fn locate(&self, directory: &Directory, sam: &str) -> Person {
        directory.locate(&Identity::AccountName(self.account(sam))).await.expect("the person is there")
    }

    /// Kerberos takes the password.
    pub(crate) fn kinit(&self, sam: &str, password: &str) -> bool {
        self.forest.kinit(&self.account(sam), password).expect("the KDC answers")
    }

    /// Makes a PSO that applies to `person` and that only the system and administrators can read.
    pub(crate) fn pso(&self, dn: &str, person: &str) {
        // That it is not there is as good.
        let _ = self.forest.dc_exec(&["ldbdel", "-H", DATABASE, dn]);
        let never = i64::MIN.to_string();
        let attributes = [
            ("objectClass", "msDS-PasswordSettings"),
            ("msDS-PasswordSettingsPrecedence", "1"),
            ("msDS-PasswordReversibleEncryptionEnabled", "FALSE"),
            ("msDS-PasswordComplexityEnabled", "TRUE"),
            ("msDS-PasswordHistoryLength", "24"),
            ("msDS-MinimumPasswordLength", "20"),
            ("msDS-MinimumPasswordAge", "0"),
            ("msDS-MaximumPasswordAge", &never),
            ("msDS-LockoutThreshold", "0"),
            ("msDS-LockoutObservationWindow", "-18000000000"),
            ("msDS-LockoutDuration", "-18000000000"),
            ("msDS-PSOAppliesTo", person),
        ];
        self.forest.modify(&add(dn, &attributes)).expect("the PSO is made");
        let object = format!("--objectdn={dn}");
        let sddl = format!("--sddl=(D;;RPLC;;;{})", service_sid(&self.forest));
        self.forest
            .dc_exec(&["samba-tool", "dsacl", "set", &object, &sddl, "-H", DATABASE])
            .expect("the denial is taken");
    }

    fn remove(&self) {
        // That it is not there is as good.
        let _ = self.forest.dc_exec(&["ldbdel", "-H", DATABASE, "-r", &self.ou]);
    }
}

impl Drop for Playground {
    fn drop(&mut self) {
        self.remove();
    }
}

/// A configuration as an administrator would write it: the first controller pinned, the DNS of all that the lab may run.
pub(crate) fn config(forest: &ForestHandle) -> ForestConfig {
    let roots = roots_from_pem_file(&forest.ca_pem).expect("the lab's authority is PEM");
    let account = &forest.service_account;
    let mut config = ForestConfig::new(
        ritorno_protocol::ids::Forest(forest.dns_domain.clone()),
        vec![forest.dc_host.clone()],
        account.upn.clone(),
        Arc::new(password(&account.password)),
        Arc::new(roots),
    );
    config.dns_servers = vec![SocketAddr::from((forest.dc_ip, 53))];
    config
}

/// Adds a DNS record, as the administrator.
pub(crate) fn add_record(forest: &ForestHandle, zone: &str, name: &str, kind: &str, data: &str) {
    let server = forest.dc_ip.to_string();
    let user = format!("--username=administrator@{}", forest.realm);
    let password = format!("--password={}", forest.administrator.password);
    let add = ["samba-tool", "dns", "add", &server, zone, name, kind, data, &user, &password];
    forest.dc_exec(&add).expect("the record is taken");
}

/// The delegation that an administrator would make.
fn delegate(forest: &ForestHandle, ou: &str) {
    let sid = service_sid(forest);
    for entry in [
        format!("(OA;CIIO;CR;00299570-246d-11d0-a768-00aa006e0529;{USER_CLASS};{sid})"),
        format!("(OA;CIIO;RPWP;28630ebf-41d5-11d1-a9c1-0000f80367c1;{USER_CLASS};{sid})"),
        format!("(OA;CIIO;RPWP;bf967a0a-0de6-11d0-a285-00aa003049e2;{USER_CLASS};{sid})"),
    ] {
        let (object, sddl) = (format!("--objectdn={ou}"), format!("--sddl={entry}"));
        forest
            .dc_exec(&["samba-tool", "dsacl", "set", &object, &sddl, "-H", DATABASE])
            .expect("the delegation is taken");
    }
}

fn service_sid(forest: &ForestHandle) -> String {
    sid_of(forest, &forest.service_account.dn)
}

/// The SID of an account or a group.
pub(crate) fn sid_of(forest: &ForestHandle, dn: &str) -> String {
    let found = forest
        .dc_exec(&["ldbsearch", "-H", DATABASE, "-b", dn, "-s", "base", "objectSid"])
        .expect("the account is there");
    let sid = found.split("objectSid: ").nth(1).and_then(|rest| rest.lines().next());
    sid.expect("it has a SID").to_owned()
}

/// An LDIF line; values that LDIF can't carry plainly go as base64 (RFC 2849).
pub(crate) fn line(name: &str, value: &str) -> String {
    let plain = value.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && !value.starts_with([' ', ':', '<'])
        && !value.ends_with(' ');
    if plain { format!("{name}: {value}\n") } else { format!("{name}:: {}\n", STANDARD.encode(value)) }
}

fn add(dn: &str, attributes: &[(&str, &str)]) -> String {
    let attributes: String = attributes.iter().map(|(name, value)| line(name, value)).collect();
    format!("{}changetype: add\n{attributes}", line("dn", dn))
}

pub(crate) async fn reset(directory: &Directory, person: &Person, new: &str) -> Result<Done, DirectoryError> {
    directory.reset(person, &password(new), ResetOptions::default()).await
}

/// The rule of a refusal.
pub(crate) fn rule<T: std::fmt::Debug>(result: Result<T, DirectoryError>) -> Rule {
    match result {
        Err(DirectoryError::Refused { rule, .. }) => rule,
        other => panic!("not refused by a rule: {other:?}"),
    }
}

/// The fault of what was not applied.
pub(crate) fn fault<T: std::fmt::Debug>(result: Result<T, DirectoryError>) -> Fault {
    match result {
        Err(DirectoryError::NotApplied { fault, .. }) => fault,
        other => panic!("no fault: {other:?}"),
    }
}
