//! `GET /console/people/password`: an administrator gives a caller, who has shown who they are, a generated password in the place of a
//! temporary pass. The page's script makes it, shows it once and spells it, to be read aloud. `POST /console/people/password/sealed` takes
//! it for a person of a directory, sealed for the agents; `/console/people/password/kept` for one of the tenant's own.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use axum_extra::extract::CookieJar;
use ritorno_identity::administrator::Action;
use ritorno_identity::cloud_policy::typed;
use ritorno_protocol::certificate::RecipientChain;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::{Context, Envelope};
use ritorno_protocol::ids::{RequestId, SupportCode};
use ritorno_protocol::key::PublicKey;
use ritorno_protocol::policy::EffectivePolicy;
use serde::{Deserialize, Serialize};

use super::help_desk::{back, nobody};
use super::people::page_of;
use super::session::{Menu, SignedIn};
use crate::i18n::Words;
use crate::operations::give_password;
use crate::operations::hand_out::{self, Answer, Ended, HandedOut, hand_out};
use crate::page::{Frame, PageError, page};
use crate::portal::refusal::Refusal;
use crate::reader::Reader;
use crate::state::AppState;

const SEALED: &str = "/console/people/password/sealed";
const KEPT: &str = "/console/people/password/kept";
/// Where whoever has to show the second factor anew does so.
const SECOND: &str = "/console/second?then=/console/people";

#[derive(Template)]
#[template(path = "console/give-password.html")]
struct GivePage<'a> {
    t: Words,
    frame: Frame,
    menu: Menu,
    display_name: &'a str,
    principal: &'a str,
    /// Where the person's page is.
    person: String,
    /// What the script gets, or why nobody can be given a password now.
    ready: Result<Ready, Refusal>,
    support_code: &'a str,
}

/// What the script gets.
struct Ready {
    /// As JSON in `data-context`.
    context: String,
    /// Whether it is sealed.
    sealed: bool,
}

/// What the script gets, as JSON: of a person of a directory what it seals by as well.
#[derive(Serialize)]
struct PageContext<'a> {
    policy: &'a EffectivePolicy,
    submit: &'static str,
    next: &'a str,
    /// Of one of the tenant's own people: what the password is handed over under.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<RequestId>,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    sealing: Option<Sealing<'a>>,
}

/// What a page seals by.
#[derive(Serialize)]
struct Sealing<'a> {
    root: &'a PublicKey,
    server_time: Timestamp,
    context: &'a Context,
    recipients: &'a [RecipientChain],
}

/// What the link says.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    name: String,
    #[serde(default)]
    case: String,
}

/// The page.
pub(super) async fn show(
    State(state): State<AppState>,
    Extension(handed): Extension<Arc<HandedOut>>,
    signed_in: SignedIn,
    reader: Reader,
    jar: CookieJar,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    signed_in.require(Action::ResetPassword)?;
    let (tenant, operator) = (&signed_in.tenant, signed_in.operator(&reader));
    let Some(user) = super::help_desk::about(&state, &operator, &asked.name).await? else {
        return Ok(nobody());
    };
    let Some(case) = give_password::case(&state, &operator, &user, &asked.case).await? else {
        return Ok(back(&user, "closed"));
    };
    let support_code = SupportCode::random(&*state.random);
    let person = page_of(&user);
    let ready = match hand_out(&state, &handed, &operator, &user, &case, &support_code).await? {
        Ok(ready) => {
            let offer = ready.offer.as_ref();
            let context = PageContext {
                policy: &ready.policy,
                submit: if offer.is_some() { SEALED } else { KEPT },
                next: &person,
                request: offer.is_none().then_some(ready.request),
                sealing: offer.map(|offer| Sealing {
                    root: &tenant.root,
                    server_time: ready.at,
                    context: &offer.context,
                    recipients: &offer.recipients,
                }),
            };
            let context = serde_json::to_string(&context).map_err(PageError::behind)?;
            Ok(Ready { context, sealed: offer.is_some() })
        }
        Err(refusal) => Err(refusal),
    };
    let shown = GivePage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, "/console/people"),
        menu: signed_in.menu("/console/people"),
        display_name: &user.display_name,
        principal: &user.user_principal_name,
        person,
        ready,
        support_code: &support_code.0,
    };
    Ok((reader.remember(jar), page(StatusCode::OK, &shown)).into_response())
}

/// What whoever may not, now, is answered; `None` if they may. The script can't be led to a page by the answer's status.
fn stale(signed_in: &SignedIn, t: Words) -> Result<Option<Answer>, PageError> {
    match signed_in.require(Action::ResetPassword) {
        Ok(()) => Ok(None),
        Err(PageError::SecondFactor(_)) => {
            Ok(Some(Answer::new(Ended::Failed, t.say("give-second")).at(SECOND)))
        }
        Err(other) => Err(other),
    }
}

/// A sealed password, for a person of a directory.
pub(super) async fn carry(
    State(state): State<AppState>,
    Extension(handed): Extension<Arc<HandedOut>>,
    signed_in: SignedIn,
    reader: Reader,
    Json(envelope): Json<Envelope>,
) -> Result<Json<Answer>, PageError> {
    let t = reader.words(&signed_in.tenant);
    if let Some(answer) = stale(&signed_in, t)? {
        return Ok(Json(answer));
    }
    hand_out::carry(&state, handed, signed_in.operator(&reader), t, None, envelope).await.map(Json)
}

/// What the other form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    request: RequestId,
    new: String,
}

/// A password for one of the tenant's own people.
pub(super) async fn keep(
    State(state): State<AppState>,
    Extension(handed): Extension<Arc<HandedOut>>,
    signed_in: SignedIn,
    reader: Reader,
    Json(Input { request, new }): Json<Input>,
) -> Result<Json<Answer>, PageError> {
    let new = typed(new);
    let t = reader.words(&signed_in.tenant);
    if let Some(answer) = stale(&signed_in, t)? {
        return Ok(Json(answer));
    }
    hand_out::keep(&state, handed, signed_in.operator(&reader), t, None, (request, new)).await.map(Json)
}
