//! What the service account may do, and what it may not: asked of the directory, one modify each.

use std::io::Write;
use std::process::{Command, Stdio};

use ritorno_lab::{Forest, ForestHandle, Lab};

/// Applies LDIF over LDAPS as the service account; returns the LDAP result code.
fn modify(forest: &ForestHandle, dn: &str, attribute: &str, value: &str) -> i32 {
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
    child.stdin.take().expect("it was piped").write_all(ldif.as_bytes()).expect("ldapmodify reads it all");
    // ldapmodify ends with the result code of the operation.
    let status = child.wait().expect("it was started");
    status.code().expect("no signal ended it")
}

/// `unicodePwd` of `"Delegated-Passw0rd-7!"` with its quotes, UTF-16LE, base64 (MS-ADTS section 3.1.1.3.1.5).
const PASSWORD: &str = ": IgBEAGUAbABlAGcAYQB0AGUAZAAtAFAAYQBzAHMAdwAwAHIAZAAtADcAIQAiAA==";
const SUCCESS: i32 = 0;
const INSUFFICIENT_ACCESS_RIGHTS: i32 = 50;

#[test]
fn the_service_account_resets_people_and_nobody_else() {
    let forest = Lab::open().unwrap().forest(Forest::Contoso).unwrap();
    forest.up().unwrap();
    let person = forest.person("eszter.kovacs").unwrap();
    assert_eq!(modify(&forest, &person.dn, "unicodePwd", PASSWORD), SUCCESS);
    assert!(forest.kinit(&person.sam, "Delegated-Passw0rd-7!").unwrap());
    assert!(!forest.kinit(&person.sam, "Wrong-Passw0rd!").unwrap());
    assert_eq!(modify(&forest, &person.dn, "lockoutTime", " 0"), SUCCESS);
    assert_eq!(modify(&forest, &person.dn, "pwdLastSet", " -1"), SUCCESS);

    // Another attribute of the same person, and an account outside OU=People.
    let refused = INSUFFICIENT_ACCESS_RIGHTS;
    assert_eq!(modify(&forest, &person.dn, "description", " x"), refused);
    let administrator = &forest.administrator.dn;
    assert_eq!(modify(&forest, administrator, "unicodePwd", PASSWORD), refused);
    assert_eq!(modify(&forest, administrator, "lockoutTime", " 0"), refused);
}

#[test]
fn the_service_account_reads_the_policy_that_holds_for_a_person() {
    let forest = Lab::open().unwrap().forest(Forest::Contoso).unwrap();
    forest.up().unwrap();
    let account = &forest.service_account;
    let search = |base: &str, attribute: &str| {
        let output = Command::new("ldapsearch")
            .args(["-x", "-LLL", "-o", "ldif-wrap=no", "-s", "base", "-b", base])
            .args(["-D", &account.upn, "-w", &account.password])
            .args(["-H", &format!("ldaps://{}", forest.dc_ip), attribute])
            .env("LDAPTLS_CACERT", &forest.ca_pem)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let paolo = forest.person("paolo.bianchi").unwrap();
    let found = search(&paolo.dn, "msDS-ResultantPSO");
    let pso = found
        .lines()
        .find_map(|line| line.strip_prefix("msDS-ResultantPSO: "))
        .expect("Paolo is under a PSO");
    assert!(search(pso, "msDS-MinimumPasswordLength").contains("msDS-MinimumPasswordLength: 14"));
    // One day in units of 100 ns, negative as AD keeps spans of time.
    assert!(search(pso, "msDS-MinimumPasswordAge").contains("msDS-MinimumPasswordAge: -864000000000"));
    let anna = forest.person("anna.rossi").unwrap();
    assert!(!search(&anna.dn, "msDS-ResultantPSO").contains("CN=Strict"));
    assert!(search(&anna.dn, "otherMailbox").contains("otherMailbox: anna.rossi@mail.test"));
}
