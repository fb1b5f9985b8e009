//! Takes names out of text: whatever is no word of this program's own is replaced, each always by the same made-up name.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

/// Words of libraries and systems that errors are made of, and of configurations.
const COMMON: &str = "a an and any are as at be by can can't could did do does for from had has have held if in into is it its last \
    lost made many minutes more most no none not now of off on one only or other out over so than that the their them there these they \
    this through to too two up was were what when where whether which who whose will with within without yes you your \
    connection refused os error timed out such file or directory permission denied reset peer broken pipe network unreachable host \
    unknown invalid certificate issuer expired verify handshake tls dns name resolve failed lookup address use used status code http \
    https ldap ldaps kerberos bad request unauthorized forbidden found internal server service unavailable gateway proxy answers answer \
    link down round trip connected since closed reason restarts restart started stopped stops takes requests try tried again next \
    true false null json text rfc5424 active standby staging starttls information warning full-import delta-import full-sync delta-sync \
    export confirming-import fullimport deltaimport fullsync deltasync confirmingimport succeeded failed running completedwitherrors \
    completed errors import sync objects people groups users run runs ms s mb kb free days old seconds hour hours day \
    linux debian ubuntu gnu x86_64 aarch64 pretty_name id version version_id version_codename name home_url support_url bug_report_url";

/// Takes names out of text. The same name becomes the same pseudonym everywhere, whatever its case; numbers, times and the program's own
/// words stay.
#[derive(Debug)]
pub(super) struct Redactor {
    words: HashSet<String>,
    names: BTreeMap<String, String>,
    counts: BTreeMap<&'static str, usize>,
}

impl Redactor {
    /// One that knows the words of `own`, which are texts of the program itself, without names of examples.
    pub(super) fn new(own: impl IntoIterator<Item = String>) -> Self {
        let mut words = HashSet::new();
        for text in own.into_iter().chain([COMMON.to_owned()]) {
            for word in text.split(|c: char| c.is_whitespace() || is_mark(c)) {
                let word = trimmed(word);
                words.insert(word.to_lowercase());
                words.extend(word.split(['/', '-', '_']).map(str::to_lowercase));
            }
        }
        Self { words, names: BTreeMap::new(), counts: BTreeMap::new() }
    }

    /// How many names were taken out, by kind.
    pub(super) fn counts(&self) -> &BTreeMap<&'static str, usize> {
        &self.counts
    }

    fn pseudonym(&mut self, kind: &'static str, name: &str) -> String {
        let key = name.to_lowercase();
        if let Some(known) = self.names.get(&key) {
            return known.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let made = format!("{kind}-{count}");
        self.names.insert(key, made.clone());
        made
    }

    /// The text without names.
    pub(super) fn text(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(length) = dn(rest) {
                let made = self.pseudonym("object", &rest[..length]);
                out.push_str(&made);
                rest = &rest[length..];
                continue;
            }
            let end = rest.find(|c: char| c.is_whitespace() || is_mark(c)).unwrap_or(rest.len());
            if end == 0 {
                let mark = rest.chars().next().unwrap_or(' ');
                out.push(mark);
                rest = &rest[mark.len_utf8()..];
            } else {
                let made = self.word(&rest[..end]);
                out.push_str(&made);
                rest = &rest[end..];
            }
        }
        out
    }

    fn word(&mut self, word: &str) -> String {
        let bare = trimmed(word);
        if bare.is_empty() || self.is_own(bare) {
            return word.to_owned();
        }
        let made = if bare.contains('@') {
            self.pseudonym("person", bare)
        } else if is_address(bare) {
            self.pseudonym("address", bare)
        } else if bare.contains('.') && !bare.contains('/') {
            self.pseudonym("host", bare)
        } else {
            self.pseudonym("name", bare)
        };
        word.replacen(bare, &made, 1)
    }

    /// A number, a time, or a word of the program.
    fn is_own(&self, bare: &str) -> bool {
        let counts = bare.chars().all(|c| c.is_ascii_digit() || "-:.+%TZ_".contains(c));
        (counts && !is_address(bare)) || self.words.contains(&bare.to_lowercase())
    }

    /// JSON without names: keys stay, every text is looked at.
    pub(super) fn json(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(all) => Value::Array(all.iter().map(|one| self.json(one)).collect()),
            Value::Object(all) => {
                // A key that is no word of the program's is a name as well: a map may be by forest.
                let entry = |(key, one): (&String, &Value)| (self.text(key), self.json(one));
                Value::Object(all.iter().map(entry).collect())
            }
            other => other.clone(),
        }
    }
}

/// What stands between words.
fn is_mark(c: char) -> bool {
    "\"'`()[]{}<>,;|=\\".contains(c)
}

fn trimmed(word: &str) -> &str {
    word.trim_matches(|c: char| ".:!?…".contains(c))
}

fn is_address(bare: &str) -> bool {
    let host = bare.trim_matches(['[', ']']);
    let (ip, _) = host.rsplit_once(':').unwrap_or((host, ""));
    host.parse::<std::net::IpAddr>().is_ok() || ip.parse::<std::net::IpAddr>().is_ok()
}

/// The length of the distinguished name that `text` begins with, if it begins with one: up to its last component, where commas go on.
fn dn(text: &str) -> Option<usize> {
    let begins = |text: &str| {
        let (kind, _) = text.split_once('=')?;
        ["cn", "ou", "dc", "uid", "o", "l"].iter().find(|known| known.eq_ignore_ascii_case(kind)).copied()
    };
    begins(text)?;
    let mut length = 0;
    while let Some(kind) = begins(&text[length..]) {
        let from = length + kind.len() + 1;
        // The label of a domain has no blank in it; any other value may, and goes on to the next comma or the end of what is said.
        let ends = |c: char| {
            if kind == "dc" { !(c.is_alphanumeric() || "-_".contains(c)) } else { ",;:\"\n)".contains(c) }
        };
        let value = &text[from..];
        let mut end = value.len();
        let mut escaped = false;
        for (at, c) in value.char_indices() {
            if !escaped && ends(c) {
                end = at;
                break;
            }
            escaped = !escaped && c == '\\';
        }
        length = from + end;
        if !text[length..].starts_with(',') || begins(&text[length + 1..]).is_none() {
            break;
        }
        length += 1;
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        Redactor::new(["The PDC emulator of each forest answers; lacks Reset Password on".to_owned()])
    }

    #[test]
    fn names_go_and_words_stay() {
        let mut redactor = redactor();
        let told = redactor.text(
            "svc@contoso.test lacks Reset Password on CN=Anna Rossi,OU=Città\\, Nord,DC=contoso,DC=test: refused by DC1.contoso.test \
             (10.1.2.3:636) at 2026-11-26T10:00:00Z, Zanzibar",
        );
        assert_eq!(
            told,
            "person-1 lacks Reset Password on object-1: refused by host-1 (address-1) at 2026-11-26T10:00:00Z, name-1"
        );
        assert_eq!(
            redactor.text("'zanzibar' dc1.CONTOSO.test"),
            "'name-1' host-1",
            "the same wherever it stands"
        );
        assert_eq!(redactor.counts()["host"], 1);
    }

    #[test]
    fn json_and_lines_lose_names_in_every_place() {
        let mut redactor = redactor();
        let value = serde_json::json!({"forest": {"contoso.test": ["Rossi", 3, null]}, "answers": "PDC"});
        let told = redactor.json(&value).to_string();
        assert!(
            !told.contains("contoso") && !told.contains("Rossi") && told.contains("\"answers\":\"PDC\""),
            "{told}"
        );
        let odd = redactor.text("CN=Only, DOMAIN\\anna.rossi ünïcode\u{202e} fe80::1 user=\"x y\"");
        for name in ["Only", "DOMAIN", "anna", "ünïcode", "fe80"] {
            assert!(!odd.contains(name), "{odd}");
        }
    }
}
