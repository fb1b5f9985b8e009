//! `POST /agent/v1/enrol`: a token carried by hand becomes an agent whose identity key the root has certified.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ritorno_identity::agent::Agent;
use ritorno_identity::agent_forests::{ForestClaim, MAXIMUM_FORESTS};
use ritorno_identity::agent_state::is_name;
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_protocol::enrolment::{EnrolmentProof, EnrolmentRequest, EnrolmentResponse};
use ritorno_protocol::ids::AgentId;
use ritorno_storage::StoreError;
use sha2::{Digest as _, Sha256};

use crate::client::ClientAddress;
use crate::keys::KeysError;
use crate::problem::Problem;
use crate::state::AppState;

/// Why an agent is not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The body is no enrolment request, or says what can't be.
    #[error("{0}")]
    Malformed(String),
    /// The proof is not signed by the identity key, or was made for another secret.
    #[error("the proof of possession does not hold")]
    Proof,
    /// The token is wrong, was used, or is too old. Which of them is not told.
    #[error("the enrolment token is wrong, was used before, or is older than 15 minutes")]
    Token,
    /// This key is an agent's already.
    #[error("this identity key is enrolled already: the agent makes a new one for each enrolment")]
    KnownKey,
    /// The root key can't be used.
    #[error("{0}")]
    Keys(#[from] KeysError),
    /// The database failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl IntoResponse for EnrolError {
    fn into_response(self) -> Response {
        let detail = self.to_string();
        match self {
            Self::Malformed(detail) => Problem::body(detail),
            Self::Proof => {
                Problem::new(StatusCode::BAD_REQUEST, "enrolment-proof", "The proof does not hold", detail)
            }
            Self::Token => Problem::new(
                StatusCode::FORBIDDEN,
                "enrolment-token",
                "The enrolment token is refused",
                format!("{detail}. Make a new one with `ritorno agent token`."),
            ),
            Self::KnownKey => {
                Problem::new(StatusCode::CONFLICT, "enrolment-key", "The key is enrolled already", detail)
            }
            Self::Keys(error) => Problem::internal(&error),
            Self::Store(error) => Problem::internal(&error),
        }
        .into_response()
    }
}

/// Enrols an agent.
///
/// # Errors
/// [`EnrolError`].
pub async fn handle(
    State(state): State<AppState>,
    client: ClientAddress,
    body: Bytes,
) -> Result<Json<EnrolmentResponse>, EnrolError> {
    let request: EnrolmentRequest =
        serde_json::from_slice(&body).map_err(|error| EnrolError::Malformed(error.to_string()))?;
    let proof = request.proof.verify(&request.identity).map_err(|_| EnrolError::Proof)?;
    let secret_digest: [u8; 32] = Sha256::digest(&request.secret.0).into();
    if proof.secret_digest.0 != secret_digest {
        return Err(EnrolError::Proof);
    }
    check(&proof)?;
    let now = state.clock.now();
    let known = state.store.agents().list(state.tenant).await?;
    if known.iter().any(|agent| agent.key(request.identity.id()).is_some()) {
        return Err(EnrolError::KnownKey);
    }
    // From here on the token is used up, whatever comes.
    let record = state.store.enrolment_tokens().consume(state.tenant, &secret_digest, now).await?;
    if record.is_none() {
        tracing::warn!(from = %client.0, name = proof.name, "an enrolment token was refused");
        return Err(EnrolError::Token);
    }
    let id = AgentId::random(&*state.random);
    let identity = state.keys.certify_identity(id, &request.identity, 1, now).await?;
    let agent = Agent {
        id,
        tenant: state.tenant,
        name: proof.name,
        version: proof.version,
        identity_key: request.identity,
        identity: identity.clone(),
        next_identity: None,
        former: Vec::new(),
        sealing: None,
        forests: proof.forests.clone(),
        claim: ForestClaim::enrolled(proof.forests),
        writeback_on: false,
        epoch: None,
        enrolled_at: now,
        revoked_at: None,
        last_seen_at: None,
        health: None,
    };
    state.store.agents().insert(&agent).await?;
    let fact = Fact {
        id: FactId::random(&*state.random),
        tenant: state.tenant,
        at: now,
        activity: Activity::AgentEnrolled,
        actor: Actor::Agent(id),
        target: None,
        from: Some(client.0.to_string()),
        success: Success::Success,
        reason: agent.name.clone(),
        support_code: None,
        correlation: CorrelationId::random(&*state.random),
        request: None,
    };
    state.store.audit().append(&fact).await?;
    tracing::info!(agent = %id, name = agent.name, from = %client.0, "agent enrolled");
    Ok(Json(EnrolmentResponse { tenant: state.tenant, agent: id, root: state.keys.root().clone(), identity }))
}

fn check(proof: &EnrolmentProof) -> Result<(), EnrolError> {
    let text = |what: &str, value: &str| {
        if is_name(value) {
            Ok(())
        } else {
            Err(EnrolError::Malformed(format!("{what} is empty, too long, or holds control characters")))
        }
    };
    text("name", &proof.name)?;
    text("version", &proof.version)?;
    if proof.forests.is_empty() || proof.forests.len() > MAXIMUM_FORESTS {
        return Err(EnrolError::Malformed(format!("an agent serves 1 to {MAXIMUM_FORESTS} forests")));
    }
    proof.forests.iter().try_for_each(|forest| {
        text("forest", &forest.0)?;
        if forest.0 == forest.0.to_lowercase() {
            Ok(())
        } else {
            Err(EnrolError::Malformed(format!("forest {forest} is not in lower case")))
        }
    })
}
