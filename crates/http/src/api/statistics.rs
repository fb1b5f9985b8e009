//! `GET /api/v1/statistics`: how often what ended how, and how long it took.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ritorno_identity::administrator::Action;
use ritorno_identity::agent_state::AgentState;
use ritorno_identity::audit::{Activity, Success};
use ritorno_protocol::clock::Timestamp;
use ritorno_storage::OfDay;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::input::Asked;
use crate::operations::agents::Look;
use crate::problem::Problem;
use crate::state::AppState;
use crate::time_text::rfc3339;

const DAY_MS: i64 = 86_400_000;
/// Most days that are looked at.
const MOST_DAYS: u16 = 90;
/// How many unless it is said.
const USUALLY: u16 = 30;

/// How many days.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Days {
    /// How many days, today included: 30 unless it is said.
    #[param(minimum = 1, maximum = 90)]
    days: Option<u16>,
}

/// How often something ended how.
#[derive(Clone, Copy, Default, Serialize, ToSchema)]
struct Ends {
    /// It was done.
    success: u32,
    /// It was not done.
    failure: u32,
    /// It can't be proved either way.
    unknown: u32,
}

/// One day.
#[derive(Clone, Serialize, ToSchema)]
struct Day {
    /// Which, in UTC.
    #[schema(format = Date)]
    day: String,
    /// Forgotten passwords.
    resets: Ends,
    /// Changes of known passwords.
    changes: Ends,
    /// Unlocked accounts.
    unlocks: Ends,
}

/// Why requests to the directories were not done.
#[derive(Serialize, ToSchema)]
struct ReasonView {
    /// `refused` (by a rule), `not_applied` or `unknown`.
    #[schema(example = "refused")]
    result: String,
    /// The rule, or why it was not applied; empty of what is unknown.
    #[schema(example = "history")]
    reason: String,
    /// How often.
    number: u32,
}

/// How long requests that were done took, the whole way: from the sealed password's arrival at the server until the directory's answer was
/// written down there.
#[derive(Serialize, ToSchema)]
struct Latency {
    /// How many were done.
    number: u32,
    /// Half of them took no longer, in milliseconds.
    median_ms: Option<i64>,
    /// Ninety-five of a hundred took no longer, in milliseconds.
    p95_ms: Option<i64>,
}

/// How much of a product is used.
#[derive(Serialize, ToSchema)]
struct Used {
    /// Its string id.
    #[schema(example = "AAD_PREMIUM")]
    product: &'static str,
    /// For how many people it was bought.
    units: u32,
    /// How many have it.
    consumed: u32,
}

/// How often what ended how.
#[derive(Serialize, ToSchema)]
pub(super) struct Statistics {
    /// Each day, the earliest first; the last one is today.
    days: Vec<Day>,
    /// Why requests were not done, the most frequent first.
    refusals: Vec<ReasonView>,
    /// How long they took.
    latency: Latency,
    /// When a directory was last read to its end.
    #[schema(format = DateTime)]
    last_sync: Option<String>,
    /// Agents that are not revoked.
    agents: usize,
    /// Those of them that are up and running.
    agents_running: usize,
    /// The products that were bought; absent where the caller may not read licences.
    #[serde(skip_serializing_if = "Option::is_none")]
    licences: Option<Vec<Used>>,
}

/// Each of so many days from that one on.
fn filled(first: i64, number: u16, counted: &[OfDay]) -> Vec<Day> {
    let day = |day: i64| Day {
        day: rfc3339(Timestamp::from_unix_ms(day * DAY_MS)).chars().take(10).collect(),
        resets: Ends::default(),
        changes: Ends::default(),
        unlocks: Ends::default(),
    };
    let mut days: Vec<Day> = (0..i64::from(number)).map(|after| day(first + after)).collect();
    for one in counted {
        let Some(day) = usize::try_from(one.day - first).ok().and_then(|at| days.get_mut(at)) else {
            continue;
        };
        let ends = match one.activity {
            Activity::ResetPassword => &mut day.resets,
            Activity::ChangePassword => &mut day.changes,
            _ => &mut day.unlocks,
        };
        match one.success {
            Success::Success => ends.success = one.number,
            Success::Failure => ends.failure = one.number,
            Success::Unknown => ends.unknown = one.number,
        }
    }
    days
}

/// How often what ended how in the last days, by the day of the audit in UTC; and how the tenant stands now.
#[utoipa::path(
    get,
    path = "/api/v1/statistics",
    tag = "overview",
    security(("token" = ["tenant.read"])),
    params(Days),
    responses(
        (status = 200, description = "The numbers.", body = Statistics),
        (status = 400, description = "`days`: not from 1 to 90.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get_statistics(
    State(state): State<AppState>,
    caller: Caller,
    Asked(Days { days }): Asked<Days>,
) -> Result<Json<Statistics>, Problem> {
    let operator = caller.require(Action::ReadTenant)?;
    let number = days.unwrap_or(USUALLY);
    if !(1..=MOST_DAYS).contains(&number) {
        let detail = format!("It is from 1 to {MOST_DAYS} days.");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "days", "It is no number of days", detail));
    }
    let (store, tenant) = (&state.store, &operator.tenant);
    let today = state.clock.now().unix_ms().div_euclid(DAY_MS);
    let first = today - i64::from(number) + 1;
    let since = Timestamp::from_unix_ms(first * DAY_MS);
    let until = Timestamp::from_unix_ms((today + 1) * DAY_MS);
    let counted = store.statistics().by_day(tenant.id, since, until).await?;
    let reasons = store.statistics().reasons(tenant.id, since, until).await?;
    let took = store.statistics().took(tenant.id, since, until).await?;
    let reports = store.sync_reports().list(tenant.id).await?;
    let synced =
        reports.iter().flat_map(|told| &told.report.connectors).filter_map(|one| one.cycled_at).max();
    let licences = if operator.may(Action::ReadLicences) {
        let bought = store.licences().subscribed(tenant.id).await?;
        let used = |one: ritorno_storage::Subscribed| Used {
            product: one.sku.name,
            units: one.units,
            consumed: one.consumed,
        };
        Some(bought.into_iter().map(used).collect())
    } else {
        None
    };
    let look = Look::at(&state, tenant).await?;
    let enrolled = || look.agents.iter().filter(|agent| agent.revoked_at.is_none());
    let running = enrolled().filter(|agent| {
        matches!(look.of(&state, tenant, agent).0, AgentState::Running | AgentState::OutOfDate)
    });
    Ok(Json(Statistics {
        days: filled(first, number, &counted),
        refusals: reasons
            .into_iter()
            .map(|one| ReasonView { result: one.ended, reason: one.reason, number: one.number })
            .collect(),
        latency: Latency { number: took.number, median_ms: took.median, p95_ms: took.p95 },
        last_sync: synced.map(rfc3339),
        agents: enrolled().count(),
        agents_running: running.count(),
        licences,
    }))
}
