//! `ritorno mail`: whether mail goes out, and whether it arrives.

use std::process::ExitCode;

use anyhow::bail;
use clap::{Subcommand, ValueEnum};
use ritorno_doctor::Report;
use ritorno_http::mail::arrival::refusals::Outbox;
use ritorno_http::mail::arrival::{Sender, look};
use ritorno_http::mail::compose::test;
use ritorno_http::mail::config::{MailConfig, MailTls};
use ritorno_http::mail::transport::Mailer;
use ritorno_identity::ids::MailId;
use ritorno_identity::language::Language;
use serde_json::json;

use crate::config::Config;
use crate::installation::Installation;
use crate::output::say;
use crate::system;

/// What `mail` does.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Sends one mail at once, beside everything that waits, says what the mail server said, and then all that `status` says. The exit code is that
    /// of `status`; 1 as well if the mail server does not take it.
    Test {
        /// Where it goes.
        address: String,
        /// Its language.
        #[arg(long, value_enum, default_value = "en")]
        language: Tag,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Looks whether mail arrives: who gets bounces, SPF, DKIM and DMARC of the sender's domain, and what the mail server refused in the last 24
    /// hours. The exit code is 0 if all is well, 1 if something fails, 2 if there is a warning or something can't be told.
    Status {
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
}

/// A language on the command line.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tag {
    /// English.
    En,
    /// Italian.
    It,
}

impl From<Tag> for Language {
    fn from(tag: Tag) -> Self {
        match tag {
            Tag::En => Self::English,
            Tag::It => Self::Italian,
        }
    }
}

/// Does it, and says how the checks ended.
///
/// # Errors
/// When there is no way for mail, or the server does not take it; the error says what to do.
pub(crate) async fn run(config: &Config, command: &Command) -> anyhow::Result<ExitCode> {
    let installation = Installation::open(config).await?;
    let Some(mail) = &config.mail else {
        bail!("there is no [mail] table in the configuration, so that no code can be sent: add one");
    };
    let sender = Sender::new(mail)?;
    let (sent, is_json) = match command {
        Command::Status { json } => (None, *json),
        Command::Test { address, language, json } => {
            let took = send(&installation, mail, address, Language::from(*language)).await?;
            if !json {
                say(format_args!("{took}, from {} to {address}.", mail.from))?;
                say("Look whether it arrives, and not as junk.")?;
                say(format_args!("What can't be delivered comes back to {}.\n", sender.bounces_to()))?;
            }
            (Some(json!({"to": address, "from": mail.from, "bounces_to": sender.bounces_to()})), *json)
        }
    };
    let mut report = look(&sender).await;
    let outbox = Outbox::of(&installation.store, installation.tenant.id, system::clock().now()).await?;
    report.checks.extend(outbox.look().await.checks);
    show(&report, sent, is_json)?;
    Ok(ExitCode::from(report.exit_code()))
}

/// Sends one; what the mail server was and how it took it.
async fn send(
    installation: &Installation,
    mail: &MailConfig,
    address: &str,
    language: Language,
) -> anyhow::Result<String> {
    let mailer = Mailer::new(mail)?;
    let written = test(language, &installation.tenant.name)?;
    let id = MailId::random(&*system::random());
    let server = format!("{}:{}", mail.host, mail.port());
    let (name, now) = (&installation.tenant.name, system::clock().now());
    if let Err(error) = mailer.send(id, name, address, language.tag(), written, now).await {
        bail!("{server}: {error}. {}", error.todo());
    }
    let how = match mail.tls {
        MailTls::Starttls => "STARTTLS",
        MailTls::Tls => "TLS",
    };
    let who = mail.user.as_deref().map_or_else(String::new, |user| format!(", signed in as {user}"));
    Ok(format!("{server} took it ({how}{who})"))
}

fn show(report: &Report, sent: Option<serde_json::Value>, is_json: bool) -> anyhow::Result<()> {
    if !is_json {
        return say(report.to_text().trim_end());
    }
    let mut shown = serde_json::to_value(report)?;
    if let (Some(sent), Some(shown)) = (sent, shown.as_object_mut()) {
        shown.insert("sent".to_owned(), sent);
    }
    say(serde_json::to_string_pretty(&shown)?)
}
