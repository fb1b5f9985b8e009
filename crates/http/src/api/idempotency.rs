//! `Idempotency-Key`: a program that lost an answer asks again, and nothing is done twice.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts as _, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use ritorno_storage::{Answer, Asker, Begun};
use sha2::{Digest as _, Sha256};

use super::MAXIMUM_BODY;
use super::caller::Caller;
use super::document::takes_keys;
use super::input::unfit;
use crate::operator::to_the_end;
use crate::problem::Problem;
use crate::state::AppState;

/// The header.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says of an answer that it is the first one's.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Longest key, in bytes.
const LONGEST_KEY: usize = 255;
/// Largest answer that is kept, in bytes: none to a POST comes near it.
const LARGEST_ANSWER: usize = 256 * 1024;

/// Marks an answer that is shown once: it is not kept, since what is in it is nowhere but as a digest.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShownOnce;

/// Does a POST with a key once.
pub(super) async fn once(State(state): State<AppState>, request: Request, next: Next) -> Response {
    // What is no POST of ours is told so to whoever asks: a key there is nobody's.
    let ours = request.extensions().get::<MatchedPath>().is_some_and(|at| takes_keys(at.as_str()));
    if request.method() != Method::POST || !request.headers().contains_key(KEY) || !ours {
        return next.run(request).await;
    }
    match keyed(state, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn keyed(state: AppState, request: Request, next: Next) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, &state).await?;
    let asker = caller.asker();
    let keys: Vec<&HeaderValue> = parts.headers.get_all(KEY).iter().collect();
    let key = match keys.as_slice() {
        [one] => one.to_str().ok().filter(|key| !key.trim().is_empty() && key.len() <= LONGEST_KEY),
        _ => None,
    };
    let key = key.map(str::to_owned).ok_or_else(|| {
        let detail = "One key, of 1 to 255 visible characters.";
        Problem::new(StatusCode::BAD_REQUEST, "idempotency-key", "It is no idempotency key", detail)
    })?;
    let body = to_bytes(body, MAXIMUM_BODY).await.map_err(|_| {
        let detail = format!("A body has {MAXIMUM_BODY} bytes at most.");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "malformed", "The body can't be read", detail)
    })?;
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let request_digest: [u8; 32] = Sha256::new()
        .chain_update(rights(&caller))
        .chain_update(path)
        .chain_update([0])
        .chain_update(&body)
        .finalize()
        .into();
    parts.extensions.insert(caller);
    let request = Request::from_parts(parts, Body::from(body));
    // Also the key is taken there: one that is taken for a request that nobody goes on with would stay so.
    to_the_end(begun(state, asker, key, request_digest, request, next)).await
}

/// What the caller may, in a digest: an answer is shown again only to who may what they might when it was given.
fn rights(caller: &Caller) -> [u8; 32] {
    let administrator = &caller.operator().administrator;
    let scopes: Option<Vec<_>> =
        caller.token().map(|token| token.scopes.iter().map(|action| action.scope()).collect());
    let (scope, person) = (&administrator.scope, administrator.person.map(|id| id.to_string()));
    let group = scope.group.map(|id| id.to_string());
    let rights = (
        administrator.role.as_str(),
        administrator.cloud_only,
        &scope.domain,
        group,
        person,
        &administrator.name,
        scopes,
    );
    Sha256::digest(serde_json::to_vec(&rights).expect("texts always serialise")).into()
}

/// The key is taken, and the request done if it is the first with it.
async fn begun(
    state: AppState,
    asker: Asker,
    key: String,
    request_digest: [u8; 32],
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (answers, now) = (state.store.api_answers(), state.clock.now());
    match answers.begin(state.tenant, asker, &key, &request_digest, now).await? {
        Begun::First => first(state, asker, key, request, next).await,
        Begun::Answered(answer) => replay(answer),
        Begun::Unanswered => Err(Problem::new(
            StatusCode::CONFLICT,
            "idempotency-unanswered",
            "A request with this key is not answered yet",
            "Ask again in a moment. If it stays so, the server went down meanwhile: look whether it was done, and use another key.",
        )),
        Begun::Another => Err(unfit(
            "idempotency-key-reused",
            "The key was used with another request",
            "A key names one request, with its path, its body, and the rights by which it was made.",
        )),
    }
}

/// The request is done, and its answer kept.
async fn first(
    state: AppState,
    asker: Asker,
    key: String,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (parts, body) = next.run(request).await.into_parts();
    let answers = state.store.api_answers();
    let nothing_was_done = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS]
        .contains(&parts.status);
    if nothing_was_done {
        if let Err(error) = answers.forget(state.tenant, asker, &key).await {
            tracing::error!(%error, "the key of a refused request could not be given back");
        }
        return Ok(Response::from_parts(parts, body));
    }
    if parts.status.is_server_error() {
        // How far it came can't be told: the key stays taken, and unanswered.
        return Ok(Response::from_parts(parts, body));
    }
    let body: Bytes = to_bytes(body, LARGEST_ANSWER).await.map_err(|error| Problem::internal(&error))?;
    let shown_once = parts.extensions.get::<ShownOnce>().is_some();
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let answer = Answer {
        status: parts.status.as_u16(),
        content_type: content_type.map(str::to_owned),
        body: (!shown_once).then(|| body.to_vec()),
    };
    // It was done, and what it shows may be shown only now: who asked hears of it, whatever becomes of the key.
    if let Err(error) = answers.keep(state.tenant, asker, &key, &answer).await {
        tracing::error!(%error, "the answer to a request with a key could not be kept");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// The first answer once more.
fn replay(answer: Answer) -> Result<Response, Problem> {
    let Some(body) = answer.body else {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "shown-once",
            "It was done, and is not shown again",
            "What the first answer showed is kept nowhere. If it is lost, begin anew.",
        ));
    };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    if let Some(kind) = answer.content_type.and_then(|kind| HeaderValue::try_from(kind).ok()) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}
