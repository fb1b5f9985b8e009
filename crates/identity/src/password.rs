//! Passwords of administrators, and of people whose directory is the tenant itself, as Argon2id hashes (RFC 9106).
//!
//! Hashing takes tens of milliseconds of pure computing: callers run it on a blocking thread.

use argon2::password_hash::PasswordHasher as _;
use argon2::{Algorithm, Argon2, Params, PasswordVerifier as _, Version};
use ritorno_protocol::random::{Random, array};
use ritorno_protocol::secret::Password;

/// Memory of one hash, in KiB: 19 MiB, the least that OWASP's password storage cheat sheet names for Argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over the memory.
const PASSES: u32 = 2;
/// Lanes.
const LANES: u32 = 1;

/// Fewest characters of an administrator's password.
pub const MINIMUM_CHARACTERS: usize = 12;
/// Most bytes that are hashed.
pub const MAXIMUM_BYTES: usize = 1_024;

/// A hash in PHC string form, its parameters and salt included.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// Why a password can't be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Shorter than [`MINIMUM_CHARACTERS`].
    #[error("an administrator's password has at least {MINIMUM_CHARACTERS} characters")]
    TooShort,
    /// Longer than [`MAXIMUM_BYTES`].
    #[error("a password has at most {MAXIMUM_BYTES} bytes")]
    TooLong,
}

impl PasswordHash {
    /// Hashes a new password of an administrator with a random salt of 16 bytes.
    ///
    /// # Errors
    /// [`PasswordError`], if it is too short or too long.
    pub fn new(password: &Password, random: &dyn Random) -> Result<Self, PasswordError> {
        if password.expose().chars().count() < MINIMUM_CHARACTERS {
            return Err(PasswordError::TooShort);
        }
        Self::of_person(password, random)
    }

    /// Hashes a password that was judged by a policy ([`crate::cloud_policy`]).
    ///
    /// # Errors
    /// [`PasswordError::TooLong`].
    pub fn of_person(password: &Password, random: &dyn Random) -> Result<Self, PasswordError> {
        if password.expose().len() > MAXIMUM_BYTES {
            return Err(PasswordError::TooLong);
        }
        let hash = argon2id()
            .hash_password_with_salt(password.expose().as_bytes(), &array::<16>(random))
            .expect("Argon2 takes up to 4 GiB and a salt of 8 to 64 bytes");
        Ok(Self(hash.to_string()))
    }

    /// A hash that no password matches, to verify against when the name is unknown: it costs what a real one costs.
    pub fn of_nobody() -> Self {
        Self(
            "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                .into(),
        )
    }

    /// A hash as it was stored.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The PHC string, for the database.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `password` is the hashed one; compared in constant time. What is no hash matches nothing.
    pub fn matches(&self, password: &Password) -> bool {
        password.expose().len() <= MAXIMUM_BYTES
            && argon2id().verify_password(password.expose().as_bytes(), self.0.as_str()).is_ok()
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash")
    }
}

fn argon2id() -> Argon2<'static> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are within Argon2's ranges");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zeros;
    impl Random for Zeros {
        fn fill(&self, out: &mut [u8]) {
            out.fill(0);
        }
    }

    #[test]
    fn matches_only_itself() {
        let password = Password::new("una frase lunga".into());
        let hash = PasswordHash::new(&password, &Zeros).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(PasswordHash::from_stored(hash.as_str().into()).matches(&password));
        assert!(!hash.matches(&Password::new("una frase lunga ".into())));
        assert!(!PasswordHash::of_nobody().matches(&password));
        assert!(!PasswordHash::from_stored("plain".into()).matches(&Password::new("plain".into())));
    }

    #[test]
    fn nobody_costs_what_a_real_hash_costs() {
        let real = PasswordHash::new(&Password::new("una frase lunga".into()), &Zeros).unwrap();
        let cost = |hash: &PasswordHash| hash.as_str().split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(cost(&real), cost(&PasswordHash::of_nobody()));
        assert_eq!(real.as_str().len(), PasswordHash::of_nobody().as_str().len());
    }

    #[test]
    fn short_and_endless_passwords_are_refused() {
        let new = |text: String| PasswordHash::new(&Password::new(text), &Zeros).unwrap_err();
        assert_eq!(new("undici char".into()), PasswordError::TooShort);
        assert_eq!(new("x".repeat(1_025)), PasswordError::TooLong);
    }
}
