//! The new password of a person whose directory is the tenant itself. `GET /reset/password` shows it to them; `POST
//! /reset/cloud-password` stores it. It is a plain form: this server is the directory, so there is nobody to seal it for.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::audit::Success;
use ritorno_identity::cloud_policy;
use ritorno_identity::flow::{Flow, FlowState, Purpose, Step};
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::policy::Rule;
use ritorno_protocol::secret::Password;
use serde::Deserialize;

use super::cloud::{Compared, compare, hashed};
use super::submit::{OUTCOME, OUTCOME_OF_ANOTHER, activity};
use crate::administrator_mails;
use crate::i18n::Words;
use crate::page::{Frame, PageError, page, to_the_end};
use crate::portal::code::{elsewhere, ended};
use crate::portal::notice;
use crate::portal::password::{allowed, person};
use crate::portal::rules::{RuleLine, lines, refused};
use crate::portal::visit::{current, done_here, note, tenant};
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "portal/cloud-password.html")]
struct PasswordPage<'a> {
    t: Words,
    frame: Frame,
    rules: Vec<RuleLine>,
    /// What is wrong with what was typed, in words.
    fault: Option<String>,
    /// Where it was typed.
    wrong: Field,
    /// Whether the current password goes along.
    change: bool,
    /// What a new password is judged by while it is typed, as JSON.
    policy: String,
    user_name: &'a str,
    support_code: &'a str,
}

/// The field that a fault belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    /// Nothing is wrong, or not with a field.
    None,
    Current,
    New,
    Again,
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Input {
    #[serde(default)]
    current: String,
    new: String,
    again: String,
}

/// The page, for a flow of such a person whose gates are passed, at a moment.
///
/// # Errors
/// When the policy can't be written as JSON.
pub(super) fn render(
    reader: &Reader,
    tenant: &Tenant,
    standing: (&Flow, Timestamp),
    user: &User,
) -> Result<Response, PageError> {
    with_fault(reader, tenant, standing, user, None)
}

fn with_fault(
    reader: &Reader,
    tenant: &Tenant,
    (flow, now): (&Flow, Timestamp),
    user: &User,
    fault: Option<(Field, String)>,
) -> Result<Response, PageError> {
    let (wrong, fault) = fault.map_or((Field::None, None), |(field, fault)| (field, Some(fault)));
    let t = reader.words(tenant);
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let policy = cloud_policy::policy(tenant, user);
    let shown = PasswordPage {
        t,
        frame: Frame::new(tenant, "/reset/password").ending(flow.expires_at, now),
        rules: lines(t, &policy),
        fault,
        wrong,
        change: flow.purpose == Purpose::Change,
        policy: serde_json::to_string(&policy).map_err(PageError::behind)?,
        user_name: &user.user_principal_name,
        support_code: &flow.support_code.0,
    };
    Ok(page(status, &shown))
}

/// The handler.
pub(super) async fn set(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Form(Input { current: typed, new, again }): Form<Input>,
) -> Result<Response, PageError> {
    let (typed, new, again) =
        (cloud_policy::typed(typed), cloud_policy::typed(new), cloud_policy::typed(again));
    let tenant = tenant(&state).await?;
    let Some(flow) = current(&state, &jar).await? else { return Ok(ended()) };
    if flow.state != FlowState::GatePassed {
        // Another tab was faster by far: what it kept stands, and what was typed here is not taken.
        let place = if flow.state == FlowState::Kept { Some(OUTCOME_OF_ANOTHER) } else { elsewhere(&flow) };
        return Ok(Redirect::to(place.unwrap_or("/reset/code")).into_response());
    }
    let user = person(&state, &flow).await?;
    // Whose directory is another one, or who may not any more, is told on the page where the way goes on.
    if user.on_premises().is_some() || allowed(&tenant, &user, &flow).is_err() {
        return Ok(Redirect::to("/reset/password").into_response());
    }
    // The browser may go away; the change goes on to its end, and the outcome is there when it comes back.
    to_the_end(async move {
        let change = Change { state, reader, jar, tenant, flow, user };
        change.carry(typed, new, again).await
    })
    .await
}

struct Change {
    state: AppState,
    reader: Reader,
    jar: CookieJar,
    tenant: Tenant,
    flow: Flow,
    user: User,
}

impl Change {
    async fn carry(self, typed: Password, new: Password, again: Password) -> Result<Response, PageError> {
        let t = self.reader.words(&self.tenant);
        let now = self.state.clock.now();
        if new.expose() != again.expose() {
            return self.again(Field::Again, t.say("password-mismatch"));
        }
        let policy = cloud_policy::policy(&self.tenant, &self.user);
        let mut broken = cloud_policy::first_broken(&policy, &new, now);
        let changes = self.flow.purpose == Purpose::Change;
        if changes && broken.is_none() && typed.expose() == new.expose() {
            broken = Some(Rule::History { remembered: None });
        }
        if let Some(rule) = broken {
            self.note(Success::Failure, &format!("refused by {rule:?}")).await?;
            return self.again(Field::New, refused(t, &rule));
        }
        let mut from = None;
        if changes {
            let (reader, subject, user) = (&self.reader, &self.flow.subject, Some(self.user.id));
            match compare(&self.state, reader, &self.jar, subject, user, typed).await? {
                Compared::Right { hash, tried, .. } => {
                    tried.give_back(&self.state).await?;
                    from = Some(hash);
                }
                Compared::Wrong { .. } => {
                    self.note(Success::Failure, "the current password is not right").await?;
                    return self.again(Field::Current, t.say("cloud-current-wrong"));
                }
                Compared::TooMany => {
                    self.note(Success::Failure, "too many passwords from this browser or network").await?;
                    return self.again(Field::None, t.say("verify-too-many"));
                }
            }
        }
        let hash = hashed(&self.state, new).await?;
        let Ok(kept) = self.flow.kept(self.state.clock.now()) else {
            return Ok(ended());
        };
        let step = Step { before: self.flow.clone(), after: kept };
        let passwords = self.state.store.cloud_passwords();
        let stored = passwords.set(self.user.id, from.as_ref(), &hash, &step, self.state.clock.now()).await;
        if !stored.map_err(PageError::behind)? {
            // Another tab was faster, or another password came meanwhile.
            self.note(Success::Failure, "another step was faster").await?;
            return Ok(Redirect::to(OUTCOME_OF_ANOTHER).into_response());
        }
        let language = self.user.language.unwrap_or(self.flow.language);
        // It is stored: people hear of it whether or not it can be written down.
        let (code, unusual) = (&self.flow.support_code, !self.flow.known_browser);
        if let Err(error) = notice::changed(&self.state, &self.user, language, code, unusual).await {
            tracing::error!(%error, "a notice of a changed password could not be queued");
        }
        if !changes {
            administrator_mails::person_reset(&self.state, &self.tenant, &self.user, code).await;
        }
        self.note(Success::Success, "kept in the tenant").await?;
        Ok((done_here(&self.state, self.jar, &self.flow), Redirect::to(OUTCOME)).into_response())
    }

    /// The page again, with what is wrong.
    fn again(&self, field: Field, fault: String) -> Result<Response, PageError> {
        let standing = (&self.flow, self.state.clock.now());
        with_fault(&self.reader, &self.tenant, standing, &self.user, Some((field, fault)))
    }

    async fn note(&self, success: Success, reason: &str) -> Result<(), PageError> {
        let activity = activity(self.flow.purpose.operation());
        note(&self.state, &self.reader, &self.flow, activity, success, reason, None).await
    }
}
