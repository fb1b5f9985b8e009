//! The policy of passwords that are kept in the tenant itself: one for everybody, as NIST SP 800-63B-4 has it for a password that is the
//! only factor (section 3.1.1.2, Password Verifiers): 15 characters at least, compared in NFC, none of those that many people choose; no
//! classes of characters, and no expiry.

use std::time::Duration;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::policy::{EffectivePolicy, PolicySource, Rule, Vendor};
use ritorno_protocol::secret::Password;

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::common_password;
use crate::tenant::Tenant;
use crate::user::User;

/// Fewest characters.
pub const MINIMUM_LENGTH: u16 = 15;

/// How long a new password proves nothing by which something is registered or removed: as long as one of a directory that replaced
/// another.
pub const METHODS_AFTER: Duration = Duration::from_secs(65 * 60);

/// A password as it was typed, in the one form in which it is judged, hashed and compared: keyboards write the same sign in more than one.
pub fn typed(text: String) -> Password {
    let text = Zeroizing::new(text);
    // No growing, which would leave halves behind: a sign of NFC is never more than three times as long.
    let mut composed = String::with_capacity(text.len().saturating_mul(3));
    composed.extend(text.nfc());
    Password::new(composed)
}

/// The first rule that a new password breaks.
pub fn first_broken(policy: &EffectivePolicy, password: &Password, now: Timestamp) -> Option<Rule> {
    policy
        .first_broken(password.expose(), now)
        .or_else(|| common_password::is_one(password.expose()).then_some(Rule::BreachedPassword))
}

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
        breached: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::tests::{person, tenant};

    #[test]
    fn long_enough_and_none_of_the_words_that_anybody_would_try() {
        let tenant = Tenant { banned_words: vec!["contoso".into()], ..tenant() };
        let policy = policy(&tenant, &person());
        let broken = |text: &str| first_broken(&policy, &typed(text.to_owned()), Timestamp::from_unix_ms(0));
        assert_eq!(broken("quattordici..."), Some(Rule::MinimumLength { minimum: 15 }));
        let long: String = "abcdefghi ".chars().cycle().take(257).collect();
        assert_eq!(broken(&long), Some(Rule::MaximumLength { maximum: 256 }));
        assert_eq!(broken("rossi di sera, bel tempo"), Some(Rule::ContainsName));
        assert_eq!(broken("bella anna mia cara"), Some(Rule::ContainsName));
        assert_eq!(broken("evviva c0ntoso evviva"), Some(Rule::BannedWord));
        assert_eq!(broken("123456789012345"), Some(Rule::BreachedPassword));
        assert_eq!(broken("quattro gatti in fila"), None);
        assert_eq!(broken(&long[..256]), None);
    }

    #[test]
    fn what_is_typed_has_one_form() {
        let composed = typed("perch\u{e9} no".into());
        assert_eq!(typed("perche\u{301} no".into()).expose(), composed.expose());
        assert_eq!(composed.expose(), "perch\u{e9} no");
        // The longest that a composed form gets.
        assert_eq!(typed("\u{1d160}".into()).expose().len(), 12);
    }
}
