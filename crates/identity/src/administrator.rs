//! Who runs a tenant, and what they may do.

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{GroupId, TenantId, UserId};

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
    /// Where mail to them goes; `None` for the address of the person, if that is known.
    pub mail: Option<String>,
    /// Whether the account lives in the tenant only, so that a conquered directory does not bring it along.
    pub cloud_only: bool,
    /// The role.
    pub role: Role,
    /// Whom the role is about.
    pub scope: Scope,
    /// Whether it is for the day on which every app is lost: it signs in with its password alone, and each time it does is told
    /// in the log.
    pub break_glass: bool,
    /// Whether an authenticator app is set up for it.
    pub app: bool,
    /// How many passkeys are registered for it.
    pub passkeys: u32,
    /// The password's Argon2id hash.
    pub password: PasswordHash,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The people whom an administrator may look up and help. With neither a domain nor a group it is everybody, with both it is who is
/// in both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The domain of their sign-in names: `contoso.com`, in lower case.
    pub domain: Option<String>,
    /// A group that they are in, also by way of other groups.
    pub group: Option<GroupId>,
}

impl Scope {
    /// Whether it is everybody.
    pub const fn is_everybody(&self) -> bool {
        self.domain.is_none() && self.group.is_none()
    }

    /// Whether somebody of that sign-in name is of the domain, if one is named.
    pub fn has_domain_of(&self, user_principal_name: &str) -> bool {
        let Some(domain) = &self.domain else { return true };
        user_principal_name.rsplit_once('@').is_some_and(|(_, of)| of.eq_ignore_ascii_case(domain))
    }
}

/// What an administrator is for. Microsoft's roles, as far as they are about passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything in the tenant.
    Global,
    /// Agents, synchronisation and writeback.
    HybridIdentity,
    /// Helps people along, and takes back what they registered.
    Authentication,
    /// Looks up what happened, and helps people along.
    HelpDesk,
    /// Reads what happened, and how it stands.
    ReportsReader,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] =
        [Self::Global, Self::HybridIdentity, Self::Authentication, Self::HelpDesk, Self::ReportsReader];

    /// The role's name in the database and in the CLI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::HybridIdentity => "hybrid-identity",
            Self::Authentication => "authentication",
            Self::HelpDesk => "help-desk",
            Self::ReportsReader => "reports-reader",
        }
    }

    /// The role of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// Whether the role is about people, so that it can be for some of them only.
    pub const fn can_have_a_scope(self) -> bool {
        matches!(self, Self::Authentication | Self::HelpDesk)
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
    /// See which removals the tenant's deletion guard holds.
    ReadRemovals,
    /// Let removals through the tenant's deletion guard, or have it let more through by itself.
    ApproveRemovals,
    /// Say how many removals the tenant's deletion guard lets through by itself; more than now takes [`Action::ApproveRemovals`] too.
    ChangeGuard,
    /// See what was bought, and who has what.
    ReadLicences,
    /// Make or change administrators.
    ManageAdministrators,
    /// Read audit facts and look up a support code.
    ReadAudit,
    /// See what happened around one person, or under a support code.
    ReadTimeline,
    /// Look up people.
    ReadUsers,
    /// See how the tenant stands: its switches, its agents and their health.
    ReadTenant,
    /// Lift the stop that wrong codes put on a person's method.
    LiftStop,
    /// Ask a caller for a code, ask a colleague for approval, make a temporary pass.
    HelpPerson,
    /// Approve a colleague's case.
    ApproveCase,
    /// Take back what a person registered to open the gates with.
    RevokeMethods,
    /// Add, change and remove the people whom the tenant itself keeps, by SCIM.
    ProvisionPeople,
    /// Give a person a generated password, which they have to change.
    ResetPassword,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 19] = [
        Self::EnableWriteback,
        Self::DisableWriteback,
        Self::EnrolAgent,
        Self::ChangeTenant,
        Self::ReadRemovals,
        Self::ApproveRemovals,
        Self::ChangeGuard,
        Self::ReadLicences,
        Self::ManageAdministrators,
        Self::ReadAudit,
        Self::ReadTimeline,
        Self::ReadUsers,
        Self::ReadTenant,
        Self::LiftStop,
        Self::HelpPerson,
        Self::ApproveCase,
        Self::RevokeMethods,
        Self::ProvisionPeople,
        Self::ResetPassword,
    ];

    /// What it is called in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EnableWriteback => "enable-writeback",
            Self::DisableWriteback => "disable-writeback",
            Self::EnrolAgent => "enrol-agent",
            Self::ChangeTenant => "change-tenant",
            Self::ReadRemovals => "read-removals",
            Self::ApproveRemovals => "approve-removals",
            Self::ChangeGuard => "change-guard",
            Self::ReadLicences => "read-licences",
            Self::ManageAdministrators => "manage-administrators",
            Self::ReadAudit => "read-audit",
            Self::ReadTimeline => "read-timeline",
            Self::ReadUsers => "read-users",
            Self::ReadTenant => "read-tenant",
            Self::LiftStop => "lift-stop",
            Self::HelpPerson => "help-person",
            Self::ApproveCase => "approve-case",
            Self::RevokeMethods => "revoke-methods",
            Self::ProvisionPeople => "provision-people",
            Self::ResetPassword => "reset-password",
        }
    }

    /// The roles that may.
    pub const fn roles(self) -> &'static [Role] {
        use Role::{Authentication, Global, HelpDesk, HybridIdentity, ReportsReader};
        match self {
            Self::EnableWriteback | Self::DisableWriteback | Self::EnrolAgent | Self::ChangeGuard => {
                &[Global, HybridIdentity]
            }
            Self::ChangeTenant
            | Self::ReadRemovals
            | Self::ApproveRemovals
            | Self::ReadLicences
            | Self::ManageAdministrators
            | Self::ProvisionPeople => &[Global],
            Self::ReadAudit | Self::ReadTimeline => &Role::ALL,
            Self::ReadUsers => &[Global, HybridIdentity, Authentication, HelpDesk],
            Self::ReadTenant => &[Global, HybridIdentity, ReportsReader],
            Self::LiftStop | Self::HelpPerson | Self::ApproveCase | Self::ResetPassword => {
                &[Global, Authentication, HelpDesk]
            }
            Self::RevokeMethods => &[Global, Authentication],
        }
    }

    /// Whether it takes an account that lives in the tenant only: one who comes from a directory could be whoever has taken that
    /// directory, and approve their own removals, or remove the tenant's own people.
    pub const fn takes_cloud_only(self) -> bool {
        matches!(
            self,
            Self::EnableWriteback
                | Self::EnrolAgent
                | Self::ApproveRemovals
                | Self::ChangeGuard
                | Self::ManageAdministrators
                | Self::ProvisionPeople
        )
    }

    /// Whether it takes a second factor that was shown a moment ago ([`crate::session::FRESH`]): what a session left open on a
    /// desk must not do.
    pub const fn takes_fresh_proof(self) -> bool {
        matches!(
            self,
            Self::EnableWriteback
                | Self::EnrolAgent
                | Self::ApproveRemovals
                | Self::ChangeGuard
                | Self::ManageAdministrators
                | Self::ResetPassword
        )
    }

    /// What a token is made with so that it may be done by it; `None` for what no token does. That is whatever takes a fresh proof,
    /// which a token is not; and a colleague's approval, which is worth something only if somebody looked.
    pub const fn scope(self) -> Option<&'static str> {
        match self {
            Self::EnableWriteback
            | Self::EnrolAgent
            | Self::ApproveRemovals
            | Self::ChangeGuard
            | Self::ManageAdministrators
            | Self::ApproveCase
            | Self::ResetPassword => None,
            Self::DisableWriteback => Some("writeback.disable"),
            Self::ChangeTenant => Some("tenant.write"),
            Self::ReadTenant => Some("tenant.read"),
            Self::ReadRemovals => Some("removals.read"),
            Self::ReadLicences => Some("licences.read"),
            Self::ReadAudit => Some("audit.read"),
            Self::ReadTimeline => Some("timeline.read"),
            Self::ReadUsers => Some("people.read"),
            Self::LiftStop => Some("people.lift"),
            Self::HelpPerson => Some("people.help"),
            Self::RevokeMethods => Some("people.revoke"),
            Self::ProvisionPeople => Some("people.provision"),
        }
    }

    /// What a token with that scope may.
    pub fn of_scope(scope: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.scope() == Some(scope))
    }

    /// Whether it is about the whole tenant, so that nobody may who is for some people only.
    const fn is_about_everybody(self) -> bool {
        !matches!(
            self,
            Self::ReadTimeline
                | Self::ReadUsers
                | Self::LiftStop
                | Self::HelpPerson
                | Self::ApproveCase
                | Self::RevokeMethods
                | Self::ResetPassword
        )
    }
}

/// Why an administrator may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// It takes the role 'global'.
    #[error("this takes the role 'global'")]
    NotGlobal,
    /// It takes another role, and not only 'global' has it.
    #[error("this takes another role")]
    NotThisRole,
    /// The administrator is for some people only.
    #[error("this takes an administrator who is for everybody in the tenant")]
    Scoped,
    /// It takes an account that lives in the tenant only.
    #[error(
        "this takes a cloud-only administrator: one who is synchronised from a directory could be its intruder"
    )]
    NotCloudOnly,
}

impl Administrator {
    /// Whether it has a second factor beside its password.
    pub const fn has_factor(&self) -> bool {
        self.app || self.passkeys > 0
    }

    /// Whether this administrator may do that.
    ///
    /// # Errors
    /// [`Forbidden`], by what is missing.
    pub fn may(&self, action: Action) -> Result<(), Forbidden> {
        let roles = action.roles();
        if !roles.contains(&self.role) {
            let only_global = *roles == [Role::Global];
            return Err(if only_global { Forbidden::NotGlobal } else { Forbidden::NotThisRole });
        }
        if action.is_about_everybody() && !self.scope.is_everybody() {
            return Err(Forbidden::Scoped);
        }
        if action.takes_cloud_only() && !self.cloud_only {
            return Err(Forbidden::NotCloudOnly);
        }
        Ok(())
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
            mail: None,
            cloud_only,
            role,
            scope: Scope::default(),
            break_glass: false,
            app: false,
            passkeys: 0,
            password: PasswordHash::from_stored(String::new()),
            created_at: Timestamp::from_unix_ms(0),
        }
    }

    #[test]
    fn each_role_may_what_the_table_says() {
        use Role::{Authentication, Global, HelpDesk, HybridIdentity, ReportsReader};
        let table = [
            (Action::EnableWriteback, vec![Global, HybridIdentity]),
            (Action::DisableWriteback, vec![Global, HybridIdentity]),
            (Action::EnrolAgent, vec![Global, HybridIdentity]),
            (Action::ChangeTenant, vec![Global]),
            (Action::ReadRemovals, vec![Global]),
            (Action::ApproveRemovals, vec![Global]),
            (Action::ChangeGuard, vec![Global, HybridIdentity]),
            (Action::ReadLicences, vec![Global]),
            (Action::ManageAdministrators, vec![Global]),
            (Action::ReadAudit, vec![Global, HybridIdentity, Authentication, HelpDesk, ReportsReader]),
            (Action::ReadTimeline, vec![Global, HybridIdentity, Authentication, HelpDesk, ReportsReader]),
            (Action::ReadUsers, vec![Global, HybridIdentity, Authentication, HelpDesk]),
            (Action::ReadTenant, vec![Global, HybridIdentity, ReportsReader]),
            (Action::LiftStop, vec![Global, Authentication, HelpDesk]),
            (Action::HelpPerson, vec![Global, Authentication, HelpDesk]),
            (Action::ApproveCase, vec![Global, Authentication, HelpDesk]),
            (Action::RevokeMethods, vec![Global, Authentication]),
            (Action::ProvisionPeople, vec![Global]),
            (Action::ResetPassword, vec![Global, Authentication, HelpDesk]),
        ];
        assert_eq!(table.each_ref().map(|(action, _)| *action), Action::ALL);
        for (action, roles) in table {
            for role in Role::ALL {
                let may = administrator(role, true).may(action);
                assert_eq!(may.is_ok(), roles.contains(&role), "{role:?} {action:?}: {may:?}");
            }
        }
    }

    #[test]
    fn only_a_cloud_only_one_enables_writeback() {
        let action = Action::EnableWriteback;
        for role in [Role::Global, Role::HybridIdentity] {
            assert_eq!(administrator(role, true).may(action), Ok(()));
            assert_eq!(administrator(role, false).may(action), Err(Forbidden::NotCloudOnly));
        }
        assert_eq!(administrator(Role::HelpDesk, true).may(action), Err(Forbidden::NotThisRole));
        assert_eq!(administrator(Role::HelpDesk, false).may(action), Err(Forbidden::NotThisRole));
        assert_eq!(administrator(Role::HelpDesk, true).may(Action::ChangeTenant), Err(Forbidden::NotGlobal));
    }

    #[test]
    fn nobody_of_a_directory_provisions_the_tenants_own_people() {
        assert_eq!(administrator(Role::Global, true).may(Action::ProvisionPeople), Ok(()));
        let synchronised = administrator(Role::Global, false).may(Action::ProvisionPeople);
        assert_eq!(synchronised, Err(Forbidden::NotCloudOnly));
    }

    #[test]
    fn who_is_for_some_people_only_sees_and_does_nothing_about_everybody() {
        let domain = Scope { domain: Some("contoso.test".into()), group: None };
        let group = Scope { domain: None, group: Some(GroupId(uuid::Uuid::nil())) };
        let people = [
            Action::ReadTimeline,
            Action::ReadUsers,
            Action::LiftStop,
            Action::HelpPerson,
            Action::ApproveCase,
            Action::ResetPassword,
        ];
        for scope in [domain, group] {
            let helper = Administrator { scope, ..administrator(Role::HelpDesk, true) };
            for action in Action::ALL {
                assert_eq!(helper.may(action).is_ok(), people.contains(&action), "{action:?}");
            }
        }
    }

    #[test]
    fn a_scope_by_domain_is_about_the_sign_in_name_to_its_end() {
        let scope = Scope { domain: Some("contoso.test".into()), group: None };
        assert!(scope.has_domain_of("anna.rossi@Contoso.test"));
        for other in
            ["anna@fabrikam.test", "anna@x.contoso.test", "contoso.test", "a@contoso.test@fabrikam.test"]
        {
            assert!(!scope.has_domain_of(other), "{other}");
        }
        assert!(Scope::default().has_domain_of("anna@fabrikam.test"));
    }

    #[test]
    fn each_scope_is_one_actions_and_what_takes_a_fresh_proof_has_none() {
        for action in Action::ALL {
            match action.scope() {
                Some(scope) => assert_eq!(Action::of_scope(scope), Some(action)),
                None => assert!(action.takes_fresh_proof() || action == Action::ApproveCase, "{action:?}"),
            }
            assert!(!action.takes_fresh_proof() || action.scope().is_none(), "{action:?}");
        }
        assert_eq!(Action::of_scope("writeback.enable"), None);
    }

    #[test]
    fn each_action_is_called_as_in_the_code() {
        for action in Action::ALL {
            let mut words = String::new();
            for letter in format!("{action:?}").chars() {
                if letter.is_ascii_uppercase() && !words.is_empty() {
                    words.push('-');
                }
                words.push(letter.to_ascii_lowercase());
            }
            assert_eq!(action.as_str(), words);
        }
    }

    #[test]
    fn role_names_survive_the_way() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.as_str()), Some(role));
        }
        assert_eq!(Role::from_name("root"), None);
    }
}
