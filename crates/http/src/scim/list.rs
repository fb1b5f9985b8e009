//! `GET /scim/v2/Users` (RFC 7644 section 3.4.2): the people of the agent's forests, filtered and in pages.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use ritorno_identity::agent::Agent;
use ritorno_identity::user::User;
use ritorno_protocol::ids::SourceAnchor;
use ritorno_protocol::scim::{EqualityFilter, ListResponse, MAX_PAGE};
use ritorno_storage::UserFilter;
use serde::Deserialize;

use super::access::ScimAgent;
use super::error::ScimError;
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
        Some(text) => matching(&state, &agent, text).await?,
        None => of_the_forests(&state, &agent, start, count).await?,
    };
    let address = state.settings.public_address();
    let resources = users.iter().map(|user| resource(user, address)).collect();
    let start = u64::try_from(start).unwrap_or(1);
    Ok(body(StatusCode::OK, &ListResponse::new(total, start, resources)))
}

/// The one person whom an equality filter names, if the agent may see them.
async fn matching(state: &AppState, agent: &Agent, text: &str) -> Result<(u64, Vec<User>), ScimError> {
    let filter: EqualityFilter = text.parse().map_err(|_| ScimError::Filter)?;
    let filter = if filter.attribute.eq_ignore_ascii_case("externalId") {
        UserFilter::ExternalId(SourceAnchor(filter.value))
    } else if filter.attribute.eq_ignore_ascii_case("userName") {
        UserFilter::UserName(filter.value)
    } else {
        return Err(ScimError::Filter);
    };
    let mut users = state.store.users().list(state.tenant, &filter, 1, 1).await?.users;
    users.retain(|user| agent.masters(user));
    Ok((users.len() as u64, users))
}

/// One page of the people of all of the agent's forests, one forest after the other.
async fn of_the_forests(
    state: &AppState,
    agent: &Agent,
    start: i64,
    count: i64,
) -> Result<(u64, Vec<User>), ScimError> {
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
    Ok((u64::try_from(total).unwrap_or(0), page))
}
