//! `ritorno check-config`: the configuration, and everything that it names.

use ritorno_http::mail::transport::Mailer;
use ritorno_http::sms::gateway::Gateway;
use ritorno_relay::keyring::Keyring as _;

use crate::config::Config;
use crate::installation::Ground;
use crate::output::say;
use crate::system;

/// Reads everything and prints a line for each thing that holds.
///
/// # Errors
/// The first thing that does not hold.
pub(crate) async fn run(config: &Config) -> anyhow::Result<()> {
    say(format_args!("configuration   reads; {} at {}", config.public_address(), config.listen))?;
    match &config.tls {
        Some(tls) => {
            tls.open(&config.file)?;
            say(format_args!("certificate     {} fits its key", tls.certificate().display()))?;
            for host in tls.hosts() {
                say(format_args!("certificate     that of {host} names it and fits its key"))?;
            }
        }
        None => say("certificate     none: plain HTTP on a loopback address")?,
    }
    match &config.mail {
        Some(mail) => {
            Mailer::new(mail)?;
            say(format_args!("mail            goes out over {}:{}", mail.host, mail.port()))?;
        }
        None => say("mail            none: no code can be sent")?,
    }
    if let Some(sms) = &config.sms {
        say(format_args!("sms             goes out over {}", Gateway::new(sms)?.place()))?;
    }
    match config.releases.look()? {
        found if found.is_empty() => say("packages        none is offered to agents")?,
        found => {
            for offered in found {
                let release = offered?.release;
                say(format_args!("packages        {} is offered to agents", release.file_name()))?;
            }
        }
    }
    let ground = Ground::open(config).await?;
    let tenants = ground.tenants().await?;
    for tenant in tenants {
        let installation = ground.of(tenant)?;
        say(format_args!(
            "database        answers; tenant '{}' at {}",
            installation.tenant.name,
            installation.public_address()
        ))?;
        let keys = installation.keys();
        keys.open_root().await?;
        say(format_args!("root key        {} opens", installation.root_file.display()))?;
        keys.keys(installation.tenant.id, system::clock().now()).await?;
        say("signing key     in force")?;
    }
    Ok(())
}
