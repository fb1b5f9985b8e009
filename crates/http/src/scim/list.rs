//! `GET /scim/v2/Users` (RFC 7644 section 3.4.2): the people of the agent's forests, filtered and in pages.

use axum::extract::{FromRequestParts, Query, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use ritorno_identity::agent::Agent;
use ritorno_identity::user::User;
use ritorno_protocol::ids::SourceAnchor;
use ritorno_protocol::scim::{ListResponse, MAX_PAGE};
use ritorno_storage::UserFilter;
use serde::Deserialize;

use super::access::ScimAgent;
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
    ScimAgent(agent): ScimAgent,
    asked: Asked,
) -> Result<Response, ScimError> {
    let (start, count) = asked.page();
    let (total, users) = match asked.filter() {
        Some(text) => matching(&state, &agent, &Wanted::read(text)?, start, count).await?,
        None => of_the_forests(&state, &agent, start, count).await?,
    };
    let address = state.settings.public_address();
    let resources = users.iter().map(|user| resource(user, address)).collect();
    let (total, start) = (u64::try_from(total).unwrap_or(0), u64::try_from(start).unwrap_or(1));
    Ok(body(StatusCode::OK, &ListResponse::new(total, start, resources)))
}

/// Those of the agent's people whom a filter wants. Whom an attribute names that there is an index for is found by it; else all are
/// looked through.
async fn matching(
    state: &AppState,
    agent: &Agent,
    wanted: &Wanted,
    start: i64,
    count: i64,
) -> Result<(i64, Vec<User>), ScimError> {
    let mut found = Found::new(start, count);
    let address = state.settings.public_address();
    let name = wanted.named("userName").map(|name| UserFilter::UserName(name.to_owned()));
    let anchor = || wanted.named("externalId").map(|id| UserFilter::ExternalId(SourceAnchor(id.to_owned())));
    let candidates = if let Some(id) = wanted.named("id") {
        match id.parse() {
            Ok(id) => Some(state.store.users().get(state.tenant, id).await?.into_iter().collect()),
            Err(_) => Some(Vec::new()),
        }
    } else if let Some(filter) = name.or_else(anchor) {
        Some(state.store.users().list(state.tenant, &filter, 1, 1).await?.users)
    } else {
        None
    };
    if let Some(candidates) = candidates {
        let theirs = |user: &User| agent.masters(user) && wanted.has(&resource(user, address));
        candidates.into_iter().filter(theirs).for_each(|user| found.add(user));
        return Ok((found.total, found.page));
    }
    let _scan = state.scans.begin(agent.id)?;
    for forest in &agent.forests {
        let mut after = None;
        loop {
            let users = state.store.users().of_forest_after(state.tenant, forest, after, AT_ONCE).await?;
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

/// One page of the people of all of the agent's forests, one forest after the other.
async fn of_the_forests(
    state: &AppState,
    agent: &Agent,
    start: i64,
    count: i64,
) -> Result<(i64, Vec<User>), ScimError> {
    let mut total = 0;
    let mut page = Vec::new();
    for forest in &agent.forests {
        let left = count - i64::try_from(page.len()).unwrap_or(count);
        let filter = UserFilter::Forest(forest.clone());
        // Where this forest's people begin in the list of all.
        let from = if page.is_empty() { start - total } else { 1 };
        let found = state.store.users().list(state.tenant, &filter, from, left).await?;
        total += found.total;
        page.extend(found.users);
    }
    Ok((total, page))
}
