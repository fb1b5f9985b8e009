//! The rights reader against the DC: each right taken away in turn, denied, given through a group, a property set or full control, and cut
//! off with the inheritance. What was foretold is tried by another LDAP client with the same account.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use ritorno_directory::{Directory, Identity, Rights, Verdict};
use ritorno_lab::{Forest, ForestHandle, Lab};
use ritorno_protocol::clock::SystemClock;

use crate::playground::{INITIAL, config, sid_of};

const DATABASE: &str = "/var/lib/samba/private/sam.ldb";
const USER: &str = "bf967aba-0de6-11d0-a285-00aa003049e2";
const RESET: &str = "CR;00299570-246d-11d0-a768-00aa006e0529";
const UNLOCK: &str = "WP;28630ebf-41d5-11d1-a9c1-0000f80367c1";
const MUST_CHANGE: &str = "WP;bf967a0a-0de6-11d0-a285-00aa003049e2";
/// The property set User-Account-Restrictions.
const RESTRICTIONS: &str = "WP;4c164200-20c0-11d0-a768-00aa006e0529";

/// The result of one modify by the service account, sent by `ldapmodify`.
fn attempt(forest: &ForestHandle, dn: &str, attribute: &str, value: &str) -> i32 {
    let account = &forest.service_account;
    let mut child = Command::new("ldapmodify")
        .args(["-x", "-D", &account.upn, "-w", &account.password])
        .args(["-H", &format!("ldaps://{}", forest.dc_ip)])
        .env("LDAPTLS_CACERT", &forest.ca_pem)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("Debian's ldap-utils are there");
    let ldif = format!("dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}:{value}\n");
    child.stdin.take().unwrap().write_all(ldif.as_bytes()).unwrap();
    child.wait().unwrap().code().unwrap()
}

fn quoted(password: &str) -> String {
    use base64::Engine as _;
    let bytes: Vec<u8> = format!("\"{password}\"").encode_utf16().flat_map(u16::to_le_bytes).collect();
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[tokio::test]
async fn what_is_foretold_is_what_the_controller_does() {
    let private = Lab::open().unwrap().private("directory-rights").unwrap();
    let forest = private.forest(Forest::Contoso).unwrap();
    forest.up().unwrap();
    let own = sid_of(&forest, &forest.service_account.dn);
    let group = format!("CN=Resetters,CN=Users,{}", forest.base_dn);
    forest
        .modify(&format!(
            "dn: {group}\nchangetype: add\nobjectClass: group\nsAMAccountName: Resetters\nmember: {}\n",
            forest.service_account.dn
        ))
        .unwrap();
    let group = sid_of(&forest, &group);
    let allow = |right: &str, to: &str| format!("(OA;CIIO;{right};{USER};{to})");
    let all = [RESET, UNLOCK, MUST_CHANGE];
    let without = |missing: &str| -> String {
        all.iter().filter(|right| **right != missing).map(|right| allow(right, &own)).collect()
    };
    let everything = without("");
    let denied = format!("(OD;CIIO;{RESET};{USER};{own}){everything}");
    let denied_by_group = format!("(OD;CIIO;{UNLOCK};{USER};{group}){everything}");
    // Name of the unit, its entries, and what must come out: reset, unlock, must change.
    let cases = [
        ("all", everything.clone(), [true, true, true]),
        ("no-reset", without(RESET), [false, true, true]),
        ("no-unlock", without(UNLOCK), [true, false, true]),
        ("no-must-change", without(MUST_CHANGE), [true, true, false]),
        ("nothing", String::new(), [false, false, false]),
        ("denied", denied, [false, true, true]),
        ("denied-by-group", denied_by_group, [true, false, true]),
        ("by-group", all.map(|right| allow(right, &group)).concat(), [true, true, true]),
        ("property-set", allow(RESTRICTIONS, &own), [false, false, true]),
        ("full-control", format!("(A;CI;GA;;;{own})"), [true, true, true]),
        ("cut-off", everything, [false, false, false]),
    ];
    for (name, entries, _) in &cases {
        let unit = format!("OU={name},{}", forest.base_dn);
        forest.modify(&format!("dn: {unit}\nchangetype: add\nobjectClass: organizationalUnit\n")).unwrap();
        let set = |dn: &str, sddl: &str| {
            let (object, sddl) = (format!("--objectdn={dn}"), format!("--sddl={sddl}"));
            forest.dc_exec(&["samba-tool", "dsacl", "set", &object, &sddl, "-H", DATABASE]).unwrap();
        };
        if !entries.is_empty() {
            set(&unit, entries);
        }
        let person = format!("CN={name},{unit}");
        let value = quoted(INITIAL);
        forest
            .modify(&format!(
                "dn: {person}\nchangetype: add\nobjectClass: user\nsAMAccountName: {name}\nuserAccountControl: 512\n\
                 unicodePwd:: {value}\n"
            ))
            .unwrap();
        if *name == "cut-off" {
            // What dsacl can't do: the object's own entries alone, and nothing from above.
            let value = "D:P(A;;RPLCLORC;;;AU)(A;;GA;;;DA)";
            let script = "import sys,ldb;from samba.samdb import SamDB;from samba.auth import system_session;\
                          from samba.param import LoadParm;from samba.dcerpc import security;from samba.ndr import ndr_pack;\
                          lp=LoadParm();lp.load_default();\
                          db=SamDB(url=sys.argv[1],session_info=system_session(),lp=lp);\
                          sd=security.descriptor.from_sddl(sys.argv[3],security.dom_sid(db.get_domain_sid()));\
                          m=ldb.Message(ldb.Dn(db,sys.argv[2]));\
                          m['a']=ldb.MessageElement(ndr_pack(sd),ldb.FLAG_MOD_REPLACE,'nTSecurityDescriptor');\
                          db.modify(m,controls=['sd_flags:1:4'])";
            forest.dc_exec(&["python3", "-c", script, DATABASE, &person, value]).unwrap();
        }
    }

    let directory = Directory::new(config(&forest), Arc::new(SystemClock)).unwrap();
    for (name, _, expected) in &cases {
        let person = directory.locate(&Identity::AccountName((*name).to_owned())).await.unwrap();
        let rights = directory.rights(&person).await.unwrap();
        let Rights { reset, unlock, inheritance_broken, admin_count, .. } = &rights;
        let [foretold @ .., unexpire] = rights.all().map(Verdict::is_granted);
        assert!(unexpire, "the lab grants it, and so does Windows to all who sign in");
        assert_eq!(foretold, *expected, "{name}: {rights:?}");
        assert_eq!((*inheritance_broken, *admin_count), (*name == "cut-off", false), "{name}");
        let value = format!(": {}", quoted("Tried-Passw0rd-7!"));
        let done = [
            attempt(&forest, &person.dn, "unicodePwd", &value),
            attempt(&forest, &person.dn, "lockoutTime", " 0"),
            attempt(&forest, &person.dn, "pwdLastSet", " -1"),
        ];
        // 50 is insufficientAccessRights.
        assert_eq!(done, expected.map(|granted| if granted { 0 } else { 50 }), "{name}: {rights:?}");
        match *name {
            "denied" => {
                assert!(matches!(reset, Verdict::Denied { to, inherited: true } if to.to_string() == own));
            }
            "denied-by-group" => {
                assert!(matches!(unlock, Verdict::Denied { to, inherited: true } if to.to_string() == group));
            }
            "by-group" => {
                assert!(matches!(reset, Verdict::Granted { to } if to.to_string() == group));
            }
            _ => {}
        }

        // The lines that mend it do so, where no entry denies.
        let remedy = directory.remedy(&person, &rights).await.unwrap();
        let lacking = rights.all().iter().filter(|verdict| ***verdict == Verdict::Missing).count();
        assert_eq!(remedy.windows.len(), lacking, "{name}: {remedy:?}");
        for line in &remedy.samba {
            forest.dc_exec(&["sh", "-c", line]).unwrap();
        }
        let mended = directory.rights(&person).await.unwrap();
        let denied = name.starts_with("denied");
        assert_eq!(mended.all().iter().all(|verdict| verdict.is_granted()), !denied, "{name}: {mended:?}");
        assert_eq!(remedy.notes.is_empty(), !denied && *name != "cut-off", "{name}: {remedy:?}");
        if lacking > 0 {
            assert_eq!(attempt(&forest, &person.dn, "lockoutTime", " 0"), 0, "{name}");
            assert_eq!(attempt(&forest, &person.dn, "pwdLastSet", " -1"), 0, "{name}");
            let value = format!(": {}", quoted("Mended-Passw0rd-7!"));
            assert_eq!(attempt(&forest, &person.dn, "unicodePwd", &value), 0, "{name}");
        }
    }
}

/// Takes every entry about *Unexpire Password* off the domain.
const NOBODY_UNEXPIRES: &str = "import sys,re;from samba.samdb import SamDB;from samba.auth import system_session;\
     from samba.param import LoadParm;from samba.dcerpc import security;from samba.ndr import ndr_pack,ndr_unpack;import ldb;\
     lp=LoadParm();lp.load_default();db=SamDB(url=sys.argv[1],session_info=system_session(),lp=lp);\
     dn=db.domain_dn();sid=security.dom_sid(db.get_domain_sid());c=['sd_flags:1:4'];\
     old=ndr_unpack(security.descriptor,db.search(dn,ldb.SCOPE_BASE,attrs=['nTSecurityDescriptor'],controls=c)[0]['nTSecurityDescriptor'][0]).as_sddl(sid);\
     new=re.sub(r'\\([^()]*ccc2dc7d-[^()]*\\)','',old);assert new!=old;\
     m=ldb.Message(ldb.Dn(db,str(dn)));\
     m['a']=ldb.MessageElement(ndr_pack(security.descriptor.from_sddl(new,sid)),ldb.FLAG_MOD_REPLACE,'nTSecurityDescriptor');\
     db.modify(m,controls=c)";

#[tokio::test]
async fn unexpiring_is_a_right_on_the_domain() {
    let private = Lab::open().unwrap().private("directory-unexpire").unwrap();
    let forest = private.forest(Forest::Contoso).unwrap();
    forest.up().unwrap();
    let own = sid_of(&forest, &forest.service_account.dn);
    let (sam, dn) = (&forest.people[0].sam, &forest.people[0].dn);
    // It may write `userAccountControl`, so that nothing but the right on the domain decides.
    let sddl = format!("--sddl=(OA;;WP;bf967a68-0de6-11d0-a285-00aa003049e2;;{own})");
    let set = |dn: &str, sddl: &str| {
        forest
            .dc_exec(&["samba-tool", "dsacl", "set", &format!("--objectdn={dn}"), sddl, "-H", DATABASE])
            .unwrap();
    };
    set(dn, &sddl);
    let directory = Directory::new(config(&forest), Arc::new(SystemClock)).unwrap();
    let person = directory.locate(&Identity::AccountName(sam.clone())).await.unwrap();
    // 0x10200: a normal account, whose password never expires.
    let never_expires = || attempt(&forest, dn, "userAccountControl", " 66048");
    let expires = || attempt(&forest, dn, "userAccountControl", " 512");

    let rights = directory.rights(&person).await.unwrap();
    assert!(rights.unexpire.is_granted(), "{rights:?}");
    assert_eq!((never_expires(), expires()), (0, 0));

    forest.dc_exec(&["python3", "-c", NOBODY_UNEXPIRES, DATABASE]).unwrap();
    let rights = directory.rights(&person).await.unwrap();
    assert_eq!(rights.unexpire, Verdict::Missing);
    assert_eq!(never_expires(), 50);
    assert!(rights.all()[..3].iter().all(|verdict| verdict.is_granted()), "{rights:?}");

    let remedy = directory.remedy(&person, &rights).await.unwrap();
    assert!(remedy.samba.len() == 1 && remedy.windows.len() == 1 && remedy.notes.is_empty(), "{remedy:?}");
    forest.dc_exec(&["sh", "-c", &remedy.samba[0]]).unwrap();
    let rights = directory.rights(&person).await.unwrap();
    assert!(matches!(&rights.unexpire, Verdict::Granted { to } if to.to_string() == own), "{rights:?}");
    assert_eq!((never_expires(), expires()), (0, 0));

    set(&forest.base_dn, &format!("--sddl=(OD;;CR;ccc2dc7d-a6ad-4a7a-8846-c04e3cc53501;;{own})"));
    let rights = directory.rights(&person).await.unwrap();
    assert!(
        matches!(&rights.unexpire, Verdict::Denied { to, inherited: false } if to.to_string() == own),
        "{rights:?}"
    );
    assert_eq!(never_expires(), 50);
    assert!(directory.remedy(&person, &rights).await.unwrap().notes[0].contains("denied"));
}
