//! Who may reset their own password: the tenant's switch, and what a person must have.

use ritorno_protocol::outcome::SsprCode;

use crate::tenant::Tenant;
use crate::user::{AddressKind, Mastered, User};

/// What is true of the whole tenant and may be told before any gate.
///
/// # Errors
/// The code of the switch that is off. Whether an agent is live is the relay's knowledge, and is asked there.
pub const fn tenant_allows(tenant: &Tenant) -> Result<(), SsprCode> {
    if tenant.sspr_enabled { Ok(()) } else { Err(SsprCode::TenantDisabled) }
}

/// What is true of the person. It is computed before the first gate and withheld until one is passed.
///
/// # Errors
/// The code to tell after a gate, by mail, or at the help desk.
pub fn person_allowed(tenant: &Tenant, user: &User) -> Result<(), SsprCode> {
    may_register(tenant, user)?;
    if user.code_address(AddressKind::default()).is_none() {
        return Err(SsprCode::NotProperlyConfigured);
    }
    Ok(())
}

/// Whether the person may register an address of their own: who may reset, and who only lacks an address for it.
///
/// # Errors
/// The code for the help desk.
pub fn may_register(tenant: &Tenant, user: &User) -> Result<(), SsprCode> {
    if !user.enabled {
        return Err(SsprCode::NotEnabledInPolicy);
    }
    match &user.mastered {
        Mastered::CloudOnly => Err(SsprCode::NotEnabledInPolicy),
        Mastered::Hybrid(_) if !tenant.writeback_enabled => Err(SsprCode::WritebackNotEnabled),
        Mastered::Hybrid(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::tests::{person, tenant};

    #[test]
    fn each_missing_thing_has_its_code() {
        let (mut tenant, user) = (tenant(), person());
        assert_eq!(person_allowed(&tenant, &user), Ok(()));

        let unreachable = User { alternate_mail: None, registered_mail: None, ..user.clone() };
        assert_eq!(person_allowed(&tenant, &unreachable), Err(SsprCode::NotProperlyConfigured));
        let empty = User { alternate_mail: Some(String::new()), registered_mail: None, ..user.clone() };
        assert_eq!(person_allowed(&tenant, &empty), Err(SsprCode::NotProperlyConfigured));
        assert_eq!(may_register(&tenant, &unreachable), Ok(()), "that is what registering is for");
        let disabled = User { enabled: false, ..user.clone() };
        let cloud_only = User { mastered: Mastered::CloudOnly, ..user.clone() };
        for nobody in [disabled, cloud_only] {
            assert_eq!(person_allowed(&tenant, &nobody), Err(SsprCode::NotEnabledInPolicy));
            assert_eq!(may_register(&tenant, &nobody), Err(SsprCode::NotEnabledInPolicy));
        }

        tenant.writeback_enabled = false;
        assert_eq!(person_allowed(&tenant, &user), Err(SsprCode::WritebackNotEnabled));
        tenant.sspr_enabled = false;
        assert_eq!(tenant_allows(&tenant), Err(SsprCode::TenantDisabled));
    }
}
