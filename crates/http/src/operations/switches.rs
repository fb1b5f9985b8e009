//! What holds for the whole tenant, as far as it is on or off.

use ritorno_identity::administrator::Action;
use ritorno_identity::audit::Activity;
use ritorno_identity::tenant::Tenant;
use ritorno_storage::{StoreError, TenantSwitch};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::operator::Operator;
use crate::state::AppState;

/// The switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SwitchName {
    /// May people reset their password?
    Sspr,
    /// Are new passwords written back?
    Writeback,
    /// May people unlock their account without a new password?
    Unlock,
    /// Are names forbidden in passwords, whatever the directory does?
    ForbidNames,
    /// Are people led at sign-in to register what they lack, and to look through it when it is time?
    RequireRegistration,
    /// Are administrators told when another one's password is reset?
    NotifyAdministrators,
    /// Are people told by mail that they should register what they lack, or look through it?
    RegistrationMails,
}

impl SwitchName {
    pub(crate) const ALL: [Self; 7] = [
        Self::Sspr,
        Self::Writeback,
        Self::Unlock,
        Self::ForbidNames,
        Self::RequireRegistration,
        Self::NotifyAdministrators,
        Self::RegistrationMails,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Sspr => "sspr",
            Self::Writeback => "writeback",
            Self::Unlock => "unlock",
            Self::ForbidNames => "forbid-names",
            Self::RequireRegistration => "require-registration",
            Self::NotifyAdministrators => "notify-administrators",
            Self::RegistrationMails => "registration-mails",
        }
    }

    pub(crate) const fn is_on(self, tenant: &Tenant) -> bool {
        match self {
            Self::Sspr => tenant.sspr_enabled,
            Self::Writeback => tenant.writeback_enabled,
            Self::Unlock => tenant.unlock_enabled,
            Self::ForbidNames => tenant.forbid_names,
            Self::RequireRegistration => tenant.require_registration,
            Self::NotifyAdministrators => tenant.notify_administrators,
            Self::RegistrationMails => tenant.registration_mails,
        }
    }

    const fn stored(self) -> TenantSwitch {
        match self {
            Self::Sspr => TenantSwitch::Sspr,
            Self::Writeback => TenantSwitch::Writeback,
            Self::Unlock => TenantSwitch::Unlock,
            Self::ForbidNames => TenantSwitch::ForbidNames,
            Self::RequireRegistration => TenantSwitch::RequireRegistration,
            Self::NotifyAdministrators => TenantSwitch::NotifyAdministrators,
            Self::RegistrationMails => TenantSwitch::RegistrationMails,
        }
    }

    /// What it takes, and how it is written down.
    pub(crate) const fn action(self, on: bool) -> (Action, Activity) {
        match (self, on) {
            (Self::Writeback, true) => (Action::EnableWriteback, Activity::WritebackEnabled),
            (Self::Writeback, false) => (Action::DisableWriteback, Activity::WritebackDisabled),
            _ => (Action::ChangeTenant, Activity::PolicyChanged),
        }
    }
}

/// Turns a switch.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn turn(
    state: &AppState,
    operator: &Operator,
    switch: SwitchName,
    on: bool,
) -> Result<(), StoreError> {
    state.store.tenants().turn(operator.tenant.id, switch.stored(), on).await?;
    let reason = format!("{}: {}", switch.as_str(), if on { "on" } else { "off" });
    operator.note(state, switch.action(on).1, reason, None).await
}
