//! `POST /scim/v2/Users` (RFC 7644 section 3.3): a person of the directory becomes a person of the tenant.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use ritorno_identity::agent::Agent;
use ritorno_identity::audit::Activity;
use ritorno_identity::tenant::SoftMatch;
use ritorno_identity::user::User;
use serde_json::Value;

use super::access::{ScimAgent, audit, fact, nobody_of_the_tenants, read, taken, tenant};
use super::error::ScimError;
use super::resource::{Said, answer};
use super::soft_match;
use crate::state::AppState;

/// Adds a person. A userName or anchor that is taken is a conflict, unless the tenant wants a soft match.
///
/// # Errors
/// [`ScimError`].
pub async fn handle(
    State(state): State<AppState>,
    ScimAgent(agent): ScimAgent,
    body: Bytes,
) -> Result<Response, ScimError> {
    let user = Said::read(&read(body)?, &agent)?.create(&state);
    let tenant = tenant(&state).await?;
    nobody_of_the_tenants(&tenant, &user.user_principal_name)?;
    let by = tenant.soft_match;
    if let Some(joined) = soft_match::matched(&state, &agent, &user, by).await? {
        return Ok(answer(StatusCode::CREATED, &joined, &state));
    }
    state.store.users().insert(&user).await?;
    audit(&state, &agent, Activity::UserAdded, user.id, user.user_principal_name.clone()).await?;
    Ok(answer(StatusCode::CREATED, &user, &state))
}

/// Adds several people in as few statements as there can be, each as [`handle`] would: what became of each, in their order. Of two who
/// contradict each other the first one comes.
///
/// # Errors
/// [`ScimError::Store`], when nobody can tell what became of them; each may be repeated.
pub(super) async fn several(
    state: &AppState,
    agent: &Agent,
    said: Vec<Value>,
) -> Result<Vec<Result<User, ScimError>>, ScimError> {
    let tenant = tenant(state).await?;
    let read = |said| {
        let user = Said::read(&taken(said)?, agent)?.create(state);
        nobody_of_the_tenants(&tenant, &user.user_principal_name)?;
        Ok(user)
    };
    let mut results: Vec<Result<User, ScimError>> = said.into_iter().map(read).collect();
    let by = tenant.soft_match;
    let mut joined = Vec::new();
    if by != SoftMatch::Off {
        for result in &mut results {
            let Ok(user) = result else { continue };
            match soft_match::matched(state, agent, user, by).await {
                Ok(Some(person)) => {
                    joined.push(person.id);
                    *result = Ok(person);
                }
                Ok(None) => {}
                Err(ScimError::Store(error)) => return Err(ScimError::Store(error)),
                Err(refused) => *result = Err(refused),
            }
        }
    }
    let is_joined = |user: &User| joined.contains(&user.id);
    let users: Vec<User> = results
        .iter()
        .filter_map(|result| result.as_ref().ok())
        .filter(|user| !is_joined(user))
        .cloned()
        .collect();
    let came = state.store.users().insert_many(&users).await?;
    let added = users.iter().filter(|user| came.contains(&user.id));
    let facts: Vec<_> = added
        .map(|user| fact(state, agent, Activity::UserAdded, user.id, user.user_principal_name.clone()))
        .collect();
    state.store.audit().append_many(&facts).await?;
    for result in &mut results {
        if result.as_ref().is_ok_and(|user| !came.contains(&user.id) && !is_joined(user)) {
            *result = Err(ScimError::Uniqueness);
        }
    }
    Ok(results)
}
