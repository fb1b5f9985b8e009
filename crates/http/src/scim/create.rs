//! `POST /scim/v2/Users` (RFC 7644 section 3.3): a person of the directory becomes a person of the tenant.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use ritorno_identity::audit::Activity;

use super::access::{ScimAgent, audit, read};
use super::error::ScimError;
use super::resource::{Said, answer};
use crate::state::AppState;

/// Adds a person. There is no soft match: a userName or anchor that is taken is a conflict.
///
/// # Errors
/// [`ScimError`].
pub async fn handle(
    State(state): State<AppState>,
    ScimAgent(agent): ScimAgent,
    body: Bytes,
) -> Result<Response, ScimError> {
    let user = Said::read(&read(body)?, &agent)?.create(&state);
    state.store.users().insert(&user).await?;
    audit(&state, &agent, Activity::UserAdded, user.id, user.user_principal_name.clone()).await?;
    Ok(answer(StatusCode::CREATED, &user, &state))
}
