//! What is refused before an operation sees it (an address that nothing is at, a method, a body that is too large or in a coding that is not
//! read) is told as every other error of this service is (RFC 7644 section 3.12).

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use ritorno_protocol::scim::{Error, ErrorType, MEDIA_TYPE};

use super::client::ScimClient;
use super::error::ScimError;

/// Nothing is at this address, which only who may ask is told.
pub(super) async fn nothing(_: ScimClient) -> ScimError {
    ScimError::NotFound
}

/// Gives an error that has no SCIM body one. Its headers stay: of those `Allow` and `Accept-Encoding` say what would be taken.
pub(super) async fn told(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == MEDIA_TYPE) {
        return response;
    }
    let (kind, detail) = match status {
        StatusCode::BAD_REQUEST => (
            Some(ErrorType::InvalidSyntax),
            "the body can't be read: it is cut, or not in the coding that it says",
        ),
        StatusCode::NOT_FOUND => (None, "nothing is at this address"),
        StatusCode::METHOD_NOT_ALLOWED => (None, "this method is not for this address"),
        StatusCode::PAYLOAD_TOO_LARGE => (None, "the body is too large"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (None, "bodies are read as they are, or compressed by gzip"),
        _ => (None, "the request is refused"),
    };
    let error = Error::new(status.as_u16(), kind, detail);
    let body = serde_json::to_vec(&error).expect("an error always serialises");
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    *response.body_mut() = Body::from(body);
    response
}
