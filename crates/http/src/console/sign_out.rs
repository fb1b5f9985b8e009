//! `POST /console/sign-out`.

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;

use super::session::{named, no_cookie};
use crate::page::PageError;
use crate::state::AppState;

/// The handler.
pub(super) async fn sign_out(State(state): State<AppState>, jar: CookieJar) -> Result<Response, PageError> {
    if let Some(digest) = named(&jar) {
        state.store.sessions().delete(state.tenant, &digest).await.map_err(PageError::behind)?;
    }
    Ok((jar.remove(no_cookie()), Redirect::to("/console/sign-in")).into_response())
}
