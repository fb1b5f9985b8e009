//! A person in the metaverse.

use std::collections::BTreeMap;

use ritorno_protocol::ids::{Forest, SourceAnchor};
use ritorno_protocol::scim;
use serde::{Deserialize, Serialize};

use crate::rules::Attribute;

/// A person as the metaverse holds them and as the tenant should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// What ties them to the directory object. Immutable.
    pub anchor: SourceAnchor,
    /// `objectGUID`, hyphenated, lower case.
    pub object_guid: String,
    /// `objectSid` as text, where the directory has one.
    pub object_sid: Option<String>,
    /// `userPrincipalName`, or the one that the directory implies.
    pub user_principal_name: String,
    /// `sAMAccountName`.
    pub account_name: String,
    /// NetBIOS name of the domain.
    pub domain: String,
    /// The forest.
    pub forest: Forest,
    /// `displayName`.
    pub display_name: Option<String>,
    /// `givenName`.
    pub given_name: Option<String>,
    /// `sn`.
    pub surname: Option<String>,
    /// `mail`.
    pub mail: Option<String>,
    /// An address outside the organisation, from the attribute that the rules name.
    pub alternate_mail: Option<String>,
    /// A mobile number, from the attribute that the rules name.
    #[serde(default)]
    pub mobile: Option<String>,
    /// `preferredLanguage`.
    pub preferred_language: Option<String>,
    /// Whether the account may sign in on premises.
    pub enabled: bool,
    /// When the account's password expires, by RFC 3339; none if it never does, or if the directory does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_expires: Option<String>,
}

/// What an object is, whatever the rules say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Identity {
    pub(crate) anchor: SourceAnchor,
    pub(crate) object_guid: String,
    pub(crate) object_sid: Option<String>,
    pub(crate) account_name: String,
    pub(crate) domain: String,
    pub(crate) forest: Forest,
    pub(crate) enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password_expires: Option<String>,
}

/// What one object gives to its person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contribution {
    pub(crate) identity: Identity,
    /// Its connector's rank.
    pub(crate) rank: u32,
    /// Each value with its rule's precedence.
    pub(crate) values: BTreeMap<Attribute, (String, u32)>,
}

impl Contribution {
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a contribution becomes JSON")
    }
}

/// One attribute in the metaverse and the connector that contributed it.
#[derive(Serialize)]
struct Contributed<'a> {
    value: &'a str,
    connector: i64,
}

/// A person made of all their objects.
pub(crate) struct Merged {
    pub(crate) person: Person,
    /// The metaverse's form: each attribute that rules flow to, with its contributing connector.
    pub(crate) attributes: String,
    /// The connector of the account that counts.
    pub(crate) connector: i64,
}

/// Who counts before whom: an enabled account before a disabled one, then by rank.
pub(crate) fn order(contributions: &mut [(i64, Contribution)]) {
    contributions.sort_by_key(|(_, contribution)| (!contribution.identity.enabled, contribution.rank));
}

/// The person of several objects, in the order in which they count ([`order`]), whose account is that of number `account`.
pub(crate) fn merged(contributions: &[(i64, Contribution)], account: usize) -> Option<Merged> {
    let (connector, primary) = contributions.get(account)?;
    let mut best: BTreeMap<Attribute, (u32, i64, &str)> = BTreeMap::new();
    for (connector, contribution) in contributions {
        for (attribute, (value, precedence)) in &contribution.values {
            if best.get(attribute).is_none_or(|(known, _, _)| precedence < known) {
                best.insert(*attribute, (*precedence, *connector, value));
            }
        }
    }
    let value = |attribute| best.get(&attribute).map(|(_, _, value)| (*value).to_owned());
    let identity = primary.identity.clone();
    let person = Person {
        user_principal_name: value(Attribute::UserPrincipalName)?,
        display_name: value(Attribute::DisplayName),
        given_name: value(Attribute::GivenName),
        surname: value(Attribute::Surname),
        mail: value(Attribute::Mail),
        alternate_mail: value(Attribute::AlternateMail),
        mobile: value(Attribute::Mobile),
        preferred_language: value(Attribute::PreferredLanguage),
        anchor: identity.anchor,
        object_guid: identity.object_guid,
        object_sid: identity.object_sid,
        account_name: identity.account_name,
        domain: identity.domain,
        forest: identity.forest,
        enabled: identity.enabled,
        password_expires: identity.password_expires,
    };
    let attributes: BTreeMap<_, _> = best
        .iter()
        .map(|(attribute, (_, connector, value))| {
            (attribute.name(), Contributed { value, connector: *connector })
        })
        .collect();
    let attributes = serde_json::to_string(&attributes).expect("texts and numbers become JSON");
    Some(Merged { person, attributes, connector: *connector })
}

impl Person {
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a person becomes JSON")
    }

    /// The SCIM resource that represents this person (RFC 7643 section 4.1 and the extension schema).
    pub(crate) fn to_scim(&self) -> scim::User {
        let name = scim::Name {
            formatted: None,
            given_name: self.given_name.clone(),
            family_name: self.surname.clone(),
        };
        let work =
            |value: &String| scim::Email { value: value.clone(), kind: Some("work".into()), primary: true };
        scim::User {
            schemas: vec![scim::USER_SCHEMA.to_owned(), scim::RITORNO_USER_SCHEMA.to_owned()],
            id: None,
            external_id: Some(self.anchor.0.clone()),
            user_name: self.user_principal_name.clone(),
            name: (name != scim::Name::default()).then_some(name),
            display_name: self.display_name.clone(),
            preferred_language: self.preferred_language.clone(),
            active: self.enabled,
            emails: self.mail.iter().map(work).collect(),
            phone_numbers: Vec::new(),
            password: None,
            meta: None,
            ritorno: Some(scim::RitornoUser {
                anchor: self.anchor.0.clone(),
                object_guid: self.object_guid.clone(),
                object_sid: self.object_sid.clone(),
                account_name: self.account_name.clone(),
                domain: self.domain.clone(),
                forest: self.forest.0.clone(),
                alternate_mail: self.alternate_mail.clone(),
                mobile: self.mobile.clone(),
                password_expires: self.password_expires.clone(),
            }),
        }
    }
}
