//! `GET /scim/v2/Groups` (RFC 7644 section 3.4.2): a client's groups, filtered and in pages. A list tells how many members each group of a
//! directory has, and who they are only if that is asked for by its name.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use ritorno_identity::group::Group;
use ritorno_protocol::ids::SourceAnchor;
use ritorno_protocol::scim::ListResponse;

use super::members;
use crate::scim::client::ScimClient;
use crate::scim::error::ScimError;
use crate::scim::filter::{AT_ONCE, Found, Wanted};
use crate::scim::group::{holds_members, resource};
use crate::scim::list::Asked;
use crate::scim::resource::body;
use crate::state::AppState;

/// Most groups on a page whose members are asked for.
const WITH_MEMBERS: i64 = 25;
/// Most members on such a page, but that one group is always on it.
pub const MEMBERS_ON_A_PAGE: u64 = 10_000;

/// Answers with a page.
///
/// # Errors
/// [`ScimError`].
pub async fn handle(
    State(state): State<AppState>,
    client: ScimClient,
    asked: Asked,
) -> Result<Response, ScimError> {
    let with_members = asked.names("members");
    let (start, count) = asked.page();
    let count = if with_members { count.min(WITH_MEMBERS) } else { count };
    let mut found = match asked.filter() {
        Some(text) => matching(&state, &client, &Wanted::read(text)?, start, count).await?,
        None => all(&state, &client, start, count).await?,
    };
    if with_members {
        found.page.truncate(fitting(&found.page)?);
    }
    let mut resources = Vec::with_capacity(found.page.len());
    for (group, count) in &found.page {
        let members = match with_members {
            true => members::seen(&state, &client, group.id).await?,
            false => Vec::new(),
        };
        resources.push(resource(group, *count, members, state.settings.public_address()));
    }
    let (total, start) = (u64::try_from(found.total).unwrap_or(0), u64::try_from(start).unwrap_or(1));
    Ok(body(StatusCode::OK, &ListResponse::new(total, start, resources)))
}

/// How many groups of a page an answer holds with their members, before those are read. A page may have fewer resources than were asked for
/// (RFC 7644 section 3.4.2.4).
fn fitting(page: &[(Group, u64)]) -> Result<usize, ScimError> {
    let Some((first, members)) = page.first() else { return Ok(0) };
    holds_members(first, *members)?;
    let mut sum = 0_u64;
    let together = page.iter().take_while(|(_, members)| {
        sum = sum.saturating_add(*members);
        sum <= MEMBERS_ON_A_PAGE
    });
    Ok(together.count().max(1))
}

/// Those of a client's groups that a filter wants. What an attribute names that there is an index for is found by it, and so is what changed
/// since a moment; else all are looked through, with their members if the filter says something of them.
async fn matching(
    state: &AppState,
    client: &ScimClient,
    wanted: &Wanted,
    start: i64,
    count: i64,
) -> Result<Found<(Group, u64)>, ScimError> {
    let mut found = Found::new(start, count);
    let repository = state.store.groups();
    let with_members = wanted.mentions("members");
    let is_wanted = async |group: &Group, count: u64| -> Result<bool, ScimError> {
        let members = match with_members {
            true => members::seen(state, client, group.id).await?,
            false => Vec::new(),
        };
        Ok(wanted.has(&resource(group, count, members, state.settings.public_address())))
    };
    let candidates = if let Some(id) = wanted.named("id") {
        match id.parse() {
            Ok(id) => Some(repository.get(state.tenant, id).await?.into_iter().collect()),
            Err(_) => Some(Vec::new()),
        }
    } else if let Some(id) = wanted.named("externalId") {
        let named = match client.program_in() {
            None => repository.by_anchor(state.tenant, &SourceAnchor(id.to_owned())).await?,
            Some(_) => repository.by_external_id(state.tenant, id).await?,
        };
        Some(named.into_iter().collect())
    } else if let Some((member, _)) = wanted.member() {
        Some(match members::is_seen(state, client, member).await? {
            true => repository.of_member(state.tenant, member).await?,
            false => Vec::new(),
        })
    } else {
        None
    };
    if let Some(candidates) = candidates {
        // Whose member is all that was asked for needs no second look at all of its members.
        let is_sure = wanted.member().is_some_and(|(_, alone)| alone);
        for (group, count) in candidates {
            let is_theirs = client.reaches_group(&group).is_ok();
            if is_theirs && (is_sure || is_wanted(&group, count).await?) {
                found.add((group, count));
            }
        }
        return Ok(found);
    }
    let _scan = state.scans.begin(client.provisioner())?;
    if let Some(since) = wanted.since() {
        let changed = repository.changed_since(state.tenant, since).await?;
        for filter in client.groups() {
            for part in changed.chunks(AT_ONCE as usize) {
                for (group, count) in repository.among(state.tenant, &filter, part).await? {
                    if is_wanted(&group, count).await? {
                        found.add((group, count));
                    }
                }
            }
        }
        return Ok(found);
    }
    for filter in client.groups() {
        let mut after = None;
        loop {
            let groups = repository.after(state.tenant, &filter, after, AT_ONCE).await?;
            let last = (groups.len() as u32) < AT_ONCE;
            after = groups.last().map(|(group, _)| group.id);
            // Who waits for this thread has a turn.
            tokio::task::yield_now().await;
            for (group, count) in groups {
                if is_wanted(&group, count).await? {
                    found.add((group, count));
                }
            }
            if last {
                break;
            }
        }
    }
    Ok(found)
}

/// One page of all of a client's groups: those of one forest after those of the other.
async fn all(
    state: &AppState,
    client: &ScimClient,
    start: i64,
    count: i64,
) -> Result<Found<(Group, u64)>, ScimError> {
    let mut found = Found::new(start, count);
    for filter in client.groups() {
        let left = count - i64::try_from(found.page.len()).unwrap_or(count);
        // Where these begin in the list of all.
        let from = if found.page.is_empty() { start - found.total } else { 1 };
        let listed = state.store.groups().list(state.tenant, &filter, from, left).await?;
        found.total += listed.total;
        found.page.extend(listed.groups);
    }
    Ok(found)
}
