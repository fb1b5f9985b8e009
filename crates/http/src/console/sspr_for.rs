//! `POST /console/sspr/for`: who may reset their own password, everybody or the people of groups.

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use ritorno_identity::administrator::Action;
use serde::Deserialize;

use super::session::SignedIn;
use super::sspr_policy::answer;
use crate::operations::sspr_policy::{only_for, set_part};
use crate::page::PageError;
use crate::reader::Reader;
use crate::state::AppState;

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Only {
    /// The groups' names, one to a line; nothing for everybody.
    group: String,
}

/// The handler.
pub(super) async fn set(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(Only { group }): Form<Only>,
) -> Result<Response, PageError> {
    signed_in.require(Action::ChangeTenant)?;
    let set = async {
        let names: Vec<&str> = group.lines().map(str::trim).filter(|name| !name.is_empty()).collect();
        let part = only_for(&state, &signed_in.tenant, &names).await?;
        Ok(set_part(&state, &signed_in.operator(&reader), part).await?)
    };
    let done = set.await;
    answer(&state, &signed_in, &reader, done).await
}
