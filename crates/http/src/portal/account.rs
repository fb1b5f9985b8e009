//! `GET /account`: the pages of whoever is signed in: who they are, and what they can do here. `POST /sign-out` ends it.
//!
//! A sign-in is the proof of the current password that the registration begins with, and its session is the registration
//! (`register/visit.rs`): one proof, one cookie, one place where it ends.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::sspr::{self, Due};

use super::register::{Then, current, forget, methods_from, note, person, standing};
use crate::i18n::{Words, key};
use crate::page::{Frame, PageError, page};
use crate::portal::refusal::Moment;
use crate::portal::visit::tenant;
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "portal/account.html")]
struct AccountPage<'a> {
    t: Words,
    frame: Frame,
    name: &'a str,
    user_name: &'a str,
    /// How many of the ways that count for them they have.
    registered: u16,
    /// From when they can change them, if not now.
    later: Option<Moment>,
    /// The key of what they are asked to do about them.
    due: Option<&'static str>,
    support_code: &'a str,
}

/// The page.
pub(super) async fn show(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(session) = current(&state, &jar).await? else {
        return Ok(Redirect::to("/signin").into_response());
    };
    if !session.state.is_proven() {
        // Whoever wants to their page comes back to it.
        return Ok(Redirect::to(Then::Account.password_page()).into_response());
    }
    let user = match person(&state, &reader, &tenant, &session).await? {
        Ok(user) => user,
        Err(refused) => return Ok(refused),
    };
    let standing = standing(&state, &user).await?;
    let due = sspr::due(&tenant, &user, &standing, state.clock.now());
    // While nothing can be registered nobody is led there.
    let later = methods_from(&state, &user).await?;
    if due.is_some() && tenant.require_registration && later.is_none() {
        return Ok(Redirect::to("/register/methods").into_response());
    }
    let shown = AccountPage {
        t: reader.words(&tenant),
        frame: Frame::new(&tenant, "/account"),
        name: &user.display_name,
        user_name: &user.user_principal_name,
        registered: u16::try_from(standing.registered(&tenant, &user)).unwrap_or(u16::MAX),
        later: later.map(Moment::new),
        due: due.map(|due| match due {
            Due::Register => key("due-register"),
            Due::Confirm { .. } => key("due-confirm"),
        }),
        support_code: &session.support_code.0,
    };
    Ok((reader.remember(jar), page(StatusCode::OK, &shown)).into_response())
}

/// Ends the session, here and in the database.
pub(super) async fn sign_out(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    if let Some(session) = current(&state, &jar).await? {
        state.store.registrations().end(session.tenant, session.id).await.map_err(PageError::behind)?;
        if session.state.is_proven() {
            note(&state, &reader, &session, Activity::SignIn, Success::Success, "signed out").await?;
        }
    }
    Ok((forget(jar), Redirect::to("/signin")).into_response())
}
