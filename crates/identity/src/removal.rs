//! Removals that the tenant's deletion guard holds until an administrator approves exactly their list.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

/// How long an approval lasts.
pub const APPROVED_FOR: Duration = Duration::from_secs(3_600);
/// How long a held removal is shown that nobody asked for again: an agent does so at least once a day.
pub const SHOWN_FOR: Duration = Duration::from_secs(26 * 3_600);

/// What is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RemovalKind {
    /// A person goes.
    DeleteUser,
    /// A person may not sign in any more.
    DisableUser,
    /// A group goes.
    DeleteGroup,
    /// A member leaves a group and stays.
    LeaveGroup,
}

impl RemovalKind {
    /// Every kind there is.
    pub const ALL: [Self; 4] = [Self::DeleteUser, Self::DisableUser, Self::DeleteGroup, Self::LeaveGroup];

    /// The name that is stored, and shown in a terminal.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeleteUser => "remove",
            Self::DisableUser => "disable",
            Self::DeleteGroup => "remove-group",
            Self::LeaveGroup => "leave",
        }
    }
}

/// One removal of one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Removal {
    /// What is done.
    pub kind: RemovalKind,
    /// The object's id; of a member who leaves, the group's and the member's with a blank between them.
    pub id: String,
    /// What the object is called.
    pub name: String,
}

/// SHA-256 of a list of removals, in hexadecimal, whatever their order: what an approval names. The names that were read are part of it: an
/// object that is called otherwise by now is another line.
#[must_use]
pub fn digest(list: &[Removal]) -> String {
    let line = |one: &Removal| format!("{} {} {:?}\n", one.kind.name(), one.id, one.name);
    let mut lines: Vec<String> = list.iter().map(line).collect();
    lines.sort_unstable();
    Sha256::digest(lines.concat()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_of_a_list_and_of_no_other() {
        let one = |kind, id: &str| Removal { kind, id: id.into(), name: String::new() };
        let (a, b) = (one(RemovalKind::DeleteUser, "1"), one(RemovalKind::DeleteUser, "2"));
        let both = digest(&[a.clone(), b.clone()]);
        assert_eq!(both, digest(&[b.clone(), a.clone()]));
        assert_ne!(both, digest(std::slice::from_ref(&a)));
        assert_ne!(digest(&[a]), digest(&[one(RemovalKind::DisableUser, "1")]));
        assert_eq!(both.len(), 64);
        let renamed = Removal { name: "somebody else".into(), ..one(RemovalKind::DeleteUser, "1") };
        assert_ne!(digest(&[renamed]), digest(&[one(RemovalKind::DeleteUser, "1")]));
    }
}
