//! `POST /register/verify`: the sealed password goes to the directory, which is asked whether it is right. The answer is JSON,
//! for the script of the page. Whatever is not 'right' gets one answer at one time: a wrong password, a locked or disabled
//! account, a name that is nobody's. The help desk finds the reason under the support code.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::Cookie;
use ritorno_identity::audit::Success;
use ritorno_identity::flow::Person;
use ritorno_identity::limit::{
    Limit, PASSWORDS_AT_ONCE, PASSWORDS_AT_ONCE_IN_KNOWN_BROWSERS, PASSWORDS_CARRIED,
    PASSWORDS_CARRIED_FROM_KNOWN_BROWSERS, PASSWORDS_TRIED, PASSWORDS_TRIED_IN_KNOWN_BROWSER,
};
use ritorno_identity::realm::Realm;
use ritorno_identity::registration::{Registration, RegistrationState};
use ritorno_identity::sspr;
use ritorno_identity::subject::Subject;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::token::Token;
use ritorno_protocol::envelope::{Context, Envelope};
use ritorno_protocol::ids::{RequestId, UserId};
use ritorno_protocol::outcome::Outcome;
use ritorno_relay::offer::Offer;
use ritorno_relay::submit::NewRequest;
use tracing::Instrument as _;

use super::change_password;
use super::front::{Next, Then};
use super::visit::{cookie, current, place};
use crate::i18n::{Words, key};
use crate::page::PageError;
use crate::portal::front::stopped;
use crate::portal::offers::Offers;
use crate::portal::submit::{Answer, Ended, told_to_operators};
use crate::portal::visit::{known_mark, tenant, write_down};
use crate::reader::Reader;
use crate::state::AppState;

/// When 'not right' is answered, counted from the receipt: well above what a directory takes for a sign-in, so that its
/// length shows nothing.
pub const ANSWERED_AFTER: Duration = Duration::from_secs(2);

/// The handler.
pub(super) async fn verify(
    State(state): State<AppState>,
    Extension(offers): Extension<Arc<Offers>>,
    reader: Reader,
    jar: CookieJar,
    Query(next): Query<Next>,
    Json(envelope): Json<Envelope>,
) -> Result<Response, PageError> {
    let release = tokio::time::Instant::now() + ANSWERED_AFTER;
    let tenant = tenant(&state).await?;
    let t = reader.words(&tenant);
    let Some(registration) = current(&state, &jar).await? else {
        return Ok(
            (StatusCode::GONE, Json(failed(t.say("register-ended-told"), "/register"))).into_response()
        );
    };
    if registration.state != RegistrationState::Named || registration.realm != Realm::Directory {
        let sent_before = failed(t.say("register-ended-told"), place(&registration.state));
        return Ok((StatusCode::CONFLICT, Json(sent_before)).into_response());
    }
    let known = known_mark(&state, &jar, tenant.id, &registration.subject);
    let check = Check { state, offers, reader, tenant, registration, known, t, release, then: next.then };
    // The browser may go away; the question goes on to its end, and the registration is at a step from which it can go on.
    let carried = tokio::spawn(async move { check.carry(envelope).await }.in_current_span());
    let (answer, cookies) = carried.await.map_err(PageError::behind)??;
    Ok((cookies.into_iter().fold(jar, CookieJar::add), Json(answer)).into_response())
}

fn failed(message: String, location: &'static str) -> Answer {
    Answer { state: Ended::Failed, location, stay: false, rule: None, message, context: None }
}

struct Check {
    state: AppState,
    offers: Arc<Offers>,
    reader: Reader,
    tenant: Tenant,
    registration: Registration,
    /// The browser's mark, if the person succeeded in it before: what is tried elsewhere does not count there.
    known: Option<String>,
    t: Words,
    release: tokio::time::Instant,
    then: Then,
}

/// A limit, and what is counted against it.
type Tried = (&'static Limit, Subject);

/// The answer, and the cookies of the session that begins with a proof and of the change that follows it.
type Checked = (Answer, Vec<Cookie<'static>>);

impl Check {
    async fn carry(self, envelope: Envelope) -> Result<Checked, PageError> {
        let request = envelope.context.request;
        let fitting = self.offers.take(self.registration.id, request).filter(|offer| offer.fits(&envelope));
        let Some(offer) = fitting else {
            self.note(Success::Failure, "the envelope is not the one that was asked for", None).await?;
            return Ok((failed(self.t.say("fault-tampered"), "/register/password"), Vec::new()));
        };
        // True of the whole tenant, so it may be told: the page where it is told is the first one.
        if stopped(&self.state, &self.tenant, Realm::Directory).await?.is_some() {
            return Ok((failed(self.t.say("fault-busy"), "/register"), Vec::new()));
        }
        let tried = match self.counted().await? {
            Ok(tried) => tried,
            Err(answer) => return Ok((answer, Vec::new())),
        };
        let answer = self.look(envelope, offer, tried).await;
        self.give_back(&[(self.at_once(), self.registration.subject)]).await?;
        answer
    }

    /// One password at a time for one person or name.
    async fn look(&self, envelope: Envelope, offer: Offer, tried: Tried) -> Result<Checked, PageError> {
        let request = envelope.context.request;
        let Ok(checking) = self.registration.checking(request, self.state.clock.now()) else {
            return Ok((failed(self.t.say("register-ended-told"), "/register"), Vec::new()));
        };
        if !self.advance(&self.registration, &checking).await? {
            // Another tab was faster.
            return Ok((failed(self.t.say("register-ended-told"), "/register/password"), Vec::new()));
        }
        let asked = match self.registration.person {
            Person::Known(user) => self.ask(user, offer.clone(), envelope).await,
            Person::Withheld { code, .. } => Err(format!("not asked: {}", code.as_str())),
            Person::Stranger => Err("not asked: nobody has this name".to_owned()),
        };
        match asked {
            Ok((detail, must_change)) => {
                // It was the person, and is no try.
                self.give_back(&[tried]).await?;
                self.right(&checking, request, &detail, must_change).await
            }
            Err(detail) => Ok((self.not_right(&checking, offer, &detail).await?, Vec::new())),
        }
    }

    /// Asks the directory; the operator's face of its answer, right or not, and whether a right password can't stay.
    async fn ask(&self, id: UserId, offer: Offer, envelope: Envelope) -> Result<(String, bool), String> {
        let user = match self.state.store.users().get(self.tenant.id, id).await {
            Ok(Some(user)) => user,
            Ok(None) => return Err("not asked: the person is gone".to_owned()),
            Err(error) => return Err(error.to_string()),
        };
        if let Err(code) = sspr::person_allowed(&self.tenant, &user) {
            return Err(format!("not asked: {}", code.as_str()));
        }
        // Somebody of the tenant's own, whose domain is not said to be so any more.
        if user.on_premises().is_none() {
            return Err("not asked: the person comes from no directory".to_owned());
        }
        let new = NewRequest {
            user,
            offer,
            envelope,
            administrator: None,
            support_code: self.registration.support_code.clone(),
            must_change: false,
            forbid_names: false,
            banned_words: Vec::new(),
            known_browser: self.known.is_some(),
            // A registration has states of its own: a check that is lost with the server writes nothing.
            step: None,
        };
        match self.state.relay.submit(new).await {
            Ok(settled) => {
                let (_, detail) = told_to_operators(&settled.outcome);
                match settled.outcome {
                    Outcome::Done(done) => Ok((detail, done.must_change)),
                    _ => Err(detail),
                }
            }
            Err(error) => Err(error.to_string()),
        }
    }

    async fn right(
        &self,
        checking: &Registration,
        request: RequestId,
        detail: &str,
        must_change: bool,
    ) -> Result<Checked, PageError> {
        // A session begins, with a token that nobody had before.
        let token = Token::random(&*self.state.random);
        let Ok(proven) = checking.proven(request, token.digest(), self.state.clock.now()) else {
            return Ok((failed(self.t.say("register-ended-told"), "/register"), Vec::new()));
        };
        // A password that has to be changed first opens nothing but the change: the registration stays where it was.
        let stored = if must_change {
            checking.not_proven(request).map_err(PageError::behind)?
        } else {
            proven.clone()
        };
        self.advance(checking, &stored).await?;
        let (at, reason) = (self.then.activity(), format!("password right: {detail}"));
        let way = (&proven).into();
        write_down(&self.state, &self.reader, way, at, Success::Success, &reason, Some(request)).await?;
        let done = |location| Answer { state: Ended::Done, ..failed(String::new(), location) };
        // Whoever has to choose another password first is led straight to it.
        let mut cookies = Vec::new();
        if !must_change {
            cookies.push(cookie(proven.id, &token));
        }
        if must_change || self.then == Then::Change {
            cookies.push(change_password::begin(&self.state, &proven).await?);
            return Ok((done("/reset/password"), cookies));
        }
        Ok((done(self.then.after()), cookies))
    }

    /// One answer for everything that is not 'right', at one time.
    async fn not_right(
        &self,
        checking: &Registration,
        offer: Offer,
        detail: &str,
    ) -> Result<Answer, PageError> {
        let request = offer.context.request;
        let asked = self.registration.user().map(|_| request);
        self.note(Success::Failure, &format!("password not confirmed: {detail}"), asked).await?;
        // The next context for the same page: a fresh request id, the same recipients.
        let next = RequestId::random(&*self.state.random);
        let offer = Offer { context: Context { request: next, ..offer.context }, ..offer };
        let context = offer.context.clone();
        self.offers.keep(self.registration.id, offer, self.state.clock.now());
        // Until then the step is taken: a second tab is refused for just as long, whoever it is about.
        tokio::time::sleep_until(self.release).await;
        if let Ok(named) = checking.not_proven(request) {
            self.advance(checking, &named).await?;
        }
        let message = self.t.say("verify-not-proven");
        let refused = failed(message, "/register/password");
        Ok(Answer { state: Ended::Refused, context: Some(context), ..refused })
    }

    /// The limits, counted before anybody is asked, for whoever it is; what a right password gives back. Else an answer without a context:
    /// the page sends no more.
    async fn counted(&self) -> Result<Result<Tried, Answer>, PageError> {
        let mut counted: Vec<Tried> = Vec::new();
        for (places, told, why) in [
            (self.tries(), key("verify-too-many"), "too many passwords from this browser or network"),
            (
                vec![(self.at_once(), self.registration.subject)],
                key("fault-busy"),
                "another password of theirs is being looked at",
            ),
            (vec![self.carried()], key("fault-busy"), "too many passwords in the whole tenant"),
        ] {
            if let Some(tried) = self.count_one_of(&places).await? {
                counted.push(tried);
                continue;
            }
            // What was not asked is not counted, for whoever it is.
            self.give_back(&counted).await?;
            self.note(Success::Failure, why, None).await?;
            let refused = failed(self.t.say(told), "/register");
            return Ok(Err(Answer { state: Ended::Refused, ..refused }));
        }
        counted.into_iter().next().map(Ok).ok_or(PageError::Request)
    }

    /// Counts one for the first of `places` that has room.
    async fn count_one_of(&self, places: &[Tried]) -> Result<Option<Tried>, PageError> {
        let (limits, now) = (self.state.store.limits(), self.state.clock.now());
        for (limit, subject) in places {
            if limits.count(self.tenant.id, limit, subject, now).await.map_err(PageError::behind)? {
                return Ok(Some((limit, *subject)));
            }
        }
        Ok(None)
    }

    async fn give_back(&self, counted: &[Tried]) -> Result<(), PageError> {
        for (limit, subject) in counted {
            let limits = self.state.store.limits();
            limits.give_back(self.tenant.id, limit, subject).await.map_err(PageError::behind)?;
        }
        Ok(())
    }

    /// Where a try may be counted: in this browser if it is known, and else, or when that has had its number, for the person or the name
    /// in this network.
    fn tries(&self) -> Vec<Tried> {
        let (pepper, tenant, subject) = (&self.state.pepper, self.tenant.id, &self.registration.subject);
        let network = subject.from_network(pepper, tenant, &self.reader.network);
        let browser = self.known.as_deref().map(|mark| subject.in_browser(pepper, tenant, mark));
        let browser = browser.map(|browser| (&PASSWORDS_TRIED_IN_KNOWN_BROWSER, browser));
        browser.into_iter().chain([(&PASSWORDS_TRIED, network)]).collect()
    }

    const fn at_once(&self) -> &'static Limit {
        match self.known {
            Some(_) => &PASSWORDS_AT_ONCE_IN_KNOWN_BROWSERS,
            None => &PASSWORDS_AT_ONCE,
        }
    }

    fn carried(&self) -> Tried {
        let everybody = Subject::of_tenant(&self.state.pepper, self.tenant.id);
        match self.known {
            Some(_) => (&PASSWORDS_CARRIED_FROM_KNOWN_BROWSERS, everybody),
            None => (&PASSWORDS_CARRIED, everybody),
        }
    }

    async fn advance(&self, before: &Registration, after: &Registration) -> Result<bool, PageError> {
        self.state.store.registrations().advance(before, after).await.map_err(PageError::behind)
    }

    async fn note(
        &self,
        success: Success,
        reason: &str,
        request: Option<RequestId>,
    ) -> Result<(), PageError> {
        let (way, at) = ((&self.registration).into(), self.then.activity());
        write_down(&self.state, &self.reader, way, at, success, reason, request).await
    }
}
