//! A person in the metaverse.

use std::collections::BTreeMap;

use ritorno_protocol::ids::{Forest, SourceAnchor};
use ritorno_protocol::scim;
use serde::{Deserialize, Serialize};

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
    /// `preferredLanguage`.
    pub preferred_language: Option<String>,
    /// Whether the account may sign in on premises.
    pub enabled: bool,
}

/// One attribute in the metaverse and the connector that contributed it.
#[derive(Serialize, Deserialize)]
struct Contribution {
    value: serde_json::Value,
    connector: i64,
}

impl Person {
    /// The metaverse's form: each attribute that has a value, with its contributing connector.
    pub(crate) fn contributed_by(&self, connector: i64) -> String {
        let serde_json::Value::Object(attributes) =
            serde_json::to_value(self).expect("a person becomes JSON")
        else {
            unreachable!("a struct becomes a JSON object");
        };
        let contributions: BTreeMap<_, _> = attributes
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, Contribution { value, connector }))
            .collect();
        serde_json::to_string(&contributions).expect("JSON values become text")
    }

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
            }),
        }
    }
}
