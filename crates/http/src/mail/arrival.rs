//! Whether mail arrives: what the DNS of the sender's domain says to those who get it, and what was refused on its way out.

pub mod bounces;
pub mod closed;
pub mod dkim;
pub mod dmarc;
pub mod names;
pub mod refusals;
pub mod spf;
pub mod spf_check;
pub mod spf_walk;
pub mod tags;
pub mod text;
pub mod watch;

use std::net::IpAddr;
use std::time::Duration;

use ritorno_doctor::{Check, Description, Finding, Report, run};

use self::names::Names;
use crate::mail::config::MailConfig;
use crate::mail::transport::{MailConfigError, sender};

/// How long one check may ask. Somebody else's servers decide how long each answer takes.
const CHECK_WITHIN: Duration = Duration::from_secs(20);

/// Who sends, and where DNS is asked about them.
pub struct Sender {
    names: Names,
    /// The address that mail comes from and goes back to.
    address: String,
    /// Its domain.
    domain: String,
    host: String,
    port: u16,
    sends_from: Vec<IpAddr>,
    dkim_selector: Option<String>,
}

impl Sender {
    /// Reads the configuration. Asks nothing yet.
    ///
    /// # Errors
    /// [`MailConfigError`], by the key that is wrong.
    pub fn new(config: &MailConfig) -> Result<Self, MailConfigError> {
        let address = sender(config)?.email;
        Ok(Self {
            names: Names::new(&config.dns_servers).map_err(MailConfigError::Dns)?,
            domain: address.domain().to_ascii_lowercase(),
            address: address.to_string(),
            host: config.host.clone(),
            port: config.port(),
            sends_from: config.sends_from.clone(),
            dkim_selector: config.dkim_selector.clone(),
        })
    }

    /// Where what can't be delivered comes back to: the sender of the envelope (RFC 5321 section 3.6.3).
    pub fn bounces_to(&self) -> &str {
        &self.address
    }
}

/// The checks of the sender's domain.
pub fn checks() -> Vec<Box<dyn Check<Sender>>> {
    vec![Box::new(bounces::Bounces), Box::new(spf_check::Spf), Box::new(dkim::Dkim), Box::new(dmarc::Dmarc)]
}

/// Asks DNS, which changes nothing.
pub async fn look(sender: &Sender) -> Report {
    let checks: Vec<Box<dyn Check<Sender>>> =
        checks().into_iter().map(|check| Box::new(InTime(check)) as Box<dyn Check<Sender>>).collect();
    run(&checks, sender, |_| {}).await
}

/// A check that ends by itself.
struct InTime(Box<dyn Check<Sender>>);

#[async_trait::async_trait]
impl Check<Sender> for InTime {
    fn description(&self) -> &'static Description {
        self.0.description()
    }

    async fn look(&self, sender: &Sender) -> Finding {
        let ended = tokio::time::timeout(CHECK_WITHIN, self.0.look(sender)).await;
        ended.unwrap_or_else(|_| {
            Finding::could_not_tell(format!("DNS took more than {} seconds", CHECK_WITHIN.as_secs()))
        })
    }
}

/// The manual's chapters, as Markdown: generated from the checks.
pub fn manual() -> String {
    let mut text = String::from(
        "# Mail that arrives\n\nWritten from the checks of `ritorno mail status` themselves; not to be edited. `ritorno mail test ADDRESS` runs them \
         after it sent a mail. Names are those of an example.\n",
    );
    let mut chapter = |check: &'static Description, examples| {
        text.push('\n');
        text.push_str(&ritorno_doctor::Chapter { check, examples }.to_markdown());
    };
    for check in checks() {
        chapter(check.description(), check.examples());
    }
    chapter(closed::Taken.description(), closed::Taken.examples());
    chapter(refusals::Refusals.description(), refusals::Refusals.examples());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_is_what_the_checks_say() {
        let written = include_str!("../../../../docs/manual/mail.md");
        if std::env::var_os("RITORNO_WRITE_MANUAL").is_some() {
            std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/manual/mail.md"), manual())
                .unwrap();
        }
        assert!(manual() == written, "run this test with RITORNO_WRITE_MANUAL=1");
    }
}
