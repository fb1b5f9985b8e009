//! `PATCH /scim/v2/Groups/{id}` (RFC 7644 section 3.5.2): members come and go, so that one changed member of a large group is a small
//! request. Each part may be repeated. Who leaves counts at the deletion guard.

use std::collections::HashSet;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ritorno_identity::audit::Activity;
use ritorno_identity::group::Group;
use ritorno_protocol::scim::{
    Member, MemberChanges, MemberKind, NotMembers, OperationKind, PatchOp, read_member_operation,
};

use crate::scim::access::read;
use crate::scim::client::ScimClient;
use crate::scim::error::ScimError;
use crate::scim::group::found;
use crate::scim::guard;
use crate::state::AppState;

/// Changes who is in a group, or its name.
///
/// # Errors
/// [`ScimError`].
pub async fn handle(
    State(state): State<AppState>,
    client: ScimClient,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, ScimError> {
    let agent = client.agent()?;
    let patch: PatchOp = read(body)?;
    let group = found(&state, agent, &id).await?;
    let (mut changes, mut name) = (MemberChanges::default(), None);
    for operation in &patch.operations {
        let path = operation.path.as_deref().unwrap_or_default();
        if path.eq_ignore_ascii_case("displayName") && operation.op != OperationKind::Remove {
            let text = operation.value.as_ref().and_then(|value| value.as_str()).map(str::trim);
            let text = text.filter(|text| !text.is_empty());
            name = Some(text.ok_or_else(|| ScimError::Value("displayName is a text".into()))?.to_owned());
            continue;
        }
        read_member_operation(&mut changes, operation).map_err(|error| match error {
            NotMembers::Path(path) => ScimError::Path(path),
            NotMembers::Value => ScimError::Value(error.to_string()),
        })?;
    }
    let leaving = leaving(&state, &group, &changes).await?;
    guard::pass_members(&state, agent, &group, &leaving).await?;
    if let Some(display_name) = name.filter(|name| *name != group.display_name) {
        let changed = Group { display_name, updated_at: state.clock.now(), ..group.clone() };
        super::replace::store(&state, &changed, group.version).await?;
    }
    let (people, groups) = divided(&changes.add);
    let (came, went) = apply(&state, &group, &changes, &people, &groups).await?;
    guard::members_left(&state, agent, &group, &leaving).await?;
    let reason = format!("{} of {}: {came} members came, {went} went", group.account_name, group.forest);
    client.audit(&state, Activity::GroupUpdated, None, reason).await?;
    Ok(StatusCode::NO_CONTENT)
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

/// Members by what they are: people and groups.
pub(super) fn divided(members: &[Member]) -> (Vec<String>, Vec<String>) {
    let of = |kind| members.iter().filter(|m| m.kind == kind).map(|m| m.value.clone()).collect();
    (of(MemberKind::User), of(MemberKind::Group))
}

/// Makes the changes; how many came, and how many went.
pub(super) async fn apply(
    state: &AppState,
    group: &Group,
    changes: &MemberChanges,
    people: &[String],
    groups: &[String],
) -> Result<(u64, u64), ScimError> {
    let repository = state.store.groups();
    let mut went = 0;
    if changes.clear {
        went += repository.clear(state.tenant, group.id).await?;
    }
    went += repository.remove_members(state.tenant, group.id, &changes.remove).await?;
    let came = repository.add_members(state.tenant, group.id, people, groups).await?;
    Ok((came, went))
}
