//! What an import reads: the people below each of the bases, and then the groups. People come first, so that whoever comes while the groups
//! are read is told by the next delta, which reads the groups that name them.

use super::OpenLdap;
use crate::ldap::{Filter, Scope, Search};

/// Attributes of people's primary group, and of groups.
const GID: &str = "gidNumber";
/// Attributes of a group.
const OF_GROUPS: [&str; 7] =
    ["cn", "displayName", GID, "modifyTimestamp", "member", "uniqueMember", "memberUid"];
/// Classes of groups: RFC 4519, draft-howard-rfc2307bis, whose groups may be empty, and RFC 2307.
const CLASSES: [&str; 4] = ["groupOfNames", "groupOfUniqueNames", "groupOfMembers", "posixGroup"];

/// What is below a base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    People,
    Groups,
}

/// One search of an import.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) base: String,
    pub(super) kind: Kind,
}

impl Part {
    /// Its search; of people the named attributes.
    pub(super) fn search(&self, of_people: &[String]) -> Search {
        let attributes = match self.kind {
            Kind::People => of_people.to_vec(),
            Kind::Groups => OF_GROUPS.map(str::to_owned).to_vec(),
        };
        Search { base: self.base.clone(), scope: Scope::Subtree, filter: self.kind.filter(), attributes }
    }
}

impl Kind {
    /// Whom it finds. Nobody is both.
    pub(super) fn filter(self) -> Filter {
        let person = Filter::text("objectClass", "person");
        match self {
            Self::People => person,
            Self::Groups => {
                let classes = CLASSES.map(|class| Filter::text("objectClass", class)).into();
                Filter::And(vec![Filter::Or(classes), Filter::Not(Box::new(person))])
            }
        }
    }
}

impl OpenLdap {
    /// What an import reads, in order.
    pub(super) fn parts(&self) -> Vec<Part> {
        let of = |bases: &[String], kind| -> Vec<Part> {
            bases.iter().map(|base| Part { base: base.clone(), kind }).collect()
        };
        let config = &self.inner.config;
        [of(&config.bases, Kind::People), of(&config.groups, Kind::Groups)].concat()
    }

    /// Whether groups are imported.
    pub(super) fn imports_groups(&self) -> bool {
        !self.inner.config.groups.is_empty()
    }

    /// The attributes of people that are asked for: those, and what ties them to groups, where groups are imported.
    pub(super) fn of_people(&self, mut attributes: Vec<String>) -> Vec<String> {
        if self.imports_groups() {
            attributes.extend([self.inner.config.login.clone(), GID.to_owned()]);
            attributes.sort_by_key(|name| name.to_lowercase());
            attributes.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
        }
        attributes
    }
}
