//! `/api/v1/people/{person}/help-desk`: a caller who can pass no gate.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use ritorno_identity::administrator::Action;
use ritorno_identity::help_desk::Case;
use ritorno_identity::user::User;
use ritorno_protocol::ids::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::idempotency::ShownOnce;
use super::input::{At, Body, not_found, unfit};
use super::people::not_helped;
use crate::operations::help_desk::{self, Checked, NotOpened};
use crate::operations::people;
use crate::operator::{Operator, to_the_end};
use crate::problem::Problem;
use crate::state::AppState;
use crate::time_text::rfc3339;

/// A case.
#[derive(Serialize, ToSchema)]
pub(super) struct CaseView {
    /// Its id.
    #[schema(format = "uuid")]
    id: String,
    /// Whether it is this administrator's.
    own: bool,
    /// Why it was opened.
    reason: String,
    /// Whether a code was sent; else a colleague has to approve, in person.
    by_code: bool,
    /// Whether the caller read out the right code, or a colleague approved: the pass can be made.
    cleared: bool,
    /// Whether the pass was made.
    passed: bool,
    /// When it closes.
    #[schema(format = DateTime)]
    expires_at: String,
}

impl CaseView {
    fn of(case: Case, operator: &Operator) -> Self {
        Self {
            id: case.id.to_string(),
            own: case.operator == operator.administrator.id,
            reason: case.reason,
            by_code: case.by_code,
            cleared: case.cleared,
            passed: case.passed,
            expires_at: rfc3339(case.expires_at),
        }
    }
}

/// Why the person is helped; they are told.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    /// In the operator's words.
    #[schema(min_length = 1, max_length = 200, example = "lost their telephone, ticket 4711")]
    reason: String,
}

/// What the caller read out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadOut {
    /// The code.
    #[schema(example = "BCDF-GHJK")]
    code: String,
}

/// Whether a code was right.
#[derive(Serialize, ToSchema)]
pub(super) struct Comparison {
    /// Whether it was: the pass can be made then.
    right: bool,
}

/// A temporary pass, which is shown only now.
#[derive(Serialize, ToSchema)]
pub(super) struct Pass {
    /// The pass, to be read out to the caller.
    pass: String,
    /// Until when it holds.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// The person for whom the caller may do that.
pub(super) async fn helped<'a>(
    state: &AppState,
    caller: &'a Caller,
    action: Action,
    id: UserId,
) -> Result<(&'a Operator, User), Problem> {
    let operator = caller.require(action)?;
    let user = people::get(state, operator, id).await?.ok_or_else(not_found)?;
    if help_desk::may(state, operator, &user).await? { Ok((operator, user)) } else { Err(not_helped()) }
}

fn not_opened(why: NotOpened) -> Problem {
    let title = "No case was opened";
    match why {
        NotOpened::NoReason => unfit("no-reason", title, "Say why: the person is told."),
        NotOpened::NoAddress => {
            unfit("no-address", title, "No code can reach the person: ask for an approval.")
        }
        NotOpened::HasAddress => unfit("has-address", title, "A code can reach the person: send one."),
        NotOpened::TooMany => Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many",
            "Too many cases",
            "The administrator opened too many cases today, or too many codes went to the person this hour.",
        ),
    }
}

/// Whether it is another one's, not cleared, or over: there is nothing more to be done with it.
pub(super) fn closed() -> Problem {
    let detail = "It is over, not cleared, used, or another administrator's.";
    Problem::new(StatusCode::CONFLICT, "case-closed", "The case does not allow it", detail)
}

/// The case of a person that is open.
#[utoipa::path(
    get,
    path = "/api/v1/people/{person}/help-desk/case",
    tag = "help-desk",
    security(("token" = ["people.help"])),
    params(("person" = String, Path, format = "uuid", description = "The person's id.")),
    responses((status = 200, description = "The latest case that is open.", body = CaseView))
)]
pub(super) async fn get_case(
    State(state): State<AppState>,
    caller: Caller,
    At(id): At<UserId>,
) -> Result<Json<CaseView>, Problem> {
    let (operator, user) = helped(&state, &caller, Action::HelpPerson, id).await?;
    let case = help_desk::open_case(&state, &user).await?.ok_or_else(not_found)?;
    Ok(Json(CaseView::of(case, operator)))
}

/// Sends the person a code to read out.
#[utoipa::path(
    post,
    path = "/api/v1/people/{person}/help-desk/codes",
    tag = "help-desk",
    security(("token" = ["people.help"])),
    params(("person" = String, Path, format = "uuid", description = "The person's id.")),
    request_body = Reason,
    responses(
        (status = 201, description = "It is on its way.", body = CaseView),
        (status = 422, description = "`no-reason`, `no-address`; `idempotency-key-reused`.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn send_code(
    State(state): State<AppState>,
    caller: Caller,
    At(id): At<UserId>,
    Body(Reason { reason }): Body<Reason>,
) -> Result<(StatusCode, Json<CaseView>), Problem> {
    let (operator, user) = helped(&state, &caller, Action::HelpPerson, id).await?;
    let case = help_desk::send_code(&state, operator, &user, &reason).await?.map_err(not_opened)?;
    Ok((StatusCode::CREATED, Json(CaseView::of(case, operator))))
}

/// Asks a colleague for an approval, where no code can reach the person.
#[utoipa::path(
    post,
    path = "/api/v1/people/{person}/help-desk/approvals",
    tag = "help-desk",
    security(("token" = ["people.help"])),
    params(("person" = String, Path, format = "uuid", description = "The person's id.")),
    request_body = Reason,
    responses(
        (status = 201, description = "A colleague finds it on the person's page of the console.", body = CaseView),
        (status = 422, description = "`no-reason`, `has-address`; `idempotency-key-reused`.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn ask_approval(
    State(state): State<AppState>,
    caller: Caller,
    At(id): At<UserId>,
    Body(Reason { reason }): Body<Reason>,
) -> Result<(StatusCode, Json<CaseView>), Problem> {
    let (operator, user) = helped(&state, &caller, Action::HelpPerson, id).await?;
    let case = help_desk::ask(&state, operator, &user, &reason).await?.map_err(not_opened)?;
    Ok((StatusCode::CREATED, Json(CaseView::of(case, operator))))
}

/// Approves a colleague's case, for a caller whom no code can reach.
///
/// No token does it: an approval is worth something only if somebody looked.
#[utoipa::path(
    post,
    path = "/api/v1/people/{person}/help-desk/cases/{case}/approval",
    tag = "help-desk",
    security(("session" = [])),
    params(
        ("person" = String, Path, format = "uuid", description = "The person's id."),
        ("case" = String, Path, format = "uuid", description = "The case."),
    ),
    responses(
        (status = 204, description = "It is approved."),
        (status = 409, description = "`case-closed`: nothing waits for this administrator's approval; `idempotency-unanswered`.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn approve_case(
    State(state): State<AppState>,
    caller: Caller,
    At((id, case)): At<(UserId, String)>,
) -> Result<StatusCode, Problem> {
    let (operator, user) = helped(&state, &caller, Action::ApproveCase, id).await?;
    let approved = help_desk::approve(&state, operator, &user, &case).await?;
    if approved { Ok(StatusCode::NO_CONTENT) } else { Err(closed()) }
}

/// Checks the code that the person read out.
///
/// A case takes five tries.
#[utoipa::path(
    post,
    path = "/api/v1/people/{person}/help-desk/cases/{case}/check",
    tag = "help-desk",
    security(("token" = ["people.help"])),
    params(
        ("person" = String, Path, format = "uuid", description = "The person's id."),
        ("case" = String, Path, format = "uuid", description = "The case."),
    ),
    request_body = ReadOut,
    responses(
        (status = 200, description = "Whether it was right.", body = Comparison),
        (status = 409, description = "`case-closed`; `idempotency-unanswered`.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn check_code(
    State(state): State<AppState>,
    caller: Caller,
    At((id, case)): At<(UserId, String)>,
    Body(ReadOut { code }): Body<ReadOut>,
) -> Result<Json<Comparison>, Problem> {
    let (operator, user) = helped(&state, &caller, Action::HelpPerson, id).await?;
    match help_desk::check_code(&state, operator, &user, &case, &code).await? {
        Checked::Right => Ok(Json(Comparison { right: true })),
        Checked::Wrong => Ok(Json(Comparison { right: false })),
        Checked::Closed => Err(closed()),
    }
}

/// Makes the temporary pass of a case that is cleared.
///
/// It is in this answer and nowhere else: whoever repeats the request with its idempotency key is told `shown-once`. The person hears of it
/// at every address on file.
#[utoipa::path(
    post,
    path = "/api/v1/people/{person}/help-desk/cases/{case}/pass",
    tag = "help-desk",
    security(("token" = ["people.help"])),
    params(
        ("person" = String, Path, format = "uuid", description = "The person's id."),
        ("case" = String, Path, format = "uuid", description = "The case."),
    ),
    responses(
        (status = 201, description = "The pass.", body = Pass),
        (status = 409, description = "`case-closed`; `shown-once`; `idempotency-unanswered`.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn make_pass(
    State(state): State<AppState>,
    caller: Caller,
    At((id, case)): At<(UserId, String)>,
) -> Result<Response, Problem> {
    let (operator, user) = helped(&state, &caller, Action::HelpPerson, id).await?;
    let operator = operator.clone();
    let made: Result<_, Problem> = to_the_end(async move {
        help_desk::make_pass(&state, &operator, &user, &case).await.map_err(Problem::from)
    })
    .await;
    let (pass, until) = made?.ok_or_else(closed)?;
    let shown = Pass { pass: pass.to_string(), expires_at: rfc3339(until) };
    let mut response = (StatusCode::CREATED, Json(shown)).into_response();
    response.extensions_mut().insert(ShownOnce);
    Ok(response)
}
