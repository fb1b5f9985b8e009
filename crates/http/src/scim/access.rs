//! Which agent asks, under which lease, and what it may touch.

use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use ritorno_identity::agent::Agent;
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_identity::realm::Realm;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use ritorno_protocol::ids::UserId;
use ritorno_protocol::scim::{CONNECTOR_HEADER, LEASE_EPOCH_HEADER};
use serde_json::Value;
use zeroize::Zeroize as _;

use super::error::ScimError;
use super::names;
use crate::agent_api::bearer::AgentBearer;
use crate::problem::Problem;
use crate::state::AppState;

/// The agent that asks, not under an outdated lease.
#[derive(Clone, Debug)]
pub struct ScimAgent(pub Agent);

impl FromRequestParts<AppState> for ScimAgent {
    type Rejection = ScimError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ScimError> {
        // An operation of a bulk request comes with the agent whom that request was let in for.
        let agent = match parts.extensions.remove::<Self>() {
            Some(Self(agent)) => agent,
            None => {
                let bearer = AgentBearer::from_request_parts(parts, state).await;
                bearer.map_err(|_: Problem| ScimError::Unauthenticated)?.0
            }
        };
        if let Some((connector, epoch)) = lease(&parts.headers)? {
            state.leases.see(agent.id, &connector, epoch)?;
        }
        Ok(Self(agent))
    }
}

fn lease(headers: &HeaderMap) -> Result<Option<(String, u64)>, ScimError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(epoch) = text(LEASE_EPOCH_HEADER) else { return Ok(None) };
    let epoch = epoch.parse().map_err(|_| ScimError::Value(format!("{LEASE_EPOCH_HEADER} is no number")))?;
    let connector = text(CONNECTOR_HEADER)
        .ok_or_else(|| ScimError::Value(format!("{LEASE_EPOCH_HEADER} comes with {CONNECTOR_HEADER}")))?;
    Ok(Some((connector.to_owned(), epoch)))
}

/// The tenant, as it stands now.
///
/// # Errors
/// [`ScimError::Store`]; [`ScimError::NotFound`] if it is gone.
pub(super) async fn tenant(state: &AppState) -> Result<Tenant, ScimError> {
    state.store.tenants().get(state.tenant).await?.ok_or(ScimError::NotFound)
}

/// Nobody of a directory gets a name of a domain whose people are the tenant's own: their password, which is the directory's, would be
/// typed here in the clear.
///
/// # Errors
/// [`ScimError::CloudDomain`].
pub(super) fn nobody_of_the_tenants(tenant: &Tenant, name: &str) -> Result<(), ScimError> {
    let Some((_, domain)) = name.rsplit_once('@') else { return Ok(()) };
    match Realm::of_domain(tenant, domain) {
        Realm::Directory => Ok(()),
        Realm::Cloud => Err(ScimError::CloudDomain(domain.to_owned())),
    }
}

/// The person of that id, if this agent may touch them.
///
/// # Errors
/// [`ScimError::NotFound`], [`ScimError::NotYours`], [`ScimError::Store`].
pub async fn person(state: &AppState, agent: &Agent, id: &str) -> Result<User, ScimError> {
    let id: UserId = id.parse().map_err(|_| ScimError::NotFound)?;
    let user = state.store.users().get(state.tenant, id).await?.ok_or(ScimError::NotFound)?;
    if agent.masters(&user) { Ok(user) } else { Err(ScimError::NotYours) }
}

/// What no agent may set, whatever else a body holds.
pub(super) const FORBIDDEN: [&str; 3] = ["password", "roles", "entitlements"];

/// Reads a body that says what a person is to be. The bytes are wiped: they may hold a password, which is refused by name.
///
/// # Errors
/// [`ScimError::Syntax`], [`ScimError::Forbidden`].
pub fn read<T: serde::de::DeserializeOwned>(body: Bytes) -> Result<T, ScimError> {
    taken(json(body)?)
}

/// Reads a body as it is. The bytes are wiped.
///
/// # Errors
/// [`ScimError::Syntax`].
pub(super) fn json(body: Bytes) -> Result<Value, ScimError> {
    // The reader's own message may quote what was sent: it is not passed on.
    let read = serde_json::from_slice(&body).map_err(|error| {
        ScimError::Syntax(format!("line {}, column {}: not the expected body", error.line(), error.column()))
    });
    if let Ok(mut bytes) = body.try_into_mut() {
        bytes.as_mut().zeroize();
    }
    read
}

/// The same of what is parsed already. Names count in any case; what the service alone says of a resource, such as `id` and `groups`, is
/// passed over (RFC 7644 section 3.3).
///
/// # Errors
/// [`ScimError::Syntax`], [`ScimError::Forbidden`].
pub fn taken<T: serde::de::DeserializeOwned>(mut said: Value) -> Result<T, ScimError> {
    if let Some(name) = forbidden(&said) {
        wipe(&mut said);
        return Err(ScimError::Forbidden(name));
    }
    names::canonical(&mut said)?;
    serde_json::from_value(said).map_err(|_| ScimError::Syntax("not the expected body".to_owned()))
}

/// What of [`FORBIDDEN`] is in a body, by itself or behind the URN of its schema; a password wherever it stands.
fn forbidden(said: &Value) -> Option<&'static str> {
    if holds_password(said) {
        return Some("password");
    }
    let said = said.as_object()?.iter().filter(|(_, value)| !is_nothing(value));
    let mut names = said.map(|(key, _)| key.rsplit(':').next().unwrap_or(key));
    names.find_map(|name| FORBIDDEN.into_iter().find(|known| known.eq_ignore_ascii_case(name)))
}

/// Whether an attribute of that value is as good as absent (RFC 7643 section 2.5): some provisioners always send one.
pub(super) fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// Whether a password is anywhere in it: as an attribute, or as the path of a PATCH, whose value it is then.
pub(super) fn holds_password(value: &Value) -> bool {
    let is_it = |name: &str| {
        let bare = name.rsplit(':').next().unwrap_or(name).split(['[', '.']).next().unwrap_or(name);
        bare.trim().eq_ignore_ascii_case("password")
    };
    match value {
        Value::Object(map) => map.iter().any(|(name, value)| {
            let path = value.as_str().filter(|_| name.eq_ignore_ascii_case("path"));
            is_it(name) || path.is_some_and(is_it) || holds_password(value)
        }),
        Value::Array(list) => list.iter().any(holds_password),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Wipes every text in it.
pub(super) fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(list) => list.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Writes down what an agent did to a person.
///
/// # Errors
/// [`ScimError::Store`].
pub async fn audit(
    state: &AppState,
    agent: &Agent,
    activity: Activity,
    target: UserId,
    reason: String,
) -> Result<(), ScimError> {
    Ok(state.store.audit().append(&fact(state, agent, activity, target, reason)).await?)
}

/// What an agent did to a person, as a fact.
pub(super) fn fact(
    state: &AppState,
    agent: &Agent,
    activity: Activity,
    target: UserId,
    reason: String,
) -> Fact {
    Fact {
        id: FactId::random(&*state.random),
        tenant: state.tenant,
        at: state.clock.now(),
        activity,
        actor: Actor::Agent(agent.id),
        target: Some(target),
        from: None,
        success: Success::Success,
        reason,
        support_code: None,
        correlation: CorrelationId::random(&*state.random),
        request: None,
    }
}
