//! `ritorno keys`: the server's signing keys.

use clap::Subcommand;
use ritorno_http::keys::SPREAD_WITHIN;

use crate::config::Config;
use crate::installation::Installation;
use crate::output::{moment, say};
use crate::system;

/// What `keys` does.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Makes a new signing key now, instead of when the present one is six months old. No request is interrupted: the agents
    /// hear of it before it signs, and take the old one for another day.
    Roll,
    /// Shows the root key and the newest signing key.
    Status,
}

/// Does it.
///
/// # Errors
/// When the root key can't be used, or the database fails.
pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let installation = Installation::open(config).await?;
    let keys = installation.keys();
    match command {
        Command::Roll => {
            let now = system::clock().now();
            let made = keys.roll(now, &*system::random()).await?;
            say(format_args!("signing key {} is made, sequence {}", made.key.id(), made.sequence))?;
            say(format_args!("it signs from {} on", moment(Some(now.plus(SPREAD_WITHIN)))))
        }
        Command::Status => {
            say(format_args!("root     {}", keys.root().id()))?;
            match keys.newest().await? {
                None => say("signing  none: `ritorno keys roll` makes one"),
                Some(newest) => say(format_args!(
                    "signing  {}, sequence {}, made {}, valid until {}",
                    newest.key.id(),
                    newest.sequence,
                    moment(Some(newest.not_before)),
                    moment(Some(newest.not_after))
                )),
            }
        }
    }
}
