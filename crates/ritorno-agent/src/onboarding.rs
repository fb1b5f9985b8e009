//! `ritorno-agent writeback enable | disable | status`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use reqwest::Method;
use ritorno_protocol::enrolment::{OnboardingCode, OnboardingState};
use ritorno_protocol::event::EventId;
use ritorno_protocol::random::Random;

use crate::client::{Client, is_unreachable, plain};
use crate::config::Config;
use crate::events::EventLog;
use crate::keys::Before;
use crate::outbound::Outbound;
use crate::output::{moment, say};
use crate::state::{State, StateError};
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
    let client = Arc::new(Client::new(http, keys, clock, random.clone()));
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
        let answer = told(&events, client.call(Method::GET, &path).await)?;
        if let Some(administrator) = turn(&state, &*random, &events, answer)? {
            return say(format_args!("Writeback is on; confirmed by {administrator}."));
        }
    }
}

/// Does what the server's answer says, and returns who confirmed; nobody yet if none.
fn turn(
    state: &State,
    random: &dyn Random,
    events: &EventLog,
    answer: OnboardingState,
) -> anyhow::Result<Option<String>> {
    match answer {
        OnboardingState::Pending => Ok(None),
        OnboardingState::Expired => {
            events.note(EventId::AuthTokenError, "nobody confirmed the code in time");
            bail!("nobody confirmed the code in time: run `ritorno-agent writeback enable` again");
        }
        OnboardingState::Confirmed { administrator } => {
            events.note(EventId::AuthTokenSuccess, format!("confirmed by {administrator}"));
            switch_on(state, random, events)?;
            Ok(Some(administrator))
        }
    }
}

/// Makes the key that passwords are sealed for from now on, and turns the switch. The running agent sees both.
fn switch_on(state: &State, random: &dyn Random, events: &EventLog) -> anyhow::Result<()> {
    let made = state.replace_sealing(random, Before::StillOpens);
    let made = made.inspect_err(|error| events.note(EventId::CryptoError, error.to_string()))?;
    events.note(EventId::KeyPairCreation, format!("sealing key {made} was made"));
    let switched = state.switch_writeback(true);
    switched.inspect_err(|error| events.note(EventId::ConfigurationError, error.to_string()))?;
    events.note(EventId::OnboardingSuccess, "writeback is on");
    Ok(())
}

/// Notes what keeps writeback from being switched on: the server could not be reached, or refused.
fn told<T>(events: &EventLog, answer: anyhow::Result<T>) -> anyhow::Result<T> {
    answer.inspect_err(|error| {
        let id = if is_unreachable(error) { EventId::ServiceError } else { EventId::OnboardingServiceError };
        events.note(id, format!("{error:#}"));
    })
}

/// Switches writeback off at this agent, offline and at once, and destroys the keys that open what was sealed for it.
///
/// # Errors
/// When the switch can't be written, or a key can't be destroyed.
pub(crate) fn disable(config: &Config) -> anyhow::Result<()> {
    let (events, random) = (EventLog::open(&config.log, system::clock()), system::random());
    let switched = State::open(&config.state_dir).and_then(|state| switch_off(&state, &*random));
    if let Ok(events) = &events {
        told_of_the_end(events, &switched);
    }
    switched?;
    say("Writeback is off at this agent.")
}

fn told_of_the_end(events: &EventLog, switched: &Result<bool, StateError>) {
    events.note(EventId::OffboardingStart, "switching writeback off was asked for on this machine");
    match switched {
        Ok(destroyed) => {
            let and =
                if *destroyed { ", and the keys that passwords were sealed for are destroyed" } else { "" };
            events.note(EventId::OffboardingSuccess, format!("writeback is off{and}"));
        }
        Err(error) => events.note(EventId::OffboardingFail, error.to_string()),
    }
}

/// Turns the switch, and says whether there were keys to destroy. The switch comes first: neither a log that can't be written nor a
/// key that can't be destroyed must keep it on.
fn switch_off(state: &State, random: &dyn Random) -> Result<bool, StateError> {
    state.switch_writeback(false)?;
    if !state.is_enrolled() {
        return Ok(false);
    }
    state.replace_sealing(random, Before::Destroyed).map(|_| true)
}

/// Says how the switch stands.
///
/// # Errors
/// When the state folder can't be opened.
pub(crate) fn status(config: &Config) -> anyhow::Result<()> {
    let state = State::open(&config.state_dir)?;
    say(if state.path("writeback-on").exists() { "Writeback is on." } else { "Writeback is off." })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Log;
    use crate::keys::tests::{Scene, enrolled};

    fn numbers(file: &std::path::Path) -> Vec<u64> {
        let text = std::fs::read_to_string(file).unwrap();
        let number = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_u64();
        text.lines().filter_map(number).collect()
    }

    fn logged(name: &str) -> (Scene, EventLog, std::path::PathBuf) {
        let scene = enrolled(name);
        let file = scene.folder.join("events.log");
        let log = Log { events_file: Some(file.clone()), ..Log::default() };
        let events = EventLog::open(&log, system::clock()).unwrap();
        (scene, events, file)
    }

    #[test]
    fn switching_on_makes_a_key_and_what_hinders_it_is_told() {
        let (scene, events, file) = logged("switch-on");
        let before = scene.state.keys().unwrap().sealing.public().clone();
        switch_on(&scene.state, &*system::random(), &events).unwrap();
        assert_eq!(numbers(&file), [31018, 31005]);
        assert_ne!(scene.state.keys().unwrap().sealing.public(), &before);
        assert!(scene.state.path("writeback-on").exists());

        let refused = anyhow::anyhow!("the server refuses (403)");
        assert!(told::<()>(&events, Err(refused)).is_err());
        let folder = scene.state.path("sealing.key.new");
        std::fs::create_dir(&folder).unwrap();
        assert!(switch_on(&scene.state, &*system::random(), &events).is_err());
        std::fs::remove_dir(folder).unwrap();
        std::fs::remove_file(scene.state.path("writeback-on")).unwrap();
        std::fs::create_dir(scene.state.path("writeback-on.new")).unwrap();
        assert!(switch_on(&scene.state, &*system::random(), &events).is_err());
        assert_eq!(numbers(&file)[2..], [32011, 32010, 31018, 32005]);
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_told_as_such() {
        let (_scene, events, file) = logged("switch-service");
        let http = plain(&Outbound::with(None, None).unwrap()).unwrap();
        // Nobody listens on the port for what is thrown away.
        let asked = crate::client::post::<u8>(&http, "https://127.0.0.1:9/", &()).await;
        assert!(told(&events, asked).is_err());
        assert_eq!(numbers(&file), [32001]);
    }

    #[test]
    fn a_code_that_nobody_confirmed_is_told() {
        let (scene, events, file) = logged("switch-expired");
        let random = system::random();
        let turn = |answer| turn(&scene.state, &*random, &events, answer);
        assert_eq!(turn(OnboardingState::Pending).unwrap(), None);
        assert!(turn(OnboardingState::Expired).is_err());
        assert!(!scene.state.path("writeback-on").exists());
        let confirmed = OnboardingState::Confirmed { administrator: "admin@contoso.test".into() };
        assert_eq!(turn(confirmed).unwrap().as_deref(), Some("admin@contoso.test"));
        assert!(scene.state.path("writeback-on").exists());
        assert_eq!(numbers(&file), [32009, 31017, 31018, 31005]);
    }

    #[test]
    fn what_can_not_be_switched_off_is_told() {
        let (scene, events, file) = logged("switch-off");
        let random = system::random();
        scene.state.switch_writeback(true).unwrap();
        // A key that can't be replaced does not keep the switch on.
        std::fs::create_dir(scene.state.path("sealing.key.new")).unwrap();
        let switched = switch_off(&scene.state, &*random);
        assert!(switched.is_err() && !scene.state.path("writeback-on").exists());
        told_of_the_end(&events, &switched);
        std::fs::remove_dir(scene.state.path("sealing.key.new")).unwrap();
        told_of_the_end(&events, &switch_off(&scene.state, &*random));
        // A switch that can't be turned.
        std::fs::create_dir(scene.state.path("writeback-on")).unwrap();
        told_of_the_end(&events, &switch_off(&scene.state, &*random));
        assert_eq!(numbers(&file), [31012, 31014, 31012, 31013, 31012, 31014]);
    }
}
