//! `POST /agent/v1/token`: a signed assertion becomes a bearer token for ten minutes.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, response::AppendHeaders};
use ritorno_identity::agent_token::AgentToken;
use ritorno_identity::token::Token;
use ritorno_protocol::authorisation::MAXIMUM_SKEW;
use ritorno_protocol::enrolment::{AccessAssertion, AccessToken};
use ritorno_protocol::signed::Signed;
use ritorno_storage::StoreError;

use crate::problem::Problem;
use crate::state::AppState;

/// Bytes of an assertion's nonce.
const NONCE_SIZE: usize = 16;

/// Why no token is given.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The body is no signed assertion.
    #[error("{0}")]
    Malformed(String),
    /// No unrevoked agent has the key that signed, or the signature does not hold.
    #[error("the assertion is not signed by an enrolled, unrevoked agent")]
    Agent,
    /// It was made for another server.
    #[error("the assertion was made for another server than {0}")]
    Audience(String),
    /// It is dated too far from now.
    #[error("the assertion is dated {0} ms from the server's time: a clock is wrong")]
    Clock(u64),
    /// Its nonce was used before, or is none.
    #[error("the assertion was used before")]
    Nonce,
    /// The database failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl IntoResponse for TokenError {
    fn into_response(self) -> Response {
        let detail = self.to_string();
        let kind = match self {
            Self::Malformed(detail) => return Problem::body(detail).into_response(),
            Self::Store(error) => return Problem::internal(&error).into_response(),
            Self::Agent => "assertion-agent",
            Self::Audience(_) => "assertion-audience",
            Self::Clock(_) => "assertion-clock",
            Self::Nonce => "assertion-used",
        };
        Problem::new(StatusCode::UNAUTHORIZED, kind, "The assertion is refused", detail).into_response()
    }
}

/// Gives an access token.
///
/// # Errors
/// [`TokenError`].
pub async fn handle(State(state): State<AppState>, body: Bytes) -> Result<impl IntoResponse, TokenError> {
    let signed: Signed<AccessAssertion> =
        serde_json::from_slice(&body).map_err(|error| TokenError::Malformed(error.to_string()))?;
    let agents = state.store.agents().list(state.tenant).await?;
    let agent = agents
        .iter()
        .find(|agent| agent.key(signed.key()).is_some() && agent.revoked_at.is_none())
        .ok_or(TokenError::Agent)?;
    let key = agent.key(signed.key()).ok_or(TokenError::Agent)?;
    let assertion = signed.verify(key).map_err(|_| TokenError::Agent)?;
    if assertion.agent != agent.id {
        return Err(TokenError::Agent);
    }
    let audience = state.settings.public_address();
    if assertion.audience.trim_end_matches('/') != audience {
        return Err(TokenError::Audience(audience.to_owned()));
    }
    let now = state.clock.now();
    let apart = assertion.issued_at.unix_ms().abs_diff(now.unix_ms());
    if u128::from(apart) > MAXIMUM_SKEW.as_millis() {
        return Err(TokenError::Clock(apart));
    }
    // Kept for as long as the assertion could be believed.
    let forget_at = assertion.issued_at.plus(MAXIMUM_SKEW * 2);
    let nonce = &assertion.nonce.0;
    let tokens = state.store.agent_tokens();
    if nonce.len() != NONCE_SIZE || !tokens.use_nonce(state.tenant, agent.id, nonce, forget_at).await? {
        return Err(TokenError::Nonce);
    }
    let token = Token::random(&*state.random);
    let stored = AgentToken::new(token.digest(), state.tenant, agent.id, now);
    tokens.insert(&stored).await?;
    let given = AccessToken { token: token.to_text().to_string(), expires_at: stored.expires_at };
    Ok((AppendHeaders([(header::CACHE_CONTROL, "no-store")]), Json(given)))
}
