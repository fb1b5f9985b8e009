//! `GET /api/v1/people/{person}/directory`: how a person's account stands in their directory, asked of an agent now.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ritorno_identity::administrator::Action;
use ritorno_protocol::ids::UserId;
use ritorno_protocol::policy::{EffectivePolicy, PolicySource};
use ritorno_protocol::query::Found;
use ritorno_relay::dispatch_error::DispatchError;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::caller::Caller;
use super::input::{At, not_found, unfit};
use crate::operations::people;
use crate::operator::Behind;
use crate::problem::Problem;
use crate::state::AppState;
use crate::time_text::rfc3339;

/// After how long it is worth to ask again.
const AGAIN_AFTER: u64 = 10;

/// Where a policy comes from.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Source {
    /// The domain's own.
    Domain,
    /// A password settings object (PSO).
    Pso,
    /// A password settings object that the agent's account may not read: its rules are not known.
    UnreadablePso,
}

/// The password policy that holds for the person, by the tenant's rules too.
#[derive(Serialize, ToSchema)]
struct PolicyView {
    /// Where it comes from.
    source: Source,
    /// What the password settings object is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pso: Option<String>,
    /// Fewest characters.
    minimum_length: u16,
    /// Whether three of five classes of characters are needed.
    complexity: bool,
    /// How many passwords are remembered.
    history: u16,
    /// Whether history and minimum age hold for a reset, too.
    enforced_on_reset: bool,
    /// The earliest moment at which the password may change again; absent if it may.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    not_before: Option<String>,
}

impl PolicyView {
    fn of(policy: &EffectivePolicy) -> Self {
        let (source, pso) = match &policy.source {
            PolicySource::Domain => (Source::Domain, None),
            PolicySource::Pso { name } => (Source::Pso, Some(name.clone())),
            PolicySource::UnreadablePso { name } => (Source::UnreadablePso, Some(name.clone())),
        };
        Self {
            source,
            pso,
            minimum_length: policy.minimum_length,
            complexity: policy.complexity,
            history: policy.history,
            enforced_on_reset: policy.hints,
            not_before: policy.not_before.map(rfc3339),
        }
    }
}

/// How an account stands in its directory.
#[derive(Serialize, ToSchema)]
pub(super) struct Account {
    /// Whether it is locked now.
    locked: bool,
    /// Whether it is disabled now.
    disabled: bool,
    /// The policy that holds for it.
    policy: PolicyView,
    /// When its password expires, as the synchronisation said last; `null` if it does not, or nobody said so.
    #[schema(format = DateTime)]
    password_expires_at: Option<String>,
}

/// How a person's account stands in their directory, as its PDC emulator has it now.
///
/// An agent is asked, which takes a moment, and five seconds at most. Nothing is changed by it.
#[utoipa::path(
    get,
    path = "/api/v1/people/{person}/directory",
    tag = "people",
    security(("token" = ["people.read"])),
    params(("person" = String, Path, format = "uuid", description = "Their id.")),
    responses(
        (status = 200, description = "How it stands.", body = Account),
        (status = 422, description = "`cloud-only`: the person has no directory but the tenant.", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "`directory-fault`: the directory does not tell. `detail` says why.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "`no-agent`: no agent can be asked now.", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "`no-answer`: no agent answered within five seconds.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get_account(
    State(state): State<AppState>,
    caller: Caller,
    At(id): At<UserId>,
) -> Result<Json<Account>, Problem> {
    let operator = caller.require(Action::ReadUsers)?;
    let user = people::get(&state, operator, id).await?.ok_or_else(not_found)?;
    let tenant = &operator.tenant;
    match state.relay.ask(&user, tenant.forbid_names).await {
        Ok(Found::Person { mut policy, locked, disabled }) => {
            policy.tighten(tenant.forbid_names, &tenant.banned_words);
            let password_expires_at = user.password_expires_at.map(rfc3339);
            Ok(Json(Account { locked, disabled, policy: PolicyView::of(&policy), password_expires_at }))
        }
        Ok(Found::Nothing { fault, operator }) => {
            let name = serde_json::to_value(&fault).unwrap_or_default();
            let name = name.get("fault").and_then(Value::as_str).unwrap_or("unknown").to_owned();
            let at = operator.dc.map(|dc| format!(" at {dc}")).unwrap_or_default();
            Err(at_the_directory(format!("{name}{at}.")))
        }
        Ok(Found::Password { .. }) => {
            Err(at_the_directory("The agent answered another question.".to_owned()))
        }
        Err(DispatchError::NotHybrid) => {
            let detail = "The person is mastered in the tenant.";
            Err(unfit("cloud-only", "The person has no directory", detail))
        }
        Err(DispatchError::TimedOut) => {
            let title = "The directory did not answer in time";
            let detail = "No agent answered within five seconds. Ask again.";
            Err(Problem::new(StatusCode::GATEWAY_TIMEOUT, "no-answer", title, detail)
                .retry_after(AGAIN_AFTER))
        }
        Err(DispatchError::Ledger(error)) => Err(Behind::of(error).into()),
        Err(error) => {
            let title = "No agent can be asked";
            let problem =
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no-agent", title, format!("{error}."));
            Err(problem.retry_after(AGAIN_AFTER))
        }
    }
}

fn at_the_directory(detail: String) -> Problem {
    Problem::new(StatusCode::BAD_GATEWAY, "directory-fault", "The directory does not tell", detail)
}
