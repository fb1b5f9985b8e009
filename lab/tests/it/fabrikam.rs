//! The forest whose controller is too old for the policy-hints control.

use std::process::Command;

use ritorno_lab::{Forest, ForestHandle, Lab};

/// LDAP_SERVER_POLICY_HINTS_OID (MS-ADTS section 3.1.1.3.4.1.27).
const POLICY_HINTS: &str = "1.2.840.113556.1.4.2239";

fn supported_controls(forest: &ForestHandle) -> String {
    let account = &forest.service_account;
    let output = Command::new("ldapsearch")
        .args(["-x", "-LLL", "-s", "base", "-b", "", "-D", &account.upn, "-w", &account.password])
        .args(["-H", &format!("ldaps://{}", forest.dc_ip), "supportedControl"])
        .env("LDAPTLS_CACERT", &forest.ca_pem)
        .output()
        .expect("Debian's ldap-utils are there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn only_the_newer_samba_offers_the_policy_hints_control() {
    let lab = Lab::open().unwrap();
    let contoso = lab.forest(Forest::Contoso).unwrap();
    contoso.up().unwrap();
    assert!(supported_controls(&contoso).contains(POLICY_HINTS));

    let fabrikam = lab.forest(Forest::Fabrikam).unwrap();
    fabrikam.up().unwrap();
    assert!(!supported_controls(&fabrikam).contains(POLICY_HINTS));
    let person = fabrikam.person("anna.rossi").unwrap();
    assert!(fabrikam.kinit(&person.sam, &person.password).unwrap());
}
