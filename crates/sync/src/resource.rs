//! What the tenant holds of an object: a person or a group.

use serde::{Deserialize, Serialize};

use crate::group::Group;
use crate::object::Kind;
use crate::person::Person;

/// A person or a group. Their JSON tells them apart by its members' names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all of them are people, and a box for each would be one more piece of memory"
)]
pub enum Resource {
    /// A person.
    Person(Person),
    /// A group.
    Group(Group),
}

impl Resource {
    /// What it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Person(_) => Kind::Person,
            Self::Group(_) => Kind::Group,
        }
    }

    /// What people call it: a userPrincipalName, or a group's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Person(person) => &person.user_principal_name,
            Self::Group(group) => &group.group_name,
        }
    }

    /// Its source anchor.
    pub fn anchor(&self) -> &str {
        match self {
            Self::Person(person) => &person.anchor.0,
            Self::Group(group) => &group.anchor.0,
        }
    }

    /// Whether it may sign in; a group never does.
    pub(crate) fn is_enabled(&self) -> bool {
        matches!(self, Self::Person(person) if person.enabled)
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain values become JSON")
    }
}

#[cfg(test)]
mod tests {
    use ritorno_protocol::ids::{Forest, SourceAnchor};

    use super::*;

    #[test]
    fn a_group_is_told_from_a_person() {
        let (anchor, forest) = (SourceAnchor("a".into()), Forest("contoso.test".into()));
        let name = || "sales".to_owned();
        let group = Group {
            anchor: anchor.clone(),
            group_name: name(),
            group_account: name(),
            domain: name(),
            forest: forest.clone(),
        };
        let person = Person {
            anchor,
            object_guid: name(),
            object_sid: None,
            user_principal_name: name(),
            account_name: name(),
            domain: name(),
            forest,
            display_name: None,
            given_name: None,
            surname: None,
            mail: None,
            alternate_mail: None,
            mobile: None,
            preferred_language: None,
            enabled: true,
            password_expires: None,
        };
        for resource in [Resource::Group(group), Resource::Person(person)] {
            assert_eq!(serde_json::from_str::<Resource>(&resource.to_json()).unwrap(), resource);
        }
    }
}
