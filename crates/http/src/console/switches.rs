//! `POST /console/switches`: what holds for the whole tenant.

use axum::Form;
use axum::extract::State;
use axum::response::Redirect;
use ritorno_identity::administrator::Action;
use ritorno_identity::audit::Activity;
use ritorno_identity::tenant::Tenant;
use serde::Deserialize;

use super::session::SignedIn;
use crate::page::PageError;
use crate::reader::Reader;
use crate::state::AppState;

/// The switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SwitchName {
    /// May people reset their password?
    Sspr,
    /// Are new passwords written back?
    Writeback,
    /// May people unlock their account without a new password?
    Unlock,
    /// Are names forbidden in passwords, whatever the directory does?
    ForbidNames,
}

impl SwitchName {
    pub(super) const ALL: [Self; 4] = [Self::Sspr, Self::Writeback, Self::Unlock, Self::ForbidNames];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Sspr => "sspr",
            Self::Writeback => "writeback",
            Self::Unlock => "unlock",
            Self::ForbidNames => "forbid-names",
        }
    }

    pub(super) const fn is_on(self, tenant: &Tenant) -> bool {
        match self {
            Self::Sspr => tenant.sspr_enabled,
            Self::Writeback => tenant.writeback_enabled,
            Self::Unlock => tenant.unlock_enabled,
            Self::ForbidNames => tenant.forbid_names,
        }
    }

    const fn set(self, tenant: &mut Tenant, on: bool) {
        match self {
            Self::Sspr => tenant.sspr_enabled = on,
            Self::Writeback => tenant.writeback_enabled = on,
            Self::Unlock => tenant.unlock_enabled = on,
            Self::ForbidNames => tenant.forbid_names = on,
        }
    }

    /// What it takes, and how it is written down.
    pub(super) const fn action(self, on: bool) -> (Action, Activity) {
        match (self, on) {
            (Self::Writeback, true) => (Action::EnableWriteback, Activity::WritebackEnabled),
            (Self::Writeback, false) => (Action::DisableWriteback, Activity::WritebackDisabled),
            _ => (Action::ChangeTenant, Activity::PolicyChanged),
        }
    }
}

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
    let (action, activity) = switch.action(on);
    signed_in.require(action)?;
    let mut tenant = signed_in.tenant.clone();
    switch.set(&mut tenant, on);
    state.store.tenants().update(&tenant).await.map_err(PageError::behind)?;
    let reason = format!("{}: {}", switch.as_str(), if on { "on" } else { "off" });
    signed_in.note(&state, &reader, activity, reason, None).await?;
    Ok(Redirect::to("/console"))
}
