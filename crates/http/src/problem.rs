//! Errors of the JSON interfaces as problem details (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ritorno_storage::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::operator::Behind;
use crate::page::PageError;

/// A problem: what a program reads is `type`, what its operator reads is `detail`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem, such as `urn:ritorno:problem:token-refused`.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub kind: Box<str>,
    /// The kind in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time, and what to do.
    #[schema(value_type = String)]
    pub detail: Box<str>,
    /// Where an administrator signs in, if that is what is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/console/sign-in")]
    sign_in: Option<&'static str>,
    /// Where an administrator shows the second factor, if that is what is missing. With `?then=` and a page of the console it leads on there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/console/second")]
    proof: Option<&'static str>,
    /// Which member of the body it is about, as a JSON pointer (RFC 6901), if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "/gates/methods")]
    pub member: Option<Box<str>>,
    /// In how many seconds it is worth to ask again, if that is known: the header `Retry-After`.
    #[serde(skip)]
    retry_after: Option<u64>,
}

impl Problem {
    /// A problem of that kind.
    pub fn new(status: StatusCode, kind: &str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:ritorno:problem:{kind}").into(),
            title,
            status: status.as_u16(),
            detail: detail.into().into(),
            sign_in: None,
            proof: None,
            member: None,
            retry_after: None,
        }
    }

    /// The same, with when it is worth to ask again.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The same, with where an administrator signs in.
    #[must_use]
    pub fn sign_in(self, at: &'static str) -> Self {
        Self { sign_in: Some(at), ..self }
    }

    /// The same, with where an administrator shows the second factor.
    #[must_use]
    pub fn proof(self, at: &'static str) -> Self {
        Self { proof: Some(at), ..self }
    }

    /// The interface has no such path, whoever asks.
    pub fn no_such_path() -> Self {
        let detail = "`/api/v1/openapi.json` has those that there are.";
        Self::new(StatusCode::NOT_FOUND, "no-such-path", "There is no such path", detail)
    }

    /// The path is not asked so, whoever asks; `Allow` has how.
    pub fn no_such_method() -> Self {
        let detail = "`Allow` has the methods that there are.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "no-such-method", "The path has no such method", detail)
    }

    /// The same, about that member of the body: a JSON pointer.
    #[must_use]
    pub fn about(self, member: impl Into<String>) -> Self {
        Self { member: Some(member.into().into()), ..self }
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

impl From<PageError> for Problem {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Request => Self::body("it is not what was handed out"),
            other => Self::internal(&other),
        }
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
