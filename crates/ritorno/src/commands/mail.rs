//! `ritorno mail`: whether mail goes out.

use anyhow::bail;
use clap::{Subcommand, ValueEnum};
use ritorno_http::mail::compose::test;
use ritorno_http::mail::config::MailTls;
use ritorno_http::mail::transport::Mailer;
use ritorno_identity::ids::MailId;
use ritorno_identity::language::Language;

use crate::config::Config;
use crate::installation::Installation;
use crate::output::say;
use crate::system;

/// What `mail` does.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Sends one mail at once, beside everything that waits, and says what the mail server said.
    Test {
        /// Where it goes.
        address: String,
        /// Its language.
        #[arg(long, value_enum, default_value = "en")]
        language: Tag,
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

/// Does it.
///
/// # Errors
/// When there is no way for mail, or the server does not take it; the error says what to do.
pub(crate) async fn run(config: &Config, command: &Command) -> anyhow::Result<()> {
    let Command::Test { address, language } = command;
    let installation = Installation::open(config).await?;
    let Some(mail) = &config.mail else {
        bail!("there is no [mail] table in the configuration, so that no code can be sent: add one");
    };
    let mailer = Mailer::new(mail)?;
    let language = Language::from(*language);
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
    say(format_args!("{server} took it ({how}{who}), from {} to {address}.", mail.from))?;
    say("Look whether it arrives, and not as junk: else its source says what SPF, DKIM and DMARC lack.")
}
