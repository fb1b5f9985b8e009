//! A letter's words, in the reader's language.

use askama::Template;
use ritorno_identity::mail::{Letter, Template as Kind};
use ritorno_protocol::clock::Timestamp;

use crate::i18n::{Words, moment};
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
#[template(path = "mail/changed.txt")]
struct Changed<'a> {
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

/// Writes `letter` for the people of `organisation`.
///
/// # Errors
/// [`askama::Error`], if a template fails.
pub fn compose(letter: &Letter, organisation: &str) -> Result<Written, askama::Error> {
    let t = Words(letter.language);
    let (subject, text) = match &letter.template {
        Kind::Code { code, support_code } => {
            (t.say("mail-code-subject"), Code { t, organisation, code, support_code }.render()?)
        }
        Kind::PasswordChanged { display_name, at_ms, support_code } => {
            let moment = moment(Timestamp::from_unix_ms(*at_ms));
            let text =
                Changed { t, organisation, name: display_name, moment: &moment, support_code }.render()?;
            (t.say("mail-changed-subject"), text)
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

#[cfg(test)]
mod tests {
    use ritorno_identity::language::Language;

    use super::*;

    fn written(language: Language, template: Kind) -> Written {
        compose(&Letter { to: None, language, template }, "Contoso <&>").unwrap()
    }

    #[test]
    fn code_stands_on_its_own_line_and_not_in_the_subject() {
        for language in Language::ALL {
            let kind = Kind::Code { code: "01234567".into(), support_code: "ABCDE-12345".into() };
            let mail = written(language, kind);
            assert!(mail.text.lines().any(|line| line == "01234567"), "{}", mail.text);
            assert!(!mail.subject.contains("01234567"));
            assert!(mail.text.contains("ABCDE-12345") && mail.text.contains("Contoso <&>"), "{}", mail.text);
        }
    }

    #[test]
    fn every_template_speaks_both_languages() {
        let kinds = [
            Kind::Code { code: "01234567".into(), support_code: "S".into() },
            Kind::PasswordChanged {
                display_name: "Anna".into(),
                at_ms: 1_800_000_000_000,
                support_code: "S".into(),
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
            at_ms: 1_800_000_000_000,
            support_code: "ABCDE-12345".into(),
        };
        let mail = written(Language::English, kind);
        assert!(
            mail.text.contains("Anna Rossi") && mail.text.contains("2027-01-15 08:00 UTC"),
            "{}",
            mail.text
        );
    }
}
