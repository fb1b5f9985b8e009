//! `GET` and `POST /register/recovery-codes`: ten codes to be kept on paper, shown once. `POST /register/recovery-codes/remove`
//! removes them.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::method::Method;
use ritorno_identity::recovery_code::{HOW_MANY, RecoveryCode};
use ritorno_identity::registration::{AddressChange, Registration};
use ritorno_identity::tenant::Tenant;
use zeroize::Zeroizing;

use super::methods::{here, standing};
use super::tell::method_changed;
use crate::i18n::Words;
use crate::page::{Frame, PageError, page, to_the_end};
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "portal/register/recovery-codes.html")]
struct RecoveryPage<'a> {
    t: Words,
    frame: Frame,
    /// How many of the former ones are left.
    left: u16,
    /// The new ones, on the page that shows them.
    codes: Vec<Zeroizing<String>>,
    support_code: &'a str,
}

fn render(
    reader: &Reader,
    tenant: &Tenant,
    registration: &Registration,
    left: u32,
    codes: Vec<Zeroizing<String>>,
) -> Response {
    let shown = RecoveryPage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, "/register/recovery-codes"),
        left: u16::try_from(left).unwrap_or(u16::MAX),
        codes,
        support_code: &registration.support_code.0,
    };
    page(StatusCode::OK, &shown)
}

/// The page on which they are asked for.
pub(super) async fn show(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let (tenant, registration, user) = match here(&state, &reader, &jar, Method::RecoveryCode).await? {
        Ok(found) => found,
        Err(other) => return Ok(other),
    };
    let left = standing(&state, &user).await?.recovery_codes;
    let page = render(&reader, &tenant, &registration, left, Vec::new());
    Ok((reader.remember(jar), page).into_response())
}

/// New ones, in the place of those that are left. They are shown in this answer and never again.
pub(super) async fn make(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let (tenant, registration, user) = match here(&state, &reader, &jar, Method::RecoveryCode).await? {
        Ok(found) => found,
        Err(other) => return Ok(other),
    };
    let former = standing(&state, &user).await?.recovery_codes;
    let codes: [RecoveryCode; HOW_MANY] = std::array::from_fn(|_| RecoveryCode::random(&*state.random));
    let digests = codes.each_ref().map(|code| code.digest(&state.pepper, tenant.id, user.id));
    let texts = codes.iter().map(RecoveryCode::text).collect();
    let shown = render(&reader, &tenant, &registration, 0, texts);
    let change = if former > 0 { AddressChange::Replaced } else { AddressChange::Registered };
    to_the_end(async move {
        let (store, now) = (state.store.recovery_codes(), state.clock.now());
        if !store.replace(tenant.id, user.id, &digests, now).await.map_err(PageError::behind)? {
            return Err(PageError::Request);
        }
        method_changed(&state, &reader, &registration, &user, Method::RecoveryCode, change).await
    })
    .await?;
    Ok(shown)
}

/// They are removed.
pub(super) async fn remove(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let (tenant, registration, user) = match here(&state, &reader, &jar, Method::RecoveryCode).await? {
        Ok(found) => found,
        Err(other) => return Ok(other),
    };
    to_the_end(async move {
        if state.store.recovery_codes().remove(tenant.id, user.id).await.map_err(PageError::behind)? {
            let change = AddressChange::Removed;
            method_changed(&state, &reader, &registration, &user, Method::RecoveryCode, change).await?;
        }
        Ok(())
    })
    .await?;
    Ok(Redirect::to("/register/methods?done=recovery-codes-removed").into_response())
}
