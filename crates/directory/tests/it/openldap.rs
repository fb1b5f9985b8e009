//! The same operations with the same reasons at a real OpenLDAP server with password policies.

use std::sync::Arc;

use ritorno_directory::openldap::{Config, Identity, OpenLdap, Person};
use ritorno_directory::{PdcHealth, SignIn, roots_from_pem_file};
use ritorno_lab::{Lab, OpenLdap as Server};
use ritorno_protocol::clock::{Clock as _, SystemClock};
use ritorno_protocol::ids::{Forest, SourceAnchor};
use ritorno_protocol::outcome::{Done, Fault};
use ritorno_protocol::policy::{PolicySource, Rule, Vendor};

use crate::playground::{fault, password, rule};

/// The password that everybody here starts with.
pub(crate) const INITIAL: &str = "Start-Passw0rd-1!";

/// One test's unit, with people of its own. Removed when dropped.
pub(crate) struct Play {
    pub(crate) server: Server,
    ou: String,
    name: String,
}

impl Play {
    pub(crate) fn new(name: &str) -> Self {
        Self::at(&Lab::open().unwrap(), name)
    }

    /// The same in another lab.
    pub(crate) fn at(lab: &Lab, name: &str) -> Self {
        let server = lab.openldap().unwrap();
        server.start().unwrap();
        let ou = format!("ou={name},{}", server.people_ou);
        server.delete(&ou).unwrap();
        let ldif = format!("dn: {ou}\nchangetype: add\nobjectClass: organizationalUnit\n");
        server.modify(&ldif).unwrap();
        Self { server, ou, name: name.to_owned() }
    }

    pub(crate) fn dn(&self, uid: &str) -> String {
        format!("uid={uid}.{},{}", self.name, self.ou)
    }

    /// Adds a person, with further lines of LDIF.
    pub(crate) fn add(&self, uid: &str, extra: &str) {
        let ldif = format!(
            "dn: {}\nchangetype: add\nobjectClass: inetOrgPerson\ncn: {uid}\nsn: {uid}\nuserPassword: {INITIAL}\n{extra}",
            self.dn(uid)
        );
        self.server.modify(&ldif).unwrap();
    }

    /// Replaces an attribute, as the server's administrator.
    fn set(&self, uid: &str, attribute: &str, value: &str) {
        let dn = self.dn(uid);
        self.server
            .modify(&format!("dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n"))
            .unwrap();
    }

    /// A policy of its own, held by `uid`.
    fn policy(&self, uid: &str, lines: &str) {
        let dn = format!("cn={uid}.{},ou=policies,{}", self.name, self.server.base_dn);
        self.server.delete(&dn).unwrap();
        let ldif = format!(
            "dn: {dn}\nchangetype: add\nobjectClass: device\nobjectClass: pwdPolicy\npwdAttribute: userPassword\n{lines}"
        );
        self.server.modify(&ldif).unwrap();
        self.set(uid, "pwdPolicySubentry", &dn);
    }

    pub(crate) fn config(&self) -> Config {
        let account = &self.server.service_account;
        Config {
            name: Forest(self.server.name.to_owned()),
            hosts: vec![self.server.address.to_string()],
            port: self.server.port,
            dns_servers: Vec::new(),
            account: account.dn.clone(),
            password: Arc::new(password(&account.password)),
            roots: Arc::new(roots_from_pem_file(&self.server.ca_pem).unwrap()),
            bases: vec![self.server.people_ou.clone()],
            groups: Vec::new(),
            login: "uid".to_owned(),
            policy: Some(self.server.policy.clone()),
            protected_groups: Vec::new(),
            timeout: std::time::Duration::from_secs(10),
            one_server_per_host: false,
            page: 500,
        }
    }

    fn directory(&self) -> OpenLdap {
        OpenLdap::new(self.config(), Arc::new(SystemClock)).unwrap()
    }

    pub(crate) async fn locate(&self, directory: &OpenLdap, uid: &str) -> Person {
        directory.locate(&Identity::Uid(format!("{uid}.{}", self.name))).await.unwrap()
    }

    pub(crate) fn takes(&self, uid: &str, password: &str) -> bool {
        self.server.takes(&self.dn(uid), password).unwrap()
    }
}

impl Drop for Play {
    fn drop(&mut self) {
        // Left behind, it is removed by the next run.
        let _ = self.server.delete(&self.ou);
    }
}

async fn reset(
    directory: &OpenLdap,
    person: &Person,
    new: &str,
) -> Result<Done, ritorno_directory::DirectoryError> {
    directory.reset(person, &password(new), false).await
}

#[tokio::test]
async fn a_reset_password_is_the_only_one_that_works() {
    let play = Play::new("reset");
    play.add("ada", "displayName: Ada Lovelace\npwdChangedTime: 20250101000000Z\n");
    let directory = play.directory();
    let person = play.locate(&directory, "ada").await;
    assert_eq!(person.display_name, "Ada Lovelace");
    assert_eq!(directory.judge(&person).await, Ok(()));
    // The lab's server provides content synchronisation, as one that others replicate from does: only the configuration can say
    // that it is one server behind its name.
    assert_eq!(person.database, None, "another server may take part");
    let alone = Config { one_server_per_host: true, ..play.config() };
    let alone = OpenLdap::new(alone, Arc::new(SystemClock)).unwrap();
    let seen = play.locate(&alone, "ada").await;
    assert_eq!(seen.database, Some(play.server.address.to_string()), "no other server takes part");
    let now = SystemClock.now();
    assert_eq!(person.password_version(now).map(|at| at.unix_ms()), Some(1_735_689_600_000));

    let done = reset(&directory, &person, "Entirely-New-7!").await.unwrap();
    assert!(done.unlocked && !done.must_change && done.history_enforced);
    assert_eq!(done.operator.dc, Some(play.server.address.to_string()));
    assert!(play.takes("ada", "Entirely-New-7!"));
    assert!(!play.takes("ada", INITIAL));
    let after = play.locate(&directory, "ada").await;
    assert_eq!(
        after.password_version(SystemClock.now()),
        None,
        "written a moment ago: a second tells nothing"
    );
    let later = SystemClock.now().plus(std::time::Duration::from_secs(11));
    assert!(after.password_version(later) > person.password_version(now));

    // To be changed at the next sign-in, if that is wanted.
    let done = directory.reset(&person, &password("Entirely-New-8!"), true).await.unwrap();
    assert!(done.must_change, "{done:?}");
    let again = play.locate(&directory, "ada").await;
    assert!(directory.state(&again).await.unwrap().must_change);
    assert_eq!(directory.verify(&again, &password("Entirely-New-8!")).await, Ok(SignIn::MustChange));
    let done = directory.change(&again, &password("Entirely-New-8!"), &password("Entirely-New-9!")).await;
    assert!(done.unwrap().unlocked);
    let changed = play.locate(&directory, "ada").await;
    assert!(!directory.state(&changed).await.unwrap().must_change);
    assert_eq!(directory.verify(&changed, &password("Entirely-New-9!")).await, Ok(SignIn::Accepted));
}

#[tokio::test]
async fn each_rule_is_named() {
    let play = Play::new("rules");
    play.add("ada", "");
    play.add("slow", "");
    play.add("long", "");
    play.add("free", "");
    play.add("fixed", "");
    let directory = play.directory();
    let ada = play.locate(&directory, "ada").await;
    let policy = directory.effective_policy(&ada).await.unwrap();
    assert_eq!((&policy.source, policy.vendor), (&PolicySource::Domain, Vendor::OpenLdap));
    assert_eq!((policy.minimum_length, policy.history, policy.complexity), (8, 5, false));
    assert_eq!(rule(reset(&directory, &ada, "Ab1!").await), Rule::MinimumLength { minimum: 8 });
    let remembered = Some(5);
    assert_eq!(rule(reset(&directory, &ada, INITIAL).await), Rule::History { remembered });
    assert!(play.takes("ada", INITIAL), "refused ones changed nothing");
    reset(&directory, &ada, "Entirely-New-7!").await.unwrap();
    assert_eq!(rule(reset(&directory, &ada, INITIAL).await), Rule::History { remembered });
    assert_eq!(
        rule(directory.change(&ada, &password("Entirely-New-7!"), &password("Ab1!")).await),
        Rule::MinimumLength { minimum: 8 }
    );

    play.set("slow", "pwdPolicySubentry", &play.server.strict_policy);
    let slow = play.locate(&directory, "slow").await;
    reset(&directory, &slow, "Entirely-New-Passw0rd-7!").await.unwrap();
    let slow = play.locate(&directory, "slow").await;
    let policy = directory.effective_policy(&slow).await.unwrap();
    assert_eq!(policy.source, PolicySource::Pso { name: "strict".into() });
    assert!(policy.not_before.is_some());
    let young = rule(reset(&directory, &slow, "Entirely-New-Passw0rd-8!").await);
    assert_eq!(young, Rule::MinimumAge { not_before: policy.not_before });
    assert!(policy.first_broken("Entirely-New-Passw0rd-8!", SystemClock.now()).is_some(), "said in advance");

    play.policy("long", "pwdCheckQuality: 2\npwdMinLength: 4\npwdMaxLength: 20\n");
    let long = play.locate(&directory, "long").await;
    assert_eq!(rule(reset(&directory, &long, &"x".repeat(21)).await), Rule::MaximumLength { maximum: 20 });
    reset(&directory, &long, &"x".repeat(20)).await.unwrap();

    // A length without the quality check is none.
    play.policy("free", "pwdCheckQuality: 0\npwdMinLength: 8\n");
    let free = play.locate(&directory, "free").await;
    assert_eq!(directory.effective_policy(&free).await.unwrap().minimum_length, 0);
    reset(&directory, &free, "abc").await.unwrap();

    // Neither a person nor the agent may write, and the policy says so.
    play.policy("fixed", "pwdAllowUserChange: FALSE\n");
    let fixed = play.locate(&directory, "fixed").await;
    let refused = directory.change(&fixed, &password(INITIAL), &password("Entirely-New-7!")).await;
    assert_eq!(fault(refused), Fault::NoPermission);
    play.policy("fixed", "pwdSafeModify: TRUE\n");
    let fixed = play.locate(&directory, "fixed").await;
    assert_eq!(fault(reset(&directory, &fixed, "Entirely-New-7!").await), Fault::NoPermission);
    let changed = directory.change(&fixed, &password(INITIAL), &password("Entirely-New-7!")).await;
    assert!(changed.is_ok(), "with the old one it may: {changed:?}");
}

/// Lengths count bytes. Every password that is generated here gets the same verdict by the same rule.
#[tokio::test]
async fn evaluator_and_server_agree() {
    let play = Play::new("evaluator");
    play.add("ada", "");
    let directory = play.directory();
    let person = play.locate(&directory, "ada").await;
    let policy = directory.effective_policy(&person).await.unwrap();
    let (mut taken, mut compared, mut disagreements) = (0, 0, Vec::new());
    for letter in ["a", "é", "字", "🦀", "\u{7f}", "e\u{301}"] {
        for count in 1..=9 {
            let candidate = format!("{}{count}", letter.repeat(count));
            let ours = policy.first_broken(&candidate, SystemClock.now());
            let theirs = match reset(&directory, &person, &candidate).await {
                Ok(_) => None,
                Err(ritorno_directory::DirectoryError::Refused { rule, .. }) => Some(rule),
                Err(error) => panic!("{candidate:?}: {error}"),
            };
            taken += usize::from(theirs.is_none());
            compared += 1;
            if ours != theirs {
                disagreements.push((candidate, ours, theirs));
            }
        }
    }
    assert_eq!(disagreements, [], "{} of {compared}", disagreements.len());
    assert!(taken > 10 && taken < compared - 10, "{taken} of {compared}");
}

#[tokio::test]
async fn each_state_of_an_account_has_its_answer() {
    let play = Play::new("states");
    for uid in ["plain", "disabled", "locked", "change", "old", "gone"] {
        play.add(uid, "");
    }
    let directory = play.directory();
    play.set("disabled", "pwdAccountLockedTime", "000001010000Z");
    for _ in 0..10 {
        assert!(!play.takes("locked", "wrong"));
    }
    play.set("change", "pwdReset", "TRUE");
    play.policy("old", "pwdMaxAge: 60\npwdGraceAuthNLimit: 0\n");
    play.set("old", "pwdChangedTime", "20250101000000Z");
    play.set("gone", "pwdEndTime", "20250101000000Z");
    for (uid, right, wrong) in [
        ("plain", SignIn::Accepted, SignIn::WrongPassword),
        ("disabled", SignIn::Disabled, SignIn::Disabled),
        ("locked", SignIn::Locked, SignIn::Locked),
        ("change", SignIn::MustChange, SignIn::WrongPassword),
        ("old", SignIn::PasswordExpired, SignIn::WrongPassword),
        ("gone", SignIn::Disabled, SignIn::Disabled),
    ] {
        let person = play.locate(&directory, uid).await;
        assert_eq!(directory.verify(&person, &password(INITIAL)).await, Ok(right), "{uid}");
        assert_eq!(directory.verify(&person, &password("wrong")).await, Ok(wrong), "{uid} with a wrong one");
        let state = directory.state(&person).await.unwrap();
        assert_eq!(state.disabled, ["disabled", "gone"].contains(&uid), "{uid}");
        assert_eq!(person.is_disabled(SystemClock.now()), state.disabled);
        assert_eq!(state.locked, uid == "locked", "{uid}");
        assert_eq!(state.locked_until.is_some(), uid == "locked", "{uid}");
        assert_eq!(state.must_change, uid == "change", "{uid}");
        assert_eq!(state.password_expired, uid == "old", "{uid}");
        // What the server itself does with the right password.
        assert_eq!(play.takes(uid, INITIAL), ["plain", "change"].contains(&uid), "{uid}");
    }
    let plain = play.locate(&directory, "plain").await;
    assert_eq!(directory.verify(&plain, &password("")).await, Ok(SignIn::WrongPassword));

    // Whoever must change, or whose password has expired, can: it is proved, and replaced.
    for uid in ["change", "old"] {
        let person = play.locate(&directory, uid).await;
        directory.change(&person, &password(INITIAL), &password("Entirely-New-7!")).await.unwrap();
        assert!(play.takes(uid, "Entirely-New-7!"), "{uid}");
    }
    let change =
        async |person: &Person| directory.change(person, &password(INITIAL), &password("Other-New-7!")).await;
    assert_eq!(fault(change(&play.locate(&directory, "disabled").await).await), Fault::AccountDisabled);
    let locked = play.locate(&directory, "locked").await;
    assert_eq!(fault(change(&locked).await), Fault::AccountLocked);

    // Unlock: the password stays, and the wrong ones are forgotten.
    assert!(directory.unlock(&locked).await.unwrap().unlocked);
    let locked = play.locate(&directory, "locked").await;
    let state = directory.state(&locked).await.unwrap();
    assert_eq!((state.locked, state.bad_password_count), (false, 0));
    assert!(play.takes("locked", INITIAL));
    assert!(directory.unlock(&locked).await.unwrap().unlocked, "once more, and there is no lock");
    // And a reset unlocks.
    for _ in 0..10 {
        assert!(!play.takes("locked", "wrong"));
    }
    let locked = play.locate(&directory, "locked").await;
    assert!(directory.state(&locked).await.unwrap().locked);
    assert!(reset(&directory, &locked, "Entirely-New-7!").await.unwrap().unlocked);
    assert!(play.takes("locked", "Entirely-New-7!"));
}

#[tokio::test]
async fn a_stream_of_wrong_attempts_never_locks() {
    let play = Play::new("hammer");
    play.add("ada", "");
    let directory = play.directory();
    let person = play.locate(&directory, "ada").await;
    let attempts: Vec<_> = (0..16)
        .map(|number| {
            let (directory, person) = (directory.clone(), person.clone());
            tokio::spawn(async move {
                let wrong = password("wrong");
                if number % 2 == 0 {
                    return directory.verify(&person, &wrong).await == Ok(SignIn::WrongPassword);
                }
                match directory.change(&person, &wrong, &password("Entirely-New-7!")).await {
                    Err(ritorno_directory::DirectoryError::NotApplied { fault, .. }) => {
                        fault == Fault::WrongOldPassword
                    }
                    other => panic!("{other:?}"),
                }
            })
        })
        .collect();
    let mut tried = 0;
    for attempt in attempts {
        tried += usize::from(attempt.await.unwrap());
    }
    // The policy locks at 10.
    assert_eq!(tried, 8);
    let person = play.locate(&directory, "ada").await;
    let state = directory.state(&person).await.unwrap();
    assert_eq!((state.locked, state.bad_password_count), (false, 8));
    assert_eq!(directory.verify(&person, &password(INITIAL)).await, Ok(SignIn::TooCloseToLockout));
    assert!(play.takes("ada", INITIAL));
}

/// As at Active Directory: the agent's own wrong password is tried once, not by each probe.
#[tokio::test]
async fn the_own_password_is_not_tried_again_once_it_was_refused() {
    let play = Play::new("own");
    play.add("svc", "");
    let mut config = play.config();
    let file = std::env::temp_dir().join(format!("ritorno-own-openldap-{}", std::process::id()));
    std::fs::write(&file, "wrong").unwrap();
    config.account = play.dn("svc");
    config.password = Arc::new(ritorno_directory::PasswordFile(file.clone()));
    config.hosts.push("localhost".to_owned());
    let directory = OpenLdap::new(config, Arc::new(SystemClock)).unwrap();
    for _ in 0..30 {
        let PdcHealth::Unreachable { reason, .. } = directory.health().await else { panic!("signed in") };
        assert!(reason.contains("can't sign in") && reason.contains("is not tried again"), "{reason}");
    }
    let sure = play.directory();
    let svc = play.locate(&sure, "svc").await;
    assert_eq!(sure.state(&svc).await.unwrap().bad_password_count, 1);
    std::fs::write(&file, INITIAL).unwrap();
    let PdcHealth::Unreachable { reason, .. } = directory.health().await else { panic!("it reads nobody") };
    assert!(!reason.contains("can't sign in"), "signed in, and may read nothing: {reason}");
    let _ = std::fs::remove_file(&file);
}

#[tokio::test]
async fn one_anchor_is_one_person_and_protected_ones_are_refused() {
    let play = Play::new("judge");
    play.add("ada", "");
    play.add("nested", "");
    let mut config = play.config();
    let admins = format!("cn=admins,ou=groups,{}", play.server.base_dn);
    config.protected_groups = vec![admins.clone()];
    let directory = OpenLdap::new(config.clone(), Arc::new(SystemClock)).unwrap();
    let ada = play.locate(&directory, "ada").await;
    let by = |anchor: SourceAnchor, guid: &[u8]| Identity::Authorised { anchor, object_guid: guid.to_vec() };
    let guid = ada.object_guid();
    assert_eq!(directory.locate(&by(ada.anchor(), &guid)).await.as_ref(), Ok(&ada));
    let nested = play.locate(&directory, "nested").await;
    assert_eq!(fault(directory.locate(&by(nested.anchor(), &guid)).await), Fault::IdentityMismatch);
    assert_eq!(fault(directory.locate(&by(ada.anchor(), &[1])).await), Fault::NotFound);
    for nobody in ["nobody", "*", "ada*", ")(uid=*", ""] {
        let found = directory.locate(&Identity::Uid(nobody.into())).await;
        assert_eq!(fault(found), Fault::NotFound, "{nobody}");
    }

    assert_eq!(directory.judge(&ada).await, Ok(()));
    assert_eq!(directory.judge(&nested).await, Ok(()));
    let inner = format!("cn=inner.judge,ou=groups,{}", play.server.base_dn);
    play.server.delete(&inner).unwrap();
    let group = format!(
        "dn: {inner}\nchangetype: add\nobjectClass: groupOfNames\nmember: {}\n\ndn: {admins}\nchangetype: modify\nadd: member\nmember: {inner}\n",
        nested.dn
    );
    play.server.modify(&group).unwrap();
    assert_eq!(fault(directory.judge(&nested).await), Fault::Protected);
    play.server
        .modify(&format!("dn: {admins}\nchangetype: modify\ndelete: member\nmember: {inner}\n\ndn: {inner}\nchangetype: delete\n"))
        .unwrap();
    assert_eq!(directory.judge(&nested).await, Ok(()));
    let admin =
        play.server.people.iter().find(|person| person.traits.contains(&ritorno_lab::Trait::DomainAdmin));
    let admin = directory.locate(&Identity::Uid(admin.unwrap().sam.clone())).await.unwrap();
    assert_eq!(fault(directory.judge(&admin).await), Fault::Protected);
    config.protected_groups.push(format!("cn=none,ou=groups,{}", play.server.base_dn));
    let blind = OpenLdap::new(config.clone(), Arc::new(SystemClock)).unwrap();
    assert_eq!(fault(blind.judge(&ada).await), Fault::NoPermission);

    config.protected_groups.clear();
    config.bases = vec![format!("ou=services,{}", play.server.base_dn)];
    let elsewhere = OpenLdap::new(config.clone(), Arc::new(SystemClock)).unwrap();
    assert_eq!(fault(elsewhere.judge(&ada).await), Fault::OutOfScope);
    config.account = ada.dn.clone();
    config.bases = vec![play.ou.clone()];
    let itself = OpenLdap::new(config, Arc::new(SystemClock)).unwrap();
    assert_eq!(fault(itself.judge(&ada).await), Fault::Protected);
}

#[tokio::test]
async fn what_cannot_be_reached_or_may_not_be_written_is_told() {
    let play = Play::new("reach");
    play.add("ada", "");
    let directory = play.directory();
    let ada = play.locate(&directory, "ada").await;
    let address = play.server.address.to_string();
    assert!(matches!(directory.health().await, PdcHealth::Reachable { dc, .. } if dc == address));

    // A first host that is gone: the second one is used, and no credential meets a port where nobody listens.
    let mut config = play.config();
    config.hosts.insert(0, "127.0.0.254".to_owned());
    let second = OpenLdap::new(config.clone(), Arc::new(SystemClock)).unwrap();
    assert!(matches!(second.health().await, PdcHealth::Reachable { dc, .. } if dc == address));
    config.hosts.truncate(1);
    let none = OpenLdap::new(config, Arc::new(SystemClock)).unwrap();
    assert_eq!(
        fault(none.locate(&Identity::Uid("ada".into())).await),
        Fault::PdcUnreachable { name: "127.0.0.254".into() }
    );
    let PdcHealth::Unreachable { name, .. } = none.health().await else { panic!("nobody is there") };
    assert_eq!(name, "127.0.0.254");

    // Without the right, and with a wrong password of our own.
    let mut config = play.config();
    config.account = ada.dn.clone();
    config.password = Arc::new(password(INITIAL));
    let weak = OpenLdap::new(config.clone(), Arc::new(SystemClock)).unwrap();
    let mut other = ada.clone();
    other.dn = play.server.people[1].dn.clone();
    assert_eq!(fault(reset(&weak, &other, "Entirely-New-7!").await), Fault::NoPermission);
    config.password = Arc::new(password("wrong"));
    let wrong = OpenLdap::new(config, Arc::new(SystemClock)).unwrap();
    let refused = wrong.locate(&Identity::Uid("ada".into())).await;
    assert_eq!(refused.as_ref().unwrap_err().operator().ldap_code, Some(49));
    assert_eq!(fault(refused), Fault::DirectoryUnavailable);
    // An entry that is gone since it was located.
    play.server.delete(&ada.dn).unwrap();
    assert_eq!(fault(reset(&directory, &ada, "Entirely-New-7!").await), Fault::NotFound);
}

/// An account above the rules: the outcome says that they were not enforced.
#[tokio::test]
async fn an_administrator_as_service_account_shows() {
    let play = Play::new("manager");
    play.add("ada", "");
    let mut config = play.config();
    config.account = format!("cn=admin,{}", play.server.base_dn);
    config.password = Arc::new(password("Adm1n-Passw0rd!"));
    let directory = OpenLdap::new(config, Arc::new(SystemClock)).unwrap();
    let ada = play.locate(&directory, "ada").await;
    let done = reset(&directory, &ada, "abc").await.unwrap();
    assert!(!done.history_enforced && !done.must_change, "{done:?}");
    assert!(play.takes("ada", "abc"));
}

#[tokio::test]
async fn the_import_streams_everybody_page_by_page() {
    let play = Play::new("import");
    let mut config = play.config();
    config.page = 7;
    config.bases =
        play.server.people.iter().map(|person| person.dn.split_once(',').unwrap().1.to_owned()).collect();
    config.bases.sort();
    config.bases.dedup();
    let directory = OpenLdap::new(config, Arc::new(SystemClock)).unwrap();
    let mut stream = directory.users(vec!["uid".to_owned(), "mailRoutingAddress".to_owned()], None);
    let mut seen = Vec::new();
    while let Some(object) = stream.recv().await {
        let object = object.unwrap();
        let text = |name: &str| String::from_utf8(object.attributes[name][0].clone()).unwrap();
        seen.push((text("uid"), text("mailroutingaddress")));
    }
    seen.sort();
    let mut expected: Vec<_> =
        play.server.people.iter().map(|p| (p.sam.clone(), p.alternate_mail.clone())).collect();
    expected.sort();
    assert_eq!(seen, expected);
}
