//! The password policy that holds for one person, and the evaluator that the agent and the page share.
//!
//! `vectors/policy.json` beside this crate holds the cases that the Rust and the TypeScript evaluator must both agree on.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::samba_letters::{CAPITALS, SMALL_LETTERS, contains};

/// Where a policy comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PolicySource {
    /// The domain's own policy, read from the domain naming context.
    Domain,
    /// A password settings object (fine-grained policy) that wins for this person (MS-ADTS 3.1.1.4.5.36).
    Pso {
        /// Its common name.
        name: String,
    },
    /// A PSO wins, but the agent's account may not read it: its rules are not known, so nothing is refused locally.
    UnreadablePso {
        /// Its common name.
        name: String,
    },
}

/// Which character classes count, and how: Windows and Samba differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    /// Windows Server: five classes, any character outside letters and digits is a symbol.
    Windows,
    /// Samba: five classes, symbols are a fixed list of ASCII characters.
    Samba,
    /// OpenLDAP: no classes, and lengths count bytes of UTF-8.
    #[serde(rename = "openldap")]
    OpenLdap,
}

impl Vendor {
    /// How long a password is, as the directory counts.
    fn length(self, password: &str) -> usize {
        match self {
            Self::Windows | Self::Samba => password.encode_utf16().count(),
            Self::OpenLdap => password.len(),
        }
    }
}

/// The policy that holds for one person, as read from the directory. Lengths count UTF-16 code units, as AD does, except for
/// [`Vendor::OpenLdap`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectivePolicy {
    /// Where it comes from.
    pub source: PolicySource,
    /// Whose way of judging complexity applies.
    pub vendor: Vendor,
    /// `minPwdLength`, 0 to 255.
    pub minimum_length: u16,
    /// Whether three of five character classes are needed (`DOMAIN_PASSWORD_COMPLEX`).
    pub complexity: bool,
    /// Passwords remembered, 0 to 1024. Only the DC can judge it.
    pub history: u16,
    /// Whether the DC enforces history and minimum age on a reset (it lists the policy-hints control).
    pub hints: bool,
    /// The earliest moment at which the minimum age lets the password change again; `None` if it already does.
    pub not_before: Option<Timestamp>,
    /// Whether the account name and parts of the display name are forbidden in the password.
    pub forbid_names: bool,
    /// `sAMAccountName`.
    pub account_name: String,
    /// `displayName`, empty if there is none.
    pub display_name: String,
    /// Words that the tenant bans from passwords. The directory knows nothing of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub banned_words: Vec<String>,
    /// Whether the agent looks passwords up in lists of breached ones. Only it can judge that.
    #[serde(default, skip_serializing_if = "is_false")]
    pub breached: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// One rule of a policy. Named in refusals, and shown to the person one by one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Rule {
    /// Contains a word that the tenant bans. Which one is not said: it would be a part of the password.
    BannedWord,
    /// In a list of breached passwords that the agent has.
    BreachedPassword,
    /// Three of five character classes.
    Complexity,
    /// Contains the account name or a part of the display name.
    ContainsName,
    /// Among the passwords remembered.
    History {
        /// How many are remembered, if known.
        remembered: Option<u16>,
    },
    /// Longer than the directory or the envelope takes.
    MaximumLength {
        /// UTF-16 code units.
        maximum: u16,
    },
    /// Changed too recently.
    MinimumAge {
        /// When it may change again, if known.
        not_before: Option<Timestamp>,
    },
    /// Too short.
    MinimumLength {
        /// UTF-16 code units.
        minimum: u16,
    },
    /// The directory refused it without saying why: by elimination, history or a password filter. Also what a later version refuses by,
    /// and this one has no name for.
    #[serde(other)]
    Unnamed,
}

/// Longest password AD takes, in UTF-16 code units.
pub const MAXIMUM_LENGTH: u16 = 256;

impl EffectivePolicy {
    /// The first rule that `password` breaks at `now`, as far as that can be judged without the DC: history and password
    /// filters can't. An unreadable PSO refuses nothing but what no directory takes.
    pub fn first_broken(&self, password: &str, now: Timestamp) -> Option<Rule> {
        if password.encode_utf16().count() > usize::from(MAXIMUM_LENGTH) {
            return Some(Rule::MaximumLength { maximum: MAXIMUM_LENGTH });
        }
        if matches!(self.source, PolicySource::UnreadablePso { .. }) {
            return None;
        }
        if let Some(not_before) =
            self.not_before.filter(|_| self.hints).filter(|not_before| now < *not_before)
        {
            return Some(Rule::MinimumAge { not_before: Some(not_before) });
        }
        if self.vendor.length(password) < usize::from(self.minimum_length) {
            return Some(Rule::MinimumLength { minimum: self.minimum_length });
        }
        if self.complexity && classes(password, self.vendor) < 3 {
            return Some(Rule::Complexity);
        }
        if self.forbid_names && contains_name(password, &self.account_name, &self.display_name) {
            return Some(Rule::ContainsName);
        }
        if contains_word(password, &self.banned_words) {
            return Some(Rule::BannedWord);
        }
        None
    }

    /// The same policy with what the tenant demands beside the directory.
    pub fn tighten(&mut self, forbid_names: bool, banned_words: &[String]) {
        self.forbid_names |= forbid_names;
        self.banned_words = banned_words.to_vec();
    }
}

/// How many of the five character classes `password` holds: upper case, lower case, digits, symbols, other letters.
///
/// Windows: MS-SAMR 3.1.1.7.2 and the documented policy 'password must meet complexity requirements'. Samba: its list of
/// symbols is closed, so that a space or a control character belongs to no class; its lists of letters with case are old, and any other
/// character beyond ASCII is of the fifth class.
pub fn classes(password: &str, vendor: Vendor) -> usize {
    const SAMBA_SYMBOLS: &str = "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/";
    let (mut upper, mut lower, mut digit, mut symbol, mut other) = (false, false, false, false, false);
    for c in password.chars() {
        match c {
            '0'..='9' => digit = true,
            'A'..='Z' => upper = true,
            'a'..='z' => lower = true,
            _ if c.is_ascii() => symbol |= vendor == Vendor::Windows || SAMBA_SYMBOLS.contains(c),
            _ if vendor == Vendor::Samba && contains(&CAPITALS, c) => upper = true,
            _ if vendor == Vendor::Samba && contains(&SMALL_LETTERS, c) => lower = true,
            _ if vendor == Vendor::Samba => other = true,
            _ if c.is_uppercase() => upper = true,
            _ if c.is_lowercase() => lower = true,
            _ if c.is_alphabetic() => other = true,
            _ => symbol = true,
        }
    }
    [upper, lower, digit, symbol, other].into_iter().filter(|present| *present).count()
}

/// Whether `password` contains the account name, or a part of the display name, in any case. Names shorter than three
/// characters are not looked for. The display name is cut at commas, periods, dashes, underscores, spaces, number signs
/// and tabs (documented with the Windows complexity setting).
pub fn contains_name(password: &str, account_name: &str, display_name: &str) -> bool {
    let password = password.to_lowercase();
    let found = |name: &str| name.chars().count() >= 3 && password.contains(&name.to_lowercase());
    found(account_name) || display_name.split([',', '.', '-', '_', ' ', '#', '\t']).any(found)
}

/// Whether `password` contains one of the words, in any case and also where letters are written with the digits and symbols that
/// look like them: whoever is told that `contoso` is banned tries `C0nt0$o` next.
pub fn contains_word(password: &str, words: &[String]) -> bool {
    let folded = folded(password);
    words.iter().any(|word| !word.is_empty() && folded.contains(&self::folded(word)))
}

/// `text` in lower case, with one letter for all that look alike.
pub fn folded(text: &str) -> String {
    let fold = |c| match c {
        '0' => 'o',
        '1' | '!' | '|' | 'l' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    text.to_lowercase().chars().map(fold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Case {
        name: String,
        policy: EffectivePolicy,
        now: Timestamp,
        password: String,
        broken: Option<Rule>,
    }

    #[test]
    fn shared_vectors_hold() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("../vectors/policy.json")).unwrap();
        assert!(cases.len() >= 20, "the vectors are the contract with the page; they don't shrink");
        for case in cases {
            assert_eq!(case.policy.first_broken(&case.password, case.now), case.broken, "{}", case.name);
        }
    }
}
