//! Who comes into a group and who leaves it, stored with the rest of what changes of the group, as one, and within the deletion guard.

use std::collections::HashSet;

use ritorno_identity::group::Group;
use ritorno_protocol::ids::GroupId;
use ritorno_protocol::scim::{Member, MemberChanges, MemberKind};
use ritorno_storage::{GroupMembers, Updated};

use crate::scim::client::ScimClient;
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
/// What [`coming`] answers, [`ScimError::GuardMembers`] if members who leave are held, [`ScimError::Version`] if the group changed meanwhile, and what the store
/// answers: then nothing of it is kept.
pub(super) async fn store(
    state: &AppState,
    client: &ScimClient,
    group: &Group,
    changed: Group,
    changes: &MemberChanges,
) -> Result<Stored, ScimError> {
    let by = client.provisioner();
    let leaving = leaving(state, client, group, changes).await?;
    let mut members = coming(state, client, group, &changes.add).await?;
    let (came, went) = (number(&members), leaving.len() as u64);
    let same = Group { version: group.version, updated_at: group.updated_at, ..changed.clone() } == *group;
    if same && came + went == 0 {
        return Ok(Stored { group: group.clone(), came, went });
    }
    let counted = guard::pass_members(state, by, group, &leaving).await?;
    members.leaving.clone_from(&leaving);
    let updated = state.store.groups().change(&changed, group.version, &members).await;
    if !matches!(updated, Ok(Updated::Done { .. })) {
        guard::members_stayed(state, by, counted).await?;
    }
    let changed = match updated? {
        Updated::Done { version } => Group { version, ..changed },
        Updated::Conflict => return Err(ScimError::Version),
    };
    guard::members_left(state, by, group, &leaving).await?;
    Ok(Stored { group: changed, came, went })
}

/// The members of a group, as far as the client sees them: each id, and whether it is a group.
///
/// # Errors
/// [`ScimError::Store`].
pub(super) async fn seen(
    state: &AppState,
    client: &ScimClient,
    group: GroupId,
) -> Result<Vec<(String, bool)>, ScimError> {
    let groups = state.store.groups();
    Ok(match client.program_in() {
        None => groups.members(state.tenant, group).await?,
        Some(tenant) => groups.members_seen(state.tenant, group, &tenant.cloud_domains).await?,
    })
}

/// Which of these are members, as far as the client sees them.
async fn seen_among(
    state: &AppState,
    client: &ScimClient,
    group: GroupId,
    ids: &[String],
) -> Result<Vec<String>, ScimError> {
    let groups = state.store.groups();
    Ok(match client.program_in() {
        None => groups.members_among(state.tenant, group, ids).await?,
        Some(tenant) => groups.members_seen_among(state.tenant, group, ids, &tenant.cloud_domains).await?,
    })
}

/// Whether the client may ask whose member somebody is: a group, or a person whom it reaches.
///
/// # Errors
/// [`ScimError::Store`].
pub(super) async fn is_seen(state: &AppState, client: &ScimClient, member: &str) -> Result<bool, ScimError> {
    if client.program_in().is_none() {
        return Ok(true);
    }
    let Ok(id) = member.parse() else { return Ok(false) };
    let Some(user) = state.store.users().get(state.tenant, id).await? else { return Ok(true) };
    match client.reaches(state, &user).await {
        Ok(()) => Ok(true),
        Err(ScimError::Store(error)) => Err(ScimError::Store(error)),
        Err(_) => Ok(false),
    }
}

/// Who of these would become members. An id that nobody has is left out: who was removed in this moment can be in no group.
///
/// # Errors
/// Of a program, what [`ScimClient::reaches`] answers of somebody who is there, and [`ScimError::DirectoryGroup`];
/// [`ScimError::Store`].
pub(super) async fn coming(
    state: &AppState,
    client: &ScimClient,
    group: &Group,
    members: &[Member],
) -> Result<GroupMembers, ScimError> {
    let of = |kind| -> Vec<String> {
        members.iter().filter(|member| member.kind == kind).map(|member| member.value.clone()).collect()
    };
    let (people, mut groups) = (of(MemberKind::User), of(MemberKind::Group));
    let Some(tenant) = client.program_in() else {
        return Ok(state.store.groups().coming(state.tenant, group.id, &people, &groups).await?);
    };
    // What a member is need not be said (RFC 7643 section 4.2), and no person has a group's id.
    groups.extend(people.iter().cloned());
    let repository = state.store.groups();
    if !repository.of_directories_among(state.tenant, &groups).await?.is_empty() {
        return Err(ScimError::DirectoryGroup);
    }
    let domains = &tenant.cloud_domains;
    let coming = repository.coming_to_own(state.tenant, group.id, &people, &groups, domains).await?;
    // Whoever is there and does not come is in it already, or out of reach.
    let there = state.store.users().principal_names(state.tenant, &people).await?;
    let mut others: Vec<String> = there.into_keys().filter(|id| !coming.people.contains(id)).collect();
    let standing = seen_among(state, client, group.id, &others).await?;
    others.retain(|id| !standing.contains(id));
    for id in others {
        let Ok(id) = id.parse() else { continue };
        if let Some(user) = state.store.users().get(state.tenant, id).await? {
            client.reaches(state, &user).await?;
        }
    }
    Ok(coming)
}

/// How many come.
pub(super) fn number(members: &GroupMembers) -> u64 {
    (members.people.len() + members.groups.len()) as u64
}

/// Which of the group's members are none afterwards.
async fn leaving(
    state: &AppState,
    client: &ScimClient,
    group: &Group,
    changes: &MemberChanges,
) -> Result<Vec<String>, ScimError> {
    if !changes.clear {
        return seen_among(state, client, group.id, &changes.remove).await;
    }
    let stay: HashSet<&str> = changes.add.iter().map(|member| member.value.as_str()).collect();
    let all = seen(state, client, group.id).await?.into_iter().map(|(id, _)| id);
    Ok(all.filter(|id| !stay.contains(id.as_str())).collect())
}
