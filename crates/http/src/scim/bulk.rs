//! `POST /scim/v2/Bulk` (RFC 7644 section 3.7): several operations in one request. Each goes the way that it would go by itself, with its
//! caller's token, its version and the deletion guard; one that names a `bulkId` of an earlier one gets the id that this one made.

use std::collections::HashMap;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::Response;
use ritorno_protocol::scim::{CONNECTOR_HEADER, LEASE_EPOCH_HEADER, MEDIA_TYPE};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower::ServiceExt as _;
use zeroize::Zeroize as _;

use super::access::ScimAgent;
use super::error::ScimError;
use super::resource::body;
use crate::state::AppState;

/// Largest body, in bytes.
pub const MAXIMUM_BODY: usize = 1024 * 1024;
/// Most operations in one request.
pub const MAXIMUM_OPERATIONS: usize = 200;
/// Largest answer of one operation that is read.
const MAXIMUM_ANSWER: usize = 64 * 1024;

const REQUEST_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const RESPONSE_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bulk {
    schemas: Vec<String>,
    #[serde(default)]
    fail_on_errors: Option<u32>,
    #[serde(rename = "Operations")]
    operations: Vec<Operation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Operation {
    method: String,
    path: String,
    bulk_id: Option<String>,
    version: Option<String>,
    data: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    method: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bulk_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<Value>,
}

#[derive(Serialize)]
struct Answer {
    schemas: [&'static str; 1],
    #[serde(rename = "Operations")]
    operations: Vec<Done>,
}

/// Carries out the operations, one after the other, until so many failed as the request allows.
///
/// # Errors
/// [`ScimError`] for the request as a whole; what one operation meets stands in its place of the answer.
pub async fn handle(
    State(state): State<AppState>,
    ScimAgent(_): ScimAgent,
    headers: HeaderMap,
    sent: Bytes,
) -> Result<Response, ScimError> {
    let bulk = read(sent)?;
    if !bulk.schemas.iter().any(|schema| schema.eq_ignore_ascii_case(REQUEST_SCHEMA)) {
        return Err(ScimError::Syntax(format!("schemas does not hold {REQUEST_SCHEMA}")));
    }
    if bulk.operations.len() > MAXIMUM_OPERATIONS {
        return Err(ScimError::TooLarge(MAXIMUM_OPERATIONS));
    }
    let router = super::resources().with_state(state);
    let (mut ids, mut done, mut failed) = (HashMap::new(), Vec::new(), 0);
    for operation in bulk.operations {
        let result = carry_out(&router, &headers, operation, &mut ids).await?;
        failed += u32::from(!result.status.starts_with('2'));
        done.push(result);
        if bulk.fail_on_errors.is_some_and(|most| most > 0 && failed >= most) {
            break;
        }
    }
    Ok(body(StatusCode::OK, &Answer { schemas: [RESPONSE_SCHEMA], operations: done }))
}

/// Reads the request. One that holds a password is refused before it is taken apart, and wiped.
fn read(sent: Bytes) -> Result<Bulk, ScimError> {
    const PASSWORD: &[u8] = b"\"password\"";
    let holds = sent.windows(PASSWORD.len()).any(|window| window.eq_ignore_ascii_case(PASSWORD));
    let read = if holds {
        Err(ScimError::Forbidden("password"))
    } else {
        serde_json::from_slice(&sent).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            ScimError::Syntax(format!("line {line}, column {column}: not a bulk request"))
        })
    };
    if let Ok(mut bytes) = sent.try_into_mut() {
        bytes.as_mut().zeroize();
    }
    read
}

async fn carry_out(
    router: &Router,
    headers: &HeaderMap,
    operation: Operation,
    ids: &mut HashMap<String, String>,
) -> Result<Done, ScimError> {
    let Operation { method, path, bulk_id, version, data } = operation;
    let sent = match data {
        Some(mut data) => {
            resolve(&mut data, ids);
            serde_json::to_vec(&data).map_err(|_| ScimError::Syntax("data can't be read".into()))?
        }
        None => Vec::new(),
    };
    let path = match path.split_once("bulkId:") {
        Some((before, id)) => format!("{before}{}", ids.get(id).map_or("", String::as_str)),
        None => path,
    };
    let known = ["POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str());
    let parsed = Method::from_bytes(method.as_bytes()).ok().filter(|_| known && path.starts_with('/'));
    let mut request = Request::builder().uri(format!("/scim/v2{path}"));
    if let Some(method) = parsed.clone() {
        request = request.method(method);
    }
    for name in [header::AUTHORIZATION.as_str(), CONNECTOR_HEADER, LEASE_EPOCH_HEADER] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    if let Some(version) = &version {
        request = request.header(header::IF_MATCH, version);
    }
    let request = request.header(header::CONTENT_TYPE, MEDIA_TYPE).body(Body::from(sent));
    let (Some(sent_as), Ok(request)) = (parsed, request) else {
        let status = StatusCode::BAD_REQUEST.as_str().to_owned();
        return Ok(Done { method, bulk_id, location: None, version: None, status, response: None });
    };
    // A router never fails; what it answers is the operation's result.
    let Ok(answer) = router.clone().oneshot(request).await;
    let (location, version) = (named(&answer, header::LOCATION), named(&answer, header::ETAG));
    let status = answer.status();
    let said = to_bytes(answer.into_body(), MAXIMUM_ANSWER).await.unwrap_or_default();
    let said: Option<Value> = serde_json::from_slice(&said).ok();
    if let (Some(bulk_id), Some(id)) = (&bulk_id, said.as_ref().and_then(|said| said["id"].as_str()))
        && sent_as == Method::POST
        && status.is_success()
    {
        ids.insert(bulk_id.clone(), id.to_owned());
    }
    let response = said.filter(|_| !status.is_success());
    Ok(Done { method, bulk_id, location, version, status: status.as_str().to_owned(), response })
}

fn named(answer: &Response, name: header::HeaderName) -> Option<String> {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Puts ids in the place of `bulkId:...` (RFC 7644 section 3.7.2). What was not made stays as it is, and is nobody.
fn resolve(value: &mut Value, ids: &HashMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(id) = text.strip_prefix("bulkId:").and_then(|name| ids.get(name)) {
                text.clone_from(id);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| resolve(value, ids)),
        Value::Object(map) => map.values_mut().for_each(|value| resolve(value, ids)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
