//! `POST /scim/v2/Bulk` (RFC 7644 section 3.7): several operations in one request. Each goes the way that it would go by itself, as the
//! client whom the request was let in for, with its version and the deletion guard. They go in their order, except that one which refers
//! by its `bulkId` to what another one makes goes after that one; groups that refer to each other get these members when all are
//! there. People who are added one after the other are added together.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{Request, StatusCode, header};
use axum::middleware::from_fn;
use axum::response::Response;
use ritorno_protocol::scim::{MEDIA_TYPE, PATCH_OP_SCHEMA};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json as object};
use tower::ServiceExt as _;

use super::access::{holds_password, json, wipe};
use super::bulk_ids::{BulkIds, Known};
use super::client::ScimClient;
use super::create;
use super::error::ScimError;
use super::names;
use super::rejection;
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
    sent: Bytes,
) -> Result<Response, ScimError> {
    let bulk = read(sent)?;
    if !bulk.schemas.iter().any(|schema| schema.eq_ignore_ascii_case(REQUEST_SCHEMA)) {
        return Err(ScimError::Syntax(format!("schemas does not hold {REQUEST_SCHEMA}")));
    }
    if bulk.operations.len() > MAXIMUM_OPERATIONS {
        return Err(ScimError::TooLarge(MAXIMUM_OPERATIONS));
    }
    let router = super::resources().with_state(state.clone()).layer(from_fn(rejection::told));
    let place = Place { router, state, client };
    let most = bulk.fail_on_errors.filter(|most| *most > 0);
    let mut run =
        Run { place, most, ids: BulkIds::default(), faults: Vec::new(), failed: 0, done: Vec::new() };
    run.all(bulk.operations).await?;
    let operations = run.done.into_iter().flatten().collect();
    Ok(body(StatusCode::OK, &Answer { schemas: [RESPONSE_SCHEMA], operations }))
}

/// Where operations go, and for whom.
struct Place {
    router: Router,
    state: AppState,
    client: ScimClient,
}

/// A request while it is carried out.
struct Run {
    place: Place,
    /// So many failures end it.
    most: Option<u32>,
    ids: BulkIds,
    /// What is wrong with each operation before anything of it is done.
    faults: Vec<Option<ScimError>>,
    failed: u32,
    /// What came of each operation, in their order.
    done: Vec<Option<Done>>,
}

/// Members who are added to a group when all that is made is there.
struct Rest {
    of: usize,
    path: String,
    members: Vec<Value>,
}

impl Operation {
    fn adds_a_person(&self) -> bool {
        self.method == "POST" && self.path == "/Users" && self.data.is_some() && self.version.is_none()
    }

    /// What is wrong with it, before anything of it is done.
    fn fault(&self) -> Option<ScimError> {
        let text = if !["POST", "PUT", "PATCH", "DELETE"].contains(&self.method.as_str()) {
            "an operation's method is POST, PUT, PATCH or DELETE"
        } else if !self.path.starts_with('/') {
            "an operation's path begins with '/'"
        } else if self.method == "POST" && self.bulk_id.as_deref().is_none_or(str::is_empty) {
            "an operation that adds something has a bulkId"
        } else {
            return None;
        };
        Some(ScimError::Syntax(text.to_owned()))
    }
}

impl Run {
    async fn all(&mut self, mut operations: Vec<Operation>) -> Result<(), ScimError> {
        self.done.resize_with(operations.len(), || None);
        for operation in &operations {
            let adds = operation.bulk_id.as_deref().filter(|_| operation.method == "POST");
            let fault = operation.fault().or_else(|| {
                let is_taken = adds.is_some_and(|name| !self.ids.expect(name));
                is_taken.then(|| ScimError::Syntax("another operation has this bulkId".into()))
            });
            self.faults.push(fault);
        }
        let mut waiting: Vec<usize> = (0..operations.len()).collect();
        let mut rests = Vec::new();
        while !waiting.is_empty() && !self.is_over() {
            let before = waiting.len();
            waiting = self.what_can_be(waiting, &operations).await?;
            if waiting.len() == before && !self.is_over() {
                waiting = self.one_of_a_circle(waiting, &mut operations, &mut rests).await?;
            }
        }
        for rest in rests {
            self.add_rest(rest).await?;
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.most.is_some_and(|most| self.failed >= most)
    }

    /// Carries out what of `waiting` can be, and gives back the rest.
    async fn what_can_be(
        &mut self,
        waiting: Vec<usize>,
        operations: &[Operation],
    ) -> Result<Vec<usize>, ScimError> {
        let mut later = Vec::new();
        let mut waiting = waiting.into_iter().peekable();
        while let Some(at) = waiting.next() {
            let operation = &operations[at];
            if self.is_over() {
                later.push(at);
                continue;
            }
            if let Some(fault) = self.faults[at].take() {
                let done = self.refused(operation, fault);
                self.failed += 1;
                self.done[at] = Some(done);
                continue;
            }
            match self.ids.known(&operation.path, operation.data.as_ref()) {
                Known::NotYet => later.push(at),
                Known::Never(error) => self.refuse(at, operation, error),
                Known::All if self.most.is_none() && operation.adds_a_person() => {
                    let mut together = vec![at];
                    let joins = |next: &usize| {
                        let (next, is_faulty) = (&operations[*next], self.faults[*next].is_some());
                        let known = self.ids.known(&next.path, next.data.as_ref());
                        next.adds_a_person() && !is_faulty && matches!(known, Known::All)
                    };
                    while let Some(next) = waiting.next_if(joins) {
                        together.push(next);
                    }
                    self.add_people(&together, operations).await?;
                }
                Known::All => {
                    let done = self.carry_out(operation).await?;
                    self.end(at, operation, done);
                }
            }
        }
        Ok(later)
    }

    /// Of operations that all wait for each other makes a group without the members who are not there yet, if that is the only thing that it
    /// waits for. Without such a one, none of them can be.
    async fn one_of_a_circle(
        &mut self,
        mut waiting: Vec<usize>,
        operations: &mut [Operation],
        rests: &mut Vec<Rest>,
    ) -> Result<Vec<usize>, ScimError> {
        for place in 0..waiting.len() {
            let at = waiting[place];
            let operation = &mut operations[at];
            let (true, Some(data)) =
                (operation.method == "POST" && operation.path == "/Groups", &operation.data)
            else {
                continue;
            };
            let mut data = data.clone();
            let members = self.ids.set_aside(&mut data);
            if !matches!(self.ids.known(&operation.path, Some(&data)), Known::All) {
                continue;
            }
            operation.data = Some(data);
            let done = self.carry_out(operation).await?;
            if let Some(id) = done.location.as_deref().and_then(|location| location.rsplit('/').next()) {
                rests.push(Rest { of: at, path: format!("/Groups/{id}"), members });
            }
            self.end(at, operation, done);
            waiting.remove(place);
            return Ok(waiting);
        }
        for at in waiting {
            let name = operations[at].bulk_id.clone().unwrap_or_default();
            self.refuse(at, &operations[at], ScimError::Unresolved(name));
        }
        Ok(Vec::new())
    }

    /// Adds the members who were set aside. Where that fails, the operation that made the group tells of it.
    async fn add_rest(&mut self, rest: Rest) -> Result<(), ScimError> {
        let data = object!({
            "schemas": [PATCH_OP_SCHEMA],
            "Operations": [{"op": "add", "path": "members", "value": rest.members}],
        });
        let operation = Operation {
            method: "PATCH".into(),
            path: rest.path,
            bulk_id: None,
            version: None,
            data: Some(data),
        };
        let (status, version, response) = match self.ids.known("", operation.data.as_ref()) {
            Known::All => {
                let done = self.carry_out(&operation).await?;
                (done.status, done.version, done.response)
            }
            Known::NotYet => told(ScimError::Unresolved(String::new())),
            Known::Never(error) => told(error),
        };
        if let Some(done) = self.done[rest.of].as_mut() {
            if status.starts_with('2') {
                done.version = version;
            } else {
                (done.status, done.response) = (status, response);
            }
        }
        Ok(())
    }

    fn refuse(&mut self, at: usize, operation: &Operation, error: ScimError) {
        let done = self.refused(operation, error);
        self.end(at, operation, done);
    }

    fn refused(&self, operation: &Operation, error: ScimError) -> Done {
        let (method, bulk_id) = (operation.method.clone(), operation.bulk_id.clone());
        let (status, version, response) = told(error);
        Done { method, bulk_id, location: self.location(operation), version, status, response }
    }

    /// Notes what came of an operation.
    fn end(&mut self, at: usize, operation: &Operation, done: Done) {
        let is_made = done.status.starts_with('2');
        self.failed += u32::from(!is_made);
        if let Some(name) = operation.bulk_id.as_deref().filter(|_| operation.method == "POST") {
            let id = done.location.as_deref().and_then(|location| location.rsplit('/').next());
            self.ids.set(name, id.filter(|_| is_made).map(str::to_owned));
        }
        self.done[at] = Some(done);
    }

    /// Where the resource is that an operation is about (RFC 7644 section 3.7: always, but where nothing was added).
    fn location(&self, operation: &Operation) -> Option<String> {
        let is_one = operation.path.starts_with("/Users/") || operation.path.starts_with("/Groups/");
        let address = self.place.state.settings.public_address();
        (is_one && operation.method != "POST")
            .then(|| format!("{address}/scim/v2{}", self.ids.in_path(&operation.path)))
    }

    /// Adds the people of several operations together.
    async fn add_people(&mut self, together: &[usize], operations: &[Operation]) -> Result<(), ScimError> {
        let data = |at: &usize| {
            let mut data = operations[*at].data.clone().unwrap_or_default();
            self.ids.in_data(&mut data);
            data
        };
        let results =
            create::several(&self.place.state, &self.place.client, together.iter().map(data).collect())
                .await?;
        for (at, result) in together.iter().zip(results) {
            let operation = &operations[*at];
            match result {
                Ok(user) => {
                    let location = Some(location(&user, self.place.state.settings.public_address()));
                    let (version, status) = (Some(etag(&user)), StatusCode::CREATED.as_str().to_owned());
                    let (method, bulk_id) = (operation.method.clone(), operation.bulk_id.clone());
                    self.end(
                        *at,
                        operation,
                        Done { method, bulk_id, location, version, status, response: None },
                    );
                }
                Err(error) => self.refuse(*at, operation, error),
            }
        }
        Ok(())
    }

    /// Carries out one operation whose references are known.
    async fn carry_out(&self, operation: &Operation) -> Result<Done, ScimError> {
        let sent = match &operation.data {
            Some(data) => {
                let mut data = data.clone();
                self.ids.in_data(&mut data);
                serde_json::to_vec(&data).map_err(|_| ScimError::Syntax("data can't be read".into()))?
            }
            None => Vec::new(),
        };
        let (method, bulk_id) = (operation.method.clone(), operation.bulk_id.clone());
        let uri = format!("/scim/v2{}", self.ids.in_path(&operation.path));
        let mut request = Request::builder().method(operation.method.as_str()).uri(uri);
        if let Some(version) = &operation.version {
            request = request.header(header::IF_MATCH, version);
        }
        let request = request.extension(self.place.client.clone());
        let Ok(request) = request.header(header::CONTENT_TYPE, MEDIA_TYPE).body(Body::from(sent)) else {
            let (status, version, response) =
                told(ScimError::Syntax("an operation's path or version can't be read".into()));
            return Ok(Done { method, bulk_id, location: None, version, status, response });
        };
        // A router never fails; what it answers is the operation's result.
        let Ok(answer) = self.place.router.clone().oneshot(request).await;
        let (made_at, version) = (named(&answer, header::LOCATION), named(&answer, header::ETAG));
        let status = answer.status();
        let location = match operation.method == "POST" {
            true => made_at.filter(|_| status.is_success()),
            false => self.location(operation),
        };
        let response = match status.is_success() {
            true => None,
            false => {
                let said = to_bytes(answer.into_body(), MAXIMUM_ANSWER).await.unwrap_or_default();
                serde_json::from_slice(&said).ok()
            }
        };
        Ok(Done { method, bulk_id, location, version, status: status.as_str().to_owned(), response })
    }
}

fn named(answer: &Response, name: header::HeaderName) -> Option<String> {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// A refusal's status, version and body.
fn told(error: ScimError) -> (String, Option<String>, Option<Value>) {
    let (status, error) = error.told();
    (status.as_str().to_owned(), None, serde_json::to_value(error).ok())
}

/// Reads the request. One that holds a password, however its name is written, is refused, and wiped.
fn read(sent: Bytes) -> Result<Bulk, ScimError> {
    let mut read = json(sent)?;
    if holds_password(&read) {
        wipe(&mut read);
        return Err(ScimError::Forbidden("password"));
    }
    names::canonical(&mut read)?;
    // The reader's own message may quote what was sent: it is not passed on.
    serde_json::from_value(read).map_err(|_| ScimError::Syntax("not a bulk request".to_owned()))
}
