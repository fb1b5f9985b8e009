//! `GET /api/v1/openapi.json`: the document of the API (OpenAPI 3.1), made from its handlers.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::licence_assignments::HolderKind;
use super::look::WhichLogo;
use super::password::ONCE_ANYWAY;
use super::people::MethodName;
use crate::console::session::SESSION_COOKIE;
use crate::operations::switches::SwitchName;
use crate::problem::Problem;

/// What the document says of the whole.
const TOLD: &str = "What the console of Ritorno does, for programs.\n\n\
A request shows a token: `Authorization: Bearer rit_…`. `ritorno token create` makes one for an administrator, with scopes and an end. It may \
what both its scopes and the administrator's role let it; each operation names the scope that it takes. A token is no fresh proof of who \
somebody is: enabling writeback, enrolling, renaming or revoking agents, approving removals, giving passwords and approving a colleague's case are \
for administrators in person, and answer 403 with the type `urn:ritorno:problem:in-person`, to every token.\n\n\
An administrator in person is the session of the console: the cookie that its sign-in sets, for scripts of its own pages. No other site's request is \
taken (`cross-site`). Where nobody is signed in the answer is 401 with `sign-in` or `second-factor`; what takes a second factor that was shown in the \
last ten minutes is 403 with `fresh-proof`. The members `sign_in` and `proof` say where that is done.\n\n\
An answer that is no success is problem details (RFC 9457); programs read `type`. Lists come in pages: `next` is the `cursor` of the page after \
this one. What can be changed has an `ETag`; `If-Match` with it lets a change through only if nobody else made one meanwhile (412). A POST with an \
`Idempotency-Key` is done once: whoever asks again with the same key and body within 24 hours gets the same answer.";

/// The document without its routes.
#[derive(OpenApi)]
#[openapi(components(schemas(Problem, SwitchName, MethodName, HolderKind, WhichLogo)))]
struct Frame;

/// The document without its routes.
pub(super) fn frame() -> utoipa::openapi::OpenApi {
    Frame::openapi()
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let (_, api) = super::routes().split_for_parts();
    let mut document = serde_json::to_value(api).expect("a document has text keys only");
    document["info"] = json!({
        "title": "Ritorno",
        "version": "1",
        "description": TOLD,
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    });
    document["components"]["securitySchemes"] = json!({
        "token": { "type": "http", "scheme": "bearer", "description": "A token that `ritorno token create` made." },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": SESSION_COOKIE,
            "description": "The session of the console, for scripts of its own pages: an administrator in person.",
        },
    });
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            complete(path, method, operation);
        }
    }
    document
});

/// Adds to an operation what all of its kind answer and take.
fn complete(path: &str, method: &str, operation: &mut Value) {
    let guarded = operation["security"].as_array().is_some_and(|all| !all.is_empty());
    if guarded {
        let by_token = allow_sessions(operation);
        let missing = "`token`: the token is wrong, expired or revoked. `sign-in`, `second-factor`: there is no token, and no session that holds.";
        add(&mut operation["responses"], "401", missing);
        let refused = if by_token {
            "`forbidden`: the administrator's role, or whom they are for, does not include it. `token-scope`: the token was made without the scope. `cross-site`: another site made the browser ask."
        } else {
            "`in-person`: no token does this. `fresh-proof`: it takes a second factor that was shown a moment ago. `forbidden`: the administrator's role, or whom they are for, does not include it. `cross-site`: another site made the browser ask."
        };
        add(&mut operation["responses"], "403", refused);
        let often =
            "`too-many`: the token, or the session, asked too often. `Retry-After` says when it may again.";
        add(&mut operation["responses"], "429", often);
    }
    if operation_reads(operation) {
        add(&mut operation["responses"], "400", "`malformed`: what was sent can't be read.");
    }
    if !operation["requestBody"].is_null() {
        add(&mut operation["responses"], "413", "`malformed`: the body is too large.");
        add(&mut operation["responses"], "415", "`malformed`: the body is not said to be JSON.");
    }
    if method == "put" && !operation["requestBody"].is_null() {
        add(&mut operation["responses"], "422", "`malformed`: the body is JSON, and not what is asked for.");
    }
    if path.contains('{') {
        add(
            &mut operation["responses"],
            "404",
            "`not-found`: there is no such thing, or none that the administrator is for.",
        );
    }
    if method == "post" && !ONCE_ANYWAY.contains(&path) {
        add(&mut operation["responses"], "400", "`idempotency-key`: it is no idempotency key.");
        add(
            &mut operation["responses"],
            "409",
            "`idempotency-unanswered`: a request with this key is not answered yet.",
        );
        add(
            &mut operation["responses"],
            "422",
            "`idempotency-key-reused`: the key was used with another request.",
        );
        let key = json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "Up to 255 visible characters that name this very request. Whoever repeats it within 24 hours gets the first answer.",
            "schema": { "type": "string", "maxLength": 255 },
        });
        if operation["parameters"].is_null() {
            operation["parameters"] = json!([]);
        }
        operation["parameters"].as_array_mut().into_iter().for_each(|all| all.push(key.clone()));
    }
}

/// A session does whatever a token does; whether a token does this at all.
fn allow_sessions(operation: &mut Value) -> bool {
    let Some(security) = operation["security"].as_array_mut() else { return false };
    let by_token = security.iter().any(|one| one.get("token").is_some());
    if by_token {
        security.push(json!({ "session": [] }));
    }
    by_token
}

/// Adds an answer, unless the operation tells of it itself.
fn add(responses: &mut Value, status: &str, told: &str) {
    if let Some(responses) = responses.as_object_mut() {
        responses.entry(status).or_insert_with(|| problem(told));
    }
}

/// Whether it reads something that may be unreadable.
fn operation_reads(operation: &Value) -> bool {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    !operation["requestBody"].is_null() || parameters.into_iter().any(|one| one["in"] == "query")
}

fn problem(told: &str) -> Value {
    let mut content = Map::new();
    let schema = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
    content.insert("application/problem+json".to_owned(), schema);
    json!({ "description": told, "content": content })
}

/// Whether a POST to that path takes an idempotency key.
pub(super) fn takes_keys(path: &str) -> bool {
    let post = &DOCUMENT["paths"][path]["post"];
    !post.is_null() && !ONCE_ANYWAY.contains(&path)
}

/// The document of the API.
pub fn document() -> &'static Value {
    &DOCUMENT
}

/// This document.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "document",
    responses((status = 200, description = "The document, which is the same for everybody.", body = Object))
)]
pub(super) async fn get_document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.to_string())
}
