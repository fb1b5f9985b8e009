//! `/api/v1/people/{person}/timeline` and `/api/v1/support-codes/{code}`: what happened around one person, and what is under a code that was
//! read out on the telephone.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ritorno_identity::administrator::Action;
use ritorno_identity::agent::Agent;
use ritorno_identity::audit::Fact;
use ritorno_identity::flow::{Flow, Person};
use ritorno_identity::request::Request;
use ritorno_protocol::ids::UserId;
use ritorno_protocol::outcome::Outcome;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::audit::{FactView, view};
use super::caller::Caller;
use super::input::{Asked, At, not_found};
use super::paging::{Page, Paging, cursor};
use super::people::PersonLine;
use crate::operations::audit::Names;
use crate::operations::people;
use crate::operations::timeline::{self, Entry};
use crate::problem::Problem;
use crate::state::AppState;
use crate::time_text::rfc3339;

/// How a request to the directory ended.
#[derive(Serialize, ToSchema)]
struct OutcomeView {
    /// `done`, `refused` (a rule refused the password), `not_applied` or `unknown`.
    #[schema(example = "refused")]
    result: String,
    /// The rule that refused it, or why it was not applied; absent of what was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "minimum_length")]
    reason: Option<String>,
    /// The domain controller that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    dc: Option<String>,
    /// What the directory said, or the agent.
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
    /// Milliseconds spent in the agent, the directory's share included.
    agent_ms: u64,
    /// Milliseconds spent at the directory.
    directory_ms: u64,
}

impl OutcomeView {
    fn of(outcome: &Outcome) -> Self {
        let value = serde_json::to_value(outcome).unwrap_or_default();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let operator = outcome.operator();
        Self {
            result: text(&value["result"]).unwrap_or_default(),
            reason: text(&value["rule"]["rule"]).or_else(|| text(&value["fault"]["fault"])),
            dc: operator.dc.clone(),
            detail: operator.detail.clone(),
            agent_ms: operator.agent_ms,
            directory_ms: operator.directory_ms,
        }
    }
}

/// A request to the directory.
#[derive(Serialize, ToSchema)]
pub(super) struct RequestView {
    /// Its id.
    #[schema(format = "uuid")]
    id: String,
    /// When it was made.
    #[schema(format = DateTime)]
    at: String,
    /// When its state changed last.
    #[schema(format = DateTime)]
    updated_at: String,
    /// What was asked: `reset`, `change`, `unlock` or `verify`.
    operation: String,
    /// How far it is: `dispatched`, `started`, `not-started` or `finished`.
    state: &'static str,
    /// How it ended, once it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<OutcomeView>,
    /// The agent that has it, or had it last.
    #[schema(format = "uuid")]
    agent_id: String,
    /// What that is called; absent if it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    /// Whether an administrator asked it for the person.
    by_administrator: bool,
    /// Whether another agent found out how it ended.
    settled: bool,
    /// What the person was given for the help desk.
    support_code: String,
}

fn request(agents: &[Agent], request: &Request) -> RequestView {
    let operation = serde_json::to_value(request.operation).unwrap_or_default();
    let agent = agents.iter().find(|agent| agent.id == request.attempt.agent);
    RequestView {
        id: request.id.to_string(),
        at: rfc3339(request.created_at),
        updated_at: rfc3339(request.updated_at),
        operation: operation.as_str().unwrap_or_default().to_owned(),
        state: request.state.as_str(),
        outcome: request.outcome().map(OutcomeView::of),
        agent_id: request.attempt.agent.to_string(),
        agent: agent.map(|agent| agent.name.clone()),
        by_administrator: request.administrator.is_some(),
        settled: request.settled_by.is_some(),
        support_code: request.support_code.0.clone(),
    }
}

/// Something that happened; `kind` says which.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum EntryView {
    /// A fact of the audit.
    Fact(Box<FactView>),
    /// A request to the directory.
    Request(Box<RequestView>),
}

/// What happened around a person, latest first: what they did, what was done on their account, and what was asked of their directory.
///
/// It takes a role that may look up people, and shows those whom the administrator is for.
#[utoipa::path(
    get,
    path = "/api/v1/people/{person}/timeline",
    tag = "people",
    security(("token" = ["timeline.read"])),
    params(("person" = String, Path, format = "uuid", description = "Their id."), Paging),
    responses(
        (status = 200, description = "A page of what happened.", body = Page<EntryView>),
        (status = 400, description = "`cursor`: it can't be read.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get_timeline(
    State(state): State<AppState>,
    caller: Caller,
    At(id): At<UserId>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Page<EntryView>>, Problem> {
    caller.operator().administrator.may(Action::ReadUsers).map_err(|why| {
        let title = "The administrator may not do this";
        Problem::new(StatusCode::FORBIDDEN, "forbidden", title, format!("{why}."))
    })?;
    let operator = caller.require(Action::ReadTimeline)?;
    let user = people::get(&state, operator, id).await?.ok_or_else(not_found)?;
    let before = paging.cursor()?.unwrap_or_default();
    let (entries, next) =
        timeline::of_person(&state, operator.tenant.id, user.id, before, paging.limit()).await?;
    let facts: Vec<Fact> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Fact(_, fact) => Some(fact.clone()),
            Entry::Request(_) => None,
        })
        .collect();
    let names = Names::of(&state, &facts).await?;
    let agents = state.store.agents().list(operator.tenant.id).await?;
    let shown = entries.into_iter().map(|entry| match entry {
        Entry::Fact(_, fact) => EntryView::Fact(Box::new(view(&names, fact))),
        Entry::Request(one) => EntryView::Request(Box::new(request(&agents, &one))),
    });
    Ok(Json(Page { items: shown.collect(), next: next.map(cursor) }))
}

/// A way through the pages.
#[derive(Serialize, ToSchema)]
struct FlowView {
    /// What it is for: `reset` or `change`.
    purpose: &'static str,
    /// How far it is: `started`, `code-sent`, `gate-passed`, `submitted`, `finished` or `kept`.
    state: &'static str,
    /// Why the person may not; absent if they may, or if it is nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "SSPR_0012")]
    withheld: Option<String>,
    /// How many gates there are.
    gates: u8,
    /// What was proved at those that are passed.
    passed: Vec<&'static str>,
    /// When it began.
    #[schema(format = DateTime)]
    started_at: String,
    /// First moment at which it does not hold any more.
    #[schema(format = DateTime)]
    expires_at: String,
}

impl FlowView {
    fn of(flow: &Flow) -> Self {
        Self {
            purpose: match flow.purpose {
                ritorno_identity::flow::Purpose::Reset => "reset",
                ritorno_identity::flow::Purpose::Change => "change",
            },
            state: flow.state.as_str(),
            withheld: match flow.person {
                Person::Withheld { code, .. } => Some(code.as_str().to_owned()),
                Person::Known(_) | Person::Stranger => None,
            },
            gates: flow.gates.required(),
            passed: flow.gates.passed().iter().map(|method| method.as_str()).collect(),
            started_at: rfc3339(flow.started_at),
            expires_at: rfc3339(flow.expires_at),
        }
    }
}

/// Everything under a support code.
#[derive(Serialize, ToSchema)]
pub(super) struct CodeView {
    /// The code as it is written.
    #[schema(example = "ABCDE-01234")]
    code: String,
    /// The way through the reset pages, for 30 days; absent of anything else, and after that.
    #[serde(skip_serializing_if = "Option::is_none")]
    flow: Option<FlowView>,
    /// The person; absent if it was nobody, or the caller may not look up people.
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<PersonLine>,
    /// What was asked of the directory, latest first.
    requests: Vec<RequestView>,
    /// What was written down, in its order.
    facts: Vec<FactView>,
}

/// Everything under a support code, as it was heard: in any case, with or without the dash, and with `O` for `0`.
#[utoipa::path(
    get,
    path = "/api/v1/support-codes/{code}",
    tag = "audit",
    security(("token" = ["timeline.read"])),
    params(("code" = String, Path, description = "The code.")),
    responses((status = 200, description = "What is under it.", body = CodeView))
)]
pub(super) async fn get_code(
    State(state): State<AppState>,
    caller: Caller,
    At(code): At<String>,
) -> Result<Json<CodeView>, Problem> {
    let operator = caller.require(Action::ReadTimeline)?;
    let found = timeline::under_code(&state, operator, &code).await?.ok_or_else(not_found)?;
    let names = Names::of(&state, &found.facts).await?;
    let agents = state.store.agents().list(operator.tenant.id).await?;
    let seen = operator.may(Action::ReadUsers);
    Ok(Json(CodeView {
        code: found.code.0,
        flow: found.flow.as_ref().map(FlowView::of),
        person: found.person.filter(|_| seen).map(PersonLine::of),
        requests: found.requests.iter().map(|one| request(&agents, one)).collect(),
        facts: found.facts.into_iter().map(|fact| view(&names, fact)).collect(),
    }))
}
