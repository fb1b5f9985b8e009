//! `mail-dkim`: the key by which receivers check signatures (RFC 6376). Who signs is the mail server, so that its selector has to be told.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};

use super::Sender;
use super::tags::{Tags, TagsError};
use super::text::shown;

/// The check.
pub struct Dkim;

/// Bytes of the shortest RSA key that may be taken, of 1024 bits (RFC 8301 section 3.2), without the algorithm's name.
const RSA_AT_LEAST: usize = 140;
/// Bytes of an Ed25519 key (RFC 8463 section 4).
const ED25519: usize = 32;

/// A key as it is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Whether the domain says that it only tries DKIM out (`t=y`).
    pub is_a_trial: bool,
    /// The key's bytes.
    pub bytes: usize,
}

/// Why receivers can't use a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is no list of tags.
    #[error(transparent)]
    Tags(#[from] TagsError),
    /// `v` is not the first tag, or another version.
    #[error("'v' is not DKIM1, or not the first tag")]
    Version,
    /// There is no `p`.
    #[error("it has no 'p'")]
    NoKey,
    /// `p` is empty.
    #[error("the key is revoked ('p' is empty)")]
    Revoked,
    /// `p` is no key of the kind that `k` names.
    #[error("'p' is no key: {0}")]
    BadKey(&'static str),
    /// `k` is neither `rsa` nor `ed25519`.
    #[error("'k' is neither rsa nor ed25519")]
    Kind,
    /// It is not for SHA-256, or not for mail.
    #[error("'{0}' does not let it sign mail with SHA-256")]
    Use(&'static str),
}

/// Reads a key's record (RFC 6376 section 3.6.1).
///
/// # Errors
/// [`KeyError`].
pub fn read(record: &[u8]) -> Result<PublicKey, KeyError> {
    let tags = Tags::read(record)?;
    if tags.get("v").is_some_and(|version| version != "DKIM1")
        || tags.place("v").is_some_and(|place| place != 0)
    {
        return Err(KeyError::Version);
    }
    let key: String =
        tags.get("p").ok_or(KeyError::NoKey)?.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    if key.is_empty() {
        return Err(KeyError::Revoked);
    }
    let lists = |name: &str, wanted: &[&str]| {
        tags.get(name).is_none_or(|list| list.split(':').any(|one| wanted.contains(&one.trim())))
    };
    if !lists("h", &["sha256"]) {
        return Err(KeyError::Use("h"));
    }
    if !lists("s", &["*", "email"]) {
        return Err(KeyError::Use("s"));
    }
    let bytes = STANDARD.decode(key).map_err(|_| KeyError::BadKey("it is not in Base64"))?.len();
    match tags.get("k").unwrap_or("rsa") {
        "rsa" if bytes < RSA_AT_LEAST => {
            return Err(KeyError::BadKey("it is shorter than 1024 bits (RFC 8301)"));
        }
        "ed25519" if bytes != ED25519 => return Err(KeyError::BadKey("it has not the 32 bytes of Ed25519")),
        "rsa" | "ed25519" => {}
        _ => return Err(KeyError::Kind),
    }
    Ok(PublicKey { is_a_trial: tags.get("t").is_some() && lists("t", &["y"]), bytes })
}

fn absent(name: &str) -> Finding {
    Finding::fail(
        format!("{name} has no TXT record"),
        "receivers can't check the signatures that the mail server makes, so that they count as none; or it signs by another selector",
    )
    .fix(System::Dns, ["# as the mail server shows it", &format!("{name}. IN TXT \"v=DKIM1; k=rsa; p=...\"")])
}

fn unusable(name: &str, error: &KeyError) -> Finding {
    Finding::fail(format!("{name}: {error}"), "receivers can't check signatures by it").fix(
        System::Dns,
        ["# as the mail server shows it", &format!("{name}. IN TXT \"v=DKIM1; k=rsa; p=...\"")],
    )
}

fn several(name: &str, count: usize) -> Finding {
    Finding::warning(
        format!("{name} has {count} TXT records"),
        "which of them a receiver takes is nowhere said (RFC 6376 section 3.6.2.2)",
    )
    .fix(System::Dns, ["# one record only"])
}

fn trial(name: &str) -> Finding {
    Finding::warning(
        format!("{name} says that DKIM is tried out (t=y)"),
        "receivers treat mail as if it had no signature",
    )
    .fix(System::Dns, ["# the record without t=y"])
}

#[async_trait]
impl Check<Sender> for Dkim {
    fn description(&self) -> &'static Description {
        &Description {
            id: "mail-dkim",
            title: "The key of the signatures is published",
            proves: "The selector that [mail] dkim_selector names has a key in the DNS of the domain of [mail] from. That the mail server signs is seen in a mail that came.",
            article: None,
            rows: &[],
            fault_test: const { FaultTest::real("mail_dns::each_record_has_its_verdict") },
            manual: "mail.html#mail-dkim",
        }
    }

    async fn look(&self, sender: &Sender) -> Finding {
        let Some(selector) = &sender.dkim_selector else {
            return Finding::not_applicable(
                "[mail] dkim_selector names no selector, and a key can't be found without; s= of the header DKIM-Signature in a mail that came is it",
            );
        };
        let name = format!("{selector}._domainkey.{}", sender.domain);
        let found = match sender.names.texts(&name).await {
            Ok(found) => found.unwrap_or_default(),
            Err(error) => return Finding::could_not_tell(error.to_string()),
        };
        match found.as_slice() {
            [] => absent(&name),
            [record] => match read(record) {
                Err(error) => unusable(&name, &error).and(format!("the record: {}", shown(record))),
                Ok(key) if key.is_a_trial => trial(&name),
                Ok(key) => Finding::pass(format!("{name} has a key of {} bytes", key.bytes)),
            },
            more => several(&name, more.len()),
        }
    }

    fn examples(&self) -> Vec<Finding> {
        let name = "mail2025._domainkey.contoso.com";
        vec![absent(name), unusable(name, &KeyError::Revoked), several(name, 2), trial(name)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_strictly() {
        let rsa = STANDARD.encode([7; 294]);
        let ed = STANDARD.encode([7; 32]);
        let good = |record: String| read(record.as_bytes()).unwrap();
        assert_eq!(good(format!("v=DKIM1; k=rsa; p={rsa}")), PublicKey { is_a_trial: false, bytes: 294 });
        // Providers break long keys into strings with spaces between.
        let (one, two) = rsa.split_at(100);
        assert_eq!(good(format!("p={one} {two};")).bytes, 294);
        assert!(good(format!("k=ed25519; t=s:y; h=sha1:sha256; s=email; p={ed}")).is_a_trial);
        assert!(!good(format!("t=s; p={rsa}")).is_a_trial);
        for (bad, error) in [
            (format!("k=rsa; v=DKIM1; p={rsa}"), KeyError::Version),
            (format!("v=DKIM2; p={rsa}"), KeyError::Version),
            ("v=DKIM1".into(), KeyError::NoKey),
            ("v=DKIM1; p=".into(), KeyError::Revoked),
            ("p=***".into(), KeyError::BadKey("it is not in Base64")),
            (format!("p={ed}"), KeyError::BadKey("it is shorter than 1024 bits (RFC 8301)")),
            (format!("k=ed25519; p={rsa}"), KeyError::BadKey("it has not the 32 bytes of Ed25519")),
            (format!("k=dsa; p={rsa}"), KeyError::Kind),
            (format!("h=sha1; p={rsa}"), KeyError::Use("h")),
            (format!("s=other; p={rsa}"), KeyError::Use("s")),
            ("v=spf1 -all".into(), KeyError::Version),
        ] {
            assert_eq!(read(bad.as_bytes()), Err(error), "{bad}");
        }
    }
}
