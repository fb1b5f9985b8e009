//! `mail-spf`: which servers may send in the domain's name (RFC 7208).

use std::net::IpAddr;

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};

use super::Sender;
use super::spf_walk::{Broken, Followed, LOOKUPS_AT_MOST, Said, Walk};
use super::text::shown;

/// The check.
pub struct Spf;

/// Addresses of the mail server that are looked at.
const ADDRESSES_AT_MOST: usize = 8;

fn none(domain: &str) -> Finding {
    Finding::fail(
        format!("{domain} has no SPF record"),
        "receivers can't tell this server from a stranger who writes in the domain's name, and many refuse such mail",
    )
    .fix(System::Dns, ["# with the addresses that mail leaves from", &format!("{domain}. IN TXT \"v=spf1 mx ip4:203.0.113.25 -all\"")])
}

fn several(domain: &str, count: usize) -> Finding {
    Finding::fail(
        format!("{domain} has {count} SPF records"),
        "none of them counts: there may be one only (RFC 7208 section 4.5)",
    )
    .fix(
        System::Dns,
        [
            "# one record that holds the terms of all",
            &format!("{domain}. IN TXT \"v=spf1 mx include:spf.example.com -all\""),
        ],
    )
}

fn unusable(error: &Broken) -> Finding {
    Finding::fail(error.to_string(), "receivers take such a record as an error for good (permerror, RFC 7208 section 4.6), and it permits nobody")
        .fix(System::Dns, ["# fewer terms include, a, mx, ptr, exists and redirect; each written as RFC 7208 has it"])
}

fn everybody(domain: &str) -> Finding {
    Finding::fail(
        format!("the SPF record of {domain} permits every address"),
        "whoever likes can send in the domain's name, and receivers know that",
    )
    .fix(System::Dns, ["# -all at the end, in the place of +all"])
}

fn not_permitted(place: &str, said: &[(IpAddr, Said)], known: bool) -> Finding {
    let words = said.iter().map(|(address, said)| format!("{address}: {}", word(*said)));
    let evidence = format!("what SPF says of {place}: {}", words.collect::<Vec<_>>().join(", "));
    let finding = if known {
        Finding::fail(evidence, "receivers take mail from these addresses as a forgery")
    } else {
        Finding::warning(
            evidence,
            "if mail leaves from there, receivers take it as a forgery; if the mail server hands it on to others, their addresses count: name \
             them as sends_from in [mail], and this is told for sure",
        )
    };
    let terms: Vec<String> = said
        .iter()
        .filter(|(_, said)| *said != Said::Pass)
        .map(|(address, _)| format!("{}:{address}", if address.is_ipv4() { "ip4" } else { "ip6" }))
        .collect();
    finding.fix(System::Dns, ["# these terms more, before the record's end".to_owned(), terms.join(" ")])
}

const fn word(said: Said) -> &'static str {
    match said {
        Said::Pass => "permitted",
        Said::Fail => "not permitted (-)",
        Said::SoftFail => "probably not permitted (~)",
        Said::Neutral => "nothing (?)",
        Said::Depends => "it depends on each mail (a macro, exists or ptr)",
    }
}

fn judge(domain: &str, followed: &Followed, addresses: &[IpAddr], place: &str, known: bool) -> Finding {
    if followed.permits_everybody() {
        return everybody(domain);
    }
    let said: Vec<(IpAddr, Said)> =
        addresses.iter().map(|address| (*address, followed.says(*address))).collect();
    if said.iter().all(|(_, said)| *said == Said::Pass) {
        let listed = addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ");
        return Finding::pass(format!("{place} is permitted: {listed}"));
    }
    if said.iter().all(|(_, said)| matches!(said, Said::Pass | Said::Depends)) {
        return Finding::could_not_tell(format!(
            "whether {place} is permitted depends on each mail: the record has a macro, exists or ptr"
        ));
    }
    not_permitted(place, &said, known)
}

#[async_trait]
impl Check<Sender> for Spf {
    fn description(&self) -> &'static Description {
        &Description {
            id: "mail-spf",
            title: "SPF permits the mail server",
            proves: "The domain of [mail] from has one SPF record, which can be followed and permits the addresses of [mail] host, or those of sends_from.",
            article: None,
            rows: &[],
            fault_test: const { FaultTest::real("mail_dns::each_record_has_its_verdict") },
            manual: "mail.html#mail-spf",
        }
    }

    async fn look(&self, sender: &Sender) -> Finding {
        let domain = sender.domain.as_str();
        let mut walk = Walk::new(&sender.names);
        let written = match walk.record(domain).await {
            Ok(written) => written,
            Err(Broken::NoRecord(_)) => return none(domain),
            Err(Broken::Several { count, .. }) => return several(domain, count),
            Err(error) => return Finding::could_not_tell(error.to_string()),
        };
        let record = format!("the record: {}", shown(&written));
        let followed = match walk.follow(domain).await {
            Ok(followed) => followed,
            Err(Broken::Unanswered(error)) => return Finding::could_not_tell(error.to_string()).and(record),
            Err(error) => return unusable(&error).and(record),
        };
        let known = !sender.sends_from.is_empty();
        let (place, addresses) = if known {
            ("[mail] sends_from".to_owned(), sender.sends_from.clone())
        } else {
            // As the connection finds it, which is not always by DNS.
            match tokio::net::lookup_host((sender.host.as_str(), sender.port)).await {
                Ok(found) => {
                    (format!("[mail] host {}", sender.host), found.map(|found| found.ip()).collect())
                }
                Err(error) => {
                    return Finding::could_not_tell(format!("[mail] host {}: {error}", sender.host))
                        .and(record);
                }
            }
        };
        let addresses: Vec<IpAddr> = addresses.into_iter().take(ADDRESSES_AT_MOST).collect();
        let mut finding = judge(domain, &followed, &addresses, &place, known).and(record);
        if !followed.has_an_end() {
            finding =
                finding.and("it does not end in -all or ~all, so that nothing is said of other senders");
        }
        finding.and(format!("followed with {} of {LOOKUPS_AT_MOST} lookups", walk.lookups))
    }

    fn examples(&self) -> Vec<Finding> {
        let (domain, said) = ("contoso.com", [(IpAddr::from([203, 0, 113, 25]), Said::Fail)]);
        vec![
            none(domain),
            several(domain, 2),
            unusable(&Broken::TooMany),
            everybody(domain),
            not_permitted("[mail] host smtp.contoso.com", &said, false),
            not_permitted("[mail] sends_from", &said, true),
        ]
    }
}
