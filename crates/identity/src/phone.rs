//! Telephone numbers to which codes go.

/// A number in its international form (ITU-T E.164): `+393331234567`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

/// Fewest and most digits, the country's among them.
const DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

impl Phone {
    /// Reads what was typed, or what a directory has. Spaces, dots, dashes, slashes and parentheses do not matter, `00` is a `+`, and
    /// `tel:` (RFC 3966), as SCIM has it, may stand before it.
    /// `None` if it is no international number: nobody knows which country another one is of.
    pub fn parse(typed: &str) -> Option<Self> {
        let typed = typed.trim();
        let plain: String = typed
            .strip_prefix("tel:")
            .unwrap_or(typed)
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '.' | '-' | '/' | '(' | ')'))
            .collect();
        let digits = plain.strip_prefix('+').or_else(|| plain.strip_prefix("00"))?;
        let fits = DIGITS.contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        fits.then(|| Self(format!("+{digits}")))
    }

    /// The number, as gateways take it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its last two digits, so that its owner knows it again: `•••••••67`. It tells no length.
    pub fn mask(&self) -> String {
        let digits = self.0.len();
        format!("•••••••{}", &self.0[digits - 2..])
    }
}

/// Without the number.
impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Phone")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_number_are_one() {
        for typed in [
            "+393331234567",
            "+39 333 123 4567",
            "0039 333-123.45/67",
            " +39 (333) 1234567 ",
            "tel:+39-333-1234567",
        ] {
            let phone = Phone::parse(typed).unwrap();
            assert_eq!((phone.as_str(), phone.mask().as_str()), ("+393331234567", "•••••••67"), "{typed}");
            assert!(!format!("{phone:?}").contains("333"));
        }
    }

    #[test]
    fn a_number_without_its_country_is_none() {
        for typed in [
            "",
            "333 1234567",
            "+",
            "+39",
            "+0393331234567",
            "+3933312345678901",
            "+39333x234567",
            "++393331234567",
        ] {
            assert_eq!(Phone::parse(typed), None, "{typed}");
        }
    }
}
