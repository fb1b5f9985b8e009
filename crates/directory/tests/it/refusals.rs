//! Every row of the table of refusals that Samba can produce, produced: the answer as OpenLDAP's own client got it from the controller, its
//! reason, and Microsoft's event number. Rows that only Windows has are in `src/refusal.rs`, with their sources.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_directory::ldap::{Answer, unicode_pwd};
use ritorno_directory::{BindRefusal, Directory, Identity, Refusal, classify, classify_bind};
use ritorno_lab::{Forest, ForestHandle, Lab};
use ritorno_protocol::clock::{Clock as _, SystemClock};
use ritorno_protocol::event::EventId;
use ritorno_protocol::outcome::Fault;
use ritorno_protocol::policy::Rule;

use crate::playground::{INITIAL, Playground, config, fault, password, reset};

/// A client of the controller at `ip`, signed in as `name`, or not at all.
struct Client<'a> {
    forest: &'a ForestHandle,
    ip: std::net::Ipv4Addr,
    name: Option<(&'a str, &'a str)>,
}

impl Client<'_> {
    /// What a tool was answered; `None` for success.
    fn answer(&self, tool: &str, arguments: &[&str], input: &str) -> Option<Answer> {
        let mut command = Command::new(tool);
        // The certificate names the host, which this machine's DNS does not know.
        command.env("LDAPTLS_REQCERT", "allow").env("LDAPTLS_CACERT", &self.forest.ca_pem);
        command.args(["-x", "-H", &format!("ldaps://{}", self.ip)]);
        if let Some((name, password)) = self.name {
            command.args(["-D", name, "-w", password]);
        }
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("Debian's ldap-utils is there");
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        if output.status.success() {
            return None;
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // `ldap_modify: Server is unwilling to perform (53)`, then `	additional info: ...`.
        let first = said.lines().next().unwrap_or_default();
        let code = first.rsplit_once('(').and_then(|(_, rest)| rest.split(')').next()?.parse().ok());
        let text = said.split_once("additional info: ").map_or("", |(_, text)| text.trim_end());
        Some(Answer { code: code.unwrap_or_else(|| panic!("{said}")), text: text.to_owned() })
    }

    fn modify(&self, ldif: &str, arguments: &[&str]) -> Answer {
        self.answer("ldapmodify", arguments, ldif).expect("it is refused")
    }

    /// A bind by its own name.
    fn bind(&self) -> Answer {
        let answer = self.answer("ldapsearch", &["-s", "base", "-b", ""], "");
        answer.unwrap_or_else(|| panic!("{:?} is let in", self.name.map(|(name, _)| name)))
    }
}

/// A reset as LDIF.
fn reset_of(dn: &str, new: &[u8]) -> String {
    format!("dn: {dn}\nchangetype: modify\nreplace: unicodePwd\nunicodePwd:: {}\n", STANDARD.encode(new))
}

/// A change as LDIF.
fn change_of(dn: &str, old: &str, new: &str) -> String {
    let [old, new] = [old, new].map(|text| STANDARD.encode(&*unicode_pwd(text)));
    format!(
        "dn: {dn}\nchangetype: modify\ndelete: unicodePwd\nunicodePwd:: {old}\n-\nadd: unicodePwd\nunicodePwd:: {new}\n"
    )
}

/// Microsoft's number for what a refusal of a write means.
fn event(refusal: &Refusal) -> EventId {
    match refusal {
        Refusal::Rule(_) => EventId::AdPasswordPolicyError,
        Refusal::Fault(fault) => fault.event(),
        Refusal::Unrecognised => Fault::Unrecognised.event(),
    }
}

#[tokio::test]
async fn each_row_that_samba_can_produce() {
    let mut seen = BTreeSet::new();
    for forest in Forest::ALL {
        let play = Playground::new(forest, "table");
        for sam in ["ada", "locked"] {
            play.add(sam, &[]);
        }
        let directory = play.directory();
        let [ada, locked] =
            [play.locate(&directory, "ada").await.dn, play.locate(&directory, "locked").await.dn];
        let now = (SystemClock.now().unix_ms() + 11_644_473_600_000) * 10_000;
        play.set(&locked, "lockoutTime", &now.to_string());
        let account = &play.forest.service_account;
        let name = Some((account.upn.as_str(), account.password.as_str()));
        let client = Client { forest: &play.forest, ip: play.forest.dc_ip, name };
        let nobody = Client { name: None, ..client };
        let (rule, other) = (Refusal::Rule, Refusal::Fault);
        let contoso = forest == Forest::Contoso;
        let refused_reset = if contoso { 53 } else { 19 };
        let quoted = |text: &str| unicode_pwd(text).to_vec();
        let guest = directory.locate(&Identity::AccountName("Guest".into())).await.unwrap().dn;
        let gone = format!("CN=nobody,{}", play.ou);
        let rows = [
            (
                reset_of(&ada, &quoted("Ab1!")),
                vec![],
                refused_reset,
                rule(Rule::MinimumLength { minimum: 8 }),
            ),
            (reset_of(&ada, &quoted("alllowercase")), vec![], refused_reset, rule(Rule::Complexity)),
            (
                change_of(&ada, "not-the-old-1!", "Entirely-New-7!"),
                vec![],
                19,
                other(Fault::WrongOldPassword),
            ),
            (change_of(&ada, INITIAL, "Ab1!"), vec![], 19, rule(Rule::MinimumLength { minimum: 8 })),
            (change_of(&ada, INITIAL, "alllowercase"), vec![], 19, rule(Rule::Complexity)),
            (change_of(&ada, INITIAL, INITIAL), vec![], 19, rule(Rule::History { remembered: None })),
            (change_of(&locked, INITIAL, "Entirely-New-7!"), vec![], 19, other(Fault::AccountLocked)),
            (reset_of(&guest, &quoted("Entirely-New-7!")), vec![], 50, other(Fault::NoPermission)),
            (
                format!("dn: {guest}\nchangetype: modify\nreplace: lockoutTime\nlockoutTime: 0\n"),
                vec![],
                50,
                other(Fault::NoPermission),
            ),
            (reset_of(&gone, &quoted("Entirely-New-7!")), vec![], 32, other(Fault::NotFound)),
            // Not in quotation marks.
            (reset_of(&ada, b"Entirely-New-7!"), vec![], 53, Refusal::Unrecognised),
            // `pwdLastSet` takes 0 and -1.
            (
                format!("dn: {ada}\nchangetype: modify\nreplace: pwdLastSet\npwdLastSet: 7\n"),
                vec![],
                80,
                Refusal::Unrecognised,
            ),
            // A critical control that nobody knows.
            (
                reset_of(&ada, &quoted("Entirely-New-7!")),
                vec!["-e", "!1.2.3.4.5"],
                12,
                other(Fault::DirectoryUnavailable),
            ),
        ];
        for (ldif, arguments, code, expected) in rows {
            let answer = client.modify(&ldif, &arguments);
            let meant = classify(&answer);
            assert_eq!((answer.code, &meant), (code, &expected), "{forest:?}: {ldif} {answer:?}");
            seen.insert(event(&meant).number());
        }
        if contoso {
            // Only with the policy hints, which the product sends.
            let person = play.locate(&directory, "ada").await;
            let refused = reset(&directory, &person, INITIAL).await.unwrap_err();
            assert_eq!(refused.operator().ldap_code, Some(53));
            let meant = classify(&Answer { code: 53, text: refused.operator().detail.clone() });
            assert_eq!(meant, rule(Rule::History { remembered: None }), "{refused:?}");
        }
        // operationsError: nobody has signed in.
        let answer = nobody.modify(&reset_of(&ada, &quoted("Entirely-New-7!")), &[]);
        assert_eq!((answer.code, classify(&answer)), (1, other(Fault::DirectoryUnavailable)), "{answer:?}");
        seen.insert(Fault::DirectoryUnavailable.event().number());
    }

    // What no single answer tells, but the directory does.
    let play = Playground::new(Forest::Contoso, "table2");
    play.add("ada", &[]);
    play.add("bob", &[]);
    play.add("disabled", &[("userAccountControl", "514")]);
    let directory = play.directory();
    let ada = play.locate(&directory, "ada").await;
    let bob = play.locate(&directory, "bob").await.dn;
    let twin = format!(
        "dn: {bob}\nchangetype: modify\nadd: mS-DS-ConsistencyGuid\nmS-DS-ConsistencyGuid:: {}\n",
        ada.anchor
    );
    play.forest.modify(&twin).unwrap();
    let twice = fault(directory.locate(&Identity::Anchor(ada.anchor.clone())).await);
    assert!(play.locate(&directory, "disabled").await.is_disabled());
    for fault in [twice, Fault::AccountDisabled] {
        seen.insert(fault.event().number());
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), (33001..=33009).collect::<Vec<u16>>(), "all of them");
    // And the outcome of a whole operation carries the same.
    let unknown = reset(&directory, &ada, "short").await.unwrap_err();
    assert_eq!(unknown.operator().ldap_code, Some(53));
}

#[tokio::test]
async fn each_sub_code_of_a_bind_that_samba_can_produce() {
    for forest in Forest::ALL {
        let play = Playground::new(forest, "binds");
        for sam in ["wrong", "locked", "change", "old"] {
            play.add(sam, &[]);
        }
        play.add("disabled", &[("userAccountControl", "514")]);
        // 2001-01-01
        play.add("expired", &[("accountExpires", "126227808000000000")]);
        play.add("hours", &[("logonHours", &"\0".repeat(21))]);
        let directory = play.directory();
        let dn = async |sam: &str| play.locate(&directory, sam).await.dn;
        let now = (SystemClock.now().unix_ms() + 11_644_473_600_000) * 10_000;
        play.set(&dn("locked").await, "lockoutTime", &now.to_string());
        play.set(&dn("change").await, "pwdLastSet", "0");
        // One second is the whole life of a password under this policy.
        let pso = format!(
            "CN=Short {},CN=Password Settings Container,CN=System,{}",
            forest.dns_domain(),
            play.forest.base_dn
        );
        play.pso(&pso, &dn("old").await);
        play.set(&pso, "msDS-MaximumPasswordAge", "-10000000");
        std::thread::sleep(std::time::Duration::from_millis(1500));
        for (sam, typed, data, expected) in [
            ("wrong", "wrong-Passw0rd!", "52e", BindRefusal::WrongPassword),
            ("nobody", INITIAL, "52e", BindRefusal::WrongPassword),
            ("hours", INITIAL, "530", BindRefusal::LogonHours),
            ("old", INITIAL, "532", BindRefusal::PasswordExpired),
            ("disabled", INITIAL, "533", BindRefusal::Disabled),
            ("expired", INITIAL, "701", BindRefusal::AccountExpired),
            ("change", INITIAL, "773", BindRefusal::MustChange),
            ("locked", INITIAL, "775", BindRefusal::Locked),
        ] {
            // Samba 4.17 lets a password in that is too old for its PSO.
            if sam == "old" && forest == Forest::Fabrikam {
                continue;
            }
            let name = format!("{}@{}", play.account(sam), play.forest.dns_domain);
            let client = Client { forest: &play.forest, ip: play.forest.dc_ip, name: Some((&name, typed)) };
            let answer = client.bind();
            assert_eq!((answer.code, classify_bind(&answer)), (49, expected), "{sam}: {answer:?}");
            assert!(answer.text.contains(&format!("data {data}")), "{sam}: {answer:?}");
        }
        if forest == Forest::Contoso {
            let person = play.locate(&directory, "old").await;
            let answer = directory.verify(&person, &password(INITIAL)).await;
            assert_eq!(answer, Ok(ritorno_directory::SignIn::PasswordExpired));
        }
        // That it is not there is as good.
        let _ = play.forest.dc_exec(&["ldbdel", "-H", "/var/lib/samba/private/sam.ldb", &pso]);
    }
}

/// What an RODC answers to a write: a referral, whose address is never followed.
#[tokio::test]
async fn an_rodc_refers_elsewhere_and_the_pdc_emulator_is_found() {
    let lab = Lab::open().unwrap();
    let private = lab.private("directory-rodc-write").unwrap();
    let forest = private.forest(Forest::Contoso).unwrap();
    let read_only = forest.read_only_dc();
    read_only.up().unwrap();
    let account = &forest.service_account;
    let name = Some((account.upn.as_str(), account.password.as_str()));
    let client = Client { forest: &forest, ip: read_only.ip, name };
    let answer = client.modify(&reset_of(&forest.people[0].dn, &unicode_pwd("Entirely-New-7!")), &[]);
    assert_eq!(
        (answer.code, classify(&answer)),
        (10, Refusal::Fault(Fault::DirectoryUnavailable)),
        "{answer:?}"
    );
    // Only it is configured: the PDC emulator is found by the role's owner, and is the one that is written to.
    let mut settings = config(&forest);
    settings.hosts = vec![read_only.host.clone()];
    let directory = Directory::new(settings, Arc::new(SystemClock)).unwrap();
    let person = directory.locate(&Identity::AccountName(forest.people[0].sam.clone())).await.unwrap();
    let done = reset(&directory, &person, "Entirely-New-7!").await.unwrap();
    assert_eq!(done.operator.dc.as_deref(), Some(forest.dc_host.as_str()));
}
