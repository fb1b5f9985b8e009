//! What strangers' DNS and mail servers answer when the server looks whether its mail arrives.

use ritorno_http::mail::arrival::spf::{Mechanism, Record, is_spf};
use ritorno_http::mail::arrival::tags::RECORD_AT_MOST;
use ritorno_http::mail::arrival::text::{shown, without_secrets};
use ritorno_http::mail::arrival::{dkim, dmarc};

fn seeds(lines: &[&str]) -> Vec<Vec<u8>> {
    lines.iter().map(|line| line.as_bytes().to_vec()).collect()
}

fn is_harmless(text: &str) -> bool {
    text.len() <= 310 && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// SPF: what is taken is bounded by what came, and each network is one.
#[test]
fn spf_records() {
    let lines = [
        "v=spf1 +mx a:mail.contoso.test/24//64 ?include:_spf.contoso.test ip4:192.0.2.0/24 ~ip6:2001:db8::/32 -all",
        "v=spf1 exists:%{ir}.%{v}._spf.%{d2} ptr:x.test a:%{d-}/28 exp=why.test redirect=other.test",
    ];
    for good in &lines {
        assert!(is_spf(good.as_bytes()) && Record::read(good.as_bytes()).is_ok(), "{good}");
    }
    fuzz!(seeds(&lines), |bytes| {
        match Record::read(bytes) {
            Ok(record) => {
                assert!(bytes.len() <= RECORD_AT_MOST && record.directives.len() <= bytes.len() / 2);
                for (_, mechanism) in &record.directives {
                    if let Mechanism::A(_, four, six) | Mechanism::Mx(_, four, six) = mechanism {
                        assert!(*four <= 32 && *six <= 128);
                    }
                }
            }
            Err(error) => {
                assert!(error.to_string().bytes().all(|byte| matches!(byte, b' '..=b'~')), "{error}")
            }
        }
    });
}

/// DKIM keys and DMARC policies: whatever is wrong with them, it is said in characters that a terminal only shows.
#[test]
fn dkim_and_dmarc_records() {
    let lines = [
        "v=DKIM1; h=sha256; k=ed25519; t=s; p=BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
        "v=DMARC1; p=quarantine; sp=none; pct=50; rua=mailto:dmarc@contoso.test",
    ];
    assert!(dkim::read(lines[0].as_bytes()).is_ok() && dmarc::read(lines[1].as_bytes()).is_ok());
    fuzz!(seeds(&lines), |bytes| {
        let said = [
            dkim::read(bytes).map(drop).map_err(|error| error.to_string()),
            dmarc::read(bytes).map(drop).map_err(|error| error.to_string()),
        ];
        for error in said.into_iter().filter_map(Result::err) {
            assert!(error.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{error:?}");
        }
    });
}

/// What is shown of records, and of a mail server's words.
#[test]
fn words_of_others() {
    let lines = ["550 5.1.1 <anna@mail.test>: no such user", "554 your code 01234567 \x1b[2J"];
    fuzz!(seeds(&lines), |bytes| {
        assert!(is_harmless(&shown(bytes)));
        let words = without_secrets(&String::from_utf8_lossy(bytes));
        assert!(is_harmless(&words) && !words.contains('@'), "{words}");
        let digits = words.split(' ').map(|word| word.bytes().filter(u8::is_ascii_digit).count());
        // An escaped byte shows two of its own.
        assert!(words.contains("\\x") || digits.max().is_none_or(|most| most < 6), "{words}");
    });
}
