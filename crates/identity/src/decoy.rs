//! What a name that is nobody's shows: the same every time, and of the same shape as a person's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_protocol::ids::{Forest, SourceAnchor, TenantId};

use crate::address::is_within;
use crate::mask::shape;
use crate::name::SignInName;
use crate::pepper::Pepper;

/// Letters that names begin and end with, about as often as they do.
const FIRST: &[u8] = b"aaabccdeefggilllmmmnoprrsstvz";
const LAST: &[u8] = b"aaaaeeeiiiiinnoooorrsst1379";

/// The masked address that the pages show for a name without a person, derived from the name so that it never changes.
/// `domains` are the tenant's decoy domains ([`crate::tenant::Tenant::decoy_domains`]); those that are no domains are
/// passed over.
pub fn masked_address(pepper: &Pepper, tenant: TenantId, name: &SignInName, domains: &[String]) -> String {
    let digest = pepper.digest("decoy/address", &[tenant.0.as_bytes(), name.as_str().as_bytes()]);
    let pick = |at: usize, from: usize| usize::from(u16::from_be_bytes([digest[at], digest[at + 1]])) % from;
    // Names with a first name in front mostly have it in the private address as well.
    let own = name.as_str().chars().next().filter(char::is_ascii_lowercase);
    let first = own.filter(|_| digest[0] < 192).unwrap_or(char::from(FIRST[pick(2, FIRST.len())]));
    let last = char::from(LAST[pick(4, LAST.len())]);
    let usable: Vec<&str> =
        domains.iter().map(String::as_str).filter(|d| shape('a', 'a', d).is_some()).collect();
    let domain = if usable.is_empty() { "gmail.com" } else { usable[pick(6, usable.len())] };
    shape(first, last, domain).unwrap_or_else(|| format!("{first}•••••{last}@g•••.com"))
}

/// The source anchor that a name without a person is shown with, derived from the name so that it never changes. It has the
/// shape of a real one: base64 of a GUID of version 4 (RFC 9562) as a directory stores it.
pub fn anchor(pepper: &Pepper, tenant: TenantId, name: &SignInName) -> SourceAnchor {
    let digest = pepper.digest("decoy/anchor", &[tenant.0.as_bytes(), name.as_str().as_bytes()]);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    SourceAnchor(STANDARD.encode(uuid::Builder::from_random_bytes(bytes).into_uuid().to_bytes_le()))
}

/// The forest that a name without a person seems to live in: the one that its suffix belongs to, else one of the tenant's by
/// the name. `None` if the tenant has none.
pub fn forest(pepper: &Pepper, tenant: TenantId, name: &SignInName, forests: &[Forest]) -> Option<Forest> {
    let suffix = name.as_str().rsplit_once('@').map_or("", |(_, suffix)| suffix);
    let own = forests.iter().find(|forest| is_within(suffix, &forest.0));
    let digest = pepper.digest("decoy/forest", &[tenant.0.as_bytes(), name.as_str().as_bytes()]);
    let any = || {
        let place = usize::from(u16::from_be_bytes([digest[0], digest[1]])).checked_rem(forests.len())?;
        forests.get(place)
    };
    own.or_else(any).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::mask;

    fn decoy(pepper: u8, name: &str) -> String {
        let domains = ["mail.test".to_owned(), "no domain".to_owned()];
        masked_address(
            &Pepper::new([pepper; 32]),
            TenantId(uuid::Uuid::nil()),
            &SignInName::parse(name).unwrap(),
            &domains,
        )
    }

    #[test]
    fn stays_the_same_for_a_name_and_differs_between_installations() {
        assert_eq!(decoy(1, "Nobody@contoso.test"), decoy(1, "nobody@CONTOSO.test"));
        let names = (0..40).map(|n| format!("nobody{n}@contoso.test"));
        assert!(names.clone().any(|name| decoy(1, &name) != decoy(2, &name)));
        assert!(names.clone().any(|name| decoy(1, &name) != decoy(1, "nobody@contoso.test")));
    }

    #[test]
    fn anchor_is_a_guid_that_stays() {
        let of = |pepper: u8, name: &str| {
            let name = SignInName::parse(name).unwrap();
            anchor(&Pepper::new([pepper; 32]), TenantId(uuid::Uuid::nil()), &name)
        };
        let shown = of(1, "nobody@contoso.test");
        assert_eq!(shown, of(1, "NOBODY@contoso.test"));
        assert_ne!(shown, of(1, "nobody2@contoso.test"));
        assert_ne!(shown, of(2, "nobody@contoso.test"));
        let guid = uuid::Uuid::from_slice_le(&STANDARD.decode(&shown.0).unwrap()).unwrap();
        assert_eq!((guid.get_version_num(), guid.get_variant()), (4, uuid::Variant::RFC4122));
    }

    #[test]
    fn forest_is_that_of_the_suffix() {
        let forests = [Forest("contoso.test".into()), Forest("fabrikam.test".into())];
        let of = |name: &str, forests: &[Forest]| {
            let name = SignInName::parse(name).unwrap();
            forest(&Pepper::new([1; 32]), TenantId(uuid::Uuid::nil()), &name, forests)
        };
        for (name, own) in [("x@contoso.test", 0), ("x@FABRIKAM.test", 1), ("x@sub.contoso.test", 0)] {
            assert_eq!(of(name, &forests).as_ref(), Some(&forests[own]), "{name}");
        }
        let elsewhere = of("x@elsewhere.test", &forests).unwrap();
        assert_eq!(of("x@elsewhere.test", &forests), Some(elsewhere));
        assert_eq!(of("x@contoso.test", &[]), None);
    }

    #[test]
    fn has_the_shape_of_a_real_mask() {
        let real = mask("anna.rossi@mail.test").unwrap();
        let invented = decoy(1, "nobody@contoso.test");
        let bones =
            |mask: &str| mask.chars().map(|c| if c.is_alphanumeric() { 'x' } else { c }).collect::<String>();
        assert_eq!(bones(&invented), bones(&real));
        assert!(invented.ends_with("@m•••.test"), "{invented}");
    }
}
