//! `POST /console/switches`: what holds for the whole tenant.

use axum::Form;
use axum::extract::State;
use axum::response::Redirect;
use serde::Deserialize;

use super::session::SignedIn;
use crate::operations::switches::{SwitchName, turn};
use crate::page::PageError;
use crate::reader::Reader;
use crate::state::AppState;

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Input {
    switch: SwitchName,
    on: bool,
}

/// The handler.
pub(super) async fn set(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(Input { switch, on }): Form<Input>,
) -> Result<Redirect, PageError> {
    signed_in.require(switch.action(on).0)?;
    turn(&state, &signed_in.operator(&reader), switch, on).await.map_err(PageError::behind)?;
    Ok(Redirect::to("/console"))
}
