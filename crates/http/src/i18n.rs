//! What the pages and mails say, from the Fluent catalogues in `web/locales` (built in).

use std::fmt::Display;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use ritorno_identity::language::Language;
use ritorno_protocol::clock::Timestamp;
use unic_langid::LanguageIdentifier;

#[cfg(test)]
mod check;

/// The catalogues: a constant for each folder of `web/locales`, named like it. The build script writes it, and looks that they fit together.
mod catalogues {
    include!(concat!(env!("OUT_DIR"), "/catalogues.rs"));
}

type Bundle = FluentBundle<FluentResource>;

static ENGLISH_BUNDLE: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::English));
static ITALIAN_BUNDLE: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::Italian));

const fn sources(language: Language) -> &'static [&'static str] {
    match language {
        Language::English => catalogues::EN,
        Language::Italian => catalogues::IT,
    }
}

fn bundle(language: Language) -> Bundle {
    let id: LanguageIdentifier = language.tag().parse().expect("our own tags are language tags");
    let mut bundle = Bundle::new_concurrent(vec![id]);
    // The marks that keep directions apart would be counted and copied with codes: only where directions meet are they needed.
    bundle.set_use_isolating(language.is_right_to_left());
    for source in sources(language) {
        // The build script has read each line of them: a line that can't be parsed would leave its message out.
        let resource = match FluentResource::try_new((*source).to_owned()) {
            Ok(resource) | Err((resource, _)) => resource,
        };
        bundle.add_resource_overriding(resource);
    }
    bundle
}

/// The messages in one language. Templates call it `t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words(pub Language);

impl Words {
    /// The language's tag, for `lang` attributes.
    pub const fn tag(self) -> &'static str {
        self.0.tag()
    }

    /// Which way it is written, for the page's `dir` attribute.
    pub const fn direction(self) -> &'static str {
        if self.0.is_right_to_left() { "rtl" } else { "ltr" }
    }

    /// The other languages, for the links that lead to them.
    pub fn others(self) -> impl Iterator<Item = Language> {
        Language::ALL.into_iter().filter(move |language| *language != self.0)
    }

    /// The message `key`. A key without a message would give the key itself; no program is built with one.
    pub fn say(self, key: &str) -> String {
        self.format(key, None)
    }

    /// The message `key` with one text in it.
    pub fn with(self, key: &str, name: &str, value: impl Display) -> String {
        let mut arguments = FluentArgs::new();
        arguments.set(name, value.to_string());
        self.format(key, Some(&arguments))
    }

    /// The message `key` with two texts in it.
    pub fn with_two(self, key: &str, one: &(&str, &str), two: &(&str, &str)) -> String {
        let mut arguments = FluentArgs::new();
        arguments.set(one.0, one.1.to_owned());
        arguments.set(two.0, two.1.to_owned());
        self.format(key, Some(&arguments))
    }

    /// The message `key` with a number `n` in it, in the plural that the language wants.
    pub fn count(self, key: &str, n: &u16) -> String {
        let mut arguments = FluentArgs::new();
        arguments.set("n", *n);
        self.format(key, Some(&arguments))
    }

    fn format(self, key: &str, arguments: Option<&FluentArgs<'_>>) -> String {
        let bundle: &Bundle = match self.0 {
            Language::English => &ENGLISH_BUNDLE,
            Language::Italian => &ITALIAN_BUNDLE,
        };
        let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
            return key.to_owned();
        };
        bundle.format_pattern(pattern, arguments, &mut Vec::new()).into_owned()
    }
}

/// Marks a literal as a message's key where it is chosen before it is said, so that the build script finds it.
pub(crate) const fn key(key: &'static str) -> &'static str {
    key
}

/// The tags of an `Accept-Language` header (RFC 9110 section 12.5.4), best first; weights of zero are left out.
pub fn accepted(header: &str) -> Vec<&str> {
    let mut weighted: Vec<(u16, &str)> = header
        .split(',')
        .take(16)
        .filter_map(|part| {
            let (tag, parameters) = part.split_once(';').unwrap_or((part, ""));
            let weight =
                parameters.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.trim().parse::<f32>().ok())?;
            let thousandths = (weight.clamp(0.0, 1.0) * 1_000.0) as u16;
            (thousandths > 0).then(|| (thousandths, tag.trim()))
        })
        .collect();
    // Stable: equal weights stay in the order in which they were sent.
    weighted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    weighted.into_iter().map(|(_, tag)| tag).collect()
}

/// A moment as people read it: day and minute in UTC, the same in every language.
pub fn moment(at: Timestamp) -> String {
    let Ok(at) = time::OffsetDateTime::from_unix_timestamp(at.unix_ms().div_euclid(1_000)) else {
        return String::new();
    };
    format!("{} {:02}:{:02} UTC", at.date(), at.hour(), at.minute())
}

/// A moment for the `datetime` attribute of `<time>`, so that the page can show it in the reader's own zone.
pub fn machine_moment(at: Timestamp) -> String {
    time::OffsetDateTime::from_unix_timestamp(at.unix_ms().div_euclid(1_000))
        .ok()
        .and_then(|at| at.format(&time::format_description::well_known::Rfc3339).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_decide() {
        assert_eq!(accepted("it;q=0.5, de, en-GB;q=0.8, fr;q=0"), ["de", "en-GB", "it"]);
        assert_eq!(accepted(""), [""]);
    }

    #[test]
    fn moment_is_plain() {
        let at = Timestamp::from_unix_ms(1_800_000_000_000);
        assert_eq!(moment(at), "2027-01-15 08:00 UTC");
        assert_eq!(machine_moment(at), "2027-01-15T08:00:00Z");
    }
}
