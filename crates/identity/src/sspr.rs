//! Who may reset their own password: the tenant's switch, and what a person must have.

use ritorno_protocol::outcome::SsprCode;

use crate::gates::{GatePolicy, Gates};
use crate::licence::Operation;
use crate::method::Method;
use crate::tenant::Tenant;
use crate::user::{AddressKind, Mastered, User};

/// What is true of the whole tenant and may be told before any gate.
///
/// # Errors
/// The code of the switch that is off. Whether an agent is live is the relay's knowledge, and is asked there.
pub const fn tenant_allows(tenant: &Tenant) -> Result<(), SsprCode> {
    if tenant.sspr_enabled { Ok(()) } else { Err(SsprCode::TenantDisabled) }
}

/// What is true of the person: whether they may reset at all, and so may register what opens the gates.
///
/// # Errors
/// The code to tell after a gate, by mail, or at the help desk.
pub fn person_allowed(tenant: &Tenant, user: &User) -> Result<(), SsprCode> {
    if !user.enabled {
        return Err(SsprCode::NotEnabledInPolicy);
    }
    if !user.selected {
        return Err(SsprCode::NotInGroup);
    }
    match &user.mastered {
        Mastered::CloudOnly => Err(SsprCode::NotEnabledInPolicy),
        Mastered::Hybrid(_) if !tenant.writeback_enabled => Err(SsprCode::WritebackNotEnabled),
        Mastered::Hybrid(_) if !tenant.licensing.allows(user.licence, Operation::HybridReset) => {
            Err(SsprCode::NotLicensed)
        }
        Mastered::Hybrid(_) => Ok(()),
    }
}

/// What a person has that opens gates, beside their addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether an authenticator app is registered.
    pub app: bool,
    /// How many passkeys are registered.
    pub passkeys: u32,
    /// How many recovery codes are left.
    pub recovery_codes: u32,
    /// Whether the help desk made a temporary pass that holds.
    pub temporary_pass: bool,
    /// Whether an administrator of the tenant is the person, or has their sign-in name: a stricter policy holds then.
    pub administrator: bool,
}

impl Standing {
    /// Everything that the person can prove with.
    pub fn methods(&self, user: &User) -> Vec<Method> {
        let has = |method: &Method| match method {
            Method::Mail => user.code_address(AddressKind::default()).is_some(),
            Method::App => self.app,
            Method::Passkey => self.passkeys > 0,
            Method::RecoveryCode => self.recovery_codes > 0,
            Method::TemporaryPass => self.temporary_pass,
        };
        Method::ALL.into_iter().filter(has).collect()
    }

    /// The policy that holds for the person.
    pub fn policy(&self, tenant: &Tenant) -> GatePolicy {
        if self.administrator { GatePolicy::of_administrators() } else { tenant.gate_policy.clone() }
    }
}

/// The gates before a person who may reset. It is computed before the first gate and withheld until one is passed.
///
/// # Errors
/// The code to tell after a gate, by mail, or at the help desk: what [`person_allowed`] says, or
/// [`SsprCode::NotProperlyConfigured`] for whoever has too little to pass the gates.
pub fn gates(tenant: &Tenant, user: &User, standing: &Standing) -> Result<Gates, SsprCode> {
    person_allowed(tenant, user)?;
    match lacking(tenant, user, standing) {
        Some(_) => Err(SsprCode::NotProperlyConfigured),
        None => {
            let gates = standing.policy(tenant).before(&standing.methods(user));
            gates.ok_or(SsprCode::NotProperlyConfigured)
        }
    }
}

/// What somebody lacks to pass the gates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lacking {
    /// Further methods, of those that hold for them.
    Methods,
    /// One of these, which are what the pages begin with: the same for every name, whatever holds for an administrator.
    First(Vec<Method>),
}

/// What somebody lacks to pass the gates; `None` if they can.
pub fn lacking(tenant: &Tenant, user: &User, standing: &Standing) -> Option<Lacking> {
    let Some(gates) = standing.policy(tenant).before(&standing.methods(user)) else {
        return Some(Lacking::Methods);
    };
    let begins = tenant.gate_policy.methods();
    if gates.choices().iter().any(|method| begins.contains(method)) {
        return None;
    }
    let theirs = standing.policy(tenant);
    Some(Lacking::First(begins.iter().copied().filter(|method| theirs.allows(*method)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::tests::{person, tenant};

    #[test]
    fn each_missing_thing_has_its_code() {
        let (mut tenant, user) = (tenant(), person());
        let nothing = Standing::default();
        assert_eq!(gates(&tenant, &user, &nothing).unwrap().choices(), [Method::Mail]);

        let unreachable = User { alternate_mail: None, registered_mail: None, ..user.clone() };
        let empty = User { alternate_mail: Some(String::new()), registered_mail: None, ..user.clone() };
        for user in [&unreachable, &empty] {
            assert_eq!(gates(&tenant, user, &nothing), Err(SsprCode::NotProperlyConfigured));
            assert_eq!(person_allowed(&tenant, user), Ok(()), "that is what registering is for");
        }
        let app = Standing { app: true, ..nothing };
        assert_eq!(gates(&tenant, &unreachable, &app).unwrap().choices(), [Method::App]);
        let paper = Standing { recovery_codes: 1, ..nothing };
        assert_eq!(gates(&tenant, &unreachable, &paper).unwrap().choices(), [Method::RecoveryCode]);
        let disabled = User { enabled: false, ..user.clone() };
        let cloud_only = User { mastered: Mastered::CloudOnly, ..user.clone() };
        for nobody in [disabled, cloud_only] {
            assert_eq!(gates(&tenant, &nobody, &app), Err(SsprCode::NotEnabledInPolicy));
        }

        let elsewhere = User { selected: false, ..user.clone() };
        assert_eq!(gates(&tenant, &elsewhere, &app), Err(SsprCode::NotInGroup));
        // What the tenant does not allow opens nothing.
        tenant.gate_policy = GatePolicy::by_mail();
        assert_eq!(gates(&tenant, &unreachable, &app), Err(SsprCode::NotProperlyConfigured));
        // Whoever administers the tenant passes two gates, whatever it demands of others.
        let administrator = Standing { administrator: true, ..app };
        assert_eq!(gates(&tenant, &user, &administrator).unwrap().required(), 2);
        let alone = Standing { administrator: true, ..nothing };
        assert_eq!(gates(&tenant, &user, &alone), Err(SsprCode::NotProperlyConfigured));

        // And the first of them is one of those that the pages begin with.
        let paper = Standing { administrator: true, recovery_codes: 1, ..nothing };
        assert!(gates(&tenant, &user, &paper).is_ok());
        tenant.gate_policy = GatePolicy::new(1, vec![Method::TemporaryPass, Method::App], 1, true).unwrap();
        assert_eq!(gates(&tenant, &user, &paper), Err(SsprCode::NotProperlyConfigured));
        assert_eq!(lacking(&tenant, &user, &paper), Some(Lacking::First(vec![Method::App])));
        assert_eq!(lacking(&tenant, &user, &alone), Some(Lacking::Methods));
        assert!(gates(&tenant, &user, &administrator).is_ok());

        tenant.writeback_enabled = false;
        assert_eq!(person_allowed(&tenant, &user), Err(SsprCode::WritebackNotEnabled));
        tenant.sspr_enabled = false;
        assert_eq!(tenant_allows(&tenant), Err(SsprCode::TenantDisabled));
    }
}
