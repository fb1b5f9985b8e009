//! Which agent asks, under which lease, and what it may touch.

use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use ritorno_identity::agent::Agent;
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_identity::realm::Realm;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use ritorno_protocol::ids::UserId;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use zeroize::Zeroize as _;

use super::error::ScimError;
use super::leases;
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
        leases::under(state, &agent, &parts.headers).await?;
        Ok(Self(agent))
    }
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

/// The version that `If-Match` names (RFC 7644 section 3.14); `None` if it names none, or any.
///
/// # Errors
/// [`ScimError::Version`] if it is none that this service gives out.
pub fn if_match(headers: &HeaderMap) -> Result<Option<i64>, ScimError> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().map_err(|_| ScimError::Version)?.trim();
    if text == "*" {
        return Ok(None);
    }
    let number = text.trim_start_matches("W/").trim_matches('"');
    number.parse().map(Some).map_err(|_| ScimError::Version)
}

/// Whether `If-None-Match` names this version (RFC 7644 section 3.14): who asks has it already.
pub fn has_it(headers: &HeaderMap, version: i64) -> bool {
    let Some(value) = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let named = |one: &str| one.trim().trim_start_matches("W/").trim_matches('"').parse() == Ok(version);
    value.trim() == "*" || value.split(',').any(named)
}

/// What no agent may send, whatever else the body holds.
#[derive(Default, Deserialize)]
struct Probe {
    #[serde(alias = "Password")]
    password: Option<IgnoredAny>,
    #[serde(alias = "Roles")]
    roles: Option<IgnoredAny>,
    #[serde(alias = "Entitlements")]
    entitlements: Option<IgnoredAny>,
    #[serde(alias = "Groups")]
    groups: Option<IgnoredAny>,
}

/// Reads a body that says what a person is to be. The bytes are wiped: they may hold a password, which is refused by name.
///
/// # Errors
/// [`ScimError::Syntax`], [`ScimError::Forbidden`].
pub fn read<T: serde::de::DeserializeOwned>(body: Bytes) -> Result<T, ScimError> {
    let refused = serde_json::from_slice::<Probe>(&body).ok().and_then(|probe| {
        [
            (probe.password, "password"),
            (probe.roles, "roles"),
            (probe.entitlements, "entitlements"),
            (probe.groups, "groups"),
        ]
        .into_iter()
        .find_map(|(sent, name)| sent.map(|_| name))
    });
    let parsed = match refused {
        Some(name) => Err(ScimError::Forbidden(name)),
        // The reader's own message may quote what was sent: it is not passed on.
        None => serde_json::from_slice(&body).map_err(|error| {
            ScimError::Syntax(format!(
                "line {}, column {}: not the expected body",
                error.line(),
                error.column()
            ))
        }),
    };
    if let Ok(mut bytes) = body.try_into_mut() {
        bytes.as_mut().zeroize();
    }
    parsed
}

/// The same of what is parsed already.
///
/// # Errors
/// [`ScimError::Syntax`], [`ScimError::Forbidden`].
pub fn taken<T: serde::de::DeserializeOwned>(said: Value) -> Result<T, ScimError> {
    const FORBIDDEN: [&str; 4] = ["password", "roles", "entitlements", "groups"];
    let said_of =
        |name: &str| said.as_object().is_some_and(|map| map.keys().any(|key| key.eq_ignore_ascii_case(name)));
    if let Some(name) = FORBIDDEN.into_iter().find(|name| said_of(name)) {
        return Err(ScimError::Forbidden(name));
    }
    serde_json::from_value(said).map_err(|_| ScimError::Syntax("not the expected body".to_owned()))
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
