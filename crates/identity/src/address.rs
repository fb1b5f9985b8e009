//! Which mail address a person may register for codes.

use crate::mask::mask;
use crate::tenant::Tenant;
use crate::user::User;

/// Longest address, in bytes (RFC 5321 section 4.5.3.1.3, without the brackets).
pub const MAXIMUM_BYTES: usize = 254;

/// An address that this person may register. That it is theirs is for a code to prove.
#[derive(Clone, PartialEq, Eq)]
pub struct NewAddress(String);

/// Why an address can't be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// No mail would come to it.
    #[error("not a mail address")]
    NotAnAddress,
    /// It is the mailbox that the forgotten password locks, or one beside it.
    #[error("the person's own mailbox, or one of its domain")]
    OwnMailbox,
    /// The tenant forbids its domain.
    #[error("a domain that the tenant forbids")]
    ForbiddenDomain,
    /// It is on file already.
    #[error("on file already")]
    OnFile,
}

impl NewAddress {
    /// Judges an address, split into what stands before and after its `@` by whoever parsed its syntax (RFC 5321 section
    /// 4.1.2). Only ASCII is taken: other letters need mail servers that not everybody has (RFC 6531).
    ///
    /// # Errors
    /// [`AddressFault`], by what is wrong.
    pub fn judge(tenant: &Tenant, user: &User, local: &str, domain: &str) -> Result<Self, AddressFault> {
        let address = format!("{local}@{}", domain.to_ascii_lowercase());
        let plain = address.is_ascii() && !address.bytes().any(|b| b.is_ascii_control() || b == b' ');
        // In quotes the same mailbox could be written twice (RFC 5321 section 4.1.2).
        let plain = plain && !address.contains('"');
        if !plain || address.len() > MAXIMUM_BYTES || domain.starts_with('[') || mask(&address).is_none() {
            return Err(AddressFault::NotAnAddress);
        }
        let suffix = user.user_principal_name.rsplit_once('@').map_or("", |(_, suffix)| suffix);
        let own = [Some(user.user_principal_name.as_str()), user.mail.as_deref()];
        if is_within(domain, suffix) || own.into_iter().flatten().any(|own| same_mailbox(own, &address)) {
            return Err(AddressFault::OwnMailbox);
        }
        if tenant.forbidden_mail_domains.iter().any(|forbidden| is_within(domain, forbidden)) {
            return Err(AddressFault::ForbiddenDomain);
        }
        let on_file = [&user.registered_mail, &user.alternate_mail];
        if on_file.into_iter().flatten().any(|known| known.eq_ignore_ascii_case(&address)) {
            return Err(AddressFault::OnFile);
        }
        Ok(Self(address))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for NewAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewAddress")
    }
}

/// The text can't be a mail domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a mail domain looks like contoso.com")]
pub struct NotADomain;

/// Reads a domain for [`Tenant::forbidden_mail_domains`], folded.
///
/// # Errors
/// [`NotADomain`] if it has no dot, an empty label, or other characters than letters, digits and hyphens.
pub fn domain(text: &str) -> Result<String, NotADomain> {
    let folded = text.trim().to_ascii_lowercase();
    let label =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if folded.contains('.') && folded.split('.').all(label) { Ok(folded) } else { Err(NotADomain) }
}

/// Whether `domain` is `above` or lies below it. Nothing lies in an empty name.
pub fn is_within(domain: &str, above: &str) -> bool {
    let (domain, above) = (domain.to_ascii_lowercase(), above.trim().to_ascii_lowercase());
    let rest = domain.strip_suffix(&above);
    !above.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether mail to both ends up in one mailbox, as far as their text tells: case and what follows a `+` (RFC 5233) do not
/// matter.
fn same_mailbox(one: &str, other: &str) -> bool {
    let plain = |address: &str| {
        let (local, domain) = address.trim().rsplit_once('@')?;
        let mailbox = local.split_once('+').map_or(local, |(mailbox, _)| mailbox);
        Some(format!("{mailbox}@{domain}").to_lowercase())
    };
    plain(one).is_some_and(|one| plain(other) == Some(one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::tests::{person, tenant};

    fn judged(address: &str) -> Result<String, AddressFault> {
        let tenant = Tenant { forbidden_mail_domains: vec!["Contoso.example".into()], ..tenant() };
        let user = User {
            mail: Some("anna.rossi@gmail.test".into()),
            registered_mail: Some("anna@posta.test".into()),
            ..person()
        };
        let (local, domain) = address.rsplit_once('@').unwrap();
        NewAddress::judge(&tenant, &user, local, domain).map(|address| address.as_str().to_owned())
    }

    #[test]
    fn private_address_is_taken_with_its_domain_folded() {
        assert_eq!(judged("Anna@Libero.TEST").as_deref(), Ok("Anna@libero.test"));
        assert_eq!(judged("anna@gmail.test").as_deref(), Ok("anna@gmail.test"), "another mailbox there");
        assert_eq!(judged("anna@notcontoso.test").as_deref(), Ok("anna@notcontoso.test"));
        assert_eq!(format!("{:?}", NewAddress("a@b.test".into())), "NewAddress");
    }

    #[test]
    fn what_the_forgotten_password_locks_is_refused() {
        for own in [
            "anna@contoso.test",
            "ANNA+codes@Contoso.test",
            "somebody.else@contoso.test",
            "anna@posta.contoso.test",
            "anna.rossi@gmail.test",
            "Anna.Rossi+x@GMAIL.test",
        ] {
            assert_eq!(judged(own), Err(AddressFault::OwnMailbox), "{own}");
        }
        for forbidden in ["anna@contoso.example", "anna@mx.contoso.example"] {
            assert_eq!(judged(forbidden), Err(AddressFault::ForbiddenDomain), "{forbidden}");
        }
    }

    #[test]
    fn domains_are_read_folded() {
        assert_eq!(domain(" Mail.Contoso.COM "), Ok("mail.contoso.com".into()));
        for text in
            ["", "com", "@contoso.com", ".com", "contoso.", "a b.com", "contoso..com", "contoso.com,x.com"]
        {
            assert_eq!(domain(text), Err(NotADomain), "{text}");
        }
    }

    #[test]
    fn what_is_on_file_is_not_taken_twice() {
        for known in ["anna@POSTA.test", "Anna.Rossi@mail.test"] {
            assert_eq!(judged(known), Err(AddressFault::OnFile), "{known}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@mail.test", "a".repeat(MAXIMUM_BYTES));
        for text in [
            "@mail.test",
            "anna@localhost",
            "anna@[127.0.0.1]",
            "änna@mail.test",
            "an na@mail.test",
            "anna\r\n@mail.test",
            "anna@mail.",
            &long,
        ] {
            assert_eq!(judged(text), Err(AddressFault::NotAnAddress), "{text:?}");
        }
    }
}
