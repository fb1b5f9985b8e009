//! `POST /register/confirm`: the person says that what they registered is right, and is not asked again for as long as the tenant says.

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::audit::{Activity, Success};

use super::visit::{current, elsewhere, ended, note, person};
use crate::page::PageError;
use crate::portal::visit::tenant;
use crate::reader::Reader;
use crate::state::AppState;

/// The handler.
pub(super) async fn confirm(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(registration) = current(&state, &jar).await? else { return Ok(ended()) };
    if !registration.state.is_proven() {
        return Ok(elsewhere(&registration));
    }
    let user = match person(&state, &reader, &tenant, &registration).await? {
        Ok(user) => user,
        Err(refused) => return Ok(refused),
    };
    let now = state.clock.now();
    state.store.users().confirm(tenant.id, user.id, now).await.map_err(PageError::behind)?;
    note(&state, &reader, &registration, Activity::MethodsConfirmed, Success::Success, "").await?;
    Ok(Redirect::to("/register/methods?done=confirmed").into_response())
}
