//! `ritorno-agent writeback enable | disable | status`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use reqwest::Method;
use ritorno_protocol::enrolment::{OnboardingCode, OnboardingState};
use ritorno_protocol::event::EventId;

use crate::client::{Client, plain};
use crate::config::Config;
use crate::events::EventLog;
use crate::outbound::Outbound;
use crate::output::{moment, say};
use crate::state::State;
use crate::system;

/// How often the server is asked whether somebody confirmed.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// Asks for writeback to be switched on, and waits until a cloud-only administrator confirms the code.
///
/// # Errors
/// What the server says, or that nobody confirmed in time.
pub(crate) async fn enable(config: &Config) -> anyhow::Result<()> {
    let state = State::open(&config.state_dir)?;
    let keys = state.keys()?;
    let (clock, random) = (system::clock(), system::random());
    let events = EventLog::open(&config.log, clock.clone())?;
    let http = plain(&Outbound::new(config)?)?;
    let client = Arc::new(Client::new(http, keys, clock, random));
    events.note(EventId::OnboardingStart, "switching writeback on was asked for");
    let code: OnboardingCode = told(&events, client.call(Method::POST, "/agent/v1/onboarding").await)?;
    say(format_args!(
        "Sign in as a cloud-only global administrator at {} and confirm the code {} until {}.",
        code.confirm_at,
        code.code,
        moment(Some(code.expires_at))
    ))?;
    let path = format!("/agent/v1/onboarding/{}", code.code);
    loop {
        tokio::time::sleep(ASK_EVERY).await;
        match told(&events, client.call::<OnboardingState>(Method::GET, &path).await)? {
            OnboardingState::Pending => {}
            OnboardingState::Expired => {
                events.note(EventId::OnboardingServiceError, "nobody confirmed the code in time");
                bail!("nobody confirmed the code in time: run `ritorno-agent writeback enable` again");
            }
            OnboardingState::Confirmed { administrator } => {
                state.switch_writeback(true)?;
                events.note(EventId::AuthTokenSuccess, format!("confirmed by {administrator}"));
                events.note(EventId::OnboardingSuccess, "writeback is on");
                return say(format_args!("Writeback is on; confirmed by {administrator}."));
            }
        }
    }
}

/// Notes what keeps writeback from being switched on: the server could not be reached, or refused.
fn told<T>(events: &EventLog, answer: anyhow::Result<T>) -> anyhow::Result<T> {
    answer.inspect_err(|error| {
        let unreachable = error.chain().any(|cause| cause.is::<reqwest::Error>());
        let id = if unreachable { EventId::ServiceError } else { EventId::OnboardingServiceError };
        events.note(id, format!("{error:#}"));
    })
}

/// Switches writeback off at this agent, offline and at once.
///
/// # Errors
/// When the switch can't be written.
pub(crate) fn disable(config: &Config) -> anyhow::Result<()> {
    let events = EventLog::open(&config.log, system::clock());
    let switched = State::open(&config.state_dir).and_then(|state| state.switch_writeback(false));
    if let (Err(error), Ok(events)) = (&switched, &events) {
        events.note(EventId::OffboardingFail, error.to_string());
    }
    switched?;
    // The switch comes first: a log that can't be written must not keep it on.
    if let Ok(events) = events {
        events.note(EventId::OffboardingStart, "switching writeback off was asked for on this machine");
        events.note(EventId::OffboardingSuccess, "writeback is off");
    }
    say("Writeback is off at this agent.")
}

/// Says how the switch stands.
///
/// # Errors
/// When the state folder can't be opened.
pub(crate) fn status(config: &Config) -> anyhow::Result<()> {
    let state = State::open(&config.state_dir)?;
    say(if state.path("writeback-on").exists() { "Writeback is on." } else { "Writeback is off." })
}
