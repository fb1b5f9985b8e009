//! `GET /scim/v2/Groups` (RFC 7644 section 3.4.2): the groups of the agent's forests, filtered and in pages. A list tells how
//! many members each has, and not who they are: that is asked of each by itself.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use ritorno_identity::group::Group;
use ritorno_protocol::ids::SourceAnchor;
use ritorno_protocol::scim::ListResponse;

use crate::scim::client::ScimClient;
use crate::scim::error::ScimError;
use crate::scim::filter::{AT_ONCE, Found, Wanted};
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
    client: ScimClient,
    Query(asked): Query<Asked>,
) -> Result<Response, ScimError> {
    let agent = client.agent()?;
    let (start, count) = asked.page();
    let mut found = Found::new(start, count);
    let address = state.settings.public_address();
    let wanted = asked.filter().map(Wanted::read).transpose()?;
    if let Some(anchor) = wanted.as_ref().and_then(|wanted| wanted.only("externalId")) {
        let named = state.store.groups().by_anchor(state.tenant, &SourceAnchor(anchor.to_owned())).await?;
        let theirs = named.filter(|(group, _)| agent.forests.contains(&group.forest));
        theirs.into_iter().for_each(|group| found.add(group));
    } else if let Some(wanted) = wanted {
        let _scan = state.scans.begin(client.provisioner())?;
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
                groups.into_iter().filter(has).for_each(|group| found.add(group));
                if last {
                    break;
                }
            }
        }
    } else {
        for forest in &agent.forests {
            let left = count - i64::try_from(found.page.len()).unwrap_or(count);
            // Where this forest's groups begin in the list of all.
            let from = if found.page.is_empty() { start - found.total } else { 1 };
            let listed = state.store.groups().list(state.tenant, forest, from, left).await?;
            found.total += listed.total;
            found.page.extend(listed.groups);
        }
    }
    let resources =
        found.page.iter().map(|(group, count)| resource(group, *count, Vec::new(), address)).collect();
    let (total, start) = (u64::try_from(found.total).unwrap_or(0), u64::try_from(start).unwrap_or(1));
    Ok(body(StatusCode::OK, &ListResponse::new(total, start, resources)))
}
