//! `GET /console`: the tenant's state, its switches, its agents.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::administrator::Action;
use ritorno_identity::agent::Agent;
use ritorno_identity::agent_forests::waiting;
use ritorno_identity::agent_state::AgentState;
use ritorno_identity::api_token::ApiToken;
use ritorno_identity::tenant::Tenant;
use ritorno_relay::tenant_state::TenantState;

use super::session::{Menu, SignedIn};
use crate::i18n::{Words, key};
use crate::operations::agents::{Look, only};
use crate::operations::switches::SwitchName;
use crate::page::{Frame, PageError, page};
use crate::portal::refusal::Moment;
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "console/overview.html")]
struct OverviewPage {
    t: Words,
    frame: Frame,
    menu: Menu,
    ready: bool,
    standing: &'static str,
    since: Option<Moment>,
    switches: [SwitchLine; SwitchName::ALL.len()],
    /// The group whose people may reset, if not everybody may; empty if it is gone.
    only: Option<Vec<String>>,
    agents: Vec<AgentLine>,
    /// Programs of whose removals the deletion guard holds some.
    programs: Vec<ProgramLine>,
    /// Whether the reader enrols agents and switches their writeback on.
    enrols: bool,
    /// Whether the reader approves removals.
    approves: bool,
}

struct SwitchLine {
    name: &'static str,
    told: &'static str,
    on: bool,
    /// Whether it is the reader's to turn.
    theirs: bool,
}

struct AgentLine {
    id: String,
    name: String,
    standing: &'static str,
    /// Whether it is the reader's to change.
    theirs: bool,
    writeback_on: bool,
    forests: String,
    /// What it says that it serves, and may not.
    waiting: Vec<String>,
    pdcs: Vec<PdcLine>,
    version: String,
    out_of_date: bool,
    seen: Option<Moment>,
    /// Removals that the deletion guard holds.
    held: u32,
}

struct ProgramLine {
    id: String,
    name: String,
    held: u32,
}

struct PdcLine {
    name: String,
    reachable: bool,
}

/// The handler.
pub(super) async fn show(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    signed_in.require(Action::ReadTenant)?;
    let tenant = &signed_in.tenant;
    let look = Look::at(&state, tenant).await?;
    let (told, since) = match &look.standing {
        TenantState::Ready => (key("console-state-ready"), None),
        TenantState::NoAgent { since } => (key("console-state-no-agent"), *since),
        TenantState::WritebackOff => (key("console-state-writeback-off"), None),
        TenantState::PdcUnreachable { since, .. } => (key("console-state-pdc"), Some(*since)),
    };
    let enrols = signed_in.may(Action::EnrolAgent);
    let theirs = |line: AgentLine| AgentLine { theirs: line.theirs && enrols, ..line };
    let line = |agent: &Agent| theirs(line(&state, tenant, &look, agent));
    let shown = OverviewPage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, "/console"),
        menu: signed_in.menu("/console"),
        ready: look.standing == TenantState::Ready,
        standing: told,
        since: since.map(Moment::new),
        switches: switches(&signed_in, tenant),
        only: only(&state, tenant).await.map_err(PageError::behind)?.map(|only| only.names),
        agents: look.agents.iter().map(line).collect(),
        programs: look.held_of_tokens.iter().map(program).collect(),
        enrols,
        approves: signed_in.may(Action::ApproveRemovals),
    };
    Ok((reader.remember(jar), page(StatusCode::OK, &shown)).into_response())
}

fn program((token, held): &(ApiToken, u32)) -> ProgramLine {
    ProgramLine { id: token.id.to_string(), name: token.name.clone(), held: *held }
}

fn switches(signed_in: &SignedIn, tenant: &Tenant) -> [SwitchLine; SwitchName::ALL.len()] {
    SwitchName::ALL.map(|switch| {
        let on = switch.is_on(tenant);
        let told = match (switch, on) {
            (SwitchName::Sspr, true) => key("console-sspr-on"),
            (SwitchName::Sspr, false) => key("console-sspr-off"),
            (SwitchName::Writeback, true) => key("console-writeback-on"),
            (SwitchName::Writeback, false) => key("console-writeback-off"),
            (SwitchName::Unlock, true) => key("console-unlock-on"),
            (SwitchName::Unlock, false) => key("console-unlock-off"),
            (SwitchName::ForbidNames, true) => key("console-forbid-names-on"),
            (SwitchName::ForbidNames, false) => key("console-forbid-names-off"),
            (SwitchName::RequireRegistration, true) => key("console-require-registration-on"),
            (SwitchName::RequireRegistration, false) => key("console-require-registration-off"),
            (SwitchName::NotifyAdministrators, true) => key("console-notify-administrators-on"),
            (SwitchName::NotifyAdministrators, false) => key("console-notify-administrators-off"),
            (SwitchName::RegistrationMails, true) => key("console-registration-mails-on"),
            (SwitchName::RegistrationMails, false) => key("console-registration-mails-off"),
        };
        SwitchLine { name: switch.as_str(), told, on, theirs: signed_in.may(switch.action(!on).0) }
    })
}

fn line(state: &AppState, tenant: &Tenant, look: &Look, agent: &Agent) -> AgentLine {
    let revoked = agent.revoked_at.is_some();
    let (standing, out_of_date) = look.of(state, tenant, agent);
    let standing = match standing {
        AgentState::Running => key("console-agent-running"),
        AgentState::OutOfDate => key("console-agent-out-of-date"),
        AgentState::TooOld => key("console-agent-too-old"),
        AgentState::Away => key("console-agent-away"),
        AgentState::NotConfigured => key("console-agent-not-configured"),
        AgentState::ServerSide => key("console-agent-server-side"),
        AgentState::Revoked => key("console-agent-revoked"),
    };
    let reported = agent.health.iter().flat_map(|health| &health.forests);
    AgentLine {
        id: agent.id.to_string(),
        name: agent.name.clone(),
        standing,
        theirs: !revoked,
        writeback_on: agent.writeback_on,
        forests: agent.forests.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        waiting: waiting(agent).map(ToString::to_string).collect(),
        pdcs: reported
            .filter_map(|forest| Some(PdcLine { name: forest.pdc.clone()?, reachable: forest.reachable }))
            .collect(),
        version: agent.version.clone(),
        out_of_date,
        seen: agent.last_seen_at.map(Moment::new),
        held: look.held_of(agent.id),
    }
}
