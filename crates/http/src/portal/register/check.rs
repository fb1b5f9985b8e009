//! `POST /register/check`: the current password of a person whose directory is the tenant itself. It is a plain form, and whatever is not
//! 'right' gets one answer at one time, at the cost of a comparison: a wrong password, somebody who may not, a name that is nobody's.

use std::time::Duration;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::audit::Success;
use ritorno_identity::cloud_policy::typed;
use ritorno_identity::realm::Realm;
use ritorno_identity::registration::{Registration, RegistrationState};
use ritorno_identity::sspr;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::token::Token;
use ritorno_protocol::ids::UserId;
use serde::Deserialize;

use super::change_password;
use super::front::Then;
use super::verify::ANSWERED_AFTER;
use super::visit::{cookie, current, elsewhere, ended, note};
use crate::i18n::{Words, key};
use crate::page::{Frame, PageError, page};
use crate::portal::cloud::{Compared, compare};
use crate::portal::front::stopped;
use crate::portal::visit::{known_cookie, tenant};
use crate::reader::Reader;
use crate::state::AppState;

/// How much later a wrong password is answered for a name for which very many were tried.
const SLOWED_BY: Duration = Duration::from_secs(4);

#[derive(Template)]
#[template(path = "portal/register/cloud-password.html")]
struct PasswordPage<'a> {
    t: Words,
    frame: Frame,
    fault: Option<&'static str>,
    /// What follows, for the form.
    then: Option<&'static str>,
    /// Where another name is typed.
    back: &'static str,
    support_code: &'a str,
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Input {
    password: String,
    #[serde(default)]
    then: Then,
}

/// The page.
pub(super) fn render(
    status: StatusCode,
    reader: &Reader,
    tenant: &Tenant,
    registration: &Registration,
    then: Then,
    fault: Option<&'static str>,
) -> Response {
    let shown = PasswordPage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, then.password_page()),
        fault,
        then: then.name(),
        back: then.front(),
        support_code: &registration.support_code.0,
    };
    page(status, &shown)
}

/// The handler.
pub(super) async fn check(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Form(Input { password, then }): Form<Input>,
) -> Result<Response, PageError> {
    let release = tokio::time::Instant::now() + ANSWERED_AFTER;
    let password = typed(password);
    let tenant = tenant(&state).await?;
    let Some(registration) = current(&state, &jar).await? else { return Ok(ended()) };
    if registration.state != RegistrationState::Named || registration.realm != Realm::Cloud {
        return Ok(elsewhere(&registration));
    }
    // True of the whole tenant, so it may be told: the page where it is told is the first one.
    if stopped(&state, &tenant, Realm::Cloud).await?.is_some() {
        return Ok(Redirect::to(then.front()).into_response());
    }
    let user = registration.user();
    let compared = compare(&state, &reader, &jar, &registration.subject, user, password).await?;
    let (slow, why) = match compared {
        Compared::Right { must_change, tried, .. } => match allowed(&state, &tenant, user).await? {
            Ok(()) => {
                tried.give_back(&state).await?;
                return right(&state, &reader, jar, &tenant, &registration, (then, must_change)).await;
            }
            // The same in everything as a wrong one, its being counted too.
            Err(why) => (tried.slow, why),
        },
        Compared::Wrong { slow: true } => (true, "wrong, like many others for this name".to_owned()),
        Compared::Wrong { slow: false } => (false, "wrong, or nobody's".to_owned()),
        Compared::TooMany => {
            let why = "not compared: too many passwords from this browser or network";
            note(&state, &reader, &registration, then.activity(), Success::Failure, why).await?;
            let (status, told) = (StatusCode::TOO_MANY_REQUESTS, key("verify-too-many"));
            return Ok(render(status, &reader, &tenant, &registration, then, Some(told)));
        }
    };
    let why = format!("password not confirmed: {why}");
    note(&state, &reader, &registration, then.activity(), Success::Failure, &why).await?;
    tokio::time::sleep_until(release + if slow { SLOWED_BY } else { Duration::ZERO }).await;
    let (status, told) = (StatusCode::UNPROCESSABLE_ENTITY, key("cloud-verify-wrong"));
    Ok(render(status, &reader, &tenant, &registration, then, Some(told)))
}

/// Whether the person may still do this: an administrator may have said otherwise since the name was given. Else why not.
async fn allowed(
    state: &AppState,
    tenant: &Tenant,
    user: Option<UserId>,
) -> Result<Result<(), String>, PageError> {
    let Some(user) = user else { return Ok(Err("nobody's".to_owned())) };
    let user = state.store.users().get(tenant.id, user).await.map_err(PageError::behind)?;
    let Some(user) = user else { return Ok(Err("the person is gone".to_owned())) };
    Ok(sspr::person_allowed(tenant, &user).map_err(|code| code.as_str().to_owned()))
}

/// The session begins, with a token that nobody had before. A password that an administrator gave opens nothing but its change.
async fn right(
    state: &AppState,
    reader: &Reader,
    jar: CookieJar,
    tenant: &Tenant,
    registration: &Registration,
    (then, must_change): (Then, bool),
) -> Result<Response, PageError> {
    let token = Token::random(&*state.random);
    let Ok(proven) = registration.proven_here(token.digest(), state.clock.now()) else {
        return Ok(ended());
    };
    if must_change {
        let told = "password right: an administrator gave it, and it has to be changed";
        note(state, reader, &proven, then.activity(), Success::Success, told).await?;
        let change = change_password::begin(state, &proven).await?;
        return Ok((jar.add(change), Redirect::to("/reset/password")).into_response());
    }
    let advanced = state.store.registrations().advance(registration, &proven).await;
    if !advanced.map_err(PageError::behind)? {
        // Another tab was faster.
        return Ok(ended());
    }
    note(state, reader, &proven, then.activity(), Success::Success, "password right: kept in the tenant")
        .await?;
    let known = known_cookie(state, tenant.id, &proven.subject);
    let jar = jar.add(cookie(proven.id, &token)).add(known);
    if then == Then::Change {
        let change = change_password::begin(state, &proven).await?;
        return Ok((jar.add(change), Redirect::to("/reset/password")).into_response());
    }
    Ok((jar, Redirect::to(then.after())).into_response())
}
