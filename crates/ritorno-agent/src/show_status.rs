//! `ritorno-agent status`: what the running agent says of itself, for people.

use ritorno_protocol::status::Status;

use crate::config::Config;
use crate::output::{moment, say};
use crate::state::State;
use crate::status::{SOCKET, ask};

/// Prints it.
///
/// # Errors
/// When no agent runs on the state folder.
pub(crate) async fn run(config: &Config, json: bool) -> anyhow::Result<()> {
    let state = State::open(&config.state_dir)?;
    let keys = state.keys()?;
    let status = ask(&state.path(SOCKET)).await?;
    if json {
        return say(serde_json::to_string_pretty(&status)?);
    }
    let Status { version, epoch, link, writeback_on, forests } = status;
    let enrolment = &keys.enrolment;
    say(format_args!("agent      {} (version {version}, epoch {epoch})", enrolment.agent))?;
    say(format_args!("tenant     {} at {}", enrolment.tenant, enrolment.server))?;
    let since = moment(Some(link.since));
    match link.reason.filter(|_| !link.up) {
        None => say(format_args!("link       connected since {since}"))?,
        Some(reason) => say(format_args!("link       down since {since}: {reason}"))?,
    }
    if let Some(milliseconds) = link.round_trip_ms {
        say(format_args!("round trip {milliseconds} ms"))?;
    }
    say(format_args!("writeback  {}", if writeback_on { "on" } else { "off" }))?;
    for forest in forests {
        let pdc = forest.pdc.as_deref().unwrap_or("unknown");
        let health = match forest.detail.filter(|_| !forest.reachable) {
            None => {
                forest.answered_in_ms.map_or_else(|| "answers".to_owned(), |ms| format!("answers in {ms} ms"))
            }
            Some(detail) => format!("does not answer: {detail}"),
        };
        say(format_args!("forest     {}, PDC emulator {pdc} {health}", forest.forest))?;
    }
    match crate::sync::history(config, 1).await?.first() {
        Some(report) => say(format_args!("last sync  {}", crate::sync::summary(report))),
        None => say("last sync  none"),
    }
}
