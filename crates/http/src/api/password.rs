//! `/api/v1/people/{person}/password`: a generated password in the place of a temporary pass, by a case of the help desk that is cleared. The browser
//! makes it, and for a person of a directory seals it for the agents. No token does it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use ritorno_identity::administrator::Action;
use ritorno_identity::cloud_policy::typed;
use ritorno_protocol::certificate::RecipientChain;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::{Context, Envelope};
use ritorno_protocol::ids::{RequestId, SupportCode, UserId};
use ritorno_protocol::key::PublicKey;
use ritorno_protocol::policy::EffectivePolicy;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::help_desk::{closed, helped};
use super::input::{Asked, At, Body};
use crate::operations::give_password;
use crate::operations::hand_out::{self, Answer, HandedOut, hand_out};
use crate::portal::refusal::Refusal;
use crate::problem::Problem;
use crate::reader::Reader;
use crate::state::AppState;

/// What is done once by itself, since what was handed out is good for one: no digest of a body with a password is kept for a key.
pub(super) const ONCE_ANYWAY: [&str; 2] =
    ["/api/v1/people/{person}/password/sealed", "/api/v1/people/{person}/password/kept"];

/// By which case.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ByCase {
    /// The id of a case of this administrator that is cleared.
    #[param(format = "uuid")]
    case: String,
}

/// What a password for the person is made by. It is good for one password, which has to come from the same administrator.
#[derive(Serialize, ToSchema)]
pub(super) struct PasswordContext {
    /// The name that the person signs in with.
    user_principal_name: String,
    /// The name that others see.
    display_name: String,
    /// The rules that it keeps.
    #[schema(value_type = Object)]
    policy: EffectivePolicy,
    /// Where it goes.
    submit: String,
    /// Whether it goes there sealed: the person's password is their directory's.
    sealed: bool,
    /// Of one of the tenant's own people: what it goes there under.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    request: Option<RequestId>,
    /// What it is sealed by.
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    sealing: Option<Sealing>,
    /// What is told to whoever looks for faults later.
    #[schema(example = "ABCDE-01234")]
    support_code: String,
}

/// What a password is sealed by.
#[derive(Serialize, ToSchema)]
struct Sealing {
    /// The tenant's root key, up to which every recipient is checked.
    #[schema(value_type = String)]
    root: PublicKey,
    /// The server's clock, in milliseconds since 1970.
    #[schema(value_type = i64)]
    server_time: Timestamp,
    /// What the envelope is about.
    #[schema(value_type = Object)]
    context: Context,
    /// The agents that it is sealed for.
    #[schema(value_type = Vec<Object>)]
    recipients: Vec<RecipientChain>,
}

/// A password for one of the tenant's own people.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KeptPassword {
    /// What was handed out.
    #[schema(value_type = String, format = "uuid")]
    request: RequestId,
    /// The password.
    new: String,
}

/// Why nobody can be given one now, in the reader's language.
fn not_now(refusal: &Refusal, reader: &Reader, caller: &Caller) -> Problem {
    let t = reader.words(&caller.operator().tenant);
    let code = refusal.code.map(|code| format!(" ({})", code.as_str())).unwrap_or_default();
    let detail = format!("{} {}{code}", t.say(refusal.told), t.say(refusal.todo));
    Problem::new(StatusCode::CONFLICT, "not-now", "Nobody can be given a password now", detail)
}

/// Hands out what a password for a person is made by.
#[utoipa::path(
    get,
    path = "/api/v1/people/{person}/password",
    tag = "help-desk",
    security(("session" = [])),
    params(("person" = String, Path, format = "uuid", description = "The person's id."), ByCase),
    responses(
        (status = 200, description = "What it is made by.", body = PasswordContext),
        (status = 409, description = "`case-closed`: the case does not allow it; `not-now`: nobody can be given one now.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get_password_context(
    State(state): State<AppState>,
    Extension(handed): Extension<Arc<HandedOut>>,
    caller: Caller,
    reader: Reader,
    At(id): At<UserId>,
    asked: Result<Asked<ByCase>, Problem>,
) -> Result<Json<PasswordContext>, Problem> {
    let (operator, user) = helped(&state, &caller, Action::ResetPassword, id).await?;
    let Asked(ByCase { case }) = asked?;
    let case = give_password::case(&state, operator, &user, &case).await?.ok_or_else(closed)?;
    let support_code = SupportCode::random(&*state.random);
    let ready = hand_out(&state, &handed, operator, &user, &case, &support_code).await?;
    let ready = ready.map_err(|refusal| not_now(&refusal, &reader, &caller))?;
    let sealed = ready.offer.is_some();
    let way = if sealed { "sealed" } else { "kept" };
    Ok(Json(PasswordContext {
        policy: ready.policy,
        submit: format!("/api/v1/people/{id}/password/{way}"),
        sealed,
        request: (!sealed).then_some(ready.request),
        sealing: ready.offer.map(|offer| Sealing {
            root: operator.tenant.root.clone(),
            server_time: ready.at,
            context: offer.context,
            recipients: offer.recipients,
        }),
        support_code: support_code.0,
        user_principal_name: user.user_principal_name,
        display_name: user.display_name,
    }))
}

/// Takes a sealed password to the person's directory, once.
#[utoipa::path(
    post,
    path = "/api/v1/people/{person}/password/sealed",
    tag = "help-desk",
    security(("session" = [])),
    params(("person" = String, Path, format = "uuid", description = "The person's id.")),
    request_body(content = Object, description = "The envelope.", content_type = "application/json"),
    responses(
        (status = 200, description = "What came of it.", body = Answer),
        (status = 422, description = "`malformed`.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn carry_password(
    State(state): State<AppState>,
    Extension(handed): Extension<Arc<HandedOut>>,
    caller: Caller,
    reader: Reader,
    At(id): At<UserId>,
    body: Result<Body<Envelope>, Problem>,
) -> Result<Json<Answer>, Problem> {
    let (operator, _) = helped(&state, &caller, Action::ResetPassword, id).await?;
    let Body(envelope) = body?;
    let t = reader.words(&operator.tenant);
    Ok(Json(hand_out::carry(&state, handed, operator.clone(), t, Some(id), envelope).await?))
}

/// Keeps the password of one of the tenant's own people, who has to change it.
#[utoipa::path(
    post,
    path = "/api/v1/people/{person}/password/kept",
    tag = "help-desk",
    security(("session" = [])),
    params(("person" = String, Path, format = "uuid", description = "The person's id.")),
    request_body = KeptPassword,
    responses(
        (status = 200, description = "What came of it.", body = Answer),
        (status = 422, description = "`malformed`.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn keep_password(
    State(state): State<AppState>,
    Extension(handed): Extension<Arc<HandedOut>>,
    caller: Caller,
    reader: Reader,
    At(id): At<UserId>,
    body: Result<Body<KeptPassword>, Problem>,
) -> Result<Json<Answer>, Problem> {
    let (operator, _) = helped(&state, &caller, Action::ResetPassword, id).await?;
    let Body(KeptPassword { request, new }) = body?;
    let (new, t) = (typed(new), reader.words(&operator.tenant));
    Ok(Json(hand_out::keep(&state, handed, operator.clone(), t, Some(id), (request, new)).await?))
}
