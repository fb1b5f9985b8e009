//! Conditions of scoping filters and flows.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::Subject;
use super::expression::Expression;
use super::layer::{Wrong, compile};
use crate::object::is_within;

/// `userAccountControl` bits by the names of MS-ADTS 2.2.16 as administrators know them.
const BITS: [(&str, i64); 13] = [
    ("ACCOUNTDISABLE", 0x2),
    ("LOCKOUT", 0x10),
    ("PASSWD_NOTREQD", 0x20),
    ("NORMAL_ACCOUNT", 0x200),
    ("INTERDOMAIN_TRUST_ACCOUNT", 0x800),
    ("WORKSTATION_TRUST_ACCOUNT", 0x1000),
    ("SERVER_TRUST_ACCOUNT", 0x2000),
    ("DONT_EXPIRE_PASSWORD", 0x1_0000),
    ("SMARTCARD_REQUIRED", 0x4_0000),
    ("TRUSTED_FOR_DELEGATION", 0x8_0000),
    ("NOT_DELEGATED", 0x10_0000),
    ("DONT_REQ_PREAUTH", 0x40_0000),
    ("PASSWORD_EXPIRED", 0x80_0000),
];

/// One or several texts.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Texts {
    One(String),
    Several(Vec<String>),
}

impl Texts {
    fn list(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Several(list) => list,
        }
    }
}

/// A condition as written: one subject, and for an attribute one comparison.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileCondition {
    domain: Option<Texts>,
    ou: Option<Texts>,
    group: Option<Texts>,
    account_control: Option<Texts>,
    expression: Option<Spanned<String>>,
    attribute: Option<String>,
    equals: Option<Texts>,
    starts_with: Option<Texts>,
    ends_with: Option<Texts>,
    contains: Option<Texts>,
    present: Option<bool>,
    #[serde(default)]
    not: bool,
}

/// A condition, checked. Of several texts one has to fit; texts are compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    not: bool,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Domain(Vec<String>),
    Ou(Vec<String>),
    Group(Vec<String>),
    /// All of these bits are set.
    AccountControl(i64),
    Expression(Expression),
    Present(String, bool),
    Compare(String, Comparison, Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equals,
    StartsWith,
    EndsWith,
    Contains,
}

impl Comparison {
    fn holds(self, value: &str, text: &str) -> bool {
        match self {
            Self::Equals => value == text,
            Self::StartsWith => value.starts_with(text),
            Self::EndsWith => value.ends_with(text),
            Self::Contains => value.contains(text),
        }
    }
}

impl Condition {
    /// Checks what was written at `span` of a file.
    pub(super) fn new(written: FileCondition, span: &Range<usize>, text: &str) -> Result<Self, Wrong> {
        let wrong = |reason: &str| Wrong { at: span.clone(), reason: reason.to_owned() };
        let lower = |texts: Texts| texts.list().iter().map(|text| text.to_lowercase()).collect::<Vec<_>>();
        let FileCondition { domain, ou, group, account_control, expression, attribute, not, .. } = written;
        let mut comparisons = [
            (Comparison::Equals, written.equals),
            (Comparison::StartsWith, written.starts_with),
            (Comparison::EndsWith, written.ends_with),
            (Comparison::Contains, written.contains),
        ]
        .into_iter()
        .filter_map(|(comparison, texts)| Some((comparison, texts?)));
        let (first, second) = (comparisons.next(), comparisons.next());
        if attribute.is_none() && (first.is_some() || written.present.is_some()) {
            return Err(wrong("a comparison without an 'attribute' that is compared"));
        }
        let mut tests = Vec::new();
        tests.extend(domain.map(|domain| Test::Domain(lower(domain))));
        tests.extend(ou.map(|ou| Test::Ou(lower(ou))));
        tests.extend(group.map(|group| Test::Group(lower(group))));
        if let Some(names) = account_control {
            let bits = names.list().iter().try_fold(0, |bits, name| Some(bits | bit(name)?));
            tests.push(Test::AccountControl(bits.ok_or_else(|| {
                let known: Vec<&str> = BITS.iter().map(|(name, _)| *name).collect();
                wrong(&format!(
                    "account_control is a list of {} or of numbers such as \"0x200\"",
                    known.join(", ")
                ))
            })?));
        }
        if let Some(expression) = expression {
            tests.push(Test::Expression(compile(&expression, text)?));
        }
        if let Some(attribute) = attribute {
            let name = attribute.to_ascii_lowercase();
            tests.push(match (first, second, written.present) {
                (Some((comparison, texts)), None, None) => Test::Compare(name, comparison, lower(texts)),
                (None, None, Some(present)) => Test::Present(name, present),
                _ => {
                    return Err(wrong(
                        "an 'attribute' takes exactly one of equals, starts_with, ends_with, contains and present",
                    ));
                }
            });
        }
        match (tests.pop(), tests.is_empty()) {
            (Some(test), true) => Ok(Self { not, test }),
            _ => Err(wrong(
                "a condition is about exactly one of attribute, ou, domain, group, account_control and expression",
            )),
        }
    }

    /// Whether it holds of an object; `Err` says why that can't be told.
    pub(super) fn holds(&self, subject: &Subject) -> Result<bool, String> {
        let holds = match &self.test {
            Test::Domain(domains) => domains.contains(&domain_of(&subject.dn)),
            Test::Ou(bases) => bases.iter().any(|base| is_within(&subject.dn, base)),
            Test::Group(groups) => groups.iter().any(|group| subject.groups.contains(group)),
            Test::AccountControl(bits) => match subject.text("useraccountcontrol") {
                None => false,
                Some(text) => {
                    let control: i64 =
                        text.parse().map_err(|_| "userAccountControl is no number".to_owned())?;
                    control & bits == *bits
                }
            },
            Test::Expression(expression) => expression.holds(subject)?,
            Test::Present(name, present) => subject.texts(name).is_empty() != *present,
            Test::Compare(name, comparison, texts) => subject.texts(name).iter().any(|value| {
                let value = value.to_lowercase();
                texts.iter().any(|text| comparison.holds(&value, text))
            }),
        };
        Ok(holds != self.not)
    }

    /// The attributes that it looks at, in lower case.
    pub(super) fn attributes(&self) -> Vec<String> {
        match &self.test {
            Test::Domain(_) | Test::Ou(_) | Test::Group(_) => Vec::new(),
            Test::AccountControl(_) => vec!["useraccountcontrol".to_owned()],
            Test::Expression(expression) => expression.attributes().into_iter().collect(),
            Test::Present(name, _) | Test::Compare(name, _, _) if name == "dn" => Vec::new(),
            Test::Present(name, _) | Test::Compare(name, _, _) => vec![name.clone()],
        }
    }

    /// The groups that it asks for, by name in lower case.
    pub(super) fn groups(&self) -> &[String] {
        match &self.test {
            Test::Group(groups) => groups,
            _ => &[],
        }
    }
}

fn bit(name: &str) -> Option<i64> {
    if let Some(digits) = name.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok();
    }
    BITS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, bit)| *bit)
}

/// The DNS name of a distinguished name's domain: its DC parts (RFC 2247).
fn domain_of(dn: &str) -> String {
    let lower = dn.to_lowercase();
    let parts: Vec<&str> = lower.split(',').filter_map(|part| part.trim().strip_prefix("dc=")).collect();
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_of_a_name() {
        assert_eq!(domain_of("CN=Anna,OU=People,DC=Contoso,DC=test"), "contoso.test");
    }

    #[test]
    fn bits_have_names_and_numbers() {
        assert_eq!((bit("accountdisable"), bit("0x200"), bit("OTHER")), (Some(2), Some(512), None));
    }
}
