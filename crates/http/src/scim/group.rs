//! A group as a SCIM resource, and back; and what every operation on groups needs.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_identity::agent::Agent;
use ritorno_identity::group::{DirectoryGroup, Group, GroupOrigin};
use ritorno_protocol::ids::{Forest, GroupId, SourceAnchor};
use ritorno_protocol::scim::{self, MemberKind};

use super::client::ScimClient;
use super::error::ScimError;
use super::projection;
use super::resource::body;
use super::said::{are_kept, filled};
use super::version;
use crate::state::AppState;
use crate::time_text::rfc3339;

/// Bytes of one member in an answer, with what is between two.
const MEMBER: u64 = 64;

/// The group of that id with the number of its members, if this client may touch it.
///
/// # Errors
/// [`ScimError::NotFound`], what [`ScimClient::reaches_group`] answers, [`ScimError::Store`].
pub async fn known(state: &AppState, client: &ScimClient, id: &str) -> Result<(Group, u64), ScimError> {
    let id: GroupId = id.parse().map_err(|_| ScimError::NotFound)?;
    let (group, members) = state.store.groups().get(state.tenant, id).await?.ok_or(ScimError::NotFound)?;
    client.reaches_group(&group)?;
    Ok((group, members))
}

/// The same without that number, which costs as much as there are members.
///
/// # Errors
/// As [`known`].
pub async fn found(state: &AppState, client: &ScimClient, id: &str) -> Result<Group, ScimError> {
    let id: GroupId = id.parse().map_err(|_| ScimError::NotFound)?;
    let group = state.store.groups().find(state.tenant, id).await?.ok_or(ScimError::NotFound)?;
    client.reaches_group(&group)?;
    Ok(group)
}

/// Whether an answer holds the members of a group, before they are read.
///
/// # Errors
/// [`ScimError::TooManyMembers`].
pub(super) const fn holds_members(group: &Group, members: u64) -> Result<(), ScimError> {
    if members > projection::LARGEST as u64 / MEMBER {
        return Err(ScimError::TooManyMembers { id: group.id, members });
    }
    Ok(())
}

/// What a resource says of a group, checked, as `standing` or as a new one.
///
/// # Errors
/// [`ScimError::Value`], by what is missing or does not fit; [`ScimError::NotYours`] for another forest; [`ScimError::Mutability`] if
/// the anchor is another one.
pub fn said(
    resource: &scim::Group,
    client: &ScimClient,
    standing: Option<&Group>,
    state: &AppState,
) -> Result<Group, ScimError> {
    let origin = match client.agent() {
        Some(agent) => GroupOrigin::Directory(of_agent(resource, agent)?),
        None => of_program(resource)?,
    };
    let display_name = resource.display_name.trim().to_owned();
    if display_name.is_empty() {
        return Err(ScimError::Value("displayName is empty".into()));
    }
    let anchor = |origin: &GroupOrigin| match origin {
        GroupOrigin::Directory(of) => Some(of.source_anchor.clone()),
        GroupOrigin::Own { .. } => None,
    };
    if standing.is_some_and(|standing| anchor(&standing.origin) != anchor(&origin)) {
        return Err(ScimError::Mutability("externalId"));
    }
    let now = state.clock.now();
    Ok(Group {
        id: standing.map_or_else(|| GroupId::random(&*state.random), |standing| standing.id),
        tenant: state.tenant,
        display_name,
        origin,
        version: standing.map_or(1, |standing| standing.version),
        created_at: standing.map_or(now, |standing| standing.created_at),
        updated_at: now,
    })
}

fn of_agent(resource: &scim::Group, agent: &Agent) -> Result<DirectoryGroup, ScimError> {
    let value = |reason: String| ScimError::Value(reason);
    let extension = resource
        .ritorno
        .as_ref()
        .ok_or_else(|| value(format!("the extension {} is missing", scim::RITORNO_GROUP_SCHEMA)))?;
    if resource.external_id.as_deref().is_some_and(|id| id != extension.anchor) {
        return Err(value("externalId is not the anchor".into()));
    }
    if STANDARD.decode(&extension.anchor).map(|bytes| bytes.len()) != Ok(16) {
        return Err(value("the anchor is standard base64 of 16 bytes".into()));
    }
    let forest = Forest(extension.forest.clone());
    if !agent.forests.contains(&forest) {
        return Err(ScimError::NotYours);
    }
    Ok(DirectoryGroup {
        source_anchor: SourceAnchor(extension.anchor.clone()),
        forest,
        domain: extension.domain.clone(),
        account_name: extension.account_name.clone(),
        exported_by: agent.id,
    })
}

/// What is not modelled is not kept.
fn of_program(resource: &scim::Group) -> Result<GroupOrigin, ScimError> {
    if resource.ritorno.is_some() {
        return Err(ScimError::Value(format!(
            "the extension {} is what ties a group to a directory: agents alone send it",
            scim::RITORNO_GROUP_SCHEMA
        )));
    }
    let external_id = filled(resource.external_id.as_ref());
    are_kept([Some(&resource.display_name), external_id.as_ref()])?;
    Ok(GroupOrigin::Own { external_id })
}

/// What the audit calls a group.
pub(super) fn audited(group: &Group) -> String {
    match group.directory() {
        Some(of) => format!("{} of {}", of.account_name, of.forest),
        None => group.full_name(),
    }
}

/// A group as a resource; its members only where they are asked for, since there may be many.
pub fn resource(
    group: &Group,
    count: u64,
    members: Vec<(String, bool)>,
    public_address: &str,
) -> scim::Group {
    let member = |(value, is_group)| {
        let kind = if is_group { MemberKind::Group } else { MemberKind::User };
        scim::Member { value, kind }
    };
    let (external_id, ritorno) = match &group.origin {
        GroupOrigin::Own { external_id } => (external_id.clone(), None),
        GroupOrigin::Directory(of) => {
            let tied = scim::RitornoGroup {
                anchor: of.source_anchor.0.clone(),
                account_name: of.account_name.clone(),
                domain: of.domain.clone(),
                forest: of.forest.0.clone(),
                member_count: Some(count),
            };
            (Some(of.source_anchor.0.clone()), Some(tied))
        }
    };
    let extension = ritorno.as_ref().map(|_| scim::RITORNO_GROUP_SCHEMA.to_owned());
    scim::Group {
        schemas: std::iter::once(scim::GROUP_SCHEMA.to_owned()).chain(extension).collect(),
        id: Some(group.id.to_string()),
        external_id,
        display_name: group.display_name.clone(),
        members: members.into_iter().map(member).collect(),
        meta: Some(scim::Meta {
            resource_type: Some("Group".into()),
            created: Some(rfc3339(group.created_at)),
            last_modified: Some(rfc3339(group.updated_at)),
            location: Some(location(group, public_address)),
            version: Some(etag(group)),
        }),
        ritorno,
    }
}

/// Where a group's resource is.
fn location(group: &Group, public_address: &str) -> String {
    format!("{public_address}/scim/v2/Groups/{}", group.id)
}

/// The version of a group's resource.
pub(super) fn etag(group: &Group) -> String {
    version::etag(group.version)
}

/// An answer that holds a group, with its ETag.
pub fn answer(status: StatusCode, group: &Group, resource: &scim::Group) -> Response {
    let location = resource.meta.as_ref().and_then(|meta| meta.location.clone());
    with(body(status, resource), group, &location.unwrap_or_default())
}

/// An answer about a group that holds nothing of it, with its ETag and where it is.
pub(super) fn tagged(response: Response, group: &Group, public_address: &str) -> Response {
    with(response, group, &location(group, public_address))
}

fn with(mut response: Response, group: &Group, location: &str) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [(header::ETAG, etag(group).as_str()), (header::LOCATION, location)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    response
}
