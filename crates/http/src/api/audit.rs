//! `/api/v1/audit`: what happened, latest first, and as a file.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use ritorno_identity::administrator::Action;
use ritorno_identity::audit::Fact;
use ritorno_protocol::ids::SupportCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::input::Asked;
use super::paging::{Page, Paging, cursor};
use crate::operations::audit::{Names, heard};
use crate::operations::audit_export::{Format, export};
use crate::operations::audit_filter::{self, Wrong};
use crate::problem::Problem;
use crate::state::AppState;
use crate::time_text::rfc3339;

/// Which facts; what is not said lets all through.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// What was done, by the activity's name.
    #[serde(default)]
    #[param(required = false, example = "Reset password (self-service)")]
    activity: String,
    /// Who did it, or on whose account: a name, or an id.
    #[serde(default)]
    #[param(required = false)]
    person: String,
    /// How it ended: `success`, `failure` or `unknown`.
    #[serde(default)]
    #[param(required = false)]
    success: String,
    /// The first day, in UTC.
    #[serde(default)]
    #[param(required = false, format = Date)]
    since: String,
    /// The last day, in UTC.
    #[serde(default)]
    #[param(required = false, format = Date)]
    until: String,
}

/// What a caller to the help desk read out.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Code {
    /// A support code: everything under it, in its order, whatever else is asked for.
    #[serde(default)]
    #[param(required = false)]
    code: String,
}

/// How a file is written.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct As {
    /// A table, or lines of JSON.
    #[serde(default)]
    #[param(inline, required = false)]
    format: FileFormat,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum FileFormat {
    /// A table for a spreadsheet.
    Csv,
    /// Lines of JSON.
    #[default]
    Jsonl,
}

/// One fact.
#[derive(Serialize, ToSchema)]
pub(super) struct FactView {
    /// Its id.
    #[schema(format = "uuid")]
    id: String,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// What.
    activity: &'static str,
    /// Who: the kind.
    #[schema(example = "administrator")]
    actor: &'static str,
    /// Who: the name.
    actor_name: Option<String>,
    /// Who: the id.
    actor_id: Option<String>,
    /// On whose account: the name.
    target: Option<String>,
    /// On whose account: the id.
    target_id: Option<String>,
    /// From which network.
    from: Option<String>,
    /// How it ended.
    success: &'static str,
    /// Why, or which step; of what a token did, which token.
    reason: String,
    /// What the person was given for the help desk.
    support_code: Option<String>,
    /// Ties the facts of one way through the pages together.
    correlation: String,
    /// The request to the directory, if there was one.
    request: Option<String>,
}

pub(super) fn view(names: &Names, fact: Fact) -> FactView {
    let (actor, actor_id) = fact.actor.parts();
    FactView {
        id: fact.id.to_string(),
        at: rfc3339(fact.at),
        activity: fact.activity.name(),
        actor,
        actor_name: names.actor(&fact.actor),
        actor_id,
        target: fact.target.map(|id| names.person(id)),
        target_id: fact.target.map(|id| id.to_string()),
        from: fact.from,
        success: fact.success.as_str(),
        reason: fact.reason,
        support_code: fact.support_code.map(|code| code.0),
        correlation: fact.correlation.to_string(),
        request: fact.request.map(|id| id.to_string()),
    }
}

impl Filter {
    pub(super) fn asked(self) -> audit_filter::Asked {
        let Self { activity, person, success, since, until } = self;
        audit_filter::Asked { code: String::new(), activity, person, success, since, until, before: None }
    }
}

pub(super) fn wrong(wrong: Wrong) -> Problem {
    let detail = match wrong {
        Wrong::What => "There is no such activity, or no such end.",
        Wrong::Day => "A day is written 2026-11-26.",
        Wrong::Nobody => "Nobody is called so.",
    };
    Problem::new(StatusCode::BAD_REQUEST, "filter", "The filter can't be read", detail)
}

/// What happened, latest first; or everything under a support code, in its order.
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    tag = "audit",
    security(("token" = ["audit.read"])),
    params(Filter, Code, Paging),
    responses(
        (status = 200, description = "A page of facts.", body = Page<FactView>),
        (status = 400, description = "`filter`, `cursor`: it can't be read.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_facts(
    State(state): State<AppState>,
    caller: Caller,
    Asked(filter): Asked<Filter>,
    Asked(Code { code }): Asked<Code>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Page<FactView>>, Problem> {
    let operator = caller.require(Action::ReadAudit)?;
    let (audit, tenant) = (state.store.audit(), operator.tenant.id);
    let mut next = None;
    let facts = if code.trim().is_empty() {
        let filter = filter.asked().filter(&state, operator).await?.map_err(wrong)?;
        let (before, limit) = (paging.cursor::<i64>()?, paging.limit());
        let mut found = audit.find(tenant, &filter, before, limit + 1).await?;
        if found.len() > limit as usize {
            found.truncate(limit as usize);
            next = found.last().map(|(place, _)| cursor(place));
        }
        found.into_iter().map(|(_, fact)| fact).collect()
    } else {
        audit.by_support_code(tenant, &SupportCode(heard(&code))).await?
    };
    let names = Names::of(&state, &facts).await?;
    Ok(Json(Page { items: facts.into_iter().map(|fact| view(&names, fact)).collect(), next }))
}

/// What happened, as a file, however much it is. That it was taken is a fact, too.
#[utoipa::path(
    get,
    path = "/api/v1/audit/export",
    tag = "audit",
    security(("token" = ["audit.read"])),
    params(Filter, As),
    responses(
        (status = 200, description = "The facts, latest first.", content((String = "application/jsonl"), (String = "text/csv"))),
        (status = 400, description = "`filter`: it can't be read.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn export_facts(
    State(state): State<AppState>,
    caller: Caller,
    Asked(filter): Asked<Filter>,
    Asked(As { format }): Asked<As>,
) -> Result<Response, Problem> {
    let operator = caller.require(Action::ReadAudit)?;
    let asked = filter.asked();
    let filter = asked.filter(&state, operator).await?.map_err(wrong)?;
    let format = match format {
        FileFormat::Csv => Format::Csv,
        FileFormat::Jsonl => Format::Json,
    };
    Ok(export(state.clone(), operator, filter, &asked, format).await?)
}
