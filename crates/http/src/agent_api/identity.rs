//! `POST /agent/v1/identity`: an enrolled agent rolls its identity key. The new one is certified here; it takes the place of the
//! old one when the agent first shows it, so that an answer which is lost, or an agent that crashes, leaves it with a key that
//! holds.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use ritorno_identity::agent::NextIdentity;
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_protocol::certificate::KeyCertificate;
use ritorno_protocol::enrolment::IdentityRoll;
use ritorno_protocol::signed::Signed;

use super::bearer::AgentBearer;
use crate::problem::Problem;
use crate::state::AppState;

/// Certifies the new key.
///
/// # Errors
/// [`Problem`]: the body is no roll, the proof does not hold, the key is known already, or the root key or the database
/// can't be used.
pub async fn handle(
    State(state): State<AppState>,
    AgentBearer(agent): AgentBearer,
    body: Bytes,
) -> Result<Json<Signed<KeyCertificate>>, Problem> {
    let request: IdentityRoll =
        serde_json::from_slice(&body).map_err(|error| Problem::body(error.to_string()))?;
    let proof = request.proof.verify(&request.identity).ok();
    if proof.is_none_or(|proof| proof.agent != agent.id || proof.tenant != state.tenant) {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "identity-proof",
            "The proof does not hold",
            "It is not signed by the new key, or names another agent.",
        ));
    }
    let in_use = agent.key(request.order.key());
    let order = in_use.and_then(|key| request.order.verify(key).ok());
    let names_it = order.is_some_and(|order| {
        order.tenant == state.tenant && order.agent == agent.id && order.next == request.identity.id()
    });
    if !names_it {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "identity-order",
            "The order does not hold",
            "It is not signed by the agent's key in use, or names another key.",
        ));
    }
    if let Some(next) = agent.next_identity.as_ref().filter(|next| next.key == request.identity) {
        // Asked for again, since the first answer was lost.
        return Ok(Json(next.certificate.clone()));
    }
    let known = state.store.agents().list(state.tenant).await?;
    if known.iter().any(|known| known.key(request.identity.id()).is_some()) {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "identity-key",
            "The key is an agent's already",
            "The agent makes a new one for each roll.",
        ));
    }
    let now = state.clock.now();
    let in_use = agent.identity.verify(state.keys.root()).map_err(|error| Problem::internal(&error))?;
    let sequence = in_use.sequence.saturating_add(1);
    let certified = state.keys.certify_identity(agent.id, &request.identity, sequence, now).await;
    let certificate = certified.map_err(|error| Problem::internal(&error))?;
    let next = NextIdentity { key: request.identity, certificate: certificate.clone() };
    let fact = Fact {
        id: FactId::random(&*state.random),
        tenant: state.tenant,
        at: now,
        activity: Activity::AgentKeysRolled,
        actor: Actor::Agent(agent.id),
        target: None,
        from: None,
        success: Success::Success,
        reason: format!("{}: identity key {}, sequence {sequence}", agent.name, next.key.id()),
        support_code: None,
        correlation: CorrelationId::random(&*state.random),
        request: None,
    };
    if !state.store.agents().certified(state.tenant, agent.id, &agent.identity_key, &next, &fact).await? {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "identity-key",
            "The agent's key changed meanwhile",
            "It was rolled or revoked by another request.",
        ));
    }
    tracing::info!(agent = %agent.id, sequence, "an agent's new identity key is certified");
    Ok(Json(certificate))
}
