//! Mail addresses, shown so that their owner knows them again and nobody else learns them.

/// Masks an address: `a•••••i@g•••.com`. The number of dots is always the same, so that it tells no length. `None` if it is
/// no address.
pub fn mask(address: &str) -> Option<String> {
    let (local, domain) = address.trim().rsplit_once('@')?;
    let first = local.chars().next()?;
    let last = local.chars().next_back()?;
    shape(first, last, domain)
}

/// The one shape that real and invented masks share.
pub(crate) fn shape(first: char, last: char, domain: &str) -> Option<String> {
    let (name, top) = domain.rsplit_once('.')?;
    let initial = name.chars().next()?;
    if top.is_empty() {
        return None;
    }
    Some(format!("{first}•••••{last}@{initial}•••.{top}").to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_does_not_show() {
        assert_eq!(mask("anna.rossi@gmail.com").as_deref(), Some("a•••••i@g•••.com"));
        assert_eq!(mask("ai@g.com").as_deref(), Some("a•••••i@g•••.com"));
        assert_eq!(mask("A@posta.contoso.TEST").as_deref(), Some("a•••••a@p•••.test"));
    }

    #[test]
    fn what_is_no_address_has_no_mask() {
        for address in ["", "anna", "@gmail.com", "anna@", "anna@localhost", "anna@.com", "anna@gmail."] {
            assert_eq!(mask(address), None, "{address}");
        }
    }
}
