//! What no token does: it takes an administrator in the console who has shown the second factor a moment ago, or another one's own
//! eyes. The routes are here so that whoever looks for them in the document finds out why; which they are is decided by
//! [`Action::scope`].

use ritorno_identity::administrator::Action;

use super::caller::Caller;
use super::input::not_found;
use crate::problem::Problem;

/// The answer: what the administrator lacks, or that no token does it.
fn refused(caller: &Caller, action: Action) -> Problem {
    // Nobody comes to the second: an action without a scope is refused.
    caller.require(action).err().unwrap_or_else(not_found)
}

/// Makes a path of the document that no token opens.
macro_rules! in_person {
    ($($(#[$doc:meta])* $name:ident: $method:ident $path:literal, $tag:literal, ($($parameter:tt)*), $action:ident;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(
            $method,
            path = $path,
            tag = $tag,
            security(("token" = [])),
            params($($parameter)*),
            responses((
                status = 403,
                description = "`in-person`: an administrator does it in the console, who has just shown who they are. `forbidden`: the administrator may not do it there either.",
                body = Problem,
                content_type = "application/problem+json",
            ))
        )]
        pub(super) async fn $name(caller: Caller) -> Problem {
            refused(&caller, Action::$action)
        }
    )*};
}

in_person! {
    /// Gives an agent another name: in the console only.
    rename_agent: put "/api/v1/agents/{agent}/name", "agents",
        (("agent" = String, Path, format = "uuid", description = "The agent's id.")), EnrolAgent;
    /// Allows an agent a forest: in the console only.
    allow_agent_forest: post "/api/v1/agents/{agent}/forests", "agents",
        (("agent" = String, Path, format = "uuid", description = "The agent's id.")), EnrolAgent;
    /// Revokes an agent: in the console, or by `ritorno agent revoke`.
    revoke_agent: delete "/api/v1/agents/{agent}", "agents",
        (("agent" = String, Path, format = "uuid", description = "The agent's id.")), EnrolAgent;
    /// Makes a token that enrols an agent: in the console, or by `ritorno agent token`.
    make_enrolment_token: post "/api/v1/enrolment-tokens", "agents", (), EnrolAgent;
    /// Confirms the code that an agent shows, which switches writeback on: in the console only.
    confirm_onboarding: post "/api/v1/onboarding/confirmations", "agents", (), EnableWriteback;
    /// Lets removals through that the deletion guard holds: in the console only.
    approve_removals: post "/api/v1/agents/{agent}/removals/approvals", "removals",
        (("agent" = String, Path, format = "uuid", description = "The agent's id.")), ApproveRemovals;
    /// Approves a colleague's case: in the console only, since it is worth something only if somebody looked.
    approve_case: post "/api/v1/people/{person}/help-desk/cases/{case}/approval", "help-desk",
        (("person" = String, Path, format = "uuid", description = "The person's id."),
         ("case" = String, Path, format = "uuid", description = "The case.")), ApproveCase;
    /// Gives a person a generated password: in the console only, where the browser makes it and seals it for their directory.
    give_password: post "/api/v1/people/{person}/help-desk/cases/{case}/password", "help-desk",
        (("person" = String, Path, format = "uuid", description = "The person's id."),
         ("case" = String, Path, format = "uuid", description = "The case.")), ResetPassword;
}
