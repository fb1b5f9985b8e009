//! `POST /scim/v2/Bulk` (RFC 7644 section 3.7): several operations in one request. Each goes the way that it would go by itself, as the
//! client whom the request was let in for, with its version and the deletion guard; one that names a `bulkId` of an earlier one gets the
//! id that this one made. People who are added one after the other are added together.

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

use super::client::ScimClient;
use super::create;
use super::error::ScimError;
use super::resource::{body, etag, location};
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

/// Carries out the operations, in their order, until so many failed as the request allows.
///
/// # Errors
/// [`ScimError`] for the request as a whole; what one operation meets stands in its place of the answer.
pub async fn handle(
    State(state): State<AppState>,
    client: ScimClient,
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
    let every = bulk.fail_on_errors.is_none_or(|most| most == 0);
    let place = Place { router: super::resources().with_state(state.clone()), state, client, headers };
    let (mut ids, mut done, mut failed) = (HashMap::new(), Vec::with_capacity(bulk.operations.len()), 0);
    let mut operations = bulk.operations.into_iter().peekable();
    while let Some(operation) = operations.next() {
        if every && operation.adds_a_person() {
            let mut together = vec![operation];
            while let Some(next) = operations.next_if(Operation::adds_a_person) {
                together.push(next);
            }
            done.extend(add(&place, together, &mut ids).await?);
            continue;
        }
        let result = carry_out(&place, operation, &mut ids).await?;
        failed += u32::from(!result.status.starts_with('2'));
        done.push(result);
        if bulk.fail_on_errors.is_some_and(|most| most > 0 && failed >= most) {
            break;
        }
    }
    Ok(body(StatusCode::OK, &Answer { schemas: [RESPONSE_SCHEMA], operations: done }))
}

/// Where operations go, and for whom.
struct Place {
    router: Router,
    state: AppState,
    client: ScimClient,
    headers: HeaderMap,
}

impl Operation {
    fn adds_a_person(&self) -> bool {
        self.method == "POST" && self.path == "/Users" && self.data.is_some() && self.version.is_none()
    }
}

/// Reads the request. One that holds a password, however its name is written, is refused, and wiped.
fn read(sent: Bytes) -> Result<Bulk, ScimError> {
    let read = serde_json::from_slice::<Value>(&sent).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        ScimError::Syntax(format!("line {line}, column {column}: not a bulk request"))
    });
    if let Ok(mut bytes) = sent.try_into_mut() {
        bytes.as_mut().zeroize();
    }
    let mut read = read?;
    if holds_password(&read) {
        wipe(&mut read);
        return Err(ScimError::Forbidden("password"));
    }
    // The reader's own message may quote what was sent: it is not passed on.
    serde_json::from_value(read).map_err(|_| ScimError::Syntax("not a bulk request".to_owned()))
}

/// Whether there is an attribute of that name anywhere in it.
fn holds_password(value: &Value) -> bool {
    match value {
        Value::Object(map) => {
            map.iter().any(|(name, value)| name.eq_ignore_ascii_case("password") || holds_password(value))
        }
        Value::Array(list) => list.iter().any(holds_password),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(list) => list.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Adds the people of several operations together.
async fn add(
    place: &Place,
    operations: Vec<Operation>,
    ids: &mut HashMap<String, String>,
) -> Result<Vec<Done>, ScimError> {
    let (mut said, mut names) = (Vec::with_capacity(operations.len()), Vec::with_capacity(operations.len()));
    for Operation { method, bulk_id, data, .. } in operations {
        let mut data = data.unwrap_or_default();
        resolve(&mut data, ids);
        said.push(data);
        names.push((method, bulk_id));
    }
    let results = create::several(&place.state, &place.client, said).await?;
    let done = names.into_iter().zip(results).map(|((method, bulk_id), result)| match result {
        Ok(user) => {
            if let Some(bulk_id) = &bulk_id {
                ids.insert(bulk_id.clone(), user.id.to_string());
            }
            let location = Some(location(&user, place.state.settings.public_address()));
            let (version, status) = (Some(etag(&user)), StatusCode::CREATED.as_str().to_owned());
            Done { method, bulk_id, location, version, status, response: None }
        }
        Err(error) => {
            let (status, error) = error.told();
            let (status, response) = (status.as_str().to_owned(), serde_json::to_value(error).ok());
            Done { method, bulk_id, location: None, version: None, status, response }
        }
    });
    Ok(done.collect())
}

async fn carry_out(
    place: &Place,
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
    for name in [CONNECTOR_HEADER, LEASE_EPOCH_HEADER] {
        if let Some(value) = place.headers.get(name) {
            request = request.header(name, value);
        }
    }
    if let Some(version) = &version {
        request = request.header(header::IF_MATCH, version);
    }
    let request = request.extension(place.client.clone());
    let request = request.header(header::CONTENT_TYPE, MEDIA_TYPE).body(Body::from(sent));
    let (Some(sent_as), Ok(request)) = (parsed, request) else {
        let status = StatusCode::BAD_REQUEST.as_str().to_owned();
        return Ok(Done { method, bulk_id, location: None, version: None, status, response: None });
    };
    // A router never fails; what it answers is the operation's result.
    let Ok(answer) = place.router.clone().oneshot(request).await;
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
