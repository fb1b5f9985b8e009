//! `POST /scim/v2/Users` (RFC 7644 section 3.3): a person of a directory, or of a program, becomes a person of the tenant.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use ritorno_identity::audit::Activity;
use ritorno_identity::tenant::{SoftMatch, Tenant};
use ritorno_identity::user::User;
use ritorno_protocol::scim;
use ritorno_storage::fence;
use serde_json::Value;

use super::access::{may_be_called, read, taken, tenant};
use super::client::ScimClient;
use super::error::ScimError;
use super::resource::answer;
use super::said::Said;
use super::soft_match;
use crate::state::AppState;

/// Adds a person. A userName or external id that is taken is a conflict, unless it is an agent's person and the tenant wants a soft match.
///
/// # Errors
/// [`ScimError`].
pub async fn handle(
    State(state): State<AppState>,
    client: ScimClient,
    body: Bytes,
) -> Result<Response, ScimError> {
    let tenant = tenant(&state).await?;
    let user = coming(&state, &client, &tenant, &read(body)?).await?;
    if let Some(joined) = soft_match::matched(&state, &client, &user, tenant.soft_match).await? {
        return Ok(answer(StatusCode::CREATED, &joined, &state));
    }
    state.store.users().insert(&user).await?;
    let reason = user.user_principal_name.clone();
    client.audit(&state, Activity::UserAdded, Some(user.id), reason).await?;
    Ok(answer(StatusCode::CREATED, &user, &state))
}

/// Whom a client means, if they may come from it.
async fn coming(
    state: &AppState,
    client: &ScimClient,
    tenant: &Tenant,
    resource: &scim::User,
) -> Result<User, ScimError> {
    let user = Said::read(resource, client)?.create(client, state)?;
    may_be_called(client, tenant, &user.user_principal_name)?;
    if client.program_in().is_some() {
        client.reaches(state, &user).await?;
    }
    Ok(user)
}

/// Adds several people in as few statements as there can be, each as [`handle`] would: what became of each, in their order. Of two who
/// contradict each other the first one comes.
///
/// # Errors
/// [`ScimError::Store`], when nobody can tell what became of them; each may be repeated.
pub(super) async fn several(
    state: &AppState,
    client: &ScimClient,
    said: Vec<Value>,
) -> Result<Vec<Result<User, ScimError>>, ScimError> {
    let tenant = tenant(state).await?;
    let mut results = Vec::with_capacity(said.len());
    for said in said {
        let user = match taken(said) {
            Ok(resource) => coming(state, client, &tenant, &resource).await,
            Err(refused) => Err(refused),
        };
        match user {
            Err(ScimError::Store(error)) => return Err(ScimError::Store(error)),
            result => results.push(result),
        }
    }
    let by = tenant.soft_match;
    let mut joined = Vec::new();
    if by != SoftMatch::Off {
        for result in &mut results {
            let Ok(user) = result else { continue };
            match soft_match::matched(state, client, user, by).await {
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
        .map(|user| {
            let reason = user.user_principal_name.clone();
            client.fact(state, Activity::UserAdded, Some(user.id), reason)
        })
        .collect();
    // They are there, whoever has the lease by now.
    fence::unfenced(state.store.audit().append_many(&facts)).await?;
    for result in &mut results {
        if result.as_ref().is_ok_and(|user| !came.contains(&user.id) && !is_joined(user)) {
            *result = Err(ScimError::Uniqueness);
        }
    }
    Ok(results)
}
