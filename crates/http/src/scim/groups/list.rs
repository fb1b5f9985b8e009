//! `GET /scim/v2/Groups` (RFC 7644 section 3.4.2): the groups of the agent's forests, in pages or by `externalId`. A list tells how
//! many members each has, and not who they are: that is asked of each by itself.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use ritorno_protocol::ids::SourceAnchor;
use ritorno_protocol::scim::{EqualityFilter, ListResponse};

use crate::scim::access::ScimAgent;
use crate::scim::error::ScimError;
use crate::scim::group::resource;
use crate::scim::list::Asked;
use crate::scim::resource::body;
use crate::state::AppState;

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
    let (mut total, mut page) = (0, Vec::new());
    if let Some(text) = asked.filter() {
        let filter: EqualityFilter = text.parse().map_err(|_| ScimError::Filter)?;
        if !filter.attribute.eq_ignore_ascii_case("externalId") {
            return Err(ScimError::Filter);
        }
        let found = state.store.groups().by_anchor(state.tenant, &SourceAnchor(filter.value)).await?;
        page.extend(found.filter(|(group, _)| agent.forests.contains(&group.forest)));
        total = page.len() as i64;
    } else {
        for forest in &agent.forests {
            let left = count - i64::try_from(page.len()).unwrap_or(count);
            // Where this forest's groups begin in the list of all.
            let from = if page.is_empty() { start - total } else { 1 };
            let found = state.store.groups().list(state.tenant, forest, from, left).await?;
            total += found.total;
            page.extend(found.groups);
        }
    }
    let address = state.settings.public_address();
    let resources = page.iter().map(|(group, count)| resource(group, *count, Vec::new(), address)).collect();
    let (total, start) = (u64::try_from(total).unwrap_or(0), u64::try_from(start).unwrap_or(1));
    Ok(body(StatusCode::OK, &ListResponse::new(total, start, resources)))
}
