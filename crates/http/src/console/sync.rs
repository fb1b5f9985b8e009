//! `GET /console/sync`: where each agent's synchronisation stands, by what the agent told last; `POST /console/sync/approve`: the approval of
//! exactly the list that an agent's deletion guard holds. What the agent synchronises is decided in its own files, and only shown here.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::administrator::Action;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::AgentId;
use ritorno_protocol::sync_report::{ConnectorReport, HeldExport, HeldKind, RunReport, SyncMode, SyncReport};
use serde::Deserialize;

use super::guard::GuardForm;
use super::session::{Menu, SignedIn};
use crate::agent_api::sync::is_fresh;
use crate::i18n::{Words, key};
use crate::operations::removals;
use crate::page::{Frame, PageError, page};
use crate::portal::refusal::Moment;
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "console/sync.html")]
struct SyncPage {
    t: Words,
    frame: Frame,
    menu: Menu,
    /// Whether another list was approved than the one that waits now.
    other: bool,
    approved: bool,
    /// Whether this administrator may approve.
    approves: bool,
    /// Whether the guard was changed a moment ago.
    guarded: bool,
    guard: GuardForm,
    agents: Vec<AgentView>,
}

struct AgentView {
    id: String,
    name: String,
    /// When its last report came; `None` if none ever did.
    seen: Option<Moment>,
    fresh: bool,
    mode: &'static str,
    suspended: bool,
    every: Option<u64>,
    reconcile_at: String,
    rules: Option<String>,
    connectors: Vec<ConnectorView>,
}

struct ConnectorView {
    name: String,
    scope: Vec<String>,
    groups: Vec<String>,
    /// For how many days the directory was not read to the end, if that is too long.
    overdue: Option<u64>,
    counts: Vec<(&'static str, u64)>,
    runs: Vec<RunView>,
    held: Option<HeldView>,
}

struct RunView {
    profile: String,
    started: Moment,
    seconds: Option<u64>,
    outcome: String,
    counts: [u64; 6],
    server: String,
    note: String,
}

struct HeldView {
    digest: String,
    since: i64,
    because: String,
    number: u64,
    lines: Vec<(&'static str, String)>,
    approved: bool,
    /// Whether the page shows all of them to whoever may see them: none is approved unseen.
    whole: bool,
}

/// What the address says.
#[derive(Deserialize)]
pub(super) struct Said {
    #[serde(default)]
    other: bool,
    #[serde(default)]
    approved: bool,
    #[serde(default)]
    guarded: bool,
}

/// What the button sends.
#[derive(Deserialize)]
pub(super) struct Approval {
    agent: AgentId,
    digest: String,
    /// Since when it was held, as the page had it.
    since: i64,
}

/// The page.
pub(super) async fn show(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    jar: CookieJar,
    Query(Said { other, approved, guarded }): Query<Said>,
) -> Result<Response, PageError> {
    signed_in.require(Action::ReadTenant)?;
    let tenant = &signed_in.tenant;
    let (t, now) = (reader.words(tenant), state.clock.now());
    let reports = state.store.sync_reports().list(tenant.id).await.map_err(PageError::behind)?;
    let all = state.store.agents().list(tenant.id).await.map_err(PageError::behind)?;
    let approves = signed_in.may(Action::ApproveRemovals);
    let mut agents = Vec::new();
    for agent in all.into_iter().filter(|agent| agent.revoked_at.is_none()) {
        let told = reports.iter().find(|told| told.agent == agent.id);
        let holds = told.is_some_and(|told| told.report.connectors.iter().any(|one| one.held.is_some()));
        let approved = if holds {
            let approved = state.store.sync_reports().approved(tenant.id, agent.id, now).await;
            approved.map_err(PageError::behind)?
        } else {
            Vec::new()
        };
        let report = told.map(|told| &told.report);
        agents.push(AgentView {
            id: agent.id.to_string(),
            name: agent.name,
            seen: told.map(|told| Moment::new(told.received_at)),
            fresh: told.is_some_and(|told| is_fresh(told.received_at, now)),
            mode: report.map(|report| mode(report.mode)).unwrap_or_default(),
            suspended: report.is_some_and(|report| report.suspended),
            every: report.and_then(|report| report.every_seconds),
            reconcile_at: report.map(|report| report.reconcile_at.clone()).unwrap_or_default(),
            rules: report.and_then(|report| report.rules.clone()),
            connectors: report.map(|report| connectors(report, &approved, approves, now)).unwrap_or_default(),
        });
    }
    let shown = SyncPage {
        t,
        frame: Frame::new(tenant, "/console/sync"),
        menu: signed_in.menu("/console/sync"),
        other,
        approved,
        approves,
        guarded,
        guard: GuardForm::of(&signed_in),
        agents,
    };
    Ok((reader.remember(jar), page(StatusCode::OK, &shown)).into_response())
}

/// Lets exactly the list through that was shown; the agent takes it up with its next report.
pub(super) async fn approve(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(Approval { agent, digest, since }): Form<Approval>,
) -> Result<Redirect, PageError> {
    signed_in.require(Action::ApproveRemovals)?;
    let operator = signed_in.operator(&reader);
    let approved =
        removals::approve_export(&state, &operator, agent, &digest, |at| at.unix_ms() == since).await;
    Ok(Redirect::to(match approved.map_err(PageError::behind)? {
        Some(_) => "/console/sync?approved=true",
        None => "/console/sync?other=true",
    }))
}

const fn mode(mode: SyncMode) -> &'static str {
    match mode {
        SyncMode::Active => key("sync-mode-active"),
        SyncMode::Standby => key("sync-mode-standby"),
        SyncMode::Staging => key("sync-mode-staging"),
    }
}

fn connectors(
    report: &SyncReport,
    approved: &[(String, Timestamp)],
    names: bool,
    now: Timestamp,
) -> Vec<ConnectorView> {
    let view = |connector: &ConnectorReport| {
        let counts = connector.counts;
        ConnectorView {
            name: connector.name.clone(),
            scope: connector.scope.clone(),
            groups: connector.groups.clone(),
            overdue: connector.overdue(now).map(|since| since.as_secs() / (24 * 3_600)),
            counts: vec![
                (key("sync-count-objects"), counts.objects),
                (key("sync-count-joined"), counts.joined),
                (key("sync-count-out-of-scope"), counts.out_of_scope),
                (key("sync-count-faulty"), counts.faulty),
                (key("sync-count-adds"), counts.adds),
                (key("sync-count-updates"), counts.updates),
                (key("sync-count-deletes"), counts.deletes),
                (key("sync-count-members"), counts.members),
                (key("sync-count-refused"), counts.refused),
            ],
            runs: connector.runs.iter().map(run).collect(),
            held: connector.held.as_ref().map(|held| self::held(held, approved, names)),
        }
    };
    report.connectors.iter().map(view).collect()
}

fn run(run: &RunReport) -> RunView {
    RunView {
        profile: run.profile.clone(),
        started: Moment::new(run.started),
        seconds: run.ended.map(|ended| ended.since(run.started).as_secs()),
        outcome: run.outcome.clone(),
        counts: [run.adds, run.updates, run.deletes, run.errors, run.anchors, run.anchors_refused],
        server: run.server.clone().unwrap_or_default(),
        note: run.note.clone().unwrap_or_default(),
    }
}

/// Who would be removed is named to whoever may decide it.
fn held(held: &HeldExport, approved: &[(String, Timestamp)], names: bool) -> HeldView {
    let told = |kind| match kind {
        HeldKind::Delete => key("console-removal-delete"),
        HeldKind::Disable => key("console-removal-disable"),
        HeldKind::Leave => key("console-removal-leave"),
    };
    HeldView {
        digest: held.digest.clone(),
        since: held.since.unix_ms(),
        because: held.because.clone(),
        number: held.number,
        lines: held.removals.iter().filter(|_| names).map(|one| (told(one.kind), one.name.clone())).collect(),
        approved: approved.contains(&(held.digest.clone(), held.since)),
        whole: held.is_whole(),
    }
}
