//! `GET /api/v1/doctor`: what each agent's checks found last.

use axum::Json;
use axum::extract::State;
use ritorno_identity::administrator::Action;
use ritorno_protocol::doctor::{CheckState, CheckVerdict};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use crate::agent_api::doctor::is_fresh;
use crate::console::doctor::title;
use crate::problem::Problem;
use crate::state::AppState;
use crate::time_text::rfc3339;

/// How a check ended.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    /// As it should be.
    Pass,
    /// Does not matter here.
    NotApplicable,
    /// Works, but will not for everyone or for ever.
    Warning,
    /// Something before it failed, so nothing can be said.
    CouldNotTell,
    /// A reset would fail, or would not be safe.
    Fail,
}

/// One check, and what the agent says of it.
#[derive(Serialize, ToSchema)]
struct Check {
    /// The check's name, which the manual's chapter has.
    #[schema(example = "pdc-emulator")]
    id: String,
    /// How it ended.
    verdict: Verdict,
    /// What was seen.
    evidence: Vec<String>,
    /// Why it is so; absent when it passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    /// Lines for the agent's own host that mend it. Those for other hosts are in the manual, and not taken from an agent.
    fixes: Vec<Vec<String>>,
}

/// What an agent's checks found last.
#[derive(Serialize, ToSchema)]
pub(super) struct Report {
    /// The agent's id.
    #[schema(format = "uuid")]
    agent: String,
    /// Its name.
    name: String,
    /// When the report came; absent if none ever did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    received_at: Option<String>,
    /// Whether it says how the agent is now: an older one does not.
    fresh: bool,
    /// Each check that this version knows.
    checks: Vec<Check>,
}

fn view(check: &CheckState) -> Check {
    let own = check.fixes.iter().filter(|fix| fix.system == "agent");
    Check {
        id: check.id.clone(),
        verdict: match check.verdict {
            CheckVerdict::Pass => Verdict::Pass,
            CheckVerdict::NotApplicable => Verdict::NotApplicable,
            CheckVerdict::Warning => Verdict::Warning,
            CheckVerdict::CouldNotTell => Verdict::CouldNotTell,
            CheckVerdict::Fail => Verdict::Fail,
        },
        evidence: check.evidence.clone(),
        cause: check.cause.clone(),
        fixes: own.map(|fix| fix.lines.clone()).collect(),
    }
}

/// What the checks of each agent found last, as the agent says it.
#[utoipa::path(
    get,
    path = "/api/v1/doctor",
    tag = "doctor",
    security(("token" = ["tenant.read"])),
    responses((status = 200, description = "A report of each agent that is not revoked.", body = [Report]))
)]
pub(super) async fn list_reports(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Json<Vec<Report>>, Problem> {
    let tenant = &caller.require(Action::ReadTenant)?.tenant;
    let now = state.clock.now();
    let reports = state.store.doctor_reports().list(tenant.id).await?;
    let agents = state.store.agents().list(tenant.id).await?;
    let enrolled = agents.into_iter().filter(|agent| agent.revoked_at.is_none());
    let all = enrolled.map(|agent| {
        let told = reports.iter().find(|told| told.agent == agent.id);
        let checks = told.map(|told| &told.report.checks[..]).unwrap_or_default();
        Report {
            agent: agent.id.to_string(),
            name: agent.name,
            received_at: told.map(|told| rfc3339(told.received_at)),
            fresh: told.is_some_and(|told| is_fresh(told.received_at, now)),
            checks: checks.iter().filter(|check| title(&check.id).is_some()).map(view).collect(),
        }
    });
    Ok(Json(all.collect()))
}
