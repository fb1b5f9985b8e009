//! What something is like, in a word: `ETag` and `If-Match` (RFC 9110 sections 8.8.3 and 13.1.1).

use std::convert::Infallible;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use ritorno_protocol::bytes::encode;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::problem::Problem;
use crate::state::AppState;

/// An answer with its tag.
pub(super) struct Tagged<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        ([(header::ETAG, tag(&self.0))], Json(self.0)).into_response()
    }
}

/// The tag of what is shown: a digest of all of it.
fn tag(shown: &impl Serialize) -> String {
    let text = serde_json::to_vec(shown).expect("our types have text keys only");
    format!("\"{}\"", encode(&Sha256::digest(text)[..16]))
}

/// The condition of a request.
#[derive(Clone, Debug)]
pub(super) struct IfMatch(Option<String>);

impl IfMatch {
    /// Whether there is any.
    pub(super) const fn is_said(&self) -> bool {
        self.0.is_some()
    }

    /// Whether it is fulfilled by what is there now.
    ///
    /// # Errors
    /// [`Problem`], 412, if it is not.
    pub(super) fn check(&self, now: &impl Serialize) -> Result<(), Problem> {
        let Some(wanted) = &self.0 else { return Ok(()) };
        let tag = tag(now);
        if wanted.split(',').map(str::trim).any(|one| one == "*" || one == tag) {
            Ok(())
        } else {
            Err(changed())
        }
    }
}

/// Somebody else changed it meanwhile.
pub(super) fn changed() -> Problem {
    Problem::new(
        StatusCode::PRECONDITION_FAILED,
        "changed",
        "It is not as you saw it",
        "Somebody changed it meanwhile. Read it again, and decide again.",
    )
}

impl FromRequestParts<AppState> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Infallible> {
        let all = parts.headers.get_all(header::IF_MATCH);
        let said: Vec<&str> = all.iter().map(|value| value.to_str().unwrap_or("?")).collect();
        Ok(Self((!said.is_empty()).then(|| said.join(","))))
    }
}
