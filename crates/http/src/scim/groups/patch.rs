//! `PATCH /scim/v2/Groups/{id}` (RFC 7644 section 3.5.2): members come and go, so that one changed member of a large group is a small
//! request, and what else is known of the group changes; all of it or nothing. Who leaves counts at the deletion guard.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use ritorno_identity::audit::Activity;
use ritorno_identity::group::{Group, GroupOrigin};
use ritorno_protocol::scim::{
    self, GROUP_SCHEMA, MemberChanges, NotMembers, Operation, OperationKind, PatchOp, RITORNO_GROUP_SCHEMA,
    read_member_operation,
};
use scim_v2::filter::{PatchPath, ValFilter};
use serde_json::{Value, json};

use super::members;
use crate::scim::access::read;
use crate::scim::change::{self as shape, Kind, Shape};
use crate::scim::client::ScimClient;
use crate::scim::error::ScimError;
use crate::scim::filter::{element_has, is_ordering_fit};
use crate::scim::group::{audited, found, resource, said, tagged};
use crate::scim::version::{Expected, if_match};
use crate::state::AppState;

/// So often a change is made anew that met another one.
const TRIES: u32 = 20;
const TEXT: Kind = Kind::Text;
/// What changes of a group besides its members.
const GROUP: Shape = Shape {
    core: (GROUP_SCHEMA, &[("displayName", TEXT), ("externalId", TEXT)]),
    extension: (
        RITORNO_GROUP_SCHEMA,
        &[("anchor", TEXT), ("accountName", TEXT), ("domain", TEXT), ("forest", TEXT)],
    ),
};

/// Changes a group. The answer says which version it is now, and where.
///
/// # Errors
/// [`ScimError`].
pub async fn handle(
    State(state): State<AppState>,
    client: ScimClient,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ScimError> {
    let expected = if_match(&headers);
    let patch: PatchOp = read(body)?;
    let mut left = TRIES;
    loop {
        let group = found(&state, &client, &id).await?;
        expected.check(group.version)?;
        left -= 1;
        match change(&state, &client, group, &patch).await {
            // Others change the same group at the same time, such as further parts of one export. Whoever names no version means any.
            Err(ScimError::Version) if expected == Expected::Any && left > 0 => {}
            done => return done,
        }
    }
}

/// Changes the group as it stands.
async fn change(
    state: &AppState,
    client: &ScimClient,
    group: Group,
    patch: &PatchOp,
) -> Result<Response, ScimError> {
    let address = state.settings.public_address();
    let (of_members, others) = divided(&patch.operations);
    let mut changes = MemberChanges::default();
    for operation in &of_members {
        match read_member_operation(&mut changes, operation) {
            Ok(()) => {}
            Err(NotMembers::Path(path)) => {
                remove_by_filter(state, client, &group, &mut changes, operation, path).await?
            }
            Err(error) => return Err(ScimError::Value(error.to_string())),
        }
    }
    let changed = match others.as_slice() {
        [] => Group { updated_at: state.clock.now(), ..group.clone() },
        others => {
            let Ok(Value::Object(mut attributes)) =
                serde_json::to_value(resource(&group, 0, Vec::new(), address))
            else {
                return Err(ScimError::Syntax("the resource is no object".into()));
            };
            shape::apply(&mut attributes, &GROUP, others)?;
            let to: scim::Group = serde_json::from_value(Value::Object(attributes))
                .map_err(|_| ScimError::Value("a value is missing or of the wrong kind".into()))?;
            let mut changed = said(&to, client, Some(&group), state)?;
            if let (GroupOrigin::Directory(of), Some(standing)) = (&mut changed.origin, group.directory()) {
                of.exported_by = standing.exported_by;
            }
            changed
        }
    };
    let stored = members::store(state, client, &group, changed, &changes).await?;
    let (group, came, went) = (stored.group, stored.came, stored.went);
    let reason = format!("{}: {came} members came, {went} went", audited(&group));
    client.audit(state, Activity::GroupUpdated, None, reason).await?;
    Ok(tagged(StatusCode::NO_CONTENT.into_response(), &group, address))
}

/// The operations on members, and those on all else. One without a path may be both.
fn divided(operations: &[Operation]) -> (Vec<Operation>, Vec<Operation>) {
    let (mut of_members, mut others) = (Vec::new(), Vec::new());
    for operation in operations {
        let Operation { op, path, value } = operation;
        match (path, value) {
            (Some(path), _) => match about_members(path) {
                Some(path) => of_members.push(Operation { path: Some(path), ..operation.clone() }),
                None => others.push(operation.clone()),
            },
            (None, Some(Value::Object(values))) if *op != OperationKind::Remove => {
                let mut rest = values.clone();
                for (name, value) in values {
                    if let Some(path) = about_members(name) {
                        rest.remove(name);
                        of_members.push(Operation { op: *op, path: Some(path), value: Some(value.clone()) });
                    }
                }
                if !rest.is_empty() {
                    others.push(Operation { op: *op, path: None, value: Some(Value::Object(rest)) });
                }
            }
            (None, _) => others.push(operation.clone()),
        }
    }
    (of_members, others)
}

/// A path about members without the URN of its schema; none if it is about something else.
fn about_members(path: &str) -> Option<String> {
    let schema = path.get(..GROUP_SCHEMA.len()).filter(|start| start.eq_ignore_ascii_case(GROUP_SCHEMA));
    let bare = schema.and_then(|_| path.get(GROUP_SCHEMA.len()..)?.strip_prefix(':')).unwrap_or(path);
    let name = bare.split(['[', '.']).next().unwrap_or(bare);
    name.trim().eq_ignore_ascii_case("members").then(|| bare.to_owned())
}

/// Takes out those members whom a filter wants that says more than which one.
async fn remove_by_filter(
    state: &AppState,
    client: &ScimClient,
    group: &Group,
    changes: &mut MemberChanges,
    operation: &Operation,
    path: String,
) -> Result<(), ScimError> {
    let filter: ValFilter = match path.parse() {
        Ok(PatchPath::Value(within))
            if operation.op == OperationKind::Remove && within.sub_attr.is_none() =>
        {
            within.filter
        }
        _ => return Err(ScimError::Path(path.chars().take(100).collect())),
    };
    if !is_ordering_fit(&filter) {
        return Err(ScimError::Filter);
    }
    let wanted = |id: &str, kind: &str| element_has(&filter, &json!({"value": id, "type": kind}));
    changes.add.retain(|member| !wanted(&member.value, kind(member.kind == scim::MemberKind::Group)));
    if !changes.clear {
        let standing = members::seen(state, client, group.id).await?;
        let gone = standing.into_iter().filter(|(id, is_group)| wanted(id, kind(*is_group)));
        changes.remove.extend(gone.map(|(id, _)| id));
    }
    Ok(())
}

const fn kind(is_group: bool) -> &'static str {
    if is_group { "Group" } else { "User" }
}
