//! Which objects become people, and from which attributes.

use ritorno_protocol::ids::SourceAnchor;
use serde::{Deserialize, Serialize};

use crate::connector::Connector;
use crate::fault::ObjectFault;
use crate::object::Attributes;
use crate::person::Person;
use crate::{anchor, sid};

/// ADS_UF_ACCOUNTDISABLE (MS-ADTS 2.2.16).
const ACCOUNT_DISABLED: i64 = 0x2;
/// ADS_UF_NORMAL_ACCOUNT (MS-ADTS 2.2.16): a person's account, not a computer's or a trust's.
const NORMAL_ACCOUNT: i64 = 0x200;

/// The rules of one connector, as its configuration gives them; every part has a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// The attribute that holds an address outside the organisation. Of several values the first in order that
    /// looks like an address counts.
    pub alternate_mail: String,
    /// Accounts whose `sAMAccountName` starts with one of these, in any case, are left out.
    pub exclude_name_prefixes: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            alternate_mail: "otherMailbox".to_owned(),
            exclude_name_prefixes: vec!["AAD_".to_owned(), "MSOL_".to_owned()],
        }
    }
}

/// Why an object is no person to the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exclusion {
    CriticalSystemObject,
    NoAccountName,
    NamePrefix,
    NotAPersonsAccount,
    ReplicationConflict,
}

impl Exclusion {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CriticalSystemObject => "critical-system-object",
            Self::NoAccountName => "no-account-name",
            Self::NamePrefix => "name-prefix",
            Self::NotAPersonsAccount => "not-a-persons-account",
            Self::ReplicationConflict => "replication-conflict",
        }
    }
}

/// What the rules say of an object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    InScope(Box<Person>),
    OutOfScope(Exclusion),
}

impl Rules {
    /// The attributes that an import has to ask the directory for.
    pub fn attributes(&self) -> Vec<String> {
        let fixed = [
            anchor::ATTRIBUTE,
            "displayname",
            "givenname",
            "iscriticalsystemobject",
            "mail",
            "objectsid",
            "preferredlanguage",
            "samaccountname",
            "sn",
            "useraccountcontrol",
            "userprincipalname",
        ];
        let mut names: Vec<String> = fixed.into_iter().map(str::to_owned).collect();
        let alternate_mail = self.alternate_mail.to_ascii_lowercase();
        if !names.contains(&alternate_mail) {
            names.push(alternate_mail);
        }
        names
    }

    fn excludes(&self, account_name: &str) -> bool {
        let starts = |prefix: &String| {
            account_name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        self.exclude_name_prefixes.iter().any(starts)
    }
}

/// Judges one staged object by the connector's rules.
pub(crate) fn judge(
    connector: &Connector,
    dn: &str,
    object_guid: &str,
    anchor: &SourceAnchor,
    attributes: &Attributes,
) -> Result<Verdict, ObjectFault> {
    let out = |exclusion| Ok(Verdict::OutOfScope(exclusion));
    let malformed = |attribute: &str| ObjectFault::AttributeMalformed { attribute: attribute.to_owned() };
    if attributes.text("iscriticalsystemobject").is_some_and(|value| value.eq_ignore_ascii_case("TRUE")) {
        return out(Exclusion::CriticalSystemObject);
    }
    // The loser of a replication conflict is renamed to name, line feed, CNF: and its GUID (MS-ADTS 3.1.1.5.1.5).
    if dn.contains("\\0ACNF:") {
        return out(Exclusion::ReplicationConflict);
    }
    let Some(account_name) = attributes.text("samaccountname") else {
        return out(Exclusion::NoAccountName);
    };
    if connector.rules.excludes(account_name) {
        return out(Exclusion::NamePrefix);
    }
    let control = match attributes.text("useraccountcontrol") {
        None => NORMAL_ACCOUNT,
        Some(text) => text.parse().map_err(|_| malformed("userAccountControl"))?,
    };
    if control & NORMAL_ACCOUNT == 0 {
        return out(Exclusion::NotAPersonsAccount);
    }
    let object_sid = match attributes.bytes("objectsid") {
        None => None,
        Some(bytes) => Some(sid::text(&bytes).ok_or_else(|| malformed("objectSid"))?),
    };
    let owned = |name: &str| attributes.text(name).map(str::to_owned);
    let alternate_mail = attributes
        .texts(&connector.rules.alternate_mail.to_ascii_lowercase())
        .into_iter()
        .find(|t| t.contains('@'));
    Ok(Verdict::InScope(Box::new(Person {
        anchor: anchor.clone(),
        object_guid: object_guid.to_owned(),
        object_sid,
        // Without an explicit name the directory itself accepts account@domain (MS-ADTS 5.1.1.1.1).
        user_principal_name: owned("userprincipalname")
            .unwrap_or_else(|| format!("{account_name}@{}", connector.dns_domain)),
        account_name: account_name.to_owned(),
        domain: connector.domain.clone(),
        forest: connector.forest.clone(),
        display_name: owned("displayname"),
        given_name: owned("givenname"),
        surname: owned("sn"),
        mail: owned("mail"),
        alternate_mail: alternate_mail.map(str::to_owned),
        preferred_language: owned("preferredlanguage"),
        enabled: control & ACCOUNT_DISABLED == 0,
    })))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ritorno_protocol::ids::Forest;

    use super::*;
    use crate::guard::Guard;
    use crate::object::ImportedObject;

    fn verdict(dn: &str, attributes: &[(&str, &str)]) -> Result<Verdict, ObjectFault> {
        let connector = Connector {
            name: "contoso".into(),
            forest: Forest("contoso.test".into()),
            domain: "CONTOSO".into(),
            dns_domain: "contoso.test".into(),
            rules: Rules::default(),
            guard: Guard::default(),
        };
        let mut map: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        for (name, value) in attributes {
            map.entry((*name).to_owned()).or_default().push(value.as_bytes().to_vec());
        }
        let object = ImportedObject { dn: dn.into(), object_guid: [1; 16], attributes: map };
        judge(&connector, dn, "guid", &SourceAnchor("a".into()), &Attributes::of(&object))
    }

    #[test]
    fn what_is_out_of_scope_and_why() {
        let out = |dn: &str, attributes: &[(&str, &str)]| match verdict(dn, attributes) {
            Ok(Verdict::OutOfScope(exclusion)) => exclusion,
            other => panic!("{other:?}"),
        };
        let critical = [("isCriticalSystemObject", "TRUE"), ("sAMAccountName", "krbtgt")];
        assert_eq!(out("CN=krbtgt", &critical), Exclusion::CriticalSystemObject);
        assert_eq!(out("CN=x", &[]), Exclusion::NoAccountName);
        assert_eq!(out("CN=x", &[("sAMAccountName", "msol_0123")]), Exclusion::NamePrefix);
        let trust = [("sAMAccountName", "FABRIKAM$"), ("userAccountControl", "2080")];
        assert_eq!(out("CN=x", &trust), Exclusion::NotAPersonsAccount);
        let loser = "CN=Anna\\0ACNF:3f2504e0-4f89-11d3-9a0c-0305e82c3301,DC=contoso,DC=test";
        assert_eq!(out(loser, &[("sAMAccountName", "anna")]), Exclusion::ReplicationConflict);
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
        assert!(!person.enabled);
        assert_eq!(person.user_principal_name, "anna@contoso.test");
        assert_eq!(person.alternate_mail.as_deref(), Some("b@example.org"));
    }

    #[test]
    fn a_number_that_is_none_is_a_fault() {
        let fault = ObjectFault::AttributeMalformed { attribute: "userAccountControl".into() };
        assert_eq!(verdict("CN=x", &[("sAMAccountName", "a"), ("userAccountControl", "many")]), Err(fault));
    }

    #[test]
    fn rules_are_read_from_toml_and_a_wrong_key_is_named() {
        let rules: Rules = toml::from_str("alternate_mail = \"extensionAttribute1\"").unwrap();
        assert_eq!(rules.exclude_name_prefixes, Rules::default().exclude_name_prefixes);
        assert!(rules.attributes().contains(&"extensionattribute1".to_owned()));
        let error = toml::from_str::<Rules>("alternate_male = 1").unwrap_err();
        assert!(error.to_string().contains("alternate_male"), "{error}");
    }
}
