//! `PUT /scim/v2/Groups/{id}` (RFC 7644 section 3.5.1). Its members are replaced if the body tells of them, by an empty list too, and stay if
//! it does not: a list of all of them may be larger than a body, so that an export changes them by PATCH.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use ritorno_identity::audit::Activity;
use ritorno_protocol::scim::{self, MemberChanges};

use super::members;
use crate::scim::access::{json, taken};
use crate::scim::client::ScimClient;
use crate::scim::error::ScimError;
use crate::scim::group::{answer, audited, known, resource, said};
use crate::scim::version::if_match;
use crate::state::AppState;

/// Replaces what is known of a group.
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
    let body = json(body)?;
    let clear =
        body.as_object().is_some_and(|body| body.keys().any(|name| name.eq_ignore_ascii_case("members")));
    let said_of: scim::Group = taken(body)?;
    let (group, count) = known(&state, &client, &id).await?;
    expected.check(group.version)?;
    let changed = said(&said_of, &client, Some(&group), &state)?;
    let changes = MemberChanges { clear, add: said_of.members, remove: Vec::new() };
    let stored = members::store(&state, &client, &group, changed, &changes).await?;
    let (group, count) = (stored.group, count + stored.came - stored.went);
    let reason = match clear {
        false => audited(&group),
        true => format!("{}: {} members came, {} went", audited(&group), stored.came, stored.went),
    };
    client.audit(&state, Activity::GroupUpdated, None, reason).await?;
    let members = match clear {
        false => Vec::new(),
        true => members::seen(&state, &client, group.id).await?,
    };
    let resource = resource(&group, count, members, state.settings.public_address());
    Ok(answer(StatusCode::OK, &group, &resource))
}
