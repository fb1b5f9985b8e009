//! Device codes: an agent shows one, a cloud-only administrator confirms it in the console (after RFC 8628). No cloud
//! credential is typed on the agent.

use std::time::Duration;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, TenantId};
use ritorno_protocol::random::{Random, array};

use crate::ids::AdministratorId;
use crate::pepper::Pepper;

/// Letters of a code.
pub const LETTERS: usize = 8;
/// How long a code can be confirmed and fetched.
pub const VALID: Duration = Duration::from_secs(10 * 60);

/// Consonants only, as RFC 8628 section 6.1 suggests: no words, nothing that looks like a digit.
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// A code in the clear: `BCDF-GHJK`.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode(String);

/// A code's keyed digest: what the database keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserCodeDigest(pub [u8; 32]);

impl UserCode {
    /// A new code; 25.6 thousand million are possible.
    pub fn random(random: &dyn Random) -> Self {
        let mut letters = String::with_capacity(LETTERS);
        while letters.len() < LETTERS {
            let [thrown] = array(random);
            // 240 is the last multiple of 20 in a byte: what is above would favour the first letters.
            if thrown < 240 {
                letters.push(char::from(ALPHABET[usize::from(thrown % 20)]));
            }
        }
        Self(letters)
    }

    /// Reads what was typed; case, spaces and dashes do not matter. `None` if it is no code.
    pub fn parse(typed: &str) -> Option<Self> {
        let letters: String = typed
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| c.to_ascii_uppercase())
            .collect();
        (letters.len() == LETTERS && letters.bytes().all(|b| ALPHABET.contains(&b))).then_some(Self(letters))
    }

    /// What the database keeps.
    pub fn digest(&self, pepper: &Pepper, tenant: TenantId) -> UserCodeDigest {
        UserCodeDigest(pepper.digest("device-code", &[tenant.0.as_bytes(), self.0.as_bytes()]))
    }
}

impl std::fmt::Display for UserCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", &self.0[..LETTERS / 2], &self.0[LETTERS / 2..])
    }
}

impl std::fmt::Debug for UserCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UserCode")
    }
}

/// A device code as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCode {
    /// The code's digest.
    pub digest: UserCodeDigest,
    /// The tenant.
    pub tenant: TenantId,
    /// The agent that asked for it, over its own authenticated access.
    pub agent: AgentId,
    /// How far it is.
    pub state: DeviceCodeState,
    /// When it was made.
    pub created_at: Timestamp,
    /// First moment at which it does not hold any more.
    pub expires_at: Timestamp,
}

/// How far a device code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceCodeState {
    /// Nobody confirmed yet.
    Pending,
    /// An administrator confirmed.
    Confirmed(AdministratorId),
    /// The agent has learnt of it; the code is used up.
    Redeemed(AdministratorId),
}

impl DeviceCode {
    /// A code made now.
    pub fn new(digest: UserCodeDigest, tenant: TenantId, agent: AgentId, now: Timestamp) -> Self {
        let state = DeviceCodeState::Pending;
        Self { digest, tenant, agent, state, created_at: now, expires_at: now.plus(VALID) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);
    impl Random for Counting {
        fn fill(&self, out: &mut [u8]) {
            for byte in out {
                *byte = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
        }
    }

    #[test]
    fn code_is_eight_fair_letters_in_two_groups() {
        assert_eq!(UserCode::random(&Counting(0.into())).to_string(), "BCDF-GHJK");
        // Bytes 238 and 239 count, 240 to 255 are thrown again.
        assert_eq!(UserCode::random(&Counting(238.into())).to_string(), "XZBC-DFGH");
    }

    #[test]
    fn typed_code_may_be_sloppy() {
        let code = UserCode::random(&Counting(0.into()));
        assert_eq!(UserCode::parse(" bcdf ghjk"), Some(code));
        for typed in ["", "BCDFGHJ", "BCDFGHJKL", "AEIOUAEI", "BCDF-GHJ1"] {
            assert_eq!(UserCode::parse(typed), None, "{typed}");
        }
    }
}
