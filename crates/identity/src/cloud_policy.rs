//! The policy of passwords that are kept in the tenant itself: one for everybody (NIST SP 800-63B-4, section 3.1.1.2: long enough, no
//! classes of characters, no expiry, and none of the words that anybody would try).

use ritorno_protocol::policy::{EffectivePolicy, PolicySource, Vendor};

use crate::tenant::Tenant;
use crate::user::User;

/// Fewest characters.
pub const MINIMUM_LENGTH: u16 = 8;

/// The policy that holds for a cloud-only person.
pub fn policy(tenant: &Tenant, user: &User) -> EffectivePolicy {
    let name = &user.user_principal_name;
    EffectivePolicy {
        source: PolicySource::Domain,
        // Lengths count as browsers count; no classes are asked for.
        vendor: Vendor::Windows,
        minimum_length: MINIMUM_LENGTH,
        complexity: false,
        history: 0,
        hints: false,
        not_before: None,
        forbid_names: true,
        account_name: name.rsplit_once('@').map_or(name.as_str(), |(account, _)| account).to_owned(),
        display_name: user.display_name.clone(),
        banned_words: tenant.banned_words.clone(),
        breached: false,
    }
}

#[cfg(test)]
mod tests {
    use ritorno_protocol::clock::Timestamp;
    use ritorno_protocol::policy::Rule;

    use super::*;
    use crate::flow::tests::{person, tenant};

    #[test]
    fn long_enough_and_none_of_the_words_that_anybody_would_try() {
        let tenant = Tenant { banned_words: vec!["contoso".into()], ..tenant() };
        let policy = policy(&tenant, &person());
        let broken = |password: &str| policy.first_broken(password, Timestamp::from_unix_ms(0));
        assert_eq!(broken("settete"), Some(Rule::MinimumLength { minimum: 8 }));
        assert_eq!(broken(&"x".repeat(257)), Some(Rule::MaximumLength { maximum: 256 }));
        assert_eq!(broken("rossi di sera"), Some(Rule::ContainsName));
        assert_eq!(broken("bella anna mia"), Some(Rule::ContainsName));
        assert_eq!(broken("evviva c0ntoso"), Some(Rule::BannedWord));
        assert_eq!(broken("quattro gatti in fila"), None);
        assert_eq!(broken(&"x".repeat(256)), None);
    }
}
