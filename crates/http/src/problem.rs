//! Errors of the JSON interfaces as problem details (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ritorno_storage::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::operator::Behind;

/// A problem: what a program reads is `type`, what its operator reads is `detail`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem, such as `urn:ritorno:problem:token-refused`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time, and what to do.
    pub detail: String,
    /// Which member of the body it is about, as a JSON pointer (RFC 6901), if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/gates/methods")]
    pub member: Option<String>,
    /// In how many seconds it is worth to ask again, if that is known: the header `Retry-After`.
    #[serde(skip)]
    retry_after: Option<u64>,
}

impl Problem {
    /// A problem of that kind.
    pub fn new(status: StatusCode, kind: &str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:ritorno:problem:{kind}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            member: None,
            retry_after: None,
        }
    }

    /// The same, with when it is worth to ask again.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The same, about that member of the body: a JSON pointer.
    #[must_use]
    pub fn about(self, member: impl Into<String>) -> Self {
        Self { member: Some(member.into()), ..self }
    }

    /// The body can't be read.
    pub fn body(detail: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", "The body can't be read", detail.to_string())
    }

    /// Something failed here. What it was stands in the log, not in the answer.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The server failed",
            "The server's log says more. Try again later.",
        )
    }
}

impl From<Behind> for Problem {
    fn from(error: Behind) -> Self {
        Self::internal(&error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::internal(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).expect("a problem always serialises");
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
