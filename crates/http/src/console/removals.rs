//! `GET` and `POST /console/agents/removals`: what of an agent, or of a program's token, the deletion guard holds, and the approval of
//! exactly that list.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::administrator::Action;
use ritorno_identity::provisioner::Provisioner;
use ritorno_identity::removal::RemovalKind;
use serde::Deserialize;
use uuid::Uuid;

use super::session::{Menu, SignedIn};
use crate::i18n::{Words, key};
use crate::operations::removals::{self, named};
use crate::page::{Frame, PageError, page};
use crate::reader::Reader;
use crate::scim::guard;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "console/removals.html")]
struct RemovalsPage {
    t: Words,
    frame: Frame,
    menu: Menu,
    agent: String,
    name: String,
    /// Whether it is a program, and no agent.
    program: bool,
    /// Whether somebody was shown, or approved, another list than the one that waits now.
    other: bool,
    digest: String,
    /// How many there are in all.
    number: usize,
    /// Where the page before this one and the one after it begin.
    before: Option<usize>,
    after: Option<usize>,
    /// Which of them the page shows, counted from 1.
    first: usize,
    last: usize,
    lines: Vec<Line>,
}

/// Lines of one page.
const PAGE: usize = 500;

struct Line {
    told: &'static str,
    name: String,
}

/// Whose removals.
#[derive(Deserialize)]
pub(super) struct Whose {
    /// The id of an agent, or of a token.
    agent: Uuid,
    #[serde(default)]
    other: bool,
    /// How many come before the page.
    #[serde(default)]
    from: usize,
    /// Of which list it is a page, on all but the first.
    digest: Option<String>,
}

/// What the button sends.
#[derive(Deserialize)]
pub(super) struct Approval {
    agent: Uuid,
    digest: String,
}

/// Shows a page of the list. Whoever pages is shown pages of one list only: of a list that changed meanwhile they would approve what came to
/// pages that they have left behind.
pub(super) async fn show(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    jar: CookieJar,
    Query(Whose { agent, other, from, digest }): Query<Whose>,
) -> Result<Response, PageError> {
    signed_in.require(Action::ApproveRemovals)?;
    let tenant = &signed_in.tenant;
    let now = state.clock.now();
    let Some((by, name)) = named(&state, agent).await.map_err(PageError::behind)? else {
        return Ok(Redirect::to("/console").into_response());
    };
    let held = guard::held(&state.store, tenant.id, by, now).await.map_err(PageError::behind)?;
    let begun = digest.as_ref().is_some_and(|begun| *begun == held.digest);
    // The first page that nobody came to from another one begins with the list of now.
    if !begun && (from > 0 || digest.is_some()) {
        return Ok(Redirect::to(&first_page(agent)).into_response());
    }
    let told = |kind| match kind {
        RemovalKind::DeleteUser => key("console-removal-delete"),
        RemovalKind::DisableUser => key("console-removal-disable"),
        RemovalKind::DeleteGroup => key("console-removal-group"),
        RemovalKind::LeaveGroup => key("console-removal-leave"),
    };
    let number = held.list.len();
    // A page that is not there any more is the last one.
    let from = from.min(number.saturating_sub(1)) / PAGE * PAGE;
    let lines: Vec<Line> = held
        .list
        .into_iter()
        .skip(from)
        .take(PAGE)
        .map(|one| Line { told: told(one.kind), name: one.name })
        .collect();
    let last = from + lines.len();
    let shown = RemovalsPage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, "/console"),
        menu: signed_in.menu("/console"),
        agent: agent.to_string(),
        name,
        program: matches!(by, Provisioner::Token(_)),
        other,
        digest: held.digest,
        number,
        before: (from > 0).then(|| from - PAGE),
        after: (last < number).then_some(last),
        first: from + 1,
        last,
        lines,
    };
    Ok((reader.remember(jar), page(StatusCode::OK, &shown)).into_response())
}

/// Lets exactly the list through that was shown.
pub(super) async fn approve(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(Approval { agent, digest }): Form<Approval>,
) -> Result<Redirect, PageError> {
    signed_in.require(Action::ApproveRemovals)?;
    let Some((by, _)) = named(&state, agent).await.map_err(PageError::behind)? else {
        return Ok(Redirect::to("/console"));
    };
    let approved = removals::approve(&state, &signed_in.operator(&reader), by, &digest).await;
    Ok(match approved.map_err(PageError::behind)? {
        Some(_) => Redirect::to("/console"),
        None => Redirect::to(&first_page(agent)),
    })
}

/// The address of the list's first page, which says that the list is another one now.
fn first_page(agent: Uuid) -> String {
    format!("/console/agents/removals?agent={agent}&other=true")
}
