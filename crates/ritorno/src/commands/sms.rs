//! `ritorno sms`: whether text messages go out.

use anyhow::{Context as _, bail};
use clap::Subcommand;
use ritorno_http::sms::gateway::Gateway;
use ritorno_http::sms::text::test;
use ritorno_identity::language::Language;
use ritorno_identity::phone::Phone;

use super::mail::Tag;
use crate::config::Config;
use crate::installation::Installation;
use crate::output::say;

/// What `sms` does.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Sends one text message at once, beside everything that waits, and says what the gateway answered.
    Test {
        /// Where it goes: an international number, such as +39 333 1234567.
        number: String,
        /// Its language.
        #[arg(long, value_enum, default_value = "en")]
        language: Tag,
    },
}

/// Does it.
///
/// # Errors
/// When there is no gateway, or it does not take the message; the error says what to do.
pub(crate) async fn run(config: &Config, command: &Command) -> anyhow::Result<()> {
    let Command::Test { number, language } = command;
    let installation = Installation::open(config).await?;
    let Some(sms) = &config.sms else {
        bail!("there is no [sms] table in the configuration, so that no text message can be sent: add one");
    };
    let gateway = Gateway::new(sms)?;
    let number = Phone::parse(number).context("that is no international number: it begins with +")?;
    let text = test(Language::from(*language), &installation.tenant.name);
    if let Err(error) = gateway.send(&number, &text).await {
        bail!("{}: {error}. {}", gateway.place(), error.todo());
    }
    say(format_args!("{} took it. Look whether it arrives.", gateway.place()))
}
