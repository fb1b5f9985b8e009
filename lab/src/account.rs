//! An account whose password the lab knows.

/// Name and password of an account that programs sign in with.
#[derive(Clone)]
pub struct Account {
    /// `sAMAccountName`.
    pub sam: String,
    /// `userPrincipalName`, which an LDAP simple bind takes.
    pub upn: String,
    /// Distinguished name.
    pub dn: String,
    /// The password that the forest was provisioned with.
    pub password: String,
}

// A password is no business of a log, so it is left out by hand.
impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("upn", &self.upn).finish_non_exhaustive()
    }
}
