//! The registration that a browser is in, by its cookie, and what every step needs.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::cloud_policy::METHODS_AFTER;
use ritorno_identity::ids::FlowId;
use ritorno_identity::registration::{Registration, RegistrationState};
use ritorno_identity::sspr;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::token::Token;
use ritorno_identity::user::User;
use ritorno_protocol::clock::Timestamp;

use crate::i18n::Words;
use crate::page::{Course, Frame, PageError, page};
use crate::portal::refusal::Refusal;
use crate::portal::visit::write_down;
use crate::reader::Reader;
use crate::state::AppState;

/// The cookie that binds a registration to the browser in which it began. It goes when the browser is closed.
const COOKIE: &str = "__Host-register";

#[derive(Template)]
#[template(path = "portal/register/refused.html")]
struct RefusedPage {
    t: Words,
    frame: Frame,
    refusal: Refusal,
}

/// The cookie for a registration that begins.
pub(super) fn cookie(registration: FlowId, token: &Token) -> Cookie<'static> {
    Cookie::build((COOKIE, format!("{registration}.{}", *token.to_text())))
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .build()
}

/// The same without the cookie.
pub(in crate::portal) fn forget(jar: CookieJar) -> CookieJar {
    jar.remove(
        Cookie::build(COOKIE).path("/").secure(true).http_only(true).same_site(SameSite::Strict).build(),
    )
}

/// The registration that this browser is in and may go on with. From the proof of the password on it is a session, which lasts while
/// it is used.
pub(in crate::portal) async fn current(
    state: &AppState,
    jar: &CookieJar,
) -> Result<Option<Registration>, PageError> {
    let Some((id, token)) = jar.get(COOKIE).and_then(|cookie| {
        let (id, token) = cookie.value().split_once('.')?;
        Some((id.parse::<FlowId>().ok()?, Token::from_text(token)?))
    }) else {
        return Ok(None);
    };
    let registration = state.store.registrations().get(state.tenant, id).await.map_err(PageError::behind)?;
    let now = state.clock.now();
    let Some(registration) = registration.filter(|one| one.check(&token.digest(), now).is_ok()) else {
        return Ok(None);
    };
    let Some(used) = registration.used(now) else { return Ok(Some(registration)) };
    state.store.registrations().extend(&used).await.map_err(PageError::behind)?;
    Ok(Some(used))
}

/// Where a registration that is at another step goes on.
pub(super) const fn place(state: &RegistrationState) -> &'static str {
    match state {
        RegistrationState::Named | RegistrationState::Checking(_) => "/register/password",
        RegistrationState::Proven => "/register/methods",
        RegistrationState::CodeSent(_) => "/register/code",
        RegistrationState::Finished(_) => "/register/done",
    }
}

/// On to where the registration is.
pub(super) fn elsewhere(registration: &Registration) -> Response {
    Redirect::to(place(&registration.state)).into_response()
}

/// The page for a browser that is in no registration, or in one that has ended.
pub(super) fn ended() -> Response {
    PageError::Ended(Course::Registration).into_response()
}

/// The person, who may still register: an administrator may have switched it off since the last step. Else the page that
/// says so. For whoever has proven their password only.
pub(in crate::portal) async fn person(
    state: &AppState,
    reader: &Reader,
    tenant: &Tenant,
    registration: &Registration,
) -> Result<Result<User, Response>, PageError> {
    let id = registration.user().filter(|_| registration.state.is_proven()).ok_or(PageError::Request)?;
    let user = state.store.users().get(tenant.id, id).await.map_err(PageError::behind)?;
    let user = user.ok_or(PageError::Request)?;
    let Err(code) = sspr::tenant_allows(tenant).and_then(|()| sspr::person_allowed(tenant, &user)) else {
        return Ok(Ok(user));
    };
    let (at, reason) = (Activity::Blocked, code.as_str());
    note(state, reader, registration, at, Success::Failure, reason).await?;
    let refused = RefusedPage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, "/register"),
        refusal: Refusal::coded(code, None, registration.support_code.clone()),
    };
    Ok(Err(page(StatusCode::OK, &refused)))
}

/// From when somebody may register, replace and remove what opens their gates, if they may not yet. A password that the tenant itself keeps
/// proves nothing of that kind while it is new, as one of a directory does not: whoever made another's by one gate, such as a pass of the
/// help desk, gets no way of their own by it before its owner was told.
pub(in crate::portal) async fn methods_from(
    state: &AppState,
    user: &User,
) -> Result<Option<Timestamp>, PageError> {
    if user.on_premises().is_some() {
        return Ok(None);
    }
    let kept = state.store.cloud_passwords().kept(user.tenant, Some(user.id)).await;
    let from = kept.map_err(PageError::behind)?.map(|kept| kept.changed_at.plus(METHODS_AFTER));
    Ok(from.filter(|from| state.clock.now() < *from))
}

/// The person, if they may register, replace and remove something now. Else where it says what they can do.
pub(super) async fn owner(
    state: &AppState,
    reader: &Reader,
    tenant: &Tenant,
    registration: &Registration,
) -> Result<Result<User, Response>, PageError> {
    let user = match person(state, reader, tenant, registration).await? {
        Ok(user) => user,
        Err(refused) => return Ok(Err(refused)),
    };
    if methods_from(state, &user).await?.is_none() {
        return Ok(Ok(user));
    }
    let why = "nothing is changed so soon after a new password";
    note(state, reader, registration, Activity::RegistrationProgress, Success::Failure, why).await?;
    Ok(Err(Redirect::to("/register/methods").into_response()))
}

/// Writes down one step. A reason never holds an address.
pub(in crate::portal) async fn note(
    state: &AppState,
    reader: &Reader,
    registration: &Registration,
    activity: Activity,
    success: Success,
    reason: &str,
) -> Result<(), PageError> {
    write_down(state, reader, registration.into(), activity, success, reason, None).await
}
