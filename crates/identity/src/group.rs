//! A group of a directory, or one of the tenant's own, as the tenant keeps it.

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, Forest, GroupId, SourceAnchor, TenantId};

/// What the name of a group of the tenant's own begins with wherever one is typed or shown. A name without it is a directory's alone: no
/// program makes a group that an administrator takes for one of a directory.
pub const OWN_NAME: &str = "scim:";

/// A group. Who is in it is kept beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// The tenant.
    pub tenant: TenantId,
    /// The name to show.
    pub display_name: String,
    /// Whose it is.
    pub origin: GroupOrigin,
    /// Grows with each change of the group itself, and of its members by a change of it.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// Whose a group is. It never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupOrigin {
    /// A directory's: an agent exported it.
    Directory(DirectoryGroup),
    /// The tenant's own: a program made it, and its people are the tenant's own.
    Own {
        /// The program's id for it, if it has one; one group's in the tenant.
        external_id: Option<String>,
    },
}

/// What ties a group to a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryGroup {
    /// What ties it to the directory object. Immutable.
    pub source_anchor: SourceAnchor,
    /// Its forest.
    pub forest: Forest,
    /// NetBIOS name of its domain.
    pub domain: String,
    /// `sAMAccountName`.
    pub account_name: String,
    /// The agent that exported it last.
    pub exported_by: AgentId,
}

impl Group {
    /// What ties it to a directory; `None` for one of the tenant's own.
    pub const fn directory(&self) -> Option<&DirectoryGroup> {
        match &self.origin {
            GroupOrigin::Directory(of) => Some(of),
            GroupOrigin::Own { .. } => None,
        }
    }

    /// The name by which an administrator is shown it, and types it.
    #[must_use]
    pub fn full_name(&self) -> String {
        match self.origin {
            GroupOrigin::Directory(_) => self.display_name.clone(),
            GroupOrigin::Own { .. } => format!("{OWN_NAME}{}", self.display_name),
        }
    }
}

/// What of a typed name is the name of a group of the tenant's own; `None` if it is of a directory's group.
#[must_use]
pub fn own_name(typed: &str) -> Option<&str> {
    let start = typed.get(..OWN_NAME.len())?;
    start.eq_ignore_ascii_case(OWN_NAME).then(|| typed[OWN_NAME.len()..].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_one_kind_of_group() {
        for (typed, own) in [
            ("scim:Sales", Some("Sales")),
            ("SCIM: Sales", Some("Sales")),
            ("Sales", None),
            ("CONTOSO\\scim:Sales", None),
            ("scim", None),
            ("scìm:Sales", None),
        ] {
            assert_eq!(own_name(typed), own, "{typed}");
        }
    }
}
