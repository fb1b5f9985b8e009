//! `GET /scim/v2/Users` (RFC 7644 section 3.4.2): the people of the agent's forests, filtered and in pages.

use axum::extract::{Query, State};
use axum::http::StatusCode;
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
}

impl Asked {
    /// The first resource wanted, from 1 on, and how many at most.
    pub(super) fn page(&self) -> (i64, i64) {
        let count = self.count.unwrap_or(PAGE).clamp(0, MAX_PAGE as i64);
        (self.start_index.unwrap_or(1).max(1), count)
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
    Query(asked): Query<Asked>,
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
    let name = wanted.only("userName").map(|name| UserFilter::UserName(name.to_owned()));
    let anchor = || wanted.only("externalId").map(|id| UserFilter::ExternalId(SourceAnchor(id.to_owned())));
    if let Some(filter) = name.or_else(anchor) {
        let mut users = state.store.users().list(state.tenant, &filter, 1, 1).await?.users;
        users.retain(|user| agent.masters(user));
        users.into_iter().for_each(|user| found.add(user));
        return Ok((found.total, found.page));
    }
    let _scan = state.scans.begin(agent.id)?;
    let address = state.settings.public_address();
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
