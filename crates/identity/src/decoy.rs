//! What a name that is nobody's shows: the same every time, and of the same shape as a person's.

use ritorno_protocol::ids::TenantId;

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
    fn has_the_shape_of_a_real_mask() {
        let real = mask("anna.rossi@mail.test").unwrap();
        let invented = decoy(1, "nobody@contoso.test");
        let bones =
            |mask: &str| mask.chars().map(|c| if c.is_alphanumeric() { 'x' } else { c }).collect::<String>();
        assert_eq!(bones(&invented), bones(&real));
        assert!(invented.ends_with("@m•••.test"), "{invented}");
    }
}
