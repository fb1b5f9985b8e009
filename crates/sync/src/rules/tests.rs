use std::collections::BTreeMap;

use ritorno_protocol::ids::Forest;

use super::*;
use crate::guard::Guard;
use crate::object::ImportedObject;

const DN: &str = "CN=Anna,OU=Sales,OU=People,DC=contoso,DC=test";

fn connector(rules: Rules) -> Connector {
    Connector {
        name: "contoso.test".into(),
        forest: Forest("contoso.test".into()),
        domain: "CONTOSO".into(),
        dns_domain: "contoso.test".into(),
        rank: 0,
        rules,
        guard: Guard::default(),
        suspend_first: None,
        fill_anchors: false,
    }
}

fn layered(text: &str) -> Rules {
    Rules::layered(&[Layer { name: "rules.toml", text }]).unwrap()
}

fn judged(
    rules: Rules,
    dn: &str,
    attributes: &[(&str, &str)],
    groups: &[&str],
) -> Result<Verdict, ObjectFault> {
    let mut map: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for (name, value) in attributes {
        map.entry((*name).to_owned()).or_default().push(value.as_bytes().to_vec());
    }
    let object = ImportedObject {
        dn: dn.into(),
        object_guid: [1; 16],
        attributes: map,
        members: None,
        foreign: Vec::new(),
    };
    let (connector, anchor) = (connector(rules), SourceAnchor("a".into()));
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    let subject = subject(&connector, dn, &anchor, &Attributes::of(&object), groups);
    judge(&connector, "guid", &anchor, &subject)
}

fn verdict(dn: &str, attributes: &[(&str, &str)]) -> Result<Verdict, ObjectFault> {
    judged(Rules::default(), dn, attributes, &[])
}

fn excluded(verdict: Result<Verdict, ObjectFault>) -> Option<String> {
    match verdict {
        Ok(Verdict::OutOfScope(exclusion)) => Some(exclusion.0),
        Ok(Verdict::InScope(_)) => None,
        Err(fault) => panic!("{fault}"),
    }
}

fn value(rules: &str, to: Attribute, attributes: &[(&str, &str)]) -> Option<String> {
    match judged(layered(rules), DN, attributes, &[]) {
        Ok(Verdict::InScope(person)) => person.values.get(&to).map(|(value, _)| value.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_out_of_scope_and_why() {
    let out = |dn: &str, attributes: &[(&str, &str)]| excluded(verdict(dn, attributes)).unwrap();
    let critical = [("isCriticalSystemObject", "TRUE"), ("sAMAccountName", "krbtgt")];
    assert_eq!(out("CN=krbtgt", &critical), "critical-system-object");
    assert_eq!(out("CN=x", &[]), "no-account-name");
    assert_eq!(out("CN=x", &[("sAMAccountName", "msol_0123")]), "name-prefix");
    let trust = [("sAMAccountName", "FABRIKAM$"), ("userAccountControl", "2080")];
    assert_eq!(out("CN=x", &trust), "not-a-persons-account");
    let loser = "CN=Anna\\0ACNF:3f2504e0-4f89-11d3-9a0c-0305e82c3301,DC=contoso,DC=test";
    assert_eq!(out(loser, &[("sAMAccountName", "anna")]), "replication-conflict");
}

#[test]
fn attributes_flow_to_the_person() {
    let attributes = [
        ("sAMAccountName", "anna"),
        ("userAccountControl", "514"),
        ("otherMailbox", "call me"),
        ("otherMailbox", "z@example.org"),
        ("otherMailbox", "b@example.org"),
    ];
    let Ok(Verdict::InScope(person)) = verdict("CN=Anna", &attributes) else { panic!("in scope") };
    assert!(!person.identity.enabled);
    assert_eq!(person.identity.password_expires, None);
    assert_eq!(person.values[&Attribute::UserPrincipalName], ("anna@contoso.test".to_owned(), 110));
    assert_eq!(person.values[&Attribute::AlternateMail].0, "b@example.org");
}

#[test]
fn a_number_that_is_none_is_a_fault() {
    let fault = ObjectFault::AttributeMalformed { attribute: "userAccountControl".into() };
    assert_eq!(verdict("CN=x", &[("sAMAccountName", "a"), ("userAccountControl", "many")]), Err(fault));
}

#[test]
fn scope_by_unit_domain_group_attribute_and_account_control() {
    let anna = [("sAMAccountName", "anna"), ("employeeType", "Intern"), ("userAccountControl", "66048")];
    let out = |rule: &str, groups: &[&str]| {
        excluded(judged(layered(&format!("[[leave_out]]\nname = \"r\"\nwhen = {rule}")), DN, &anna, groups))
    };
    let (yes, no) = (Some("r".to_owned()), None);
    assert_eq!(out("[{ ou = 'ou=people,dc=contoso,dc=test' }]", &[]), yes);
    assert_eq!(
        out("[{ ou = ['OU=Other,DC=contoso,DC=test', 'OU=ales,OU=People,DC=contoso,DC=test'] }]", &[]),
        no
    );
    assert_eq!(out("[{ domain = 'CONTOSO.test' }]", &[]), yes);
    assert_eq!(out("[{ domain = 'contoso.test', not = true }]", &[]), no);
    assert_eq!(out("[{ attribute = 'EmployeeType', equals = ['guest', 'INTERN'] }]", &[]), yes);
    assert_eq!(
        out(
            "[{ attribute = 'employeeType', starts_with = 'int' }, { attribute = 'mail', present = true }]",
            &[]
        ),
        no
    );
    assert_eq!(out("[{ account_control = ['NORMAL_ACCOUNT', 'DONT_EXPIRE_PASSWORD'] }]", &[]), yes);
    assert_eq!(out("[{ account_control = ['0x2', 'NORMAL_ACCOUNT'] }]", &[]), no);
    assert_eq!(
        out("[{ group = 'CN=Partners,DC=contoso,DC=test' }]", &["cn=partners,dc=contoso,dc=test"]),
        yes
    );
    assert_eq!(out("[{ group = 'CN=Partners,DC=contoso,DC=test' }]", &[]), no);
    assert_eq!(out("[{ expression = \"'ern' in employeeType\" }]", &[]), yes);
    let only = layered("[[keep_only]]\nname = \"sspr\"\nwhen = [{ group = 'CN=SSPR' }]");
    assert_eq!(only.groups(), BTreeSet::from(["cn=sspr".to_owned()]));
    assert_eq!(excluded(judged(only.clone(), DN, &anna, &[])).as_deref(), Some("sspr"));
    assert_eq!(excluded(judged(only, DN, &anna, &["cn=sspr"])), None);
}

#[test]
fn the_most_important_flow_that_gives_something_counts() {
    let anna =
        [("sAMAccountName", "anna"), ("givenName", "Anna"), ("sn", "Rossi"), ("mail", "a@contoso.test")];
    let display = |rules: &str| value(rules, Attribute::DisplayName, &anna).unwrap_or_default();
    assert_eq!(display(""), "", "by the program's own rules from displayName, which she lacks");
    assert_eq!(
        display("[[flow]]\nname = 'd'\nto = 'displayName'\nexpression = \"sn ~ ', ' ~ givenName | upper\""),
        "Rossi, ANNA"
    );
    assert_eq!(
        display("[[flow]]\nname = 'd'\nto = 'displayName'\nconstant = 'Somebody'\nprecedence = 200"),
        "Somebody"
    );
    let two = "[[flow]]\nname = 'a'\nto = 'displayName'\nexpression = \"initials ~ sn\"\n\
               [[flow]]\nname = 'b'\nto = 'displayName'\nfrom = 'sn'\nprecedence = 60";
    assert_eq!(display(two), "Rossi", "what lacks a value gives way to the next");
    let within = |unit: &str| {
        let rule = "[[flow]]\nname = 'a'\nto = 'displayName'\nconstant = 'Sales'\nwhen = [{ ou = 'OU=UNIT,OU=People,DC=contoso,DC=test' }]";
        display(&rule.replace("UNIT", unit))
    };
    assert_eq!((within("Sales"), within("Other")), ("Sales".to_owned(), String::new()));
    let other = "[[flow]]\nname = 'a'\nconnector = 'fabrikam.test'\nto = 'displayName'\nconstant = 'x'";
    assert_eq!(display(other), "", "another connector's");
    let own = "disable = ['alternate-mail']\n[[flow]]\nname = 'mobile'\nto = 'alternateMail'\nfrom = 'extensionAttribute1'";
    let both = [("sAMAccountName", "a"), ("otherMailbox", "o@x.test"), ("extensionAttribute1", "e@x.test")];
    assert_eq!(value(own, Attribute::AlternateMail, &both).as_deref(), Some("e@x.test"));
    assert!(layered(own).attributes().contains(&"extensionattribute1".to_owned()));
    assert!(!layered(own).attributes().contains(&"othermailbox".to_owned()));
}

#[test]
fn expressions_use_attributes_in_any_case_and_ask_for_them() {
    let anna = [
        ("sAMAccountName", "anna"),
        ("proxyAddresses", "smtp:a@x.test"),
        ("proxyAddresses", "SMTP:b@x.test"),
    ];
    let mail = |expression: &str| {
        let rule = format!("[[flow]]\nname = 'm'\nto = 'mail'\nexpression = '''{expression}'''");
        value(&rule, Attribute::Mail, &anna)
    };
    assert_eq!(mail("PROXYADDRESSES | after(':')").as_deref(), Some("b@x.test"));
    assert_eq!(mail("values.proxyAddresses[1] | after(':') | lower").as_deref(), Some("a@x.test"));
    assert_eq!(
        mail("employeeID | default(samaccountname ~ '@' ~ domain_dns)").as_deref(),
        Some("anna@contoso.test")
    );
    assert_eq!(mail("samaccountname[:1] ~ '.x'").as_deref(), Some("a.x"));
    assert_eq!(mail("employeeID ~ 'x'"), None);
    assert_eq!(mail("employeeID if employeeID is defined else 'none'").as_deref(), Some("none"));
    let rules =
        layered("[[flow]]\nname = 'm'\nto = 'mail'\nexpression = 'employeeID ~ values.proxyAddresses[0]'");
    let asked = rules.attributes();
    assert!(
        asked.contains(&"employeeid".to_owned()) && asked.contains(&"proxyaddresses".to_owned()),
        "{asked:?}"
    );
}

#[test]
fn an_expression_that_can_not_be_worked_out_is_the_objects_fault() {
    let rules = layered("[[flow]]\nname = 'm'\nto = 'mail'\nexpression = 'sAMAccountName - 3'");
    let fault = judged(rules, DN, &[("sAMAccountName", "anna")], &[]).unwrap_err();
    let ObjectFault::RuleFailed { rule, .. } = fault else { panic!("{fault}") };
    assert_eq!(rule, "m");
}

#[test]
fn what_is_wrong_is_named_by_line_and_column() {
    let wrong = |text: &str| {
        let error = Rules::layered(&[Layer { name: "rules.toml", text }]).unwrap_err();
        (error.line, error.column, error.reason)
    };
    let flow = |line: &str| wrong(&format!("# a comment\n[[flow]]\nname = 'f'\nto = 'mail'\n{line}"));
    let (line, column, reason) = flow("expression = 'givenName | lowr'");
    assert_eq!((line, column), (5, 27), "{reason}");
    assert!(reason.contains("lowr"), "{reason}");
    let (line, column, reason) = flow("expression = 'givenName ~ '");
    assert_eq!((line, column), (5, 25), "{reason}");
    let (line, column, reason) = wrong("[[flow]]\nname = 'f'\nto = 'shoeSize'\nfrom = 'x'");
    assert_eq!((line, column), (3, 6));
    assert!(reason.contains("displayName"), "{reason}");
    let (line, column, _) = wrong("[[flow]]\nname = 'f'\nto = 'mail'\nform = 'x'");
    assert_eq!((line, column), (4, 1));
    let (line, column, reason) = wrong("disable = [\n  'no-such-rule',\n]");
    assert_eq!((line, column), (2, 3), "{reason}");
    let (line, column, reason) =
        wrong("[[leave_out]]\nname = 'x'\nwhen = [{ ou = 'a' }, { ou = 'a', domain = 'b' }]");
    assert_eq!((line, column), (3, 23), "{reason}");
    let (line, column, reason) = wrong("[[leave_out]]\nname = 'x'\nwhen = [{ account_control = 'ADMIN' }]");
    assert_eq!((line, column), (3, 9), "{reason}");
    let (line, _, reason) = wrong("[[flow]]\nname = 'mail'\nto = 'mail'\nfrom = 'x'");
    assert_eq!(line, 2);
    assert!(reason.contains("disable"), "{reason}");
    let error = Rules::layered(&[Layer { name: "rules.toml", text: "[[flow]\n" }]).unwrap_err();
    assert!(error.to_string().starts_with("rules.toml, line 1, column "), "{error}");
}

#[test]
fn when_a_password_expires_is_what_the_directory_computed() {
    let expires = |computed: &str| {
        let attributes = [("sAMAccountName", "anna"), ("msDS-UserPasswordExpiryTimeComputed", computed)];
        let Ok(Verdict::InScope(person)) = verdict("CN=Anna", &attributes) else { panic!("in scope") };
        person.identity.password_expires
    };
    // In 100 ns since 1601.
    assert_eq!(expires("134100000000000000").as_deref(), Some("2025-12-12T08:00:00Z"));
    // 'Never', 'to be changed at the next sign-in', and what no directory computes.
    for none in ["9223372036854775807", "0", "soon", ""] {
        assert_eq!(expires(none), None, "{none}");
    }
    assert!(Rules::default().attributes().contains(&"msds-userpasswordexpirytimecomputed".to_owned()));
}
