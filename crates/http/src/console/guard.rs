//! `POST /console/sync/guard`: how many removals the tenant's deletion guard lets through by itself.

use axum::Form;
use axum::extract::State;
use axum::response::Redirect;
use ritorno_identity::administrator::Action;
use ritorno_identity::removal_guard::{MOST, RemovalGuard};
use serde::Deserialize;

use super::session::SignedIn;
use crate::operations::guard::{also_takes, set};
use crate::page::PageError;
use crate::reader::Reader;
use crate::state::AppState;

/// The guard as the page shows it.
pub(super) struct GuardForm {
    pub(super) removals: u32,
    /// Empty for no part.
    pub(super) percent: String,
    pub(super) memberships: u32,
    pub(super) most: u32,
    /// Whether this administrator may change it.
    pub(super) theirs: bool,
    /// Whether they may also have more let through.
    pub(super) loosens: bool,
}

impl GuardForm {
    pub(super) fn of(signed_in: &SignedIn) -> Self {
        let guard = signed_in.tenant.removal_guard;
        Self {
            removals: guard.removals,
            percent: guard.percent.map(|percent| percent.to_string()).unwrap_or_default(),
            memberships: guard.memberships,
            most: MOST,
            theirs: signed_in.may(Action::ChangeGuard),
            loosens: signed_in.may(Action::ApproveRemovals),
        }
    }
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Input {
    removals: u32,
    percent: String,
    memberships: u32,
}

/// The handler.
pub(super) async fn change(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(Input { removals, percent, memberships }): Form<Input>,
) -> Result<Redirect, PageError> {
    signed_in.require(Action::ChangeGuard)?;
    let percent = match percent.trim() {
        "" => None,
        percent => Some(percent.parse().map_err(|_| PageError::Request)?),
    };
    let guard = RemovalGuard::new(removals, percent, memberships).map_err(|_| PageError::Request)?;
    if let Some(action) = also_takes(&signed_in.tenant, guard) {
        signed_in.require(action)?;
    }
    let operator = signed_in.operator(&reader);
    let is_set = set(&state, &operator, guard).await.map_err(PageError::behind)?;
    // Whoever changed it meanwhile is shown what it is now.
    Ok(Redirect::to(if is_set { "/console/sync?guarded=true#guard" } else { "/console/sync#guard" }))
}
