//! Who comes into a group and who leaves it, stored with the rest of what changes of the group, as one, and within the deletion guard.

use std::collections::HashSet;

use ritorno_identity::agent::Agent;
use ritorno_identity::group::Group;
use ritorno_protocol::scim::{Member, MemberChanges, MemberKind};
use ritorno_storage::{GroupMembers, Updated};

use crate::scim::error::ScimError;
use crate::scim::guard;
use crate::state::AppState;

/// A group after a change.
pub(super) struct Stored {
    pub(super) group: Group,
    /// How many members came, and how many went.
    pub(super) came: u64,
    pub(super) went: u64,
}

/// Stores what `group` is changed to, and its members. Where nothing changes, its version and the moment of its last change stay
/// (RFC 7644 section 3.5.2.1).
///
/// # Errors
/// [`ScimError::GuardMembers`] if members who leave are held, [`ScimError::Version`] if the group changed meanwhile, and what the store
/// answers: then nothing of it is kept.
pub(super) async fn store(
    state: &AppState,
    agent: &Agent,
    group: &Group,
    changed: Group,
    changes: &MemberChanges,
) -> Result<Stored, ScimError> {
    let leaving = leaving(state, group, changes).await?;
    let mut members = coming(state, group, &changes.add).await?;
    let (came, went) = (number(&members), leaving.len() as u64);
    let same = Group { version: group.version, updated_at: group.updated_at, ..changed.clone() } == *group;
    if same && came + went == 0 {
        return Ok(Stored { group: group.clone(), came, went });
    }
    let counted = guard::pass_members(state, agent, group, &leaving).await?;
    members.leaving.clone_from(&leaving);
    let updated = state.store.groups().change(&changed, group.version, &members).await;
    if !matches!(updated, Ok(Updated::Done { .. })) {
        guard::members_stayed(state, agent, counted).await?;
    }
    let changed = match updated? {
        Updated::Done { version } => Group { version, ..changed },
        Updated::Conflict => return Err(ScimError::Version),
    };
    guard::members_left(state, agent, group, &leaving).await?;
    Ok(Stored { group: changed, came, went })
}

/// Who of these would become members. An id that nobody has is left out: who was removed in this moment can be in no group.
pub(super) async fn coming(
    state: &AppState,
    group: &Group,
    members: &[Member],
) -> Result<GroupMembers, ScimError> {
    let of = |kind| -> Vec<String> {
        members.iter().filter(|member| member.kind == kind).map(|member| member.value.clone()).collect()
    };
    let (people, groups) = (of(MemberKind::User), of(MemberKind::Group));
    Ok(state.store.groups().coming(state.tenant, group.id, &people, &groups).await?)
}

/// How many come.
pub(super) fn number(members: &GroupMembers) -> u64 {
    (members.people.len() + members.groups.len()) as u64
}

/// Which of the group's members are none afterwards.
async fn leaving(state: &AppState, group: &Group, changes: &MemberChanges) -> Result<Vec<String>, ScimError> {
    let repository = state.store.groups();
    if !changes.clear {
        return Ok(repository.members_among(state.tenant, group.id, &changes.remove).await?);
    }
    let stay: HashSet<&str> = changes.add.iter().map(|member| member.value.as_str()).collect();
    let all = repository.members(state.tenant, group.id).await?.into_iter().map(|(id, _)| id);
    Ok(all.filter(|id| !stay.contains(id.as_str())).collect())
}
