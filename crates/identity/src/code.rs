//! One-time codes.

use std::time::Duration;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;
use ritorno_protocol::random::{Random, array};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::ids::FlowId;
pub use crate::method::Method;
use crate::pepper::Pepper;

/// Digits of a code.
pub const DIGITS: usize = 8;
/// How long a code holds.
pub const VALID: Duration = Duration::from_secs(5 * 60);
/// How often a code may be tried, the right try included.
pub const TRIES: u32 = 5;

/// A code in the clear: only on its way to the person and back.
#[derive(Clone)]
pub struct OneTimeCode(Zeroizing<String>);

/// A code's keyed digest: what the database keeps.
#[derive(Clone, Copy)]
pub struct CodeDigest(pub [u8; 32]);

impl OneTimeCode {
    /// A new code, every one of the hundred million equally likely.
    pub fn random(random: &dyn Random) -> Self {
        const ALL: u64 = 10_u64.pow(DIGITS as u32);
        // The last, incomplete round of the range would make low codes likelier: throw again instead.
        let fair = u64::MAX - u64::MAX % ALL;
        let number = loop {
            let thrown = u64::from_be_bytes(array(random));
            if thrown < fair {
                break thrown % ALL;
            }
        };
        Self(Zeroizing::new(format!("{number:0DIGITS$}")))
    }

    /// Reads what was typed; spaces and dashes do not matter. `None` if it is not eight digits.
    pub fn parse(typed: &str) -> Option<Self> {
        let digits: Zeroizing<String> =
            Zeroizing::new(typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect());
        (digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit())).then_some(Self(digits))
    }

    /// The digits, for the message to the person.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What the database keeps, good for this flow and method only.
    pub fn digest(&self, pepper: &Pepper, tenant: TenantId, flow: FlowId, method: Method) -> CodeDigest {
        CodeDigest(pepper.digest(
            "one-time-code",
            &[tenant.0.as_bytes(), flow.0.as_bytes(), method.as_str().as_bytes(), self.0.as_bytes()],
        ))
    }

    /// What the database keeps of a code that proves an address: good for this registration and this very address, so that
    /// a code for one address never confirms another.
    pub fn digest_for_address(
        &self,
        pepper: &Pepper,
        tenant: TenantId,
        registration: FlowId,
        address: &str,
    ) -> CodeDigest {
        CodeDigest(pepper.digest(
            "one-time-code/address",
            &[tenant.0.as_bytes(), registration.0.as_bytes(), address.as_bytes(), self.0.as_bytes()],
        ))
    }
}

impl std::fmt::Debug for OneTimeCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OneTimeCode")
    }
}

impl std::fmt::Debug for CodeDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeDigest")
    }
}

impl CodeDigest {
    /// A digest that no code has: what a decoy's flow stores, so that nobody guesses their way through a gate that is none.
    pub fn of_nothing(random: &dyn Random) -> Self {
        Self(array(random))
    }

    /// Whether both are the same, in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// A code as it is stored, one for each flow and method: a new one replaces the old.
#[derive(Clone, Debug)]
pub struct StoredCode {
    /// The tenant.
    pub tenant: TenantId,
    /// The flow that it belongs to.
    pub flow: FlowId,
    /// How it was sent.
    pub method: Method,
    /// Its digest.
    pub digest: CodeDigest,
    /// When it was made.
    pub sent_at: Timestamp,
    /// First moment at which it does not hold any more.
    pub expires_at: Timestamp,
}

impl StoredCode {
    /// The row for a code made now.
    pub fn new(tenant: TenantId, flow: FlowId, method: Method, digest: CodeDigest, now: Timestamp) -> Self {
        Self { tenant, flow, method, digest, sent_at: now, expires_at: now.plus(VALID) }
    }
}

/// How a try ended. A try is counted before the code is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It is the right code, and it is used up now.
    Right,
    /// It was compared, and is another code.
    Wrong {
        /// How many tries this code has left.
        left: u32,
    },
    /// Not compared: the code has expired.
    Expired,
    /// Not compared: the code was tried [`TRIES`] times, or used.
    Spent,
    /// Not compared: the person's method is stopped for the day.
    Stopped,
    /// Not compared: no code was sent.
    NoCode,
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Gives out the numbers it was given, in order.
    struct Script(Mutex<Vec<u64>>);
    impl Random for Script {
        fn fill(&self, out: &mut [u8]) {
            out.copy_from_slice(&self.0.lock().unwrap().remove(0).to_be_bytes());
        }
    }

    #[test]
    fn codes_have_eight_digits_and_are_fair() {
        let unfair_then_low = Script(Mutex::new(vec![u64::MAX, 42]));
        assert_eq!(OneTimeCode::random(&unfair_then_low).expose(), "00000042");
        assert!(unfair_then_low.0.lock().unwrap().is_empty(), "the unfair throw was used");
    }

    #[test]
    fn typed_code_may_be_grouped() {
        assert_eq!(OneTimeCode::parse(" 1234-5678 ").unwrap().expose(), "12345678");
        for typed in ["1234567", "123456789", "1234567a", "١٢٣٤٥٦٧٨"] {
            assert!(OneTimeCode::parse(typed).is_none(), "{typed}");
        }
    }

    #[test]
    fn digest_is_for_one_flow() {
        let pepper = Pepper::new([1; 32]);
        let tenant = TenantId(uuid::Uuid::from_u128(1));
        let flow = |n| FlowId(uuid::Uuid::from_u128(n));
        let code = OneTimeCode::parse("12345678").unwrap();
        let digest = code.digest(&pepper, tenant, flow(1), Method::Mail);
        assert!(digest.matches(&code.digest(&pepper, tenant, flow(1), Method::Mail)));
        assert!(!digest.matches(&code.digest(&pepper, tenant, flow(2), Method::Mail)));
        let other = OneTimeCode::parse("12345679").unwrap();
        assert!(!digest.matches(&other.digest(&pepper, tenant, flow(1), Method::Mail)));
        let for_address = |n, address| code.digest_for_address(&pepper, tenant, flow(n), address);
        let to_anna = for_address(1, "anna@mail.test");
        assert!(to_anna.matches(&for_address(1, "anna@mail.test")) && !to_anna.matches(&digest));
        assert!(!to_anna.matches(&for_address(1, "bruno@mail.test")));
        assert!(!to_anna.matches(&for_address(2, "anna@mail.test")));
        assert_eq!(format!("{code:?} {digest:?}"), "OneTimeCode CodeDigest");
    }
}
