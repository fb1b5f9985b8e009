//! `mail-closed`: whether the mail server takes mail at all.

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
use ritorno_protocol::clock::Timestamp;
use ritorno_storage::Closed;

use super::refusals::Outbox;
use crate::time_text::rfc3339;

/// The check.
pub struct Taken;

#[async_trait]
impl Check<Outbox> for Taken {
    fn description(&self) -> &'static Description {
        &Description {
            id: "mail-closed",
            title: "The mail server takes mail",
            proves: "The last mail came as far as its addressee: the mail server was reached, took our sign-in, and knew the sender.",
            article: None,
            rows: &[],
            fault_test: const { FaultTest::real("mail_closed::a_wrong_password_keeps_mails_until_it_is_mended") },
            manual: "mail.html#mail-closed",
        }
    }

    async fn look(&self, outbox: &Outbox) -> Finding {
        match &outbox.closed {
            Some(closed) => found(closed),
            None => Finding::pass("nothing keeps mail from going out"),
        }
    }

    fn examples(&self) -> Vec<Finding> {
        let since = Timestamp::from_unix_ms(1_767_225_600_000);
        let words = "no mail is taken: permanent error (535): 5.7.8 Authentication credentials invalid";
        vec![found(&Closed { since, at: since, words: words.to_owned() })]
    }
}

fn found(Closed { since, at, words }: &Closed) -> Finding {
    Finding::fail(
        format!("since {}, and at {} the last time: {words}", rfc3339(*since), rfc3339(*at)),
        "nobody gets a code or a notice. What waits is tried again until it expires, and goes out by itself once this is mended",
    )
    .fix(
        System::Cloud,
        [
            "# 535: the line in the file that [mail] password_file names; it is read anew with each mail",
            "ritorno mail test ADDRESS",
        ],
    )
}
