//! The rules of one person's policy in words, and what is told when one was broken.

use ritorno_protocol::policy::{EffectivePolicy, MAXIMUM_LENGTH, PolicySource, Rule};

use crate::i18n::{Words, moment};

/// Most banned words that the list names one by one.
const LISTED_AT_MOST: usize = 6;

/// One line of the list on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RuleLine {
    /// The rule's name, as in the protocol's JSON: what the script judges by.
    pub(super) name: &'static str,
    /// The rule in words.
    pub(super) text: String,
}

/// The list for `policy`. A policy that can't be read has no line but the one that every directory has.
pub(super) fn lines(t: Words, policy: &EffectivePolicy) -> Vec<RuleLine> {
    let line = |name, text| RuleLine { name, text };
    let mut lines = Vec::new();
    if !unreadable(policy) {
        if policy.minimum_length > 0 {
            lines.push(line("minimum_length", t.count("rule-minimum-length", &policy.minimum_length)));
        }
        if policy.complexity {
            lines.push(line("complexity", t.say("rule-complexity")));
        }
        if policy.forbid_names {
            lines.push(line("contains_name", t.say("rule-contains-name")));
        }
        if !policy.banned_words.is_empty() {
            lines.push(line("banned_word", banned_words(t, &policy.banned_words)));
        }
        if let Some(not_before) = policy.not_before.filter(|_| policy.hints) {
            lines.push(line("minimum_age", t.with("rule-minimum-age", "moment", moment(not_before))));
        }
        if policy.history > 0 && policy.hints {
            lines.push(line("history", t.count("rule-history", &policy.history)));
        }
    }
    // It is no rule of the directory's.
    if policy.breached {
        lines.push(line("breached_password", t.say("rule-breached")));
    }
    lines.push(line("maximum_length", t.count("rule-maximum-length", &MAXIMUM_LENGTH)));
    lines
}

/// The rule of the banned words; with all of them, if they are few.
fn banned_words(t: Words, words: &[String]) -> String {
    if words.len() > LISTED_AT_MOST {
        return t.say("rule-banned-words");
    }
    t.with("rule-banned-words-listed", "words", words.join(", "))
}

/// Whether the page must say that the rules are not known.
pub(super) const fn unreadable(policy: &EffectivePolicy) -> bool {
    matches!(policy.source, PolicySource::UnreadablePso { .. })
}

/// What is told about a broken rule.
pub(crate) fn refused(t: Words, rule: &Rule) -> String {
    match rule {
        Rule::BannedWord => t.say("refused-banned-word"),
        Rule::BreachedPassword => t.say("refused-breached"),
        Rule::Complexity => t.say("refused-complexity"),
        Rule::ContainsName => t.say("refused-contains-name"),
        Rule::History { remembered: None } => t.say("refused-history"),
        Rule::History { remembered: Some(n) } => t.count("refused-history-count", n),
        Rule::MaximumLength { maximum } => t.count("refused-maximum-length", maximum),
        Rule::MinimumAge { not_before: None } => t.say("refused-minimum-age"),
        Rule::MinimumAge { not_before: Some(at) } => {
            t.with("refused-minimum-age-until", "moment", moment(*at))
        }
        Rule::MinimumLength { minimum } => t.count("refused-minimum-length", minimum),
        Rule::Unnamed => t.say("refused-unnamed"),
    }
}

#[cfg(test)]
mod tests {
    use ritorno_identity::language::Language;
    use ritorno_protocol::policy::Vendor;

    use super::*;

    fn policy() -> EffectivePolicy {
        EffectivePolicy {
            source: PolicySource::Domain,
            vendor: Vendor::Samba,
            minimum_length: 1,
            complexity: true,
            history: 24,
            hints: true,
            not_before: None,
            forbid_names: true,
            account_name: "anna.rossi".into(),
            display_name: "Anna Rossi".into(),
            banned_words: Vec::new(),
            breached: false,
        }
    }

    #[test]
    fn plural_follows_the_language() {
        let text = |language| lines(Words(language), &policy())[0].text.clone();
        assert_eq!(text(Language::English), "At least 1 character");
        assert_eq!(text(Language::Italian), "Almeno 1 carattere");
        let told = refused(Words(Language::Italian), &Rule::MinimumLength { minimum: 14 });
        assert_eq!(told, "La password deve avere almeno 14 caratteri.");
    }

    #[test]
    fn only_rules_that_hold_are_listed() {
        let names = |policy: &EffectivePolicy| {
            lines(Words(Language::English), policy).iter().map(|line| line.name).collect::<Vec<_>>()
        };
        assert_eq!(
            names(&policy()),
            ["minimum_length", "complexity", "contains_name", "history", "maximum_length"]
        );
        let few = EffectivePolicy { banned_words: vec!["contoso".into(), "roma".into()], ..policy() };
        assert_eq!(names(&few)[3], "banned_word");
        let told = lines(Words(Language::English), &few)[3].text.clone();
        assert_eq!(told, "None of these words: contoso, roma");
        let many = EffectivePolicy { banned_words: vec!["contoso".into(); 7], ..policy() };
        assert!(!lines(Words(Language::Italian), &many)[3].text.contains("contoso"));
        let unread =
            EffectivePolicy { source: PolicySource::UnreadablePso { name: "Strict".into() }, ..policy() };
        assert_eq!(names(&unread), ["maximum_length"]);
        let checked = EffectivePolicy { breached: true, ..unread };
        assert_eq!(names(&checked), ["breached_password", "maximum_length"]);
        let plain = EffectivePolicy { hints: false, forbid_names: false, complexity: false, ..policy() };
        assert_eq!(names(&plain), ["minimum_length", "maximum_length"]);
    }
}
