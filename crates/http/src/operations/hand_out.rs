//! A password that an administrator gives, from the page's side: what the browser makes and seals it by is handed out, once, and what it sends is
//! taken, once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ritorno_identity::help_desk::Case;
use ritorno_identity::ids::{AdministratorId, CaseId};
use ritorno_identity::user::User;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::{Context, Envelope};
use ritorno_protocol::ids::{RequestId, SupportCode, UserId};
use ritorno_protocol::outcome::Fault;
use ritorno_protocol::policy::EffectivePolicy;
use ritorno_protocol::secret::Password;
use ritorno_relay::offer::{OFFER_VALID, Offer};
use serde::Serialize;
use utoipa::ToSchema;

use super::give_password::{self, Given, Giving, NotPrepared, Prepared, Refused};
use super::{help_desk, people};
use crate::i18n::{Words, key};
use crate::operator::{Behind, Operator};
use crate::page::{PageError, to_the_end};
use crate::portal::refusal::{Refusal, words};
use crate::portal::refused;
use crate::state::AppState;

/// What was handed out, until it is used, once: whom the password is for, and by which case. As in the portal it lives in this node's
/// memory.
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
pub(crate) struct HandedOut(Mutex<HashMap<RequestId, Made>>);

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

    /// What was handed out to that administrator, for that person if one is named.
    fn take(
        &self,
        request: RequestId,
        administrator: AdministratorId,
        of: Option<UserId>,
        now: Timestamp,
    ) -> Found {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let theirs = |made: &Made| made.administrator == administrator && of.is_none_or(|of| of == made.user);
        match kept.get_mut(&request) {
            Some(made) if theirs(made) && now < made.until => {
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

/// What a browser makes a password by.
pub(crate) struct Ready {
    /// The rules that it keeps.
    pub(crate) policy: EffectivePolicy,
    /// What it is handed over under.
    pub(crate) request: RequestId,
    /// What it is sealed for; nothing for one of the tenant's own people.
    pub(crate) offer: Option<Offer>,
    /// When it was handed out.
    pub(crate) at: Timestamp,
}

/// Hands out what a password for that person is made by, or says why nobody can be given one now.
///
/// # Errors
/// [`Behind`].
pub(crate) async fn hand_out(
    state: &AppState,
    handed: &HandedOut,
    operator: &Operator,
    user: &User,
    case: &Case,
    support_code: &SupportCode,
) -> Result<Result<Ready, Refusal>, Behind> {
    let Prepared { policy, offer } = match give_password::prepare(state, operator, user).await? {
        Ok(prepared) => prepared,
        Err(why) => return Ok(Err(refusal(&why, support_code.clone()))),
    };
    let now = state.clock.now();
    let request = match &offer {
        Some(offer) => offer.context.request,
        None => RequestId::random(&*state.random),
    };
    let made = Made {
        administrator: operator.administrator.id,
        user: user.id,
        case: case.id,
        support_code: support_code.clone(),
        offer: offer.clone(),
        until: now.plus(OFFER_VALID),
        used: false,
    };
    handed.keep(request, made, now);
    Ok(Ok(Ready { policy, request, offer, at: now }))
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

/// What came of a password that was sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct Answer {
    /// In a word.
    state: Ended,
    /// In the reader's language.
    message: String,
    /// Where the way goes on, where it does not on this page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    location: Option<&'static str>,
    /// After a refusal: what the next envelope must be about, for the same recipients.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    context: Option<Context>,
    /// The same for one of the tenant's own people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    request: Option<RequestId>,
}

/// How it ended.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ended {
    /// It works.
    Done,
    /// A rule refused it: another one can be sent.
    Refused,
    /// Nothing was set.
    Failed,
    /// It can't be told yet: nothing more is sent by this case.
    Unknown,
}

impl Answer {
    pub(crate) const fn new(state: Ended, message: String) -> Self {
        Self { state, message, location: None, context: None, request: None }
    }

    /// The same, with where the way goes on.
    pub(crate) fn at(self, location: &'static str) -> Self {
        Self { location: Some(location), ..self }
    }
}

/// What a password is given by. The case is looked at anew each time: it may have served, or lapsed, since it was handed out.
struct Taken {
    giving: Giving,
    offer: Option<Offer>,
}

/// What a submission is about, or what is answered in its place.
async fn taken(
    state: &AppState,
    handed: &HandedOut,
    operator: Operator,
    t: Words,
    (of, request): (Option<UserId>, RequestId),
) -> Result<Result<Taken, Answer>, PageError> {
    let made = match handed.take(request, operator.administrator.id, of, state.clock.now()) {
        Found::Here(made) => made,
        Found::Used => return Ok(Err(Answer::new(Ended::Unknown, t.say("give-unknown")))),
        Found::Nothing => return Ok(Err(Answer::new(Ended::Failed, t.say("password-untrusted")))),
    };
    let closed = || Ok(Err(Answer::new(Ended::Failed, t.say("desk-closed"))));
    let Made { user, case, support_code, offer, .. } = *made;
    let user = people::get(state, &operator, user).await.map_err(PageError::behind)?;
    let Some(user) = user else { return closed() };
    // They may have become an administrator since.
    let may = help_desk::may(state, &operator, &user).await.map_err(PageError::behind)?;
    let case: Option<Case> = match may {
        true => give_password::case(state, &operator, &user, &case.to_string()).await?,
        false => None,
    };
    let Some(case) = case else { return closed() };
    let giving = Giving { state: state.clone(), operator, user, case, support_code };
    Ok(Ok(Taken { giving, offer }))
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
            Answer::new(Ended::Done, message.join(" "))
        }
        Given::Refused(rule) => Answer::new(Ended::Refused, refused(t, rule)),
        Given::Fault(fault) => Answer::new(Ended::Failed, t.say(fault_told(fault))),
        Given::NotSent(Refused::Coded(code)) => Answer::new(Ended::Failed, t.say(words(*code).0)),
        Given::NotSent(Refused::Unavailable) => Answer::new(Ended::Failed, t.say("sspr-0030")),
        Given::NotSent(Refused::NotOurs) => Answer::new(Ended::Failed, t.say("fault-tampered")),
        Given::Unknown => Answer::new(Ended::Unknown, t.say("give-unknown")),
        Given::Closed => Answer::new(Ended::Failed, t.say("desk-closed")),
    }
}

/// Takes a sealed password, for a person of a directory, to its end; for that person only, if one is named.
///
/// # Errors
/// [`PageError`], also where what was handed out is for another kind of person.
pub(crate) async fn carry(
    state: &AppState,
    handed: Arc<HandedOut>,
    operator: Operator,
    t: Words,
    of: Option<UserId>,
    envelope: Envelope,
) -> Result<Answer, PageError> {
    let taken = match taken(state, &handed, operator, t, (of, envelope.context.request)).await? {
        Ok(taken) => taken,
        Err(answer) => return Ok(answer),
    };
    let Taken { giving, offer: Some(offer) } = taken else { return Err(PageError::Request) };
    // The browser may go away; the request goes on to its end.
    to_the_end(async move {
        let made = giving.clone();
        let given = giving.carry(offer.clone(), envelope).await?;
        let mut answer = told(t, &given);
        if matches!(given, Given::Refused(_)) {
            // For the same recipients, under a fresh id.
            let request = RequestId::random(&*made.state.random);
            let offer = Offer { context: Context { request, ..offer.context }, ..offer };
            answer.context = Some(offer.context.clone());
            again(&handed, &made, request, Some(offer));
        }
        Ok(answer)
    })
    .await
}

/// Takes a password for one of the tenant's own people to its end; for that person only, if one is named.
///
/// # Errors
/// [`PageError`], also where what was handed out is for another kind of person.
pub(crate) async fn keep(
    state: &AppState,
    handed: Arc<HandedOut>,
    operator: Operator,
    t: Words,
    of: Option<UserId>,
    (request, new): (RequestId, Password),
) -> Result<Answer, PageError> {
    let taken = match taken(state, &handed, operator, t, (of, request)).await? {
        Ok(taken) => taken,
        Err(answer) => return Ok(answer),
    };
    let Taken { giving, offer: None } = taken else { return Err(PageError::Request) };
    to_the_end(async move {
        let made = giving.clone();
        let given = giving.keep(new).await?;
        let mut answer = told(t, &given);
        if matches!(given, Given::Refused(_)) {
            let request = RequestId::random(&*made.state.random);
            answer.request = Some(request);
            again(&handed, &made, request, None);
        }
        Ok(answer)
    })
    .await
}

/// After a refusal another one may be sent.
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
