//! `GET /console/people/password`: an administrator gives a caller, who has shown who they are, a generated password in the place of a
//! temporary pass. The page's script makes it, shows it once and spells it, to be read aloud. `POST /console/people/password/sealed` takes
//! it for a person of a directory, sealed for the agents; `/console/people/password/kept` for one of the tenant's own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use axum_extra::extract::CookieJar;
use ritorno_identity::administrator::Action;
use ritorno_identity::cloud_policy::typed;
use ritorno_identity::help_desk::Case;
use ritorno_identity::ids::{AdministratorId, CaseId};
use ritorno_protocol::certificate::RecipientChain;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::{Context, Envelope};
use ritorno_protocol::ids::{RequestId, SupportCode, UserId};
use ritorno_protocol::key::PublicKey;
use ritorno_protocol::outcome::Fault;
use ritorno_protocol::policy::EffectivePolicy;
use ritorno_relay::offer::{OFFER_VALID, Offer};
use serde::{Deserialize, Serialize};

use super::help_desk::{back, nobody};
use super::people::page_of;
use super::session::{Menu, SignedIn};
use crate::i18n::{Words, key};
use crate::operations::give_password::{self, Given, Giving, NotPrepared, Prepared, Refused};
use crate::operations::{help_desk, people};
use crate::page::{Frame, PageError, page, to_the_end};
use crate::portal::refusal::{Refusal, words};
use crate::portal::refused;
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

/// The answer.
#[derive(Serialize)]
struct Answer {
    state: Ended,
    /// In the reader's language.
    message: String,
    /// Where the way goes on, where it does not on this page.
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'static str>,
    /// After a refusal: what the next envelope must be about, for the same recipients.
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Context>,
    /// The same for one of the tenant's own people.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<RequestId>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Ended {
    Done,
    Refused,
    Failed,
    Unknown,
}

/// What was handed to a page, until it is used, once: whom the password is for, and by which case. As in the portal it lives in this
/// node's memory.
#[derive(Clone)]
struct Made {
    administrator: AdministratorId,
    user: UserId,
    case: CaseId,
    support_code: SupportCode,
    /// What it is sealed for, if it is.
    offer: Option<Offer>,
    until: Timestamp,
    /// Whether it was used.
    used: bool,
}

/// What was handed out.
#[derive(Default)]
pub(super) struct HandedOut(Mutex<HashMap<RequestId, Made>>);

/// What there is under a request's id for an administrator.
enum Found {
    Here(Box<Made>),
    /// It was used before.
    Used,
    Nothing,
}

impl HandedOut {
    fn keep(&self, request: RequestId, made: Made, now: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, made| now < made.until);
        kept.insert(request, made);
    }

    fn take(&self, request: RequestId, administrator: AdministratorId, now: Timestamp) -> Found {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.get_mut(&request) {
            Some(made) if made.administrator == administrator && now < made.until => {
                if std::mem::replace(&mut made.used, true) {
                    Found::Used
                } else {
                    Found::Here(Box::new(made.clone()))
                }
            }
            _ => Found::Nothing,
        }
    }
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
    let ready = match give_password::prepare(&state, &operator, &user).await? {
        Ok(Prepared { policy, offer }) => {
            let now = state.clock.now();
            let request = offer
                .as_ref()
                .map_or_else(|| RequestId::random(&*state.random), |offer| offer.context.request);
            let sealing = offer.as_ref().map(|offer| Sealing {
                root: &tenant.root,
                server_time: now,
                context: &offer.context,
                recipients: &offer.recipients,
            });
            let context = PageContext {
                policy: &policy,
                submit: if offer.is_some() { SEALED } else { KEPT },
                next: &person,
                request: offer.is_none().then_some(request),
                sealing,
            };
            let context = serde_json::to_string(&context).map_err(PageError::behind)?;
            let sealed = offer.is_some();
            let made = Made {
                administrator: operator.administrator.id,
                user: user.id,
                case: case.id,
                support_code: support_code.clone(),
                offer,
                until: now.plus(OFFER_VALID),
                used: false,
            };
            handed.keep(request, made, now);
            Ok(Ready { context, sealed })
        }
        Err(why) => Err(refusal(&why, support_code.clone())),
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

/// Why nobody can be given a password now, as the administrator reads it.
fn refusal(why: &NotPrepared, support_code: SupportCode) -> Refusal {
    match why {
        NotPrepared::Coded(code) => Refusal::coded(*code, None, support_code),
        NotPrepared::Fault(fault) => {
            Refusal { told: fault_told(fault), ..Refusal::of_fault(fault, support_code) }
        }
        NotPrepared::Dispatch(error) => Refusal::of_dispatch(error, support_code),
    }
}

/// The key of what an administrator is told of a fault. What the pages of people say speaks of their own account.
const fn fault_told(fault: &Fault) -> &'static str {
    match fault {
        Fault::AccountDisabled => key("give-fault-disabled"),
        Fault::LimitReached => key("fault-busy"),
        Fault::Expired | Fault::Replayed => key("fault-expired"),
        Fault::EnvelopeUnreadable => key("fault-keys-renewed"),
        Fault::DirectoryUnavailable => key("sspr-0030"),
        _ => key("give-fault-directory"),
    }
}

/// What a password is given by. The case is looked at anew each time: it may have served, or lapsed, since the page was made.
struct Taken {
    giving: Giving,
    offer: Option<Offer>,
}

/// What a submission is about, or what is answered in its place.
async fn taken(
    state: &AppState,
    handed: &HandedOut,
    signed_in: &SignedIn,
    reader: &Reader,
    request: RequestId,
) -> Result<Result<Taken, Answer>, PageError> {
    let t = reader.words(&signed_in.tenant);
    if let Err(stale) = signed_in.require(Action::ResetPassword) {
        // The script can't be led to a page by the answer's status.
        let PageError::SecondFactor(_) = stale else { return Err(stale) };
        let told = t.say("give-second");
        return Ok(Err(Answer { location: Some(SECOND), ..answer(Ended::Failed, told) }));
    }
    let operator = signed_in.operator(reader);
    let made = match handed.take(request, operator.administrator.id, state.clock.now()) {
        Found::Here(made) => made,
        Found::Used => return Ok(Err(answer(Ended::Unknown, t.say("give-unknown")))),
        Found::Nothing => return Ok(Err(answer(Ended::Failed, t.say("password-untrusted")))),
    };
    let Made { user, case, support_code, offer, .. } = *made;
    let user = people::get(state, &operator, user).await.map_err(PageError::behind)?;
    let Some(user) = user else { return Ok(Err(answer(Ended::Failed, t.say("desk-closed")))) };
    // They may have become an administrator since.
    let may = help_desk::may(state, &operator, &user).await.map_err(PageError::behind)?;
    let case: Option<Case> = match may {
        true => give_password::case(state, &operator, &user, &case.to_string()).await?,
        false => None,
    };
    let Some(case) = case else { return Ok(Err(answer(Ended::Failed, t.say("desk-closed")))) };
    let giving = Giving { state: state.clone(), operator, user, case, support_code };
    Ok(Ok(Taken { giving, offer }))
}

const fn answer(state: Ended, message: String) -> Answer {
    Answer { state, message, location: None, context: None, request: None }
}

/// What came of it, in words.
fn told(t: Words, given: &Given) -> Answer {
    match given {
        Given::Done { unlocked, must_change } => {
            let mut message = vec![t.say("give-done")];
            message.push(t.say(if *must_change { key("give-done-must") } else { key("give-done-not-must") }));
            if !unlocked {
                message.push(t.say("give-done-not-unlocked"));
            }
            answer(Ended::Done, message.join(" "))
        }
        Given::Refused(rule) => answer(Ended::Refused, refused(t, rule)),
        Given::Fault(fault) => answer(Ended::Failed, t.say(fault_told(fault))),
        Given::NotSent(Refused::Coded(code)) => answer(Ended::Failed, t.say(words(*code).0)),
        Given::NotSent(Refused::Unavailable) => answer(Ended::Failed, t.say("sspr-0030")),
        Given::NotSent(Refused::NotOurs) => answer(Ended::Failed, t.say("fault-tampered")),
        Given::Unknown => answer(Ended::Unknown, t.say("give-unknown")),
        Given::Closed => answer(Ended::Failed, t.say("desk-closed")),
    }
}

/// A sealed password, for a person of a directory.
pub(super) async fn carry(
    State(state): State<AppState>,
    Extension(handed): Extension<Arc<HandedOut>>,
    signed_in: SignedIn,
    reader: Reader,
    Json(envelope): Json<Envelope>,
) -> Result<Response, PageError> {
    let t = reader.words(&signed_in.tenant);
    let taken = match taken(&state, &handed, &signed_in, &reader, envelope.context.request).await? {
        Ok(taken) => taken,
        Err(answer) => return Ok(Json(answer).into_response()),
    };
    let Taken { giving, offer: Some(offer) } = taken else { return Err(PageError::Request) };
    // The browser may go away; the request goes on to its end.
    to_the_end(async move {
        let made = giving.clone();
        let given = giving.carry(offer.clone(), envelope).await?;
        let mut answer = told(t, &given);
        if matches!(given, Given::Refused(_)) {
            // For the same recipients, under a fresh id.
            let request = RequestId::random(&*state.random);
            let offer = Offer { context: Context { request, ..offer.context }, ..offer };
            answer.context = Some(offer.context.clone());
            again(&handed, &made, request, Some(offer));
        }
        Ok(Json(answer).into_response())
    })
    .await
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
) -> Result<Response, PageError> {
    let new = typed(new);
    let t = reader.words(&signed_in.tenant);
    let taken = match taken(&state, &handed, &signed_in, &reader, request).await? {
        Ok(taken) => taken,
        Err(answer) => return Ok(Json(answer).into_response()),
    };
    let Taken { giving, offer: None } = taken else { return Err(PageError::Request) };
    to_the_end(async move {
        let made = giving.clone();
        let given = giving.keep(new).await?;
        let mut answer = told(t, &given);
        if matches!(given, Given::Refused(_)) {
            let request = RequestId::random(&*state.random);
            answer.request = Some(request);
            again(&handed, &made, request, None);
        }
        Ok(Json(answer).into_response())
    })
    .await
}

/// After a refusal the same page may send another one.
fn again(handed: &HandedOut, giving: &Giving, request: RequestId, offer: Option<Offer>) {
    let now = giving.state.clock.now();
    let made = Made {
        administrator: giving.operator.administrator.id,
        user: giving.user.id,
        case: giving.case.id,
        support_code: giving.support_code.clone(),
        offer,
        until: now.plus(OFFER_VALID),
        used: false,
    };
    handed.keep(request, made, now);
}
