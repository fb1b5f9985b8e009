//! `POST /register/remove`: the registered address goes. Codes then go to the address from the directory, if there is one.

use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::CookieJar;
use ritorno_identity::registration::RegistrationState;

use super::change::change;
use super::visit::{current, elsewhere, ended};
use crate::page::PageError;
use crate::portal::visit::tenant;
use crate::reader::Reader;
use crate::state::AppState;

/// The handler.
pub(super) async fn remove(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(registration) = current(&state, &jar).await? else { return Ok(ended()) };
    match registration.state {
        RegistrationState::Proven | RegistrationState::CodeSent(_) => {
            change(&state, &reader, &tenant, &registration, None).await
        }
        _ => Ok(elsewhere(&registration)),
    }
}
