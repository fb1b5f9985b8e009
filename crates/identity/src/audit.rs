//! Audit facts: who did what, on whom, from where, and how it ended. Microsoft's activity names where it has them, so that
//! an administrator's filters go on working.

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, RequestId, SupportCode, TenantId, UserId};

use crate::ids::{AdministratorId, CorrelationId, FactId};

macro_rules! activities {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Activity {
            $($(#[$doc])* $variant,)*
            /// One that a later version wrote, by its name.
            Other(&'static str),
        }

        impl Activity {
            /// Every activity there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name that is stored and shown.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(name) => name,
                }
            }
        }
    };
}

activities! {
    /// Microsoft's.
    ResetPassword = "Reset password (self-service)";
    /// Microsoft's.
    ChangePassword = "Change password (self-service)";
    /// Microsoft's.
    UnlockAccount = "Unlock user account (self-service)";
    /// Microsoft's. A step on the way: name given, code sent, code right or wrong.
    FlowProgress = "Self-service password reset flow activity progress";
    /// Another agent found out how a request had ended, and the one that made the write says otherwise.
    OutcomeCorrected = "Correct outcome of password reset";
    /// Microsoft's. A stop was reached.
    Blocked = "Blocked from self-service password reset";
    /// Microsoft's.
    Registered = "User registered for self-service password reset";
    /// A registered address was replaced by another.
    RegistrationReplaced = "User replaced registered address";
    /// A registered address was removed by its owner.
    RegistrationRemoved = "User removed registered address";
    /// A step on the way to a registered address: name given, password right or wrong, code sent, code right or wrong.
    RegistrationProgress = "Address registration activity progress";
    /// Microsoft's. What opens a gate was registered: an authenticator app, recovery codes.
    MethodRegistered = "User registered security info";
    /// Microsoft's. What opens a gate was removed by its owner.
    MethodRemoved = "User deleted security info";
    /// A person looked through what opens their gates, and said that it is right.
    MethodsConfirmed = "User confirmed security info";
    /// Microsoft's.
    PolicyChanged = "Self-service password reset policy changes";
    /// Microsoft's. A licence was assigned, or taken back.
    LicenceChanged = "Change user license";
    /// Whether licences are asked for, where products are used, or what was bought.
    LicensingChanged = "Change licensing";
    /// Writeback was switched on for the tenant or an agent.
    WritebackEnabled = "Enable password writeback";
    /// Writeback was switched off for the tenant or an agent.
    WritebackDisabled = "Disable password writeback";
    /// A token to enrol an agent with was made.
    EnrolmentTokenMade = "Create agent enrolment token";
    /// A token for a program was made.
    ApiTokenMade = "Create API token";
    /// A token for a program was revoked.
    ApiTokenRevoked = "Revoke API token";
    /// An agent was enrolled.
    AgentEnrolled = "Enrol agent";
    /// An agent was revoked.
    AgentRevoked = "Revoke agent";
    /// An agent was given another name.
    AgentRenamed = "Rename agent";
    /// An agent took up a further forest, which no other agent ever had.
    AgentForestTaken = "Agent takes up forest";
    /// An agent says that it serves a forest which is another's; it does not, until an administrator allows it.
    AgentForestRefused = "Agent refused forest";
    /// An administrator allowed an agent a forest.
    AgentForestAllowed = "Allow agent forest";
    /// An administrator let a list of removals of an agent through the tenant's deletion guard.
    RemovalsApproved = "Approve removals";
    /// A new identity key of an agent was certified.
    AgentKeysRolled = "Roll agent keys";
    /// A new signing key of the server was certified.
    SigningKeyRolled = "Roll signing key";
    /// An administrator signed in, or tried to.
    AdministratorSignIn = "Sign in administrator";
    /// A person signed in to their own pages, or tried to.
    SignIn = "Sign in user";
    /// A person was made, by synchronisation or in the tenant itself.
    UserAdded = "Add user";
    /// A person was changed by synchronisation.
    UserUpdated = "Update user";
    /// A person was removed, by synchronisation or in the tenant itself.
    UserDeleted = "Delete user";
    /// A group came.
    GroupAdded = "Add group";
    /// A group, or who is in it, changed.
    GroupUpdated = "Update group";
    /// A group went.
    GroupDeleted = "Delete group";
    /// A backup was put back: what was written down after it is not here.
    Restored = "Restore from backup";
    /// The tenant was made.
    TenantMade = "Create tenant";
    /// A tenant was removed from the server, with everything of it. The fact is the server's first tenant's.
    TenantRemoved = "Delete tenant";
    /// An administrator was made.
    AdministratorAdded = "Add administrator";
    /// An administrator was removed.
    AdministratorRemoved = "Delete administrator";
    /// It was said whose account an administrator's is.
    AdministratorPersonSet = "Set person of administrator";
    /// It was said where mail to an administrator goes.
    AdministratorMailSet = "Set mail of administrator";
    /// An administrator's password was replaced from the command line.
    AdministratorPasswordSet = "Reset administrator password";
    /// An administrator took the audit, or a part of it, as a file.
    AuditExported = "Export audit";
    /// It was said how long audit facts are kept.
    AuditRetentionSet = "Set audit retention";
    /// Audit facts that were older than they are kept were cut off, up to a signed head.
    AuditCut = "Cut audit by retention";
    /// An administrator set up an authenticator app, or it was taken away from the command line.
    AdministratorApp = "Set up administrator authenticator app";
    /// An administrator registered or removed a passkey, or it was taken away from the command line.
    AdministratorPasskey = "Change administrator passkeys";
    /// It was said whom an administrator is for.
    AdministratorScopeSet = "Set scope of administrator";
    /// An administrator took back what a person had registered to open the gates with.
    MethodRevoked = "Admin deleted security info";
    /// The help desk opened a case, got a code read out, or had it approved by a colleague.
    HelpDeskCase = "Help desk identity check";
    /// Microsoft's. An administrator gave a person a generated password, which they have to change.
    ResetByAdministrator = "Reset password (by admin)";
    /// The help desk made a temporary pass.
    PassMade = "Create temporary pass";
    /// The help desk lifted a stop.
    StopLifted = "Lift self-service password reset block";
}

impl Activity {
    /// The activity of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|activity| activity.name() == name)
    }
}

/// Who acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The person themselves, as far as the gates tell.
    User(UserId),
    /// An administrator.
    Administrator(AdministratorId),
    /// An agent.
    Agent(AgentId),
    /// Somebody who passed no gate.
    Anonymous,
    /// The server: its command line, or a task of its own.
    System,
}

impl Actor {
    /// The kind's name, and the id where there is one: as they are stored, hashed and sent away.
    pub fn parts(&self) -> (&'static str, Option<String>) {
        match self {
            Self::User(id) => ("user", Some(id.to_string())),
            Self::Administrator(id) => ("administrator", Some(id.to_string())),
            Self::Agent(id) => ("agent", Some(id.to_string())),
            Self::Anonymous => ("anonymous", None),
            Self::System => ("system", None),
        }
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Success {
    /// Done.
    Success,
    /// Not done.
    Failure,
    /// It can't be proved either way.
    Unknown,
}

impl Success {
    /// The name that is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        }
    }

    /// The value of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Success, Self::Failure, Self::Unknown].into_iter().find(|value| value.as_str() == name)
    }
}

/// One fact. Facts are added, never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Its id.
    pub id: FactId,
    /// The tenant.
    pub tenant: TenantId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub activity: Activity,
    /// Who.
    pub actor: Actor,
    /// On whom, if on a person of the tenant.
    pub target: Option<UserId>,
    /// From where: the client's network address.
    pub from: Option<String>,
    /// How it ended.
    pub success: Success,
    /// Why, or which step: short, for operators, never a secret.
    pub reason: String,
    /// What the person was given for the help desk.
    pub support_code: Option<SupportCode>,
    /// Ties the facts of one way through the pages together.
    pub correlation: CorrelationId,
    /// The request to the directory, if there was one.
    pub request: Option<RequestId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_survive_the_way() {
        for activity in Activity::ALL {
            assert_eq!(Activity::from_name(activity.name()), Some(*activity));
        }
        for success in [Success::Success, Success::Failure, Success::Unknown] {
            assert_eq!(Success::from_name(success.as_str()), Some(success));
        }
    }
}
