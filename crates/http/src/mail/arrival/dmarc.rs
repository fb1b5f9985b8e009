//! `mail-dmarc`: what the domain asks receivers to do with mail that fails SPF and DKIM (RFC 7489).

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};

use super::Sender;
use super::tags::{Tags, TagsError};
use super::text::shown;

/// The check.
pub struct Dmarc;

/// Domains above the sender's that are asked.
const ABOVE_AT_MOST: usize = 5;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Nothing.
    None,
    /// To put it aside.
    Quarantine,
    /// To refuse it.
    Reject,
}

/// A policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// For the domain itself.
    pub own: Request,
    /// For domains below it.
    pub below: Request,
}

/// Why a record is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It is no list of tags.
    #[error(transparent)]
    Tags(#[from] TagsError),
    /// `p` or `sp` is none of the three.
    #[error("'{0}' is none of none, quarantine and reject")]
    Request(&'static str),
}

/// Whether a TXT record means to be one (RFC 7489 section 6.6.3).
pub fn is_dmarc(record: &[u8]) -> bool {
    let first = record.split(|byte| *byte == b';').next().unwrap_or_default();
    let plain: Vec<u8> = first.iter().copied().filter(|byte| !matches!(byte, b' ' | b'\t')).collect();
    plain == b"v=DMARC1"
}

/// Reads a record for which [`is_dmarc`] holds (RFC 7489 section 6.3).
///
/// # Errors
/// [`PolicyError`].
pub fn read(record: &[u8]) -> Result<Policy, PolicyError> {
    let tags = Tags::read(record)?;
    let request = |name: &'static str| match tags.get(name).map(str::to_ascii_lowercase).as_deref() {
        None => Ok(None),
        Some("none") => Ok(Some(Request::None)),
        Some("quarantine") => Ok(Some(Request::Quarantine)),
        Some("reject") => Ok(Some(Request::Reject)),
        Some(_) => Err(PolicyError::Request(name)),
    };
    let (own, below) = (request("p")?, request("sp")?);
    // Who wants reports alone is taken at their word (section 6.6.3).
    let reported = tags.get("rua").is_some_and(|to| to.to_ascii_lowercase().starts_with("mailto:"));
    let own = own.or(reported.then_some(Request::None)).ok_or(PolicyError::Request("p"))?;
    Ok(Policy { own, below: below.unwrap_or(own) })
}

fn none(domain: &str) -> Finding {
    Finding::warning(
        format!("neither _dmarc.{domain} nor a domain above has a DMARC record"),
        "large receivers take less mail from domains without one, and nobody tells you of forgeries",
    )
    .fix(
        System::Dns,
        [
            "# reports alone, to begin with",
            &format!("_dmarc.{domain}. IN TXT \"v=DMARC1; p=none; rua=mailto:dmarc@{domain}\""),
        ],
    )
}

fn several(name: &str, count: usize) -> Finding {
    Finding::fail(
        format!("{name} has {count} DMARC records"),
        "none of them counts: there may be one only (RFC 7489 section 6.6.3)",
    )
    .fix(System::Dns, ["# one record only"])
}

fn unusable(name: &str, error: &PolicyError) -> Finding {
    Finding::fail(format!("{name}: {error}"), "receivers take no notice of such a record")
        .fix(System::Dns, [format!("{name}. IN TXT \"v=DMARC1; p=none\"")])
}

fn passes(name: &str, policy: Policy, is_above: bool) -> Finding {
    let request = if is_above { policy.below } else { policy.own };
    let word = match request {
        Request::None => {
            "none: receivers are asked for nothing, and a forgery arrives as it would without; note it, and go on to quarantine when the reports are clean"
        }
        Request::Quarantine => "quarantine",
        Request::Reject => "reject",
    };
    let finding = Finding::pass(format!("{name} asks for {word}"));
    if !is_above {
        return finding;
    }
    finding.and(
        "it is a domain above the sender's: it counts if that is the organisational one (RFC 7489 section 3.2), for which receivers have a list of \
         public suffixes, and this program none",
    )
}

/// The domains above, the nearest first: each of two labels at least.
fn above(domain: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(domain), |name| name.split_once('.').map(|(_, rest)| rest))
        .skip(1)
        .filter(|name| name.contains('.'))
        .take(ABOVE_AT_MOST)
}

#[async_trait]
impl Check<Sender> for Dmarc {
    fn description(&self) -> &'static Description {
        &Description {
            id: "mail-dmarc",
            title: "There is a DMARC policy",
            proves: "The domain of [mail] from, or one above it, has one DMARC record that receivers can read.",
            article: None,
            rows: &[],
            fault_test: const { FaultTest::real("mail_dns::each_record_has_its_verdict") },
            manual: "mail.html#mail-dmarc",
        }
    }

    async fn look(&self, sender: &Sender) -> Finding {
        let domain = sender.domain.as_str();
        for asked in std::iter::once(domain).chain(above(domain)) {
            let name = format!("_dmarc.{asked}");
            let found = match sender.names.texts(&name).await {
                Ok(found) => found.unwrap_or_default(),
                Err(error) => return Finding::could_not_tell(error.to_string()),
            };
            let found: Vec<Vec<u8>> = found.into_iter().filter(|text| is_dmarc(text)).collect();
            match found.as_slice() {
                [] => {}
                [record] => {
                    let written = format!("the record: {}", shown(record));
                    return match read(record) {
                        Ok(policy) => passes(&name, policy, asked != domain),
                        Err(error) => unusable(&name, &error),
                    }
                    .and(written);
                }
                more => return several(&name, more.len()),
            }
        }
        none(domain)
    }

    fn examples(&self) -> Vec<Finding> {
        let name = "_dmarc.contoso.com";
        vec![none("contoso.com"), several(name, 2), unusable(name, &PolicyError::Request("p"))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_read_as_receivers_do() {
        for yes in ["v=DMARC1", "v=DMARC1; p=none", "v = DMARC1 ;p=none"] {
            assert!(is_dmarc(yes.as_bytes()), "{yes}");
        }
        for no in ["v=DMARC10; p=none", "p=none; v=DMARC1", "v=dmarc1; p=none", "v=spf1", ""] {
            assert!(!is_dmarc(no.as_bytes()), "{no}");
        }
        let policy = |own, below| Ok(Policy { own, below });
        for (record, expected) in [
            ("v=DMARC1; p=reject", policy(Request::Reject, Request::Reject)),
            ("v=DMARC1; p=Quarantine; sp=none; pct=50", policy(Request::Quarantine, Request::None)),
            ("v=DMARC1; rua=mailto:a@b.test", policy(Request::None, Request::None)),
            ("v=DMARC1", Err(PolicyError::Request("p"))),
            ("v=DMARC1; p=refuse; rua=mailto:a@b.test", Err(PolicyError::Request("p"))),
            ("v=DMARC1; p=none; sp=x", Err(PolicyError::Request("sp"))),
            ("v=DMARC1; p=none; p=reject", Err(PolicyError::Tags(TagsError::Twice("p".into())))),
        ] {
            assert_eq!(read(record.as_bytes()), expected, "{record}");
        }
    }

    #[test]
    fn no_top_level_domain_is_asked() {
        assert_eq!(
            above("a.b.contoso.co.test").collect::<Vec<_>>(),
            ["b.contoso.co.test", "contoso.co.test", "co.test"]
        );
        assert_eq!(above("contoso.test").count(), 0);
        assert_eq!(above(&"a.".repeat(50)).count(), ABOVE_AT_MOST);
    }
}
