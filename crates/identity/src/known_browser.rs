//! A browser that succeeded before: the day's stop on a person's codes spares it, so that whoever hammers a name from
//! elsewhere does not lock its owner out.

use std::time::Duration;

use ritorno_protocol::bytes::{decode, encode};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;
use subtle::ConstantTimeEq as _;

use crate::pepper::Pepper;
use crate::subject::Subject;

/// How long a browser stays known after its last success.
pub const VALID: Duration = Duration::from_secs(90 * 24 * 3_600);

const MOMENT_SIZE: usize = 8;
/// The least by which moments differ.
const MOMENT: Duration = Duration::from_millis(1);

/// The text for the browser's cookie: when it ends, and a keyed digest that ties it to the person. It names nobody, and it
/// opens nothing: codes are asked for, and limited, as ever.
pub fn mark(pepper: &Pepper, tenant: TenantId, subject: &Subject, now: Timestamp) -> String {
    let ends = now.plus(VALID).unix_ms().to_be_bytes();
    encode(&[ends.as_slice(), &digest(pepper, tenant, subject, ends)].concat())
}

/// Whether `cookie` was given to a browser in which this person succeeded, and still holds.
pub fn is_known(pepper: &Pepper, tenant: TenantId, subject: &Subject, cookie: &str, now: Timestamp) -> bool {
    let Some(bytes) = decode(cookie) else { return false };
    let Some((ends, shown)) = bytes.split_first_chunk::<MOMENT_SIZE>() else { return false };
    let genuine: bool = digest(pepper, tenant, subject, *ends).as_slice().ct_eq(shown).into();
    genuine && now < Timestamp::from_unix_ms(i64::from_be_bytes(*ends))
}

/// The same, for a browser in which they succeeded at that moment or later: a new password takes what the former one gave.
pub fn is_known_since(
    pepper: &Pepper,
    tenant: TenantId,
    subject: &Subject,
    cookie: &str,
    since: Timestamp,
    now: Timestamp,
) -> bool {
    is_known(pepper, tenant, subject, cookie, since.plus(VALID).minus(MOMENT))
        && is_known(pepper, tenant, subject, cookie, now)
}

fn digest(pepper: &Pepper, tenant: TenantId, subject: &Subject, ends: [u8; MOMENT_SIZE]) -> [u8; 32] {
    pepper.digest("known-browser", &[tenant.0.as_bytes(), &subject.0, &ends])
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    #[test]
    fn holds_for_one_person_in_one_tenant_for_its_time() {
        let pepper = Pepper::new([1; 32]);
        let tenant = |number| TenantId(uuid::Uuid::from_u128(number));
        let (anna, bruno) = (Subject([1; 32]), Subject([2; 32]));
        let cookie = mark(&pepper, tenant(1), &anna, NOW);
        assert!(is_known(
            &pepper,
            tenant(1),
            &anna,
            &cookie,
            NOW.plus(VALID).minus(Duration::from_millis(1))
        ));
        assert!(!is_known(&pepper, tenant(1), &anna, &cookie, NOW.plus(VALID)));
        assert!(!is_known(&pepper, tenant(1), &bruno, &cookie, NOW));
        assert!(!is_known(&pepper, tenant(2), &anna, &cookie, NOW));
        assert!(!is_known(&Pepper::new([2; 32]), tenant(1), &anna, &cookie, NOW));
    }

    #[test]
    fn what_was_given_before_a_new_password_holds_no_more() {
        let (pepper, tenant, anna) = (Pepper::new([1; 32]), TenantId(uuid::Uuid::nil()), Subject([1; 32]));
        let cookie = mark(&pepper, tenant, &anna, NOW);
        let known = |since, now| is_known_since(&pepper, tenant, &anna, &cookie, since, now);
        assert!(known(NOW, NOW) && known(NOW.minus(VALID), NOW));
        assert!(!known(NOW.plus(MOMENT), NOW.plus(MOMENT)));
        assert!(!known(NOW, NOW.plus(VALID)));
    }

    #[test]
    fn altered_cookie_does_not_hold() {
        let (pepper, tenant, anna) = (Pepper::new([1; 32]), TenantId(uuid::Uuid::nil()), Subject([1; 32]));
        let cookie = mark(&pepper, tenant, &anna, NOW);
        let mut later = decode(&cookie).unwrap();
        later[0] = 0x7f;
        for altered in ["", "AAAA", &cookie[..cookie.len() - 4], &encode(&later)] {
            assert!(!is_known(&pepper, tenant, &anna, altered, NOW), "{altered}");
        }
    }
}
