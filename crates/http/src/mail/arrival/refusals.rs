//! `mail-refusals`: what the mail server refused for good while it was given mail.

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, Report, System, run};
use ritorno_identity::mail::Channel;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;
use ritorno_storage::{Closed, Refused, Store, StoreError};

use super::closed::Taken;
use crate::time_text::rfc3339;

/// The check.
pub struct Refusals;

/// What it is about: a tenant's mail.
pub struct Outbox {
    /// What was refused in the last day.
    pub refused: Refused,
    /// Whether no mail is taken at present.
    pub closed: Option<Closed>,
    /// How many wait.
    pub waiting: i64,
}

impl Outbox {
    /// Reads it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn of(store: &Store, tenant: TenantId, now: Timestamp) -> Result<Self, StoreError> {
        Ok(Self {
            refused: store.mail_refusals().lately(tenant, Channel::Mail, now).await?,
            closed: store.mail_closed().now(tenant, Channel::Mail).await?,
            waiting: store.mail_outbox().waiting(tenant, now).await?,
        })
    }

    /// The checks' report.
    pub async fn look(&self) -> Report {
        run(&[Box::new(Taken) as Box<dyn Check<Self>>, Box::new(Refusals)], self, |_| {}).await
    }
}

#[async_trait]
impl Check<Outbox> for Refusals {
    fn description(&self) -> &'static Description {
        &Description {
            id: "mail-refusals",
            title: "The mail server refused nothing",
            proves: "No mail of the last 24 hours was refused for good (5xx) by the mail server itself. What another server refuses later comes back to [mail] from.",
            article: None,
            rows: &[],
            fault_test: const {
                FaultTest::real("mail_refused::what_the_server_refuses_is_counted_with_its_words")
            },
            manual: "mail.html#mail-refusals",
        }
    }

    async fn look(&self, outbox: &Outbox) -> Finding {
        let waiting = format!("{} mails and text messages wait", outbox.waiting);
        let Some((at, words)) = &outbox.refused.last else {
            return Finding::pass("none was refused in the last 24 hours").and(waiting);
        };
        refused(outbox.refused.count, *at, words).and(waiting)
    }

    fn examples(&self) -> Vec<Finding> {
        vec![refused(
            3,
            Timestamp::from_unix_ms(1_767_225_600_000),
            "refused for good: permanent error (550): 5.7.1 sender not known",
        )]
    }
}

fn refused(count: u64, at: Timestamp, words: &str) -> Finding {
    Finding::warning(
        format!("{count} refused in the last 24 hours; the last one at {}: {words}", rfc3339(at)),
        "those people got no mail, and it is not tried again; addresses and codes are left out of the words",
    )
    .fix(
        System::Cloud,
        [
            "# an address that is none: the person's; else what the mail server asks for",
            "ritorno mail test ADDRESS",
        ],
    )
}
