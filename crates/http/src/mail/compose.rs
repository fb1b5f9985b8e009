//! A letter's words, in the reader's language.

use askama::Template;
use ritorno_identity::language::Language;
use ritorno_identity::mail::{Letter, Template as Kind};
use ritorno_identity::method::Method;
use ritorno_identity::registration::AddressChange;
use ritorno_protocol::clock::Timestamp;

use crate::i18n::{Words, key, moment};
use crate::portal::refusal;

/// A letter in words.
#[derive(Clone, PartialEq, Eq)]
pub struct Written {
    /// The subject; never a code.
    pub subject: String,
    /// The plain text.
    pub text: String,
}

#[derive(Template)]
#[template(path = "mail/code.txt")]
struct Code<'a> {
    t: Words,
    organisation: &'a str,
    code: &'a str,
    support_code: &'a str,
}

#[derive(Template)]
#[template(path = "mail/address-code.txt")]
struct AddressCode<'a> {
    t: Words,
    organisation: &'a str,
    code: &'a str,
    support_code: &'a str,
}

#[derive(Template)]
#[template(path = "mail/address.txt")]
struct Address<'a> {
    t: Words,
    organisation: &'a str,
    /// The person's own page.
    page: &'a str,
    /// What was done, to whose account and when.
    lead: String,
    address: &'a str,
    support_code: &'a str,
}

#[derive(Template)]
#[template(path = "mail/method.txt")]
struct MethodChanged<'a> {
    t: Words,
    organisation: &'a str,
    /// The person's own page.
    page: &'a str,
    /// What was done, to whose account and when.
    lead: String,
    support_code: &'a str,
}

#[derive(Template)]
#[template(path = "mail/test.txt")]
struct Test<'a> {
    t: Words,
    organisation: &'a str,
}

#[derive(Template)]
#[template(path = "mail/help-desk-code.txt")]
struct HelpDeskCode<'a> {
    t: Words,
    organisation: &'a str,
    code: &'a str,
    operator: &'a str,
    reason: &'a str,
}

#[derive(Template)]
#[template(path = "mail/pass.txt")]
struct PassMade<'a> {
    t: Words,
    organisation: &'a str,
    /// For whom, and when.
    lead: String,
    operator: &'a str,
    reason: &'a str,
}

#[derive(Template)]
#[template(path = "mail/changed.txt")]
struct Changed<'a> {
    t: Words,
    unusual: bool,
    organisation: &'a str,
    /// The person's own page.
    page: &'a str,
    name: &'a str,
    moment: &'a str,
    support_code: &'a str,
}

#[derive(Template)]
#[template(path = "mail/given.txt")]
struct Given<'a> {
    t: Words,
    organisation: &'a str,
    /// Whose, and when.
    lead: String,
    operator: &'a str,
    support_code: &'a str,
}

#[derive(Template)]
#[template(path = "mail/administrator-reset.txt")]
struct AdministratorReset<'a> {
    t: Words,
    organisation: &'a str,
    /// Whose, and when.
    lead: String,
    support_code: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "mail/administrator-passkey.txt")]
struct AdministratorPasskey<'a> {
    t: Words,
    organisation: &'a str,
    /// What was done, to whose account and when.
    lead: String,
    passkey: &'a str,
}

#[derive(Template)]
#[template(path = "mail/registration-due.txt")]
struct RegistrationDue<'a> {
    t: Words,
    organisation: &'a str,
    /// For whom, and what is due.
    lead: String,
    page: &'a str,
}

#[derive(Template)]
#[template(path = "mail/expires.txt")]
struct Expires<'a> {
    t: Words,
    organisation: &'a str,
    name: &'a str,
    moment: &'a str,
    page: &'a str,
}

#[derive(Template)]
#[template(path = "mail/not-changed.txt")]
struct NotChanged<'a> {
    t: Words,
    organisation: &'a str,
    name: &'a str,
    moment: &'a str,
    support_code: &'a str,
}

#[derive(Template)]
#[template(path = "mail/withheld.txt")]
struct Withheld<'a> {
    t: Words,
    organisation: &'a str,
    sspr_code: &'a str,
    reason: String,
    todo: String,
    support_code: &'a str,
}

/// Where a person sees what is registered for them, and changes it and the password.
const OWN_PAGE: &str = "/account";

/// Writes `letter` for the people of `organisation`, whose pages are at `address`, without a slash at its end.
///
/// # Errors
/// [`askama::Error`], if a template fails.
pub fn compose(letter: &Letter, organisation: &str, address: &str) -> Result<Written, askama::Error> {
    let t = Words(letter.language);
    let page = &format!("{address}{OWN_PAGE}");
    let (subject, text) = match &letter.template {
        Kind::Code { code, support_code } => {
            (t.say("mail-code-subject"), Code { t, organisation, code, support_code }.render()?)
        }
        Kind::PasswordChanged { display_name, unusual, at_ms, support_code } => {
            let (moment, unusual) = (moment(Timestamp::from_unix_ms(*at_ms)), *unusual);
            let changed =
                Changed { t, unusual, organisation, page, name: display_name, moment: &moment, support_code };
            let subject = if unusual { key("mail-unusual-subject") } else { key("mail-changed-subject") };
            (t.say(subject), changed.render()?)
        }
        Kind::PasswordGiven { display_name, operator, at_ms, support_code } => {
            let moment = moment(Timestamp::from_unix_ms(*at_ms));
            let lead = t.with_two("mail-given-lead", &("name", display_name), &("moment", &moment));
            (t.say("mail-given-subject"), Given { t, organisation, lead, operator, support_code }.render()?)
        }
        Kind::PasswordNotChanged { display_name, at_ms, support_code } => {
            let moment = moment(Timestamp::from_unix_ms(*at_ms));
            let text =
                NotChanged { t, organisation, name: display_name, moment: &moment, support_code }.render()?;
            (t.say("mail-not-changed-subject"), text)
        }
        Kind::AddressCode { code, support_code } => {
            let text = AddressCode { t, organisation, code, support_code }.render()?;
            (t.say("mail-address-code-subject"), text)
        }
        Kind::AddressChanged { display_name, change, address, at_ms, support_code } => {
            let moment = moment(Timestamp::from_unix_ms(*at_ms));
            let (subject, lead) = match change {
                AddressChange::Registered => {
                    (key("mail-address-registered-subject"), key("mail-address-registered-lead"))
                }
                AddressChange::Replaced => {
                    (key("mail-address-replaced-subject"), key("mail-address-replaced-lead"))
                }
                AddressChange::Removed => {
                    (key("mail-address-removed-subject"), key("mail-address-removed-lead"))
                }
            };
            let lead = t.with_two(lead, &("name", display_name), &("moment", &moment));
            (t.say(subject), Address { t, organisation, page, lead, address, support_code }.render()?)
        }
        Kind::MethodChanged { display_name, method, change, at_ms, support_code } => {
            let moment = moment(Timestamp::from_unix_ms(*at_ms));
            let (subject, lead) = method_words(*method, *change);
            let lead = t.with_two(lead, &("name", display_name), &("moment", &moment));
            (t.say(subject), MethodChanged { t, organisation, page, lead, support_code }.render()?)
        }
        Kind::HelpDeskCode { code, operator, reason } => {
            let text = HelpDeskCode { t, organisation, code, operator, reason }.render()?;
            (t.say("mail-desk-code-subject"), text)
        }
        Kind::PassMade { display_name, operator, reason, at_ms } => {
            let moment = moment(Timestamp::from_unix_ms(*at_ms));
            let lead = t.with_two("mail-pass-lead", &("name", display_name), &("moment", &moment));
            (t.say("mail-pass-subject"), PassMade { t, organisation, lead, operator, reason }.render()?)
        }
        Kind::PasswordExpires { display_name, at_ms, page } => {
            let moment = moment(Timestamp::from_unix_ms(*at_ms));
            let text = Expires { t, organisation, name: display_name, moment: &moment, page }.render()?;
            (t.say("mail-expires-subject"), text)
        }
        Kind::AdministratorReset { name, console, at_ms, support_code } => {
            let moment = moment(Timestamp::from_unix_ms(*at_ms));
            let lead = if *console {
                key("mail-administrator-console-lead")
            } else {
                key("mail-administrator-lead")
            };
            let lead = t.with_two(lead, &("name", name), &("moment", &moment));
            let support_code = support_code.as_deref();
            let text = AdministratorReset { t, organisation, lead, support_code }.render()?;
            (t.say("mail-administrator-subject"), text)
        }
        Kind::AdministratorPasskey { name, passkey, change, at_ms } => {
            let moment = moment(Timestamp::from_unix_ms(*at_ms));
            let (subject, lead) = match change {
                AddressChange::Removed => {
                    (key("mail-console-passkey-removed-subject"), key("mail-console-passkey-removed-lead"))
                }
                _ => (key("mail-console-passkey-made-subject"), key("mail-console-passkey-made-lead")),
            };
            let lead = t.with_two(lead, &("name", name), &("moment", &moment));
            (t.say(subject), AdministratorPasskey { t, organisation, lead, passkey }.render()?)
        }
        Kind::RegistrationDue { display_name, confirm, page } => {
            let (subject, lead) = if *confirm {
                (key("mail-due-confirm-subject"), key("mail-due-confirm-lead"))
            } else {
                (key("mail-due-register-subject"), key("mail-due-register-lead"))
            };
            let lead = t.with(lead, "name", display_name);
            (t.say(subject), RegistrationDue { t, organisation, lead, page }.render()?)
        }
        Kind::Withheld { sspr_code, support_code } => {
            let (told, todo) = refusal::words_of(sspr_code);
            let (reason, todo) = (t.say(told), t.say(todo));
            let text = Withheld { t, organisation, sspr_code, reason, todo, support_code }.render()?;
            (t.say("mail-withheld-subject"), text)
        }
    };
    Ok(Written { subject, text })
}

/// The mail that an administrator sends to see whether mail goes out.
///
/// # Errors
/// When the template fails.
pub fn test(language: Language, organisation: &str) -> Result<Written, askama::Error> {
    let t = Words(language);
    Ok(Written { subject: t.say("mail-test-subject"), text: Test { t, organisation }.render()? })
}

/// The keys of the subject and the first sentence of a notice about a method.
const fn method_words(method: Method, change: AddressChange) -> (&'static str, &'static str) {
    match (method, change) {
        (Method::Sms, AddressChange::Removed) => {
            (key("mail-sms-removed-subject"), key("mail-sms-removed-lead"))
        }
        (Method::Sms, _) => (key("mail-sms-registered-subject"), key("mail-sms-registered-lead")),
        (Method::App, AddressChange::Removed) => {
            (key("mail-app-removed-subject"), key("mail-app-removed-lead"))
        }
        (Method::App, _) => (key("mail-app-registered-subject"), key("mail-app-registered-lead")),
        (Method::Passkey, AddressChange::Removed) => {
            (key("mail-passkey-removed-subject"), key("mail-passkey-removed-lead"))
        }
        (Method::Passkey, _) => (key("mail-passkey-registered-subject"), key("mail-passkey-registered-lead")),
        (Method::RecoveryCode, AddressChange::Removed) => {
            (key("mail-recovery-removed-subject"), key("mail-recovery-removed-lead"))
        }
        (Method::RecoveryCode, _) => {
            (key("mail-recovery-registered-subject"), key("mail-recovery-registered-lead"))
        }
        (Method::Questions, AddressChange::Removed) => {
            (key("mail-questions-removed-subject"), key("mail-questions-removed-lead"))
        }
        (Method::Questions, _) => {
            (key("mail-questions-registered-subject"), key("mail-questions-registered-lead"))
        }
        // Addresses have a notice of their own, which names them; a pass is the help desk's to make.
        (Method::Mail | Method::TemporaryPass, AddressChange::Removed) => {
            (key("mail-address-removed-subject"), key("mail-address-removed-lead"))
        }
        (Method::Mail | Method::TemporaryPass, _) => {
            (key("mail-address-registered-subject"), key("mail-address-registered-lead"))
        }
    }
}

#[cfg(test)]
mod tests {
    use ritorno_identity::language::Language;

    use super::*;

    fn written(language: Language, template: Kind) -> Written {
        compose(&Letter { to: None, language, template }, "Contoso <&>", "https://ritorno.test").unwrap()
    }

    #[test]
    fn code_stands_on_its_own_line_and_not_in_the_subject() {
        for language in Language::ALL {
            let (code, support_code) = ("01234567".to_owned(), "ABCDE-12345".to_owned());
            let reset = Kind::Code { code: code.clone(), support_code: support_code.clone() };
            for kind in [reset, Kind::AddressCode { code, support_code }] {
                let mail = written(language, kind);
                assert!(mail.text.lines().any(|line| line == "01234567"), "{}", mail.text);
                assert!(!mail.subject.contains("01234567"));
                assert!(
                    mail.text.contains("ABCDE-12345") && mail.text.contains("Contoso <&>"),
                    "{}",
                    mail.text
                );
            }
        }
    }

    #[test]
    fn every_template_speaks_both_languages() {
        let changed = |change| Kind::AddressChanged {
            display_name: "Anna".into(),
            change,
            address: "a•••••a@p•••.test".into(),
            at_ms: 1_800_000_000_000,
            support_code: "S".into(),
        };
        let method = |method, change| Kind::MethodChanged {
            display_name: "Anna".into(),
            method,
            change,
            at_ms: 1_800_000_000_000,
            support_code: "S".into(),
        };
        let kinds = [
            Kind::HelpDeskCode { code: "BCDF-GHJK".into(), operator: "desk".into(), reason: "R".into() },
            Kind::PassMade {
                display_name: "Anna".into(),
                operator: "desk".into(),
                reason: "R".into(),
                at_ms: 1_800_000_000_000,
            },
            method(Method::App, AddressChange::Registered),
            method(Method::App, AddressChange::Removed),
            method(Method::RecoveryCode, AddressChange::Registered),
            method(Method::RecoveryCode, AddressChange::Removed),
            method(Method::Questions, AddressChange::Registered),
            method(Method::Questions, AddressChange::Removed),
            Kind::AddressCode { code: "01234567".into(), support_code: "S".into() },
            changed(AddressChange::Registered),
            changed(AddressChange::Replaced),
            changed(AddressChange::Removed),
            Kind::Code { code: "01234567".into(), support_code: "S".into() },
            Kind::PasswordChanged {
                display_name: "Anna".into(),
                unusual: true,
                at_ms: 1_800_000_000_000,
                support_code: "S".into(),
            },
            Kind::RegistrationDue {
                display_name: "Anna".into(),
                confirm: true,
                page: "https://ritorno.test/register".into(),
            },
            Kind::RegistrationDue {
                display_name: "Anna".into(),
                confirm: false,
                page: "https://ritorno.test/register".into(),
            },
            Kind::PasswordChanged {
                display_name: "Anna".into(),
                unusual: false,
                at_ms: 1_800_000_000_000,
                support_code: "S".into(),
            },
            Kind::AdministratorReset {
                name: "Anna".into(),
                console: false,
                at_ms: 1_800_000_000_000,
                support_code: Some("S".into()),
            },
            Kind::AdministratorReset {
                name: "root".into(),
                console: true,
                at_ms: 1_800_000_000_000,
                support_code: None,
            },
            Kind::AdministratorPasskey {
                name: "root".into(),
                passkey: "Laptop".into(),
                change: AddressChange::Registered,
                at_ms: 1_800_000_000_000,
            },
            Kind::AdministratorPasskey {
                name: "root".into(),
                passkey: "Laptop".into(),
                change: AddressChange::Removed,
                at_ms: 1_800_000_000_000,
            },
            Kind::PasswordGiven {
                display_name: "Anna".into(),
                operator: "desk".into(),
                at_ms: 1_800_000_000_000,
                support_code: "S".into(),
            },
            Kind::PasswordNotChanged {
                display_name: "Anna".into(),
                at_ms: 1_800_000_000_000,
                support_code: "S".into(),
            },
            Kind::PasswordExpires {
                display_name: "Anna".into(),
                at_ms: 1_800_000_000_000,
                page: "https://ritorno.test/change".into(),
            },
            Kind::Withheld { sspr_code: "SSPR_0014".into(), support_code: "S".into() },
        ];
        for kind in kinds {
            let (english, italian) =
                (written(Language::English, kind.clone()), written(Language::Italian, kind));
            assert_ne!(english.subject, italian.subject);
            assert_ne!(english.text, italian.text);
            for mail in [english, italian] {
                assert!(!mail.text.contains("mail-") && !mail.text.contains('{'), "{}", mail.text);
            }
        }
    }

    #[test]
    fn changed_mail_says_who_and_when() {
        let kind = Kind::PasswordChanged {
            display_name: "Anna Rossi".into(),
            unusual: false,
            at_ms: 1_800_000_000_000,
            support_code: "ABCDE-12345".into(),
        };
        let mail = written(Language::English, kind);
        assert!(mail.text.lines().any(|line| line == "https://ritorno.test/account"), "{}", mail.text);
        assert!(
            mail.text.contains("Anna Rossi") && mail.text.contains("2027-01-15 08:00 UTC"),
            "{}",
            mail.text
        );
    }
}
