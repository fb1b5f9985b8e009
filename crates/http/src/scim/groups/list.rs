//! `GET /scim/v2/Groups` (RFC 7644 section 3.4.2): the groups of the agent's forests, filtered and in pages. A list tells how
//! many members each has, and not who they are: that is asked of each by itself.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use ritorno_identity::group::Group;
use ritorno_protocol::ids::SourceAnchor;
use ritorno_protocol::scim::ListResponse;

use crate::scim::access::ScimAgent;
use crate::scim::error::ScimError;
use crate::scim::filter::{AT_ONCE, Wanted};
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
    let address = state.settings.public_address();
    let wanted = asked.filter().map(Wanted::read).transpose()?;
    if let Some(anchor) = wanted.as_ref().and_then(|wanted| wanted.only("externalId")) {
        let found = state.store.groups().by_anchor(state.tenant, &SourceAnchor(anchor.to_owned())).await?;
        page.extend(found.filter(|(group, _)| agent.forests.contains(&group.forest)));
        total = page.len() as i64;
        page.truncate(if start > 1 { 0 } else { usize::try_from(count).unwrap_or(0) });
    } else if let Some(wanted) = wanted {
        let _scan = state.scans.begin(agent.id)?;
        for forest in &agent.forests {
            let mut after = None;
            loop {
                let groups =
                    state.store.groups().of_forest_after(state.tenant, forest, after, AT_ONCE).await?;
                let last = (groups.len() as u32) < AT_ONCE;
                after = groups.last().map(|(group, _)| group.id);
                // Who waits for this thread has a turn.
                tokio::task::yield_now().await;
                let has =
                    |(group, count): &(Group, u64)| wanted.has(&resource(group, *count, Vec::new(), address));
                for found in groups.into_iter().filter(has) {
                    total += 1;
                    if total >= start && (page.len() as i64) < count {
                        page.push(found);
                    }
                }
                if last {
                    break;
                }
            }
        }
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
    let resources = page.iter().map(|(group, count)| resource(group, *count, Vec::new(), address)).collect();
    let (total, start) = (u64::try_from(total).unwrap_or(0), u64::try_from(start).unwrap_or(1));
    Ok(body(StatusCode::OK, &ListResponse::new(total, start, resources)))
}
