//! What the help desk may do for a caller who can pass no gate: ask for a code that only they can have, and make a temporary pass.
//!
//! ```text
//! a code goes to the caller's address ─▶ they read it out ─▶ the operator types it ─┐
//! no code can reach them ─▶ another operator approves ──────────────────────────────┴▶ a pass is shown, once
//! ```
//!
//! In the place of the pass, the operator may give the person a generated password, which they have to change.
//!
//! Neither code is any gate's: each has a digest of its own kind.

use std::time::Duration;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{TenantId, UserId};

use crate::administrator::Administrator;
use crate::device_code::UserCode;
use crate::ids::{AdministratorId, CaseId};
use crate::pepper::Pepper;
use crate::user::User;

/// How long a case is open: for a code to arrive and be read out, or a colleague to approve.
pub const VALID: Duration = Duration::from_secs(15 * 60);
/// How long a temporary pass holds.
pub const PASS_VALID: Duration = Duration::from_secs(15 * 60);
/// How often a code that was read out may be tried, the right try included.
pub const TRIES: u32 = 5;
/// Most letters of a reason.
pub const REASON_AT_MOST: usize = 200;

/// A code's or a pass's keyed digest: what the database keeps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SpokenDigest(pub [u8; 32]);

/// One caller who is being helped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its id.
    pub id: CaseId,
    /// The tenant.
    pub tenant: TenantId,
    /// The caller, or who they say they are.
    pub user: UserId,
    /// Who helps.
    pub operator: AdministratorId,
    /// Why, in the operator's words.
    pub reason: String,
    /// Whether a code was sent; else a colleague has to approve.
    pub by_code: bool,
    /// Whether the caller read out the right code, or a colleague approved.
    pub cleared: bool,
    /// Whether it has served: the pass was made, or a password was given in its place.
    pub passed: bool,
    /// When it was opened.
    pub created_at: Timestamp,
    /// First moment at which it is closed.
    pub expires_at: Timestamp,
}

/// Why an operator may not help this person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHelped {
    /// It is the operator.
    #[error("nobody makes a pass for themselves")]
    Oneself,
    /// The person administers the tenant.
    #[error("there is no pass for whoever administers the tenant")]
    Administrator,
}

/// Whether an operator may help this person, who administers the tenant or not. The operator is the person if their account says
/// so; and whoever has one of the person's own names is taken for the person, whatever the account says.
///
/// # Errors
/// [`NotHelped`].
pub fn may_help(operator: &Administrator, user: &User, administers: bool) -> Result<(), NotHelped> {
    let called = operator.name.trim().to_lowercase();
    let own = |name: &str| called == name.trim().to_lowercase();
    let principal = user.user_principal_name.as_str();
    let before_at = principal.split('@').next().unwrap_or(principal);
    let account = user.on_premises().is_some_and(|object| {
        own(&object.account_name) || own(&format!("{}\\{}", object.domain, object.account_name))
    });
    if operator.person == Some(user.id) || own(principal) || own(before_at) || account {
        Err(NotHelped::Oneself)
    } else if administers {
        Err(NotHelped::Administrator)
    } else {
        Ok(())
    }
}

/// The digest of a code that the caller reads out: good for one case.
pub fn code_digest(code: &UserCode, pepper: &Pepper, tenant: TenantId, case: CaseId) -> SpokenDigest {
    let spoken = code.to_string();
    SpokenDigest(
        pepper.digest("help-desk/code", &[tenant.0.as_bytes(), case.0.as_bytes(), spoken.as_bytes()]),
    )
}

/// The digest of a temporary pass: good for one person.
pub fn pass_digest(pass: &UserCode, pepper: &Pepper, tenant: TenantId, user: UserId) -> SpokenDigest {
    let spoken = pass.to_string();
    SpokenDigest(
        pepper.digest("help-desk/pass", &[tenant.0.as_bytes(), user.0.as_bytes(), spoken.as_bytes()]),
    )
}

impl std::fmt::Debug for SpokenDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SpokenDigest")
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn nobody_helps_themselves_or_an_administrator() {
        let anna = crate::flow::tests::person();
        let called = |name: &str| crate::administrator::tests::called(name);
        assert_eq!(may_help(&called("desk"), &anna, false), Ok(()));
        assert_eq!(may_help(&called("anna@fabrikam.test"), &anna, false), Ok(()));
        for own in ["Anna@Contoso.test ", "anna", "ANNA", "contoso\\anna"] {
            assert_eq!(may_help(&called(own), &anna, true), Err(NotHelped::Oneself), "{own}");
        }
        assert_eq!(may_help(&called("desk"), &anna, true), Err(NotHelped::Administrator));
        let theirs = |person| Administrator { person: Some(person), ..called("desk") };
        assert_eq!(may_help(&theirs(anna.id), &anna, false), Err(NotHelped::Oneself));
        assert_eq!(may_help(&theirs(UserId(Uuid::from_u128(9))), &anna, false), Ok(()));
    }

    #[test]
    fn a_code_is_no_pass_and_a_pass_is_one_persons() {
        let (pepper, tenant) = (Pepper::new([1; 32]), TenantId(Uuid::from_u128(1)));
        let code = UserCode::parse("BCDF-GHJK").unwrap();
        let pass = |user| pass_digest(&code, &pepper, tenant, UserId(Uuid::from_u128(user)));
        assert_ne!(pass(1), pass(2));
        assert_ne!(pass(1), code_digest(&code, &pepper, tenant, CaseId(Uuid::from_u128(1))));
        assert_eq!(format!("{:?}", pass(1)), "SpokenDigest");
    }
}
