//! Who runs a tenant, and what they may do.

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{TenantId, UserId};

use crate::ids::AdministratorId;
use crate::password::PasswordHash;

/// One administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Administrator {
    /// The administrator's id.
    pub id: AdministratorId,
    /// The tenant.
    pub tenant: TenantId,
    /// The sign-in name, compared without regard to case.
    pub name: String,
    /// The person of the tenant whose account this is, if that is known.
    pub person: Option<UserId>,
    /// Whether the account lives in the tenant only, so that a conquered directory does not bring it along.
    pub cloud_only: bool,
    /// The role.
    pub role: Role,
    /// The password's Argon2id hash.
    pub password: PasswordHash,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What an administrator is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything in the tenant.
    Global,
    /// Looks up what happened, and helps people along.
    HelpDesk,
}

impl Role {
    /// The role's name in the database and in the CLI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::HelpDesk => "help-desk",
        }
    }

    /// The role of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Global, Self::HelpDesk].into_iter().find(|role| role.as_str() == name)
    }
}

/// What an administrator may want to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Switch writeback on for the tenant, or confirm an agent's device code.
    EnableWriteback,
    /// Switch writeback off for the tenant.
    DisableWriteback,
    /// Make a token that enrols an agent, or revoke an agent.
    EnrolAgent,
    /// Change the tenant's switches and rules.
    ChangeTenant,
    /// Let removals through the tenant's deletion guard.
    ApproveRemovals,
    /// Make or change administrators.
    ManageAdministrators,
    /// Read audit facts and look up a support code.
    ReadAudit,
    /// Look up people.
    ReadUsers,
    /// See agents and their health.
    ReadAgents,
    /// Lift the stop that wrong codes put on a person's method.
    LiftStop,
    /// Ask a caller for a code, approve a colleague's case, make a temporary pass.
    HelpPerson,
}

/// Why an administrator may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// It takes the role 'global'.
    #[error("this takes the role 'global'")]
    NotGlobal,
    /// It takes an account that lives in the tenant only.
    #[error(
        "this takes a cloud-only administrator: one who is synchronised from a directory could be its intruder"
    )]
    NotCloudOnly,
}

impl Administrator {
    /// Whether this administrator may do that.
    ///
    /// # Errors
    /// [`Forbidden`], by what is missing.
    pub const fn may(&self, action: Action) -> Result<(), Forbidden> {
        match action {
            Action::ReadAudit
            | Action::ReadUsers
            | Action::ReadAgents
            | Action::LiftStop
            | Action::HelpPerson => Ok(()),
            Action::DisableWriteback | Action::ChangeTenant => self.global(),
            // One who comes from a directory could be whoever has taken that directory, and approve their own removals.
            Action::EnableWriteback
            | Action::EnrolAgent
            | Action::ApproveRemovals
            | Action::ManageAdministrators => match self.global() {
                Ok(()) if !self.cloud_only => Err(Forbidden::NotCloudOnly),
                other => other,
            },
        }
    }

    const fn global(&self) -> Result<(), Forbidden> {
        match self.role {
            Role::Global => Ok(()),
            Role::HelpDesk => Err(Forbidden::NotGlobal),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A member of the help desk of that name.
    pub(crate) fn called(name: &str) -> Administrator {
        Administrator { name: name.to_owned(), ..administrator(Role::HelpDesk, true) }
    }

    fn administrator(role: Role, cloud_only: bool) -> Administrator {
        Administrator {
            id: AdministratorId(uuid::Uuid::nil()),
            tenant: TenantId(uuid::Uuid::nil()),
            name: "Chiara".into(),
            person: None,
            cloud_only,
            role,
            password: PasswordHash::from_stored(String::new()),
            created_at: Timestamp::from_unix_ms(0),
        }
    }

    #[test]
    fn only_a_cloud_only_global_enables_writeback() {
        let action = Action::EnableWriteback;
        assert_eq!(administrator(Role::Global, true).may(action), Ok(()));
        assert_eq!(administrator(Role::Global, false).may(action), Err(Forbidden::NotCloudOnly));
        assert_eq!(administrator(Role::HelpDesk, true).may(action), Err(Forbidden::NotGlobal));
        assert_eq!(administrator(Role::HelpDesk, false).may(action), Err(Forbidden::NotGlobal));
    }

    #[test]
    fn help_desk_reads_and_lifts() {
        let helper = administrator(Role::HelpDesk, false);
        for action in [Action::ReadAudit, Action::ReadUsers, Action::ReadAgents, Action::LiftStop] {
            assert_eq!(helper.may(action), Ok(()));
        }
        for action in [Action::ChangeTenant, Action::DisableWriteback, Action::ManageAdministrators] {
            assert_eq!(helper.may(action), Err(Forbidden::NotGlobal));
        }
    }

    #[test]
    fn role_names_survive_the_way() {
        for role in [Role::Global, Role::HelpDesk] {
            assert_eq!(Role::from_name(role.as_str()), Some(role));
        }
    }
}
