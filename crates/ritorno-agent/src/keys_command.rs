//! `ritorno-agent keys roll | status`.

use std::time::Duration;

use anyhow::bail;

use crate::client::{Client, plain};
use crate::config::Config;
use crate::keyring;
use crate::outbound::Outbound;
use crate::output::{moment, say};
use crate::state::{Mark, State};
use crate::status::{SOCKET, ask};
use crate::system;

/// How long the running agent may take for a roll.
const ROLLED_WITHIN: Duration = Duration::from_secs(60);
/// How often this command looks whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Rolls the keys: by the running agent, so that no request is interrupted, else here.
///
/// # Errors
/// What kept the keys from being rolled; the old ones hold then.
pub(crate) async fn roll(config: &Config) -> anyhow::Result<()> {
    let state = State::open(&config.state_dir)?;
    let before = state.keys()?;
    if ask(&state.path(SOCKET)).await.is_ok() {
        state.mark(Mark::RollKeys, true)?;
        let done = async {
            while state.is_marked(Mark::RollKeys) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        if tokio::time::timeout(ROLLED_WITHIN, done).await.is_err() {
            bail!("the running agent has not answered yet; it rolls the keys as soon as it can");
        }
    } else {
        let (clock, random) = (system::clock(), system::random());
        let client =
            Client::new(plain(&Outbound::new(config)?)?, before.clone(), clock.clone(), random.clone());
        keyring::roll(&state, &client, &*random, clock.now()).await?;
    }
    let after = state.keys()?;
    if after.sealing.public() == before.sealing.public() {
        bail!("the running agent could not roll its keys: its event log says why (event 32001 or 32010)");
    }
    say("The keys are rolled. The server knows them with the next connection, if there is none now.")?;
    status(config)
}

/// Shows the keys' names and ages.
///
/// # Errors
/// When the state folder can't be read.
pub(crate) fn status(config: &Config) -> anyhow::Result<()> {
    let keys = State::open(&config.state_dir)?.keys()?;
    let content = keys.enrolment.identity.verify(&keys.enrolment.root)?;
    say(format_args!("root      {}", keys.enrolment.root.id()))?;
    say(format_args!(
        "identity  {}, sequence {}, certified {}, valid until {}",
        content.key.id(),
        content.sequence,
        moment(Some(content.not_before)),
        moment(Some(content.not_after))
    ))?;
    say(format_args!("sealing   {}", keys.sealing.public().id()))
}
