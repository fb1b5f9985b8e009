//! What a person types to say who they are: a user principal name, or `DOMAIN\user`.

/// A sign-in name, trimmed and case-folded: what is looked up, counted by and derived from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SignInName(String);

/// Longest name taken, in bytes: a UPN has at most 1,024 characters in AD, and 113 at Microsoft's cloud side.
pub const MAXIMUM_BYTES: usize = 1_024;

/// The text can't be anybody's name. It says nothing about who exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sign-in name looks like anna@contoso.com or CONTOSO\\anna")]
pub struct NotAName;

impl SignInName {
    /// Reads what was typed.
    ///
    /// # Errors
    /// [`NotAName`] if it is neither `name@suffix` nor `DOMAIN\name`, too long, or holds control characters.
    pub fn parse(typed: &str) -> Result<Self, NotAName> {
        let typed = typed.trim();
        if typed.len() > MAXIMUM_BYTES || typed.chars().any(char::is_control) {
            return Err(NotAName);
        }
        let parts = typed.split_once('\\').or_else(|| typed.rsplit_once('@')).ok_or(NotAName)?;
        if parts.0.trim().is_empty() || parts.1.trim().is_empty() {
            return Err(NotAName);
        }
        Ok(Self(fold(typed)))
    }

    /// The name of a user principal name, as stored with the person.
    pub fn of_principal(user_principal_name: &str) -> Self {
        Self(fold(user_principal_name.trim()))
    }

    /// The name `DOMAIN\user`, as stored with the person.
    pub fn of_account(domain: &str, account_name: &str) -> Self {
        Self(fold(&format!("{}\\{}", domain.trim(), account_name.trim())))
    }

    /// Whether it is a user principal name, and not `DOMAIN\\user`. A person has one of these only.
    pub fn is_principal(&self) -> bool {
        !self.0.contains('\\')
    }

    /// The folded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Names are compared without regard to case, as AD does.
fn fold(text: &str) -> String {
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_space_do_not_matter() {
        let typed = SignInName::parse("  Anna.Rossi@Contoso.TEST ").unwrap();
        assert_eq!(typed, SignInName::of_principal("anna.rossi@contoso.test"));
        let down_level = SignInName::parse("contoso\\ANNA").unwrap();
        assert_eq!(down_level, SignInName::of_account("CONTOSO", "anna"));
        assert_ne!(typed, down_level);
        assert!(typed.is_principal() && !down_level.is_principal());
        assert!(!SignInName::parse("contoso\\anna@contoso.test").unwrap().is_principal());
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = format!("{}@contoso.test", "a".repeat(MAXIMUM_BYTES));
        for typed in
            ["", "anna", "@contoso.test", "anna@", "\\anna", "CONTOSO\\ ", "an\u{0}na@contoso.test", &long]
        {
            assert_eq!(SignInName::parse(typed), Err(NotAName), "{typed:?}");
        }
    }
}
