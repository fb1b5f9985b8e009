//! `GET` and `POST /console/sign-in`.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::administrator::Administrator;
use ritorno_identity::audit::{Activity, Actor, Success};
use ritorno_identity::limit::{ADMINISTRATOR_SIGN_INS, SIGN_INS_BY_NETWORK};
use ritorno_identity::password::PasswordHash;
use ritorno_identity::session::Session;
use ritorno_identity::subject::Subject;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::token::Token;
use ritorno_protocol::secret::Password;
use serde::Deserialize;

use super::session::{cookie, fact, home_of, named};
use crate::hashing::Hashing;
use crate::i18n::{Words, key};
use crate::page::{Frame, PageError, page};
use crate::passkeys::available;
use crate::portal::tenant;
use crate::reader::Reader;
use crate::state::AppState;

/// Where administrators' passwords are compared.
static HASHING: Hashing = Hashing::new();

#[derive(Template)]
#[template(path = "console/sign-in.html")]
struct SignInPage {
    t: Words,
    frame: Frame,
    /// Whether passkeys can be used here.
    passkeys: bool,
    fault: Option<&'static str>,
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Input {
    name: String,
    password: String,
}

/// The page.
pub(super) async fn show(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    Ok((reader.remember(jar), render(&state, StatusCode::OK, &reader, &tenant, None)).into_response())
}

pub(super) fn render(
    state: &AppState,
    status: StatusCode,
    reader: &Reader,
    tenant: &Tenant,
    fault: Option<&'static str>,
) -> Response {
    let (t, frame) = (reader.words(tenant), Frame::new(tenant, "/console/sign-in"));
    let passkeys = available(&state.settings.public_url).is_ok();
    page(status, &SignInPage { t, frame, passkeys, fault })
}

/// A name and a password were given. An unknown name costs what a known one costs, and gets the same answer.
pub(super) async fn sign_in(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Form(Input { name, password }): Form<Input>,
) -> Result<Response, PageError> {
    let password = Password::new(password);
    let tenant = tenant(&state).await?;
    let (store, now) = (&state.store, state.clock.now());
    let name = name.trim();
    // By name and network together: a stranger elsewhere can't lock an administrator out.
    let counted = format!("{}\n{}", reader.network, name.to_lowercase());
    let subject = Subject::of_network(&state.pepper, tenant.id, &counted);
    let network = Subject::of_network(&state.pepper, tenant.id, &reader.network);
    let limits = store.limits();
    // The wider one first: what it stops does not count against the name.
    let room =
        limits.count(tenant.id, &SIGN_INS_BY_NETWORK, &network, now).await.map_err(PageError::behind)?
            && limits
                .count(tenant.id, &ADMINISTRATOR_SIGN_INS, &subject, now)
                .await
                .map_err(PageError::behind)?;
    if !room {
        let fault = Some(key("console-too-many"));
        return Ok(render(&state, StatusCode::TOO_MANY_REQUESTS, &reader, &tenant, fault));
    }
    let found = store.administrators().by_name(tenant.id, name).await.map_err(PageError::behind)?;
    let Some(administrator) = verified(found, password).await? else {
        note(
            &state,
            &reader,
            Activity::AdministratorSignIn,
            Actor::Anonymous,
            Success::Failure,
            "name or password wrong",
        )
        .await?;
        let fault = Some(key("console-wrong"));
        return Ok(render(&state, StatusCode::UNPROCESSABLE_ENTITY, &reader, &tenant, fault));
    };
    for (limit, subject) in [(&ADMINISTRATOR_SIGN_INS, &subject), (&SIGN_INS_BY_NETWORK, &network)] {
        limits.give_back(tenant.id, limit, subject).await.map_err(PageError::behind)?;
    }
    let actor = Actor::Administrator(administrator.id);
    let (then, session): (_, fn(_, _, _, _) -> _) = if administrator.break_glass {
        tracing::warn!(administrator = %administrator.name, network = %reader.network, "a break-glass account signs in");
        note(
            &state,
            &reader,
            Activity::AdministratorSignIn,
            actor,
            Success::Success,
            "break-glass account, by its password alone",
        )
        .await?;
        (home_of(&administrator), Session::new)
    } else if tenant.second_factor {
        // Whoever tries a stolen password and goes away leaves a trace.
        note(
            &state,
            &reader,
            Activity::AdministratorSignIn,
            actor,
            Success::Unknown,
            "the password is right, the second factor is asked for",
        )
        .await?;
        ("/console/second", Session::half)
    } else {
        note(&state, &reader, Activity::AdministratorSignIn, actor, Success::Success, "").await?;
        (home_of(&administrator), Session::new)
    };
    let token = Token::random(&*state.random);
    begin(&state, &jar, &session(token.digest(), tenant.id, administrator.id, now)).await?;
    Ok((jar.add(cookie(&token)), Redirect::to(then)).into_response())
}

/// A session begins. The token is a new one each time; the one that came along, whoever planted it, ends.
pub(super) async fn begin(state: &AppState, jar: &CookieJar, session: &Session) -> Result<(), PageError> {
    let sessions = state.store.sessions();
    if let Some(old) = named(jar) {
        sessions.delete(session.tenant, &old).await.map_err(PageError::behind)?;
    }
    sessions.insert(session).await.map_err(PageError::behind)
}

async fn verified(
    found: Option<Administrator>,
    password: Password,
) -> Result<Option<Administrator>, PageError> {
    let checked = HASHING.compute(move || {
        let hash = found.as_ref().map_or_else(PasswordHash::of_nobody, |found| found.password.clone());
        // Before the name is looked at: an unknown one costs what a known one costs.
        let right = hash.matches(&password);
        found.filter(|_| right)
    });
    checked.await
}

/// Writes down what somebody did at the door of the console.
pub(super) async fn note(
    state: &AppState,
    reader: &Reader,
    activity: Activity,
    actor: Actor,
    success: Success,
    reason: &str,
) -> Result<(), PageError> {
    let fact = fact(state, reader, actor, activity, success, reason.to_owned());
    state.store.audit().append(&fact).await.map_err(PageError::behind)
}
