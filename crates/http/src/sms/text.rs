//! What text messages say.

use ritorno_identity::language::Language;
use ritorno_identity::mail::{Letter, Template};
use url::Url;

use crate::i18n::{Words, key};

/// The text of a letter that goes out as a text message; `None` for one that goes by mail only. A code's last line binds it to the
/// pages' host, so that a telephone offers it there and nowhere else (WICG, Origin-bound one-time codes delivered via SMS).
pub fn text(letter: &Letter, organisation: &str, public_url: &Url) -> Option<String> {
    let t = Words(letter.language);
    let told = |key: &str, code: &str| {
        let host = public_url.host_str().unwrap_or_default();
        format!("{}\n\n@{host} #{code}", t.with_two(key, &("organisation", organisation), &("code", code)))
    };
    Some(match &letter.template {
        Template::Code { code, .. } => told(key("sms-code-text"), code),
        Template::AddressCode { code, .. } => told(key("sms-number-text"), code),
        Template::Withheld { sspr_code, support_code } => {
            let codes = format!("{sspr_code} {support_code}");
            t.with_two(key("sms-withheld-text"), &("organisation", organisation), &("code", &codes))
        }
        _ => return None,
    })
}

/// The text message that an administrator sends to see whether messages go out.
pub fn test(language: Language, organisation: &str) -> String {
    Words(language).with("sms-test-text", "organisation", organisation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_short_and_bound_to_the_pages() {
        let url = "https://reset.contoso.test:8443".parse().unwrap();
        for language in Language::ALL {
            let template = Template::Code { code: "12345678".into(), support_code: "ABCDE-12345".into() };
            let said = text(&Letter { to: None, language, template }, "Contoso", &url).unwrap();
            assert_eq!(said.lines().last(), Some("@reset.contoso.test #12345678"));
            assert!(said.contains("Contoso") && said.contains("12345678") && said.len() <= 160, "{said}");
            assert!(test(language, "Contoso").contains("Contoso"));
        }
    }
}
