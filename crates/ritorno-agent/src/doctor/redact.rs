//! Takes names out of text: whatever is no word of this program's own is replaced, each always by the same made-up name.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Words of libraries and systems that errors are made of, and of configurations.
const COMMON: &str = "a an and any are as at be by can can't could did do does for from had has have held if in into is it its last \
    lost made many minutes more most no none not now of off on one only or other out over so than that the their them there these they \
    this through to too two up was were what when where whether which who whose will with within without yes you your \
    connection refused os error timed out such file or directory permission denied reset peer broken pipe network unreachable host \
    unknown invalid certificate issuer expired verify handshake tls dns name resolve failed lookup address use used status code http \
    https ldap ldaps kerberos bad request unauthorized forbidden found internal server service unavailable gateway proxy answers answer \
    link down round trip connected since closed reason restarts restart started stopped stops takes requests try tried again next \
    true false null json text rfc5424 active standby staging starttls information warning full-import delta-import full-sync delta-sync \
    export confirming-import confirming-delta-import fullimport deltaimport fullsync deltasync confirmingimport confirmingdeltaimport \
    succeeded failed running completedwitherrors \
    completed errors import sync objects people groups users run runs ms s mb kb free days old seconds hour hours day \
    linux debian ubuntu gnu x86_64 aarch64 pretty_name id version version_id version_codename name home_url support_url bug_report_url";

/// Most digits of a number that stays in text: more may be a person's number, a telephone's, or a password.
const DIGITS: usize = 5;

/// Takes names out of text. The same name becomes the same pseudonym everywhere, whatever its case; times, numbers of a few digits and the
/// program's own words stay.
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
            if let Some(length) = grouped(rest) {
                let made = self.pseudonym("number", &rest[..length]);
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
        } else if !bare.contains(char::is_alphabetic) {
            self.pseudonym("number", bare)
        } else if bare.contains('.') && !bare.contains('/') {
            self.pseudonym("host", bare)
        } else {
            self.pseudonym("name", bare)
        };
        word.replacen(bare, &made, 1)
    }

    /// A small number, a time, a sign, or a word of the program.
    fn is_own(&self, bare: &str) -> bool {
        let sign = bare.chars().all(|c| "-:.+%_".contains(c));
        sign || is_number(bare) || is_time(bare) || self.words.contains(&bare.to_lowercase())
    }

    /// JSON without names: numbers stay, every text is looked at.
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

/// The text with every distinguished name replaced by `an object`: what is told to the cloud side counts people and names none.
pub(super) fn without_dns(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut begins = true;
    while let Some(c) = rest.chars().next() {
        if let Some(length) = dn(rest).filter(|_| begins) {
            out.push_str("an object");
            rest = &rest[length..];
            begins = false;
            continue;
        }
        begins = !c.is_alphanumeric();
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// What stands between words.
fn is_mark(c: char) -> bool {
    "\"'`()[]{}<>,;|=\\".contains(c)
}

fn trimmed(word: &str) -> &str {
    word.trim_matches(|c: char| ".:!?…".contains(c))
}

/// A number of a few digits, with a sign, a point or a percent sign if need be.
fn is_number(bare: &str) -> bool {
    let bare = bare.strip_prefix(['+', '-']).unwrap_or(bare);
    let bare = bare.strip_suffix('%').unwrap_or(bare);
    let (whole, part) = bare.split_once('.').unwrap_or((bare, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    digits(whole) && digits(part) && bare.bytes().filter(u8::is_ascii_digit).count() <= DIGITS
}

/// A day, a time of day, or both as RFC 3339 has them.
fn is_time(bare: &str) -> bool {
    let day = format!("{bare}T00:00:00Z");
    let time = format!("2000-01-01T{bare}");
    let zoned = format!("{time}Z");
    [bare, &day, &time, &zoned].into_iter().any(|text| OffsetDateTime::parse(text, &Rfc3339).is_ok())
}

/// The length of digits in groups with a blank between them that `text` begins with, if they are too many together for a number.
fn grouped(text: &str) -> Option<usize> {
    let sign = usize::from(text.starts_with('+'));
    let (mut digits, mut length, mut groups) = (0, sign, 0);
    loop {
        let group = text[length..].bytes().take_while(u8::is_ascii_digit).count();
        let end = length + group;
        let whole =
            text[end..].chars().next().is_none_or(|c| c.is_whitespace() || is_mark(c) || ".:!?".contains(c));
        // What goes on behind a point is an address, a time or the end of a sentence: the last of which alone is the group's end.
        let goes_on =
            text[end..].starts_with(['.', ':']) && text[end + 1..].starts_with(char::is_alphanumeric);
        if group == 0 || !whole || goes_on {
            break;
        }
        (digits, groups) = (digits + group, groups + 1);
        length = end + 1;
        if !text[end..].starts_with(' ') {
            break;
        }
    }
    (groups > 1 && digits > DIGITS).then(|| length - 1)
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
    fn long_numbers_go_and_times_and_short_ones_stay() {
        let mut redactor = redactor();
        let told = redactor.text(
            "lacks 00123456 10.1.2.3-10.1.2.9 +39.02.1234567 20261126 2026-1126 12:99:99 123456_7, 1.2.3.4.5",
        );
        assert_eq!(told, "lacks number-1 number-2 number-3 number-4 number-5 number-6 number-7, number-8");
        let kept = "lacks 33001, 636, 3.5 12% -5 - 1: 2026-11-26 10:00:00 10:00 2026-11-26T10:00:00.123Z 2026-11-26T10:00:00+01:00.";
        assert_eq!(redactor.text(kept), kept.replace(" 10:00 ", " number-9 "));
        assert_eq!(redactor.text("at +39 02 1234 5678. lacks"), "at number-10. lacks");
        assert_eq!(redactor.text("at 12 34567"), "at number-11");
        assert_eq!(redactor.text("at 1 2 3"), "at 1 2 3");
        let json = redactor
            .json(&serde_json::json!({"at": 1_800_000_000_000_i64, "lacks": "4711000815"}))
            .to_string();
        assert!(json.contains("1800000000000") && !json.contains("4711"), "{json}");
    }

    #[test]
    fn objects_are_not_named() {
        let told = without_dns(
            "svc lacks Reset Password on CN=Rossi\\, Anna,OU=Città,DC=contoso,DC=test: gone; (cn=Marco Conti,DC=x) foo=bar",
        );
        assert_eq!(told, "svc lacks Reset Password on an object: gone; (an object) foo=bar");
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
