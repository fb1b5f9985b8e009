//! `mail-bounces`: what can't be delivered comes back to the sender's address, so that its domain has to take mail.

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};

use super::Sender;
use super::text::shown;

/// The check.
pub struct Bounces;

/// Hosts that are asked for addresses.
const HOSTS_AT_MOST: usize = 10;

fn record(domain: &str) -> [String; 1] {
    [format!("{domain}. IN MX 10 mail.{domain}.")]
}

fn no_domain(domain: &str) -> Finding {
    Finding::fail(
        format!("{domain} is not in DNS"),
        "receivers refuse mail from a domain that does not exist, and nothing comes back",
    )
    .fix(
        System::Cloud,
        ["# in ritorno.toml: an address of a domain of yours", "[mail]", "from = \"no-reply@example.com\""],
    )
}

fn null_mx(domain: &str) -> Finding {
    Finding::fail(
        format!("{domain} says that it takes no mail (a null MX, RFC 7505)"),
        "what can't be delivered comes back to nobody, and many receivers refuse mail that can't be answered",
    )
    .fix(System::Dns, record(domain))
}

fn nobody(domain: &str) -> Finding {
    Finding::fail(
        format!("{domain} has no MX, and no address either"),
        "what can't be delivered comes back to nobody, and many receivers refuse mail that can't be answered",
    )
    .fix(System::Dns, record(domain))
}

fn no_mx(domain: &str) -> Finding {
    Finding::warning(
        format!("{domain} has no MX"),
        "other servers then try the addresses of the domain itself (RFC 5321 section 5.1), which mostly is a web server",
    )
    .fix(System::Dns, record(domain))
}

fn hosts_without(domain: &str, without: &[String], all: bool) -> Finding {
    let evidence = format!("MX of {domain} without an address: {}", without.join(", "));
    let finding = if all {
        Finding::fail(evidence, "no host takes mail for the domain, so that nothing comes back")
    } else {
        Finding::warning(evidence, "a host that takes mail for the domain can't be found")
    };
    finding
        .fix(System::Dns, [format!("{}. IN A 203.0.113.25", without.first().map_or("mail", String::as_str))])
}

#[async_trait]
impl Check<Sender> for Bounces {
    fn description(&self) -> &'static Description {
        &Description {
            id: "mail-bounces",
            title: "What can't be delivered can come back",
            proves: "The domain of [mail] from has hosts that take mail. Whether the mailbox itself is read is to be seen there.",
            article: None,
            rows: &[],
            fault_test: const { FaultTest::real("mail_dns::each_record_has_its_verdict") },
            manual: "mail.html#mail-bounces",
        }
    }

    async fn look(&self, sender: &Sender) -> Finding {
        let (names, domain) = (&sender.names, sender.domain.as_str());
        let goes_to = format!("bounces go to {}", sender.address);
        let exchanges = match names.exchanges(domain).await {
            Ok(Some(exchanges)) => exchanges,
            Ok(None) => return no_domain(domain),
            Err(error) => return Finding::could_not_tell(error.to_string()),
        };
        if let [(_, host)] = exchanges.as_slice()
            && host.is_empty()
        {
            return null_mx(domain).and(goes_to);
        }
        if exchanges.is_empty() {
            return match names.addresses(domain).await {
                Ok(found) if found.as_ref().is_none_or(Vec::is_empty) => nobody(domain),
                Ok(_) => no_mx(domain).and(goes_to),
                Err(error) => Finding::could_not_tell(error.to_string()),
            };
        }
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for (_, host) in exchanges.iter().take(HOSTS_AT_MOST) {
            let shown = shown(host.as_bytes());
            match names.addresses(host).await {
                Ok(found) if found.as_ref().is_some_and(|found| !found.is_empty()) => with.push(shown),
                Ok(_) => without.push(shown),
                Err(error) => return Finding::could_not_tell(error.to_string()).and(goes_to),
            }
        }
        if without.is_empty() {
            return Finding::pass(format!("mail for {domain} is taken by {}", with.join(", "))).and(goes_to);
        }
        hosts_without(domain, &without, with.is_empty()).and(goes_to)
    }

    fn examples(&self) -> Vec<Finding> {
        let (domain, host) = ("contoso.com", ["mail.contoso.com".to_owned()]);
        vec![
            no_domain(domain),
            null_mx(domain),
            nobody(domain),
            no_mx(domain),
            hosts_without(domain, &host, true),
            hosts_without(domain, &host, false),
        ]
    }
}
