//! Which objects become people, which of them are one person, and what flows where: rules in layers of TOML.
//!
//! The lowest layer is part of the program ([`DEFAULTS`]) and is never edited; the organisation's own file lies above it, adds rules
//! and turns off what it does not want by name. `leave_out` and `keep_only` decide the scope, `join` who is the same person in several
//! forests, `flow` what an attribute of the person is made of.

mod condition;
mod expression;
mod layer;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::SourceAnchor;
use serde::{Deserialize, Serialize};

use crate::connector::Connector;
use crate::fault::ObjectFault;
use crate::object::Attributes;
use crate::person::{Contribution, Identity};
use crate::{anchor, sid};
use condition::Condition;
use expression::Expression;
pub use layer::{Layer, RulesError};

/// The rules that always count, as TOML.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// `msDS-UserPasswordExpiryTimeComputed` (a constructed attribute, MS-ADTS 3.1.1.4.5), which a domain controller computes when it is asked, of the policy that
/// holds then. A change of that policy changes no object, so that only reading everybody brings it.
const PASSWORD_EXPIRES: &str = "msds-userpasswordexpirytimecomputed";

/// ADS_UF_ACCOUNTDISABLE (MS-ADTS 2.2.16).
const ACCOUNT_DISABLED: i64 = 0x2;

/// An attribute of a person that rules flow to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Attribute {
    UserPrincipalName,
    DisplayName,
    GivenName,
    Surname,
    Mail,
    AlternateMail,
    Mobile,
    PreferredLanguage,
}

impl Attribute {
    pub(crate) const ALL: [Self; 8] = [
        Self::UserPrincipalName,
        Self::DisplayName,
        Self::GivenName,
        Self::Surname,
        Self::Mail,
        Self::AlternateMail,
        Self::Mobile,
        Self::PreferredLanguage,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::UserPrincipalName => "userPrincipalName",
            Self::DisplayName => "displayName",
            Self::GivenName => "givenName",
            Self::Surname => "surname",
            Self::Mail => "mail",
            Self::AlternateMail => "alternateMail",
            Self::Mobile => "mobile",
            Self::PreferredLanguage => "preferredLanguage",
        }
    }
}

impl FromStr for Attribute {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|attribute| attribute.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("'{name}' is no attribute that rules flow to; there are {known}")
        })
    }
}

/// Whose rule it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    name: String,
    /// The only connector that it is for.
    connector: Option<String>,
    precedence: u32,
}

impl Origin {
    fn is_for(&self, connector: &Connector) -> bool {
        self.connector.as_ref().is_none_or(|name| *name == connector.name)
    }
}

/// `leave_out` or `keep_only`: about the objects of which all conditions hold.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Scoping {
    origin: Origin,
    keep_only: bool,
    when: Vec<Condition>,
}

/// Objects with the same key are one person.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Join {
    origin: Origin,
    key: Expression,
}

/// What a flow takes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Direct(String),
    Constant(String),
    Expression(Expression),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct FlowRule {
    origin: Origin,
    to: Attribute,
    source: Source,
    when: Vec<Condition>,
}

impl FlowRule {
    fn described(&self) -> String {
        let name = &self.origin.name;
        match &self.source {
            Source::Direct(attribute) => format!("{attribute} (rule {name})"),
            Source::Constant(_) => format!("a constant (rule {name})"),
            Source::Expression(expression) => format!("{} (rule {name})", expression.text()),
        }
    }

    fn value(&self, subject: &Subject) -> Result<Option<String>, String> {
        Ok(match &self.source {
            Source::Direct(attribute) => {
                let mut values = subject.texts(&attribute.to_ascii_lowercase()).into_iter();
                // An address is what looks like one.
                let fits = |value: &&str| self.to != Attribute::AlternateMail || value.contains('@');
                values.find(fits).map(str::to_owned)
            }
            Source::Constant(text) => Some(text.clone()),
            Source::Expression(expression) => expression.value(subject)?,
        })
    }
}

/// All layers together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    scoping: Vec<Scoping>,
    /// The most important first.
    joins: Vec<Join>,
    flows: Vec<FlowRule>,
    /// The texts that they were read from.
    texts: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self::layered(&[]).expect("the program's own rules are good, as a test shows")
    }
}

/// Why the rules leave an object out: the name of the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exclusion(pub(crate) String);

/// What the rules say of an object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    InScope(Box<Contribution>),
    OutOfScope(Exclusion),
}

/// What rules look at.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    dn: String,
    attributes: Arc<Attributes>,
    /// `anchor`, `domain_dns`, `domain_netbios`, `forest`.
    names: BTreeMap<&'static str, String>,
    /// The groups among [`Rules::groups`] that it is a member of, nested or not.
    groups: Arc<BTreeSet<String>>,
}

impl Subject {
    fn texts(&self, name: &str) -> Vec<&str> {
        if name == "dn" {
            return vec![&self.dn];
        }
        match self.names.get(name) {
            Some(text) => vec![text],
            None => self.attributes.texts(name),
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).into_iter().next()
    }
}

impl Rules {
    /// The program's own rules with `layers` above them, the last one on top.
    ///
    /// # Errors
    /// [`RulesError`], by the first thing that is wrong.
    pub fn layered(layers: &[Layer<'_>]) -> Result<Self, RulesError> {
        let built_in = Layer { name: "the program's own rules", text: DEFAULTS };
        let mut rules = Self { scoping: vec![], joins: vec![], flows: vec![], texts: vec![] };
        let mut names: BTreeSet<String> = BTreeSet::new();
        for (number, layer) in std::iter::once(&built_in).chain(layers).enumerate() {
            let read = layer::read(layer.text, number == 0).map_err(|wrong| wrong.named(*layer))?;
            for disabled in read.disable {
                let name = disabled.get_ref().as_str();
                if !names.contains(name) {
                    let reason = format!("no layer below has a rule named '{name}'");
                    return Err(layer::Wrong { at: disabled.span(), reason }.named(*layer));
                }
                rules.scoping.retain(|rule| rule.origin.name != name);
                rules.joins.retain(|rule| rule.origin.name != name);
                rules.flows.retain(|rule| rule.origin.name != name);
            }
            // Rules of one layer may share a name: a join has one for each connector.
            let taken = read.names.iter().find(|name| names.contains(name.get_ref()));
            if let Some(taken) = taken {
                let reason = format!(
                    "a layer below has a rule named '{}' already: disable that, or take another name",
                    taken.get_ref()
                );
                return Err(layer::Wrong { at: taken.span(), reason }.named(*layer));
            }
            names.extend(read.names.into_iter().map(toml::Spanned::into_inner));
            rules.scoping.extend(read.scoping);
            // Of equal precedence the upper layer's comes first.
            rules.joins.splice(0..0, read.joins);
            rules.flows.splice(0..0, read.flows);
            rules.texts.push(layer.text.to_owned());
        }
        rules.joins.sort_by_key(|join| join.origin.precedence);
        rules.flows.sort_by_key(|flow| flow.origin.precedence);
        Ok(rules)
    }

    /// The attributes that an import has to ask the directory for, in lower case.
    pub fn attributes(&self) -> Vec<String> {
        let fixed = [
            anchor::ATTRIBUTE,
            "objectsid",
            "primarygroupid",
            "samaccountname",
            "useraccountcontrol",
            PASSWORD_EXPIRES,
        ];
        let mut names: BTreeSet<String> = fixed.into_iter().map(str::to_owned).collect();
        let conditions = self.scoping.iter().flat_map(|rule| &rule.when);
        for condition in conditions.chain(self.flows.iter().flat_map(|rule| &rule.when)) {
            names.extend(condition.attributes());
        }
        for join in &self.joins {
            names.extend(join.key.attributes());
        }
        for flow in &self.flows {
            match &flow.source {
                Source::Direct(attribute) => drop(names.insert(attribute.to_ascii_lowercase())),
                Source::Constant(_) => {}
                Source::Expression(expression) => names.extend(expression.attributes()),
            }
        }
        names.into_iter().collect()
    }

    /// The groups whose members, nested or not, conditions ask for: distinguished names in lower case.
    pub fn groups(&self) -> BTreeSet<String> {
        let conditions = self.scoping.iter().flat_map(|rule| &rule.when);
        let conditions = conditions.chain(self.flows.iter().flat_map(|rule| &rule.when));
        conditions.flat_map(Condition::groups).cloned().collect()
    }

    /// What decides: the texts of all layers.
    pub(crate) fn texts(&self) -> &[String] {
        &self.texts
    }
}

/// Whether all of these hold.
fn all(conditions: &[Condition], subject: &Subject) -> Result<bool, String> {
    for condition in conditions {
        if !condition.holds(subject)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// One flow that gave a value, described for people.
pub(crate) struct Flowed {
    pub(crate) to: Attribute,
    pub(crate) value: String,
    pub(crate) precedence: u32,
    pub(crate) from: String,
}

/// What an object is judged by: itself, and which of the groups that the rules ask for it is in.
pub(crate) fn subject(
    connector: &Connector,
    dn: &str,
    anchor: &SourceAnchor,
    attributes: &Attributes,
    groups: BTreeSet<String>,
) -> Subject {
    let names = BTreeMap::from([
        ("anchor", anchor.0.clone()),
        ("domain_dns", connector.dns_domain.clone()),
        ("domain_netbios", connector.domain.clone()),
        ("forest", connector.forest.0.clone()),
    ]);
    let (attributes, groups) = (Arc::new(attributes.clone()), Arc::new(groups));
    Subject { dn: dn.to_owned(), attributes, names, groups }
}

/// What flows of an object: of each attribute the most important rule that gives a value.
pub(crate) fn flows(connector: &Connector, subject: &Subject) -> Result<Vec<Flowed>, ObjectFault> {
    let mut flowed: Vec<Flowed> = Vec::new();
    for rule in connector.rules.flows.iter().filter(|rule| rule.origin.is_for(connector)) {
        if flowed.iter().any(|flow| flow.to == rule.to) {
            continue;
        }
        let failed = |reason| ObjectFault::RuleFailed { rule: rule.origin.name.clone(), reason };
        if !all(&rule.when, subject).map_err(failed)? {
            continue;
        }
        let failed = |reason| ObjectFault::RuleFailed { rule: rule.origin.name.clone(), reason };
        if let Some(value) = rule.value(subject).map_err(failed)? {
            let (to, precedence) = (rule.to, rule.origin.precedence);
            flowed.push(Flowed { to, value, precedence, from: rule.described() });
        }
    }
    Ok(flowed)
}

/// Judges one staged object by the connector's rules.
pub(crate) fn judge(
    connector: &Connector,
    object_guid: &str,
    anchor: &SourceAnchor,
    subject: &Subject,
) -> Result<Verdict, ObjectFault> {
    let malformed = |attribute: &str| ObjectFault::AttributeMalformed { attribute: attribute.to_owned() };
    let control = match subject.text("useraccountcontrol") {
        None => 0,
        Some(text) => text.parse::<i64>().map_err(|_| malformed("userAccountControl"))?,
    };
    for rule in connector.rules.scoping.iter().filter(|rule| rule.origin.is_for(connector)) {
        let failed = |reason| ObjectFault::RuleFailed { rule: rule.origin.name.clone(), reason };
        if all(&rule.when, subject).map_err(failed)? != rule.keep_only {
            return Ok(Verdict::OutOfScope(Exclusion(rule.origin.name.clone())));
        }
    }
    let object_sid = match subject.attributes.bytes("objectsid") {
        None => None,
        Some(bytes) => Some(sid::text(&bytes).ok_or_else(|| malformed("objectSid"))?),
    };
    let account_name = subject.text("samaccountname").ok_or_else(|| malformed("sAMAccountName"))?;
    let identity = Identity {
        anchor: anchor.clone(),
        object_guid: object_guid.to_owned(),
        object_sid,
        account_name: account_name.to_owned(),
        domain: connector.domain.clone(),
        forest: connector.forest.clone(),
        enabled: control & ACCOUNT_DISABLED == 0,
        password_expires: subject
            .text(PASSWORD_EXPIRES)
            .and_then(|filetime| filetime.parse().ok())
            .and_then(Timestamp::from_filetime)
            .and_then(Timestamp::to_rfc3339),
    };
    let flowed = flows(connector, subject)?;
    if !flowed.iter().any(|flow| flow.to == Attribute::UserPrincipalName) {
        return Err(malformed("userPrincipalName"));
    }
    let values = flowed.into_iter().map(|flow| (flow.to, (flow.value, flow.precedence))).collect();
    Ok(Verdict::InScope(Box::new(Contribution { identity, rank: connector.rank, values })))
}

/// The keys by which an object is joined, the most important first: the rule's name and the key. All rules of one name are one group.
pub(crate) fn join_keys(
    connector: &Connector,
    subject: &Subject,
) -> Result<Vec<(String, String)>, ObjectFault> {
    let mut keys = Vec::new();
    for join in connector.rules.joins.iter().filter(|join| join.origin.is_for(connector)) {
        let name = &join.origin.name;
        let key = join.key.value(subject);
        let key = key.map_err(|reason| ObjectFault::RuleFailed { rule: name.clone(), reason })?;
        // An anchor is base64, whose letters have a case.
        let is_anchor = join.key.text() == "anchor";
        keys.extend(key.map(|key| (name.clone(), if is_anchor { key } else { key.to_lowercase() })));
    }
    Ok(keys)
}

#[cfg(test)]
mod tests;
