//! `POST /reset/submit`: the sealed password goes to the directory, once. The answer is JSON, for the script of the page.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use axum_extra::extract::CookieJar;
use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::flow::{Flow, FlowState, Step};
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use ritorno_protocol::envelope::{Context, Envelope, Operation};
use ritorno_protocol::ids::RequestId;
use ritorno_protocol::outcome::{Fault, Outcome, Settled};
use ritorno_protocol::policy::Rule;
use ritorno_relay::dispatch_error::DispatchError;
use ritorno_relay::offer::Offer;
use ritorno_relay::submit::NewRequest;
use ritorno_storage::StoreError;
use serde::Serialize;
use tracing::Instrument as _;

use crate::administrator_mails;
use crate::i18n::{Words, key};
use crate::measures;
use crate::page::PageError;
use crate::portal::notice;
use crate::portal::offers::{Offers, Sending};
use crate::portal::password::{allowed, person};
use crate::portal::refusal::Refusal;
use crate::portal::rules::refused;
use crate::portal::visit::{current, done_here, note, tenant};
use crate::reader::Reader;
use crate::state::AppState;

/// Where the outcome is shown.
pub(super) const OUTCOME: &str = "/reset/outcome";
/// The same for what was sent after another tab or window had gone on: that it was not taken is told beside the outcome.
pub(super) const OUTCOME_OF_ANOTHER: &str = "/reset/outcome?other=tab";

/// The answer.
#[derive(Serialize)]
pub(super) struct Answer {
    pub(super) state: Ended,
    /// Where the page goes next.
    pub(super) location: &'static str,
    /// Whether it is told where the person is: the database fails, so that the page it would go to has nothing to show.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) stay: bool,
    /// The rule that refused the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<Rule>,
    /// In the reader's language.
    pub(super) message: String,
    /// After a refusal: what the next envelope must be about, for the same recipients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) context: Option<Context>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ended {
    Done,
    Refused,
    Failed,
    Unknown,
}

/// The handler.
pub(super) async fn submit(
    State(state): State<AppState>,
    Extension(offers): Extension<Arc<Offers>>,
    reader: Reader,
    jar: CookieJar,
    Json(envelope): Json<Envelope>,
) -> Result<Response, PageError> {
    let (tenant, flow) = tokio::try_join!(tenant(&state), current(&state, &jar))?;
    let t = reader.words(&tenant);
    let Some(flow) = flow else {
        return Ok((StatusCode::GONE, Json(failed(t.say("flow-ended-told")))).into_response());
    };
    let request = envelope.context.request;
    let sending = match flow.state {
        FlowState::GatePassed => offers.sends(flow.id, request),
        _ => None,
    };
    let Some(sending) = sending else {
        let first = offers.sent_by(flow.id).or(flow.state.request());
        return Ok(if first == Some(request) {
            // Sent again: by a second click, or a browser that lost the answer. Its outcome is told on the page it goes to.
            Json(Answer { state: Ended::Unknown, ..failed(t.say("pending-told")) }).into_response()
        } else {
            (StatusCode::CONFLICT, Json(of_another(t.say("flow-ended-told")))).into_response()
        });
    };
    let operation = flow.purpose.operation();
    let known = done_here(&state, jar.clone(), &flow);
    let submission = Submission { state, offers, reader, tenant, flow, t, operation };
    // The browser may go away; the request goes on to its end, and the outcome is there when it comes back.
    let carried = tokio::spawn(async move { submission.carry(envelope, sending).await }.in_current_span());
    let answer = carried.await.map_err(PageError::behind)??;
    let jar = if answer.state == Ended::Done { known } else { jar };
    Ok((jar, Json(answer)).into_response())
}

fn failed(message: String) -> Answer {
    Answer { state: Ended::Failed, location: OUTCOME, stay: false, rule: None, message, context: None }
}

/// The answer to what was sent after another tab or window had gone on.
fn of_another(message: String) -> Answer {
    Answer { location: OUTCOME_OF_ANOTHER, ..failed(message) }
}

/// One sealed envelope, on its way.
pub(super) struct Submission {
    pub(super) state: AppState,
    pub(super) offers: Arc<Offers>,
    pub(super) reader: Reader,
    pub(super) tenant: Tenant,
    pub(super) flow: Flow,
    pub(super) t: Words,
    pub(super) operation: Operation,
}

impl Submission {
    /// Sends it, once, and waits for its end.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn carry(self, envelope: Envelope, sending: Sending) -> Result<Answer, PageError> {
        let request = envelope.context.request;
        if self.offers.is_anothers(self.flow.id, request) {
            return self.sent_from_another().await;
        }
        let fitting = self.offers.take(self.flow.id, request).filter(|offer| offer.fits(&envelope));
        let Some(offer) = fitting else { return self.not_sent(&DispatchError::Envelope).await };
        let user = person(&self.state, &self.flow).await?;
        // The page may have been open since before an administrator switched it off.
        if let Err(code) = allowed(&self.tenant, &user, &self.flow) {
            self.note(Activity::Blocked, Success::Failure, code.as_str(), None).await?;
            let refusal = Refusal::coded(code, None, self.flow.support_code.clone());
            let message = self.t.say(refusal.told);
            self.refused(refusal);
            return Ok(failed(message));
        }
        let Ok(submitted) = self.flow.submitted(request, self.state.clock.now()) else {
            return self.not_sent(&DispatchError::Expired).await;
        };
        let new = NewRequest {
            user: user.clone(),
            offer: offer.clone(),
            envelope,
            administrator: None,
            support_code: self.flow.support_code.clone(),
            must_change: false,
            forbid_names: self.tenant.forbid_names,
            banned_words: self.tenant.banned_words.clone(),
            // It is asked for where a password is verified only.
            known_browser: false,
            step: Some(Step { before: self.flow.clone(), after: submitted.clone() }),
        };
        let began = self.state.clock.now();
        let submitting = self.state.relay.submit(new).await;
        measures::writeback(self.operation, submitting.as_ref(), self.state.clock.now().since(began));
        let answer = match submitting {
            Ok(settled) => self.settled(submitted, user, offer, settled).await,
            // Only the database failed: it may have been applied, and the row will tell.
            Err(DispatchError::Ledger(error)) => {
                tracing::error!(%error, %request, "the outcome of a request could not be read");
                Ok(Answer { state: Ended::Unknown, ..failed(self.t.say("unknown-told")) })
            }
            // Another tab was faster; its outcome is what the page shows.
            Err(DispatchError::StepTaken) => {
                Ok(Answer { state: Ended::Unknown, ..of_another(self.t.say("pending-told")) })
            }
            Err(error) => self.not_sent(&error).await,
        };
        drop(sending);
        answer
    }

    /// It ended, one way or another.
    async fn settled(
        self,
        submitted: Flow,
        user: User,
        offer: Offer,
        settled: Settled,
    ) -> Result<Answer, PageError> {
        let (t, request) = (self.t, offer.context.request);
        match &settled.outcome {
            Outcome::Done(_) => {
                let stay = !settled.recorded;
                // Their row tells that it is done, and owes what follows: nobody waits for that.
                let writing = async move { self.write_down(&submitted, &user, request, &settled).await };
                tokio::spawn(writing.in_current_span());
                let told = if stay { key("done-late") } else { key("done-works") };
                Ok(Answer { state: Ended::Done, stay, ..failed(t.say(told)) })
            }
            Outcome::Refused { rule, .. } => {
                self.write_down(&submitted, &user, request, &settled).await;
                let context = self.another(offer);
                let (rule, message) = (Some(rule.clone()), refused(t, rule));
                Ok(Answer { state: Ended::Refused, rule, context: Some(context), ..failed(message) })
            }
            Outcome::NotApplied { fault, .. } => {
                self.write_down(&submitted, &user, request, &settled).await;
                if *fault == Fault::EnvelopeUnreadable && self.keys_renewed(&user, &offer).await {
                    let refusal = Refusal::keys_renewed(self.flow.support_code.clone());
                    let message = t.say(refusal.told);
                    self.refused(refusal);
                    return Ok(failed(message));
                }
                let refusal = Refusal::of_fault(fault, self.flow.support_code.clone());
                Ok(failed(t.say(refusal.told)))
            }
            Outcome::Unknown { .. } => {
                self.write_down(&submitted, &user, request, &settled).await;
                Ok(Answer { state: Ended::Unknown, ..failed(t.say("unknown-told")) })
            }
        }
    }

    /// What follows an outcome: the flow's step, the audit fact, who is told. What can't be done now is owed by the request's
    /// row and done later, so the outcome is told all the same. Of what the row does not have yet all is owed.
    async fn write_down(&self, submitted: &Flow, user: &User, request: RequestId, settled: &Settled) {
        if !settled.recorded {
            return tracing::error!(%request, "what the agent did is told and can't be written down yet");
        }
        let outcome = &settled.outcome;
        let (success, reason) = told_to_operators(outcome);
        let advance = async {
            match submitted.ended(request, outcome) {
                Ok(after) => self.state.store.flows().advance(submitted, &after).await.map(drop),
                Err(_) => Ok(()),
            }
        };
        let notify = async {
            // An unlocked account keeps its password: nobody has to hear of a new one.
            if matches!(outcome, Outcome::Done(_)) && self.operation != Operation::Unlock {
                let language = user.language.unwrap_or(self.flow.language);
                let (told, (), ()) = tokio::join!(
                    notice::changed(
                        &self.state,
                        user,
                        language,
                        &self.flow.support_code,
                        !self.flow.known_browser
                    ),
                    notice::forget_registrations(&self.state, user),
                    self.tell_administrators(user),
                );
                told?;
            }
            Ok::<_, StoreError>(())
        };
        // Side by side, so that the database takes them in one go.
        let (advanced, noted, notified) = tokio::join!(
            advance,
            self.note(activity(self.operation), success, &reason, Some(request)),
            notify
        );
        let mut all = advanced.and(notified).map_err(PageError::behind).and(noted);
        // What is unknown is followed up once it is settled.
        if all.is_ok() && !matches!(outcome, Outcome::Unknown { .. }) {
            let done = self.state.store.requests().followed_up(self.tenant.id, request, false).await;
            all = done.map_err(PageError::behind);
        }
        if let Err(error) = all {
            tracing::error!(?error, %request, "what follows an outcome is done later");
        }
    }

    /// Whoever changes a password that they know is not told of.
    async fn tell_administrators(&self, user: &User) {
        if self.operation == Operation::Reset {
            administrator_mails::person_reset(&self.state, &self.tenant, user, &self.flow.support_code).await;
        }
    }

    /// Whether a key that the page sealed for has been replaced since: writeback was switched off and on while it was open.
    async fn keys_renewed(&self, user: &User, offer: &Offer) -> bool {
        let Some(object) = user.on_premises() else { return false };
        let now = self.state.relay.recipients(user.tenant, &object.forest).await;
        // Where that can't be told, the fault says what is known.
        now.is_ok_and(|now| offer.recipients.iter().any(|chain| !now.contains(chain)))
    }

    /// The next context for the same page: a fresh request id, the same recipients.
    fn another(&self, offer: Offer) -> Context {
        let request = RequestId::random(&*self.state.random);
        let offer = Offer { context: Context { request, ..offer.context }, ..offer };
        let context = offer.context.clone();
        self.offers.keep(self.flow.id, offer, self.state.clock.now());
        context
    }

    /// Nothing was written, no agent was asked, and the flow is where it was.
    async fn not_sent(&self, error: &DispatchError) -> Result<Answer, PageError> {
        self.note(activity(self.operation), Success::Failure, &error.to_string(), None).await?;
        let refusal = Refusal::of_dispatch(error, self.flow.support_code.clone());
        let message = self.t.say(refusal.told);
        self.refused(refusal);
        Ok(failed(message))
    }

    /// The page belongs to a reset that was begun before this one in the same browser.
    async fn sent_from_another(&self) -> Result<Answer, PageError> {
        let told = "sealed on the page of an earlier reset in this browser";
        self.note(activity(self.operation), Success::Failure, told, None).await?;
        let refusal = Refusal::of_another_tab(self.flow.support_code.clone());
        let message = self.t.say(refusal.told);
        self.refused(refusal);
        Ok(failed(message))
    }

    /// Keeps what the outcome page will tell.
    fn refused(&self, refusal: Refusal) {
        let told = (self.operation, refusal);
        self.offers.refused(self.flow.id, told, self.flow.expires_at, self.state.clock.now());
    }

    async fn note(
        &self,
        activity: Activity,
        success: Success,
        reason: &str,
        request: Option<RequestId>,
    ) -> Result<(), PageError> {
        note(&self.state, &self.reader, &self.flow, activity, success, reason, request).await
    }
}

/// What an operation is called in the audit.
pub(super) const fn activity(operation: Operation) -> Activity {
    match operation {
        Operation::Unlock => Activity::UnlockAccount,
        Operation::Change => Activity::ChangePassword,
        Operation::Reset | Operation::Verify => Activity::ResetPassword,
    }
}

/// An outcome for the audit: where, what the directory said, how long it took. Never the password.
pub(crate) fn told_to_operators(outcome: &Outcome) -> (Success, String) {
    let operator = outcome.operator();
    let dc = operator.dc.as_deref().unwrap_or("no DC");
    let (success, what) = match outcome {
        Outcome::Done(done) if done.unlocked => (Success::Success, "done".to_owned()),
        Outcome::Done(_) => (Success::Success, "done, not unlocked".to_owned()),
        Outcome::Refused { rule, .. } => (Success::Failure, format!("refused by {rule:?}")),
        Outcome::NotApplied { fault, .. } => (Success::Failure, format!("not applied: {fault:?}")),
        Outcome::Unknown { .. } => (Success::Unknown, "unknown".to_owned()),
    };
    let code = operator.ldap_code.map(|code| format!(", LDAP {code}")).unwrap_or_default();
    let detail = if operator.detail.is_empty() { String::new() } else { format!(": {}", operator.detail) };
    (success, format!("{what} at {dc}{code} in {} ms{detail}", operator.agent_ms))
}
