//! An SPF record as it is written (RFC 7208 sections 4.6, 5, 6 and 12). Own code, since the libraries for it answer to a mail that came, with a
//! resolver of their own, and not to whoever looks through a record.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::tags::RECORD_AT_MOST;
use super::text::shown;

/// What a match means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qualifier {
    /// `+`, or nothing: permitted.
    Pass,
    /// `-`: not permitted.
    Fail,
    /// `~`: probably not permitted.
    SoftFail,
    /// `?`: nothing is said.
    Neutral,
}

/// A domain that a term names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// As it stands.
    Name(String),
    /// Made of each mail anew (RFC 7208 section 7).
    Macro(String),
}

/// How an address is matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// Every address.
    All,
    /// What another domain's record permits.
    Include(Target),
    /// The addresses of a domain, or of whoever is asked about, with as many bits of IPv4 and IPv6.
    A(Option<Target>, u8, u8),
    /// The same of the hosts that take its mail.
    Mx(Option<Target>, u8, u8),
    /// Names of addresses, which are not to be used any more.
    Ptr,
    /// A network.
    Net(IpNet),
    /// Whether a name is there.
    Exists(Target),
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The mechanisms in their order.
    pub directives: Vec<(Qualifier, Mechanism)>,
    /// Whose record counts if none matches.
    pub redirect: Option<Target>,
}

/// Why a record is none that receivers can use (*permerror*).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpfError {
    /// It is larger than any real one.
    #[error("it has {0} bytes")]
    TooLong(usize),
    /// A term that is not of RFC 7208.
    #[error("'{0}' is no term of an SPF record")]
    Term(String),
    /// A modifier that is there twice.
    #[error("'{0}' is there twice")]
    Twice(&'static str),
}

/// Whether a TXT record means to be one.
pub fn is_spf(record: &[u8]) -> bool {
    const VERSION: &[u8] = b"v=spf1";
    record.get(..VERSION.len()).is_some_and(|start| start.eq_ignore_ascii_case(VERSION))
        && record.get(VERSION.len()).is_none_or(|after| *after == b' ')
}

impl Record {
    /// Reads a record for which [`is_spf`] holds.
    ///
    /// # Errors
    /// [`SpfError`].
    pub fn read(record: &[u8]) -> Result<Self, SpfError> {
        if record.len() > RECORD_AT_MOST {
            return Err(SpfError::TooLong(record.len()));
        }
        let (mut directives, mut redirect, mut explained) = (Vec::new(), None, false);
        for term in record.split(|byte| *byte == b' ').skip(1).filter(|term| !term.is_empty()) {
            let wrong = || SpfError::Term(shown(term));
            let term = std::str::from_utf8(term).map_err(|_| wrong())?;
            let Some((name, value)) = modifier(term) else {
                directives.push(directive(term).ok_or_else(wrong)?);
                continue;
            };
            if name.eq_ignore_ascii_case("redirect") {
                if redirect.is_some() {
                    return Err(SpfError::Twice("redirect"));
                }
                redirect = Some(target(value).ok_or_else(wrong)?);
            } else if name.eq_ignore_ascii_case("exp") {
                if std::mem::replace(&mut explained, true) {
                    return Err(SpfError::Twice("exp"));
                }
                target(value).ok_or_else(wrong)?;
            } else if !is_macro_string(value) {
                return Err(wrong());
            }
        }
        Ok(Self { directives, redirect })
    }
}

/// Name and value, if it is a modifier: `=` comes right after a name.
fn modifier(term: &str) -> Option<(&str, &str)> {
    let (name, value) = term.split_once('=')?;
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    named.then_some((name, value))
}

fn directive(term: &str) -> Option<(Qualifier, Mechanism)> {
    let (qualifier, rest) = match term.as_bytes().first()? {
        b'+' => (Qualifier::Pass, &term[1..]),
        b'-' => (Qualifier::Fail, &term[1..]),
        b'~' => (Qualifier::SoftFail, &term[1..]),
        b'?' => (Qualifier::Neutral, &term[1..]),
        _ => (Qualifier::Pass, term),
    };
    let end = rest.find([':', '/']).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    let value = rest.strip_prefix(':');
    let mechanism = match name.to_ascii_lowercase().as_str() {
        "all" if rest.is_empty() => Mechanism::All,
        "include" => Mechanism::Include(target(value?)?),
        "exists" => Mechanism::Exists(target(value?)?),
        "ptr" if rest.is_empty() => Mechanism::Ptr,
        "ptr" => target(value?).map(|_| Mechanism::Ptr)?,
        "a" => hosts(rest).map(|(target, four, six)| Mechanism::A(target, four, six))?,
        "mx" => hosts(rest).map(|(target, four, six)| Mechanism::Mx(target, four, six))?,
        "ip4" => {
            Mechanism::Net(network(value?, 32, |address: Ipv4Addr, bits| Ipv4Net::new(address, bits).ok())?)
        }
        "ip6" => {
            Mechanism::Net(network(value?, 128, |address: Ipv6Addr, bits| Ipv6Net::new(address, bits).ok())?)
        }
        _ => return None,
    };
    Some((qualifier, mechanism))
}

fn network<A: std::str::FromStr, N: Into<IpNet>>(
    value: &str,
    widest: u8,
    net: impl Fn(A, u8) -> Option<N>,
) -> Option<IpNet> {
    let (address, bits) = match value.split_once('/') {
        Some((address, bits)) => (address, prefix(bits, widest)?),
        None => (value, widest),
    };
    net(address.parse().ok()?, bits).map(Into::into)
}

/// `[:domain] [/bits] [//bits]`.
fn hosts(rest: &str) -> Option<(Option<Target>, u8, u8)> {
    // A macro may hold slashes of its own.
    let (whole, tail) = rest.split_at(rest.rfind('}').map_or(0, |brace| brace + 1));
    let (tail, six) = match tail.split_once("//") {
        Some((tail, bits)) => (tail, prefix(bits, 128)?),
        None => (tail, 128),
    };
    let (tail, four) = match tail.split_once('/') {
        Some((tail, bits)) => (tail, prefix(bits, 32)?),
        None => (tail, 32),
    };
    let domain = format!("{whole}{tail}");
    if domain.is_empty() {
        return Some((None, four, six));
    }
    Some((Some(target(domain.strip_prefix(':')?)?), four, six))
}

/// Digits without a leading zero, up to `widest`.
fn prefix(digits: &str, widest: u8) -> Option<u8> {
    let plain =
        digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    digits.parse().ok().filter(|bits| plain && *bits <= widest)
}

/// A domain: two labels at least, the last one not of digits only; or something with macros.
fn target(value: &str) -> Option<Target> {
    if !is_macro_string(value) {
        return None;
    }
    if value.contains('%') {
        return Some(Target::Macro(value.to_owned()));
    }
    let name = value.strip_suffix('.').unwrap_or(value);
    let labels: Vec<&str> = name.split('.').collect();
    let top = labels.last()?;
    let good = name.len() <= 253
        && labels.len() > 1
        && labels.iter().all(|label| (1..=63).contains(&label.len()))
        && top.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !top.starts_with('-')
        && !top.ends_with('-')
        && !top.bytes().all(|byte| byte.is_ascii_digit());
    good.then(|| Target::Name(name.to_ascii_lowercase()))
}

/// Visible characters, and macros as RFC 7208 section 7.1 has them.
fn is_macro_string(value: &str) -> bool {
    let mut rest = value;
    while let Some(c) = rest.chars().next() {
        if c != '%' {
            if !matches!(c, '!'..='~') {
                return false;
            }
            rest = &rest[1..];
            continue;
        }
        rest = match rest.as_bytes().get(1) {
            Some(b'%' | b'_' | b'-') => &rest[2..],
            Some(b'{') => {
                let Some((inner, after)) = rest[2..].split_once('}') else { return false };
                let Some(letter) = inner.chars().next() else { return false };
                let modifiers =
                    inner.get(1..).unwrap_or_default().trim_start_matches(|c: char| c.is_ascii_digit());
                let delimiters = modifiers.strip_prefix(['r', 'R']).unwrap_or(modifiers);
                if !"slodiphcrtvSLODIPHCRTV".contains(letter)
                    || !delimiters.chars().all(|c| ".-+,/_=".contains(c))
                {
                    return false;
                }
                after
            }
            _ => return false,
        };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_so_is_a_record() {
        for yes in ["v=spf1", "V=SPF1 -all", "v=spf1 "] {
            assert!(is_spf(yes.as_bytes()), "{yes}");
        }
        for no in ["v=spf10", "v=spf1\t-all", " v=spf1", "v=spf2", "spf1", ""] {
            assert!(!is_spf(no.as_bytes()), "{no}");
        }
    }

    #[test]
    fn every_mechanism_is_read() {
        let read = Record::read(
            b"v=spf1  +mx a:Mail.Contoso.test/24//64 ?include:_spf.contoso.test. ip4:192.0.2.0/24 ~ip6:2001:db8::/32 \
              exists:%{i}._spf.%{d2} ptr a:%{d}/28 -all exp=why.contoso.test x-y=%% redirect=other.test",
        )
        .unwrap();
        let name = |name: &str| Target::Name(name.to_owned());
        let expected = [
            (Qualifier::Pass, Mechanism::Mx(None, 32, 128)),
            (Qualifier::Pass, Mechanism::A(Some(name("mail.contoso.test")), 24, 64)),
            (Qualifier::Neutral, Mechanism::Include(name("_spf.contoso.test"))),
            (Qualifier::Pass, Mechanism::Net("192.0.2.0/24".parse().unwrap())),
            (Qualifier::SoftFail, Mechanism::Net("2001:db8::/32".parse().unwrap())),
            (Qualifier::Pass, Mechanism::Exists(Target::Macro("%{i}._spf.%{d2}".into()))),
            (Qualifier::Pass, Mechanism::Ptr),
            (Qualifier::Pass, Mechanism::A(Some(Target::Macro("%{d}".into())), 28, 128)),
            (Qualifier::Fail, Mechanism::All),
        ];
        assert_eq!(read.directives, expected);
        assert_eq!(read.redirect, Some(name("other.test")));
    }

    #[test]
    fn what_receivers_refuse_is_refused() {
        for term in [
            "all:x",
            "all/8",
            "include",
            "include:",
            "include:test",
            "include:a..b",
            "include:a.123",
            "include:a.-b",
            "ip4:1.2.3",
            "ip4:01.2.3.4",
            "ip4:1.2.3.4/33",
            "ip4:1.2.3.4/08",
            "ip4:1.2.3.4/+8",
            "ip4:::1",
            "ip6:1.2.3.4",
            "ip6:::1/129",
            "a/33",
            "a//129",
            "a:",
            "mx/",
            "mx//",
            "amx",
            "ipv4:1.2.3.4",
            "--all",
            "-",
            "all,",
            "a:b.c%",
            "exists:%{q}.test",
            "exists:%{d",
            "exists:%{}.test",
            "redirect=",
            "exp=%",
            "x=\x1b",
            "=x",
        ] {
            let record = format!("v=spf1 {term} -all");
            assert!(matches!(Record::read(record.as_bytes()), Err(SpfError::Term(_))), "{term}");
        }
        for twice in ["redirect=a.test redirect=b.test", "exp=a.test exp=a.test"] {
            assert!(
                matches!(Record::read(format!("v=spf1 {twice}").as_bytes()), Err(SpfError::Twice(_))),
                "{twice}"
            );
        }
        assert!(matches!(Record::read(b"v=spf1 a:\xff.test"), Err(SpfError::Term(_))));
        let long = [b"v=spf1 ".as_slice(), &vec![b'a'; RECORD_AT_MOST]].concat();
        assert!(matches!(Record::read(&long), Err(SpfError::TooLong(_))));
    }
}
