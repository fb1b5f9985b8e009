//! `GET /scim/v2/Users` (RFC 7644 section 3.4.2): a client's people, filtered and in pages.

use axum::extract::{FromRequestParts, Query, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use ritorno_identity::user::User;
use ritorno_protocol::ids::SourceAnchor;
use ritorno_protocol::scim::{ListResponse, MAX_PAGE};
use ritorno_storage::UserFilter;
use serde::Deserialize;

use super::client::ScimClient;
use super::error::ScimError;
use super::filter::{AT_ONCE, Found, Wanted};
use super::resource::{body, resource};
use crate::state::AppState;

/// Resources on a page, if the client does not say.
const PAGE: i64 = 100;

/// What the address of a list asks for (RFC 7644 section 3.4.2).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    filter: Option<String>,
    start_index: Option<i64>,
    count: Option<i64>,
    attributes: Option<String>,
    excluded_attributes: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = ScimError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ScimError> {
        let read = Query::try_from_uri(&parts.uri).map(|Query(asked)| asked);
        read.map_err(|_| {
            ScimError::Value(
                "the address can't be read: startIndex and count are whole numbers, each is there once"
                    .into(),
            )
        })
    }
}

impl Asked {
    /// The first resource wanted, from 1 on, and how many at most.
    pub(super) fn page(&self) -> (i64, i64) {
        let count = self.count.unwrap_or(PAGE).clamp(0, MAX_PAGE as i64);
        (self.start_index.unwrap_or(1).max(1), count)
    }

    /// Whether an attribute of the core schema is to be answered that is answered by default (RFC 7644 section 3.9), as a whole or in part.
    pub(super) fn wants(&self, attribute: &str) -> bool {
        let is_it = |name: &str| name.trim().eq_ignore_ascii_case(attribute);
        let excluded = self.excluded_attributes.as_deref().is_some_and(|names| names.split(',').any(is_it));
        !excluded && (self.attributes.is_none() || self.names(attribute))
    }

    /// Whether an attribute of the core schema is asked for by its name.
    pub(super) fn names(&self, attribute: &str) -> bool {
        let attributes = self.attributes.as_deref().unwrap_or_default();
        attributes.split(',').any(|name| {
            let name = name.trim().rsplit(':').next().unwrap_or_default();
            name.split('.').next().is_some_and(|name| name.eq_ignore_ascii_case(attribute))
        })
    }

    /// The filter, if there is one.
    pub(super) fn filter(&self) -> Option<&str> {
        self.filter.as_deref().map(str::trim).filter(|text| !text.is_empty())
    }
}

/// Answers with a page.
///
/// # Errors
/// [`ScimError`].
pub async fn handle(
    State(state): State<AppState>,
    client: ScimClient,
    asked: Asked,
) -> Result<Response, ScimError> {
    let (start, count) = asked.page();
    let (total, users) = match asked.filter() {
        Some(text) => matching(&state, &client, &Wanted::read(text)?, start, count).await?,
        None => all(&state, &client, start, count).await?,
    };
    let address = state.settings.public_address();
    let resources = users.iter().map(|user| resource(user, address)).collect();
    let (total, start) = (u64::try_from(total).unwrap_or(0), u64::try_from(start).unwrap_or(1));
    Ok(body(StatusCode::OK, &ListResponse::new(total, start, resources)))
}

/// Those of a client's people whom a filter wants. Whom an attribute names that there is an index for is found by it, and so is who changed
/// since a moment; else all are looked through.
async fn matching(
    state: &AppState,
    client: &ScimClient,
    wanted: &Wanted,
    start: i64,
    count: i64,
) -> Result<(i64, Vec<User>), ScimError> {
    let mut found = Found::new(start, count);
    let (users, address) = (state.store.users(), state.settings.public_address());
    let candidate = if let Some(id) = wanted.named("id") {
        Some(match id.parse() {
            Ok(id) => users.get(state.tenant, id).await?,
            Err(_) => None,
        })
    } else if let Some(name) = wanted.named("userName") {
        Some(users.list(state.tenant, &UserFilter::UserName(name.to_owned()), 1, 1).await?.users.pop())
    } else if let Some(id) = wanted.named("externalId") {
        Some(match client.program_in() {
            None => users.by_anchor(state.tenant, &SourceAnchor(id.to_owned())).await?,
            Some(_) => users.by_external_id(state.tenant, id).await?,
        })
    } else {
        None
    };
    if let Some(candidate) = candidate {
        if let Some(user) = candidate.filter(|user| wanted.has(&resource(user, address))) {
            match client.reaches(state, &user).await {
                Ok(()) => found.add(user),
                Err(ScimError::Store(error)) => return Err(ScimError::Store(error)),
                Err(_) => {}
            }
        }
        return Ok((found.total, found.page));
    }
    let _scan = state.scans.begin(client.provisioner())?;
    if let Some(since) = wanted.since() {
        let changed = users.changed_since(state.tenant, since).await?;
        for people in client.people() {
            for part in changed.chunks(AT_ONCE as usize) {
                let users = users.among(state.tenant, &people, part).await?;
                let wanted = users.into_iter().filter(|user| wanted.has(&resource(user, address)));
                wanted.for_each(|user| found.add(user));
            }
        }
        return Ok((found.total, found.page));
    }
    for people in client.people() {
        let mut after = None;
        loop {
            let users = users.after(state.tenant, &people, after, AT_ONCE).await?;
            let last = (users.len() as u32) < AT_ONCE;
            after = users.last().map(|user| user.id);
            // Who waits for this thread has a turn.
            tokio::task::yield_now().await;
            let wanted = users.into_iter().filter(|user| wanted.has(&resource(user, address)));
            wanted.for_each(|user| found.add(user));
            if last {
                break;
            }
        }
    }
    Ok((found.total, found.page))
}

/// One page of all of a client's people: those of one forest after those of the other.
async fn all(
    state: &AppState,
    client: &ScimClient,
    start: i64,
    count: i64,
) -> Result<(i64, Vec<User>), ScimError> {
    let mut total = 0;
    let mut page = Vec::new();
    for people in client.people() {
        let left = count - i64::try_from(page.len()).unwrap_or(count);
        // Where these begin in the list of all.
        let from = if page.is_empty() { start - total } else { 1 };
        let found = state.store.users().list(state.tenant, &people, from, left).await?;
        total += found.total;
        page.extend(found.users);
    }
    Ok((total, page))
}
