//! The event log of the real agent: what an administrator does and what people do, in Microsoft's numbers. `docs/EVENTS.md` has each.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ritorno_lab::progress::wait_until;
use serde_json::Value;

use crate::world::World;

/// How soon the running agent does what was asked of it by a signal or a file.
const SOON: Duration = Duration::from_secs(10);

fn file(world: &World) -> PathBuf {
    world.stack.folder().join("agent-events.log")
}

/// The numbers in the file of the event log, in its order.
fn numbers(world: &World) -> Result<Vec<u64>> {
    let text = std::fs::read_to_string(file(world))?;
    let number = |line: &str| -> Result<u64> {
        serde_json::from_str::<Value>(line)?["id"].as_u64().context("a line has no number")
    };
    text.lines().map(number).collect()
}

/// What came into the event log while something was done.
fn told(world: &World, what: impl FnOnce() -> Result<()>) -> Result<Vec<u64>> {
    let before = numbers(world)?.len();
    what()?;
    Ok(numbers(world)?.split_off(before))
}

fn without_beats(numbers: Vec<u64>) -> Vec<u64> {
    numbers.into_iter().filter(|number| ![31019, 31044].contains(number)).collect()
}

#[test]
fn what_happens_is_in_the_event_log_with_its_number() -> Result<()> {
    let mut world = World::start("events", |_| Ok(()))?;
    let begun = numbers(&world)?;
    ensure!(begun[0] == 31018, "enrolment makes keys: {begun:?}");
    ensure!(
        without_beats(begun[1..].to_vec()) == [31015, 31004, 31017, 31018, 31005],
        "the start: {begun:?}"
    );
    ensure!(begun.contains(&31019), "the link is up: {begun:?}");

    let reset = told(&world, || world.reset("anna.rossi", "Nel-Registro-1"))?;
    ensure!(reset == [31001, 31002], "a reset: {reset:?}");
    let refused = told(&world, || {
        let (visitor, choosing) = world.pass_gate("marco.conti")?;
        let answer = world.runtime.block_on(visitor.reset(&choosing, "corta", &world.random))?;
        ensure!(answer.state == "refused", "{answer:?}");
        Ok(())
    })?;
    ensure!(refused == [31001, 33008, 31003], "a refused password: {refused:?}");
    // Beyond the gate the account is disabled, before the tenant hears of it.
    let disabled = told(&world, || {
        let (visitor, choosing) = world.pass_gate("giulia.ferrari")?;
        world.forest.dc_exec(&["samba-tool", "user", "disable", "giulia.ferrari"])?;
        let answer = world.runtime.block_on(visitor.reset(&choosing, "Troppo-Tardi-2", &world.random))?;
        ensure!(answer.state == "failed", "{answer:?}");
        Ok(())
    })?;
    ensure!(disabled == [31001, 33005, 31003], "a disabled account: {disabled:?}");

    moved_away(&world)?;
    switched_off_and_on(&world)?;
    let before = numbers(&world)?.len();
    world.stack.stop_agent();
    let stopped = numbers(&world)?.split_off(before);
    ensure!(
        stopped.last() == Some(&31016) && without_beats(stopped.clone()).len() == 1,
        "the end: {stopped:?}"
    );
    as_syslog(&mut world)?;
    unreadable_configuration(&mut world)
}

/// As logrotate does: the file is moved, and the running agent is told by SIGHUP.
fn moved_away(world: &World) -> Result<()> {
    let moved = file(world).with_extension("1");
    std::fs::rename(file(world), &moved)?;
    let agent = world.stack.agent_pid().context("the agent runs")?.to_string();
    ensure!(Command::new("kill").args(["-HUP", &agent]).status()?.success(), "no signal");
    ensure!(wait_until(SOON, || Ok(file(world).exists()))?, "there is no new event log");
    world.reset("luca.esposito", "Nel-Nuovo-File-3")?;
    let seen = numbers(world)?;
    ensure!(seen.starts_with(&[31001, 31002]), "the new file: {seen:?}");
    ensure!(!std::fs::read_to_string(moved)?.contains("luca"), "the old one goes on");
    Ok(())
}

/// Switching off is offline and destroys what opens envelopes; switching on makes it anew, and takes effect without a restart.
fn switched_off_and_on(world: &World) -> Result<()> {
    let state = world.stack.folder().join("agent");
    let key = std::fs::read(state.join("sealing.key"))?;
    let off = told(world, || world.stack.agent_command(&["writeback", "disable"]).map(drop))?;
    ensure!(off == [31012, 31013], "switching off: {off:?}");
    for entry in std::fs::read_dir(&state)? {
        let path = entry?.path();
        let still = std::fs::read(&path).is_ok_and(|content| content == key);
        ensure!(!still, "the key lies in {}", path.display());
    }
    // A page that still has the old key, if there is one, gets nowhere; nobody is asked to seal for it.
    let closed = wait_until(SOON, || {
        Ok(world.visitor("sofia.romano").is_ok() && world.pass_gate("sofia.romano").is_err())
    })?;
    ensure!(closed, "the portal goes on");
    let on = told(world, || world.stack.onboard())?;
    ensure!(on == [31004, 31017, 31018, 31005], "switching on: {on:?}");
    world.stack.wait_until_open()?;
    world.reset("sofia.romano", "Di-Nuovo-Attivo-4")
}

/// The same in the form of RFC 5424.
fn as_syslog(world: &mut World) -> Result<()> {
    let configuration = world.stack.folder().join("agent.toml");
    let text = std::fs::read_to_string(&configuration)?;
    std::fs::write(&configuration, text.replace("[log]\n", "[log]\nevents_format = \"rfc5424\"\n"))?;
    std::fs::remove_file(file(world))?;
    world.stack.start_agent()?;
    world.stack.wait_until_open()?;
    world.reset("davide.colombo", "Anche-Syslog-5")?;
    let seen = std::fs::read_to_string(file(world))?;
    for number in [31015, 31019, 31001, 31002] {
        let found = seen.lines().any(|line| {
            line.starts_with("<86>1 ") && line.contains(&format!(" {number} [ritorno@32473 name=\""))
        });
        ensure!(found, "{number} is not there: {seen}");
    }
    std::fs::write(&configuration, text)?;
    world.stack.stop_agent();
    std::fs::remove_file(file(world)).context("the file in the other form")
}

/// A configuration that can't be read is told, where a log is to be had.
fn unreadable_configuration(world: &mut World) -> Result<()> {
    let configuration = world.stack.folder().join("agent.toml");
    let text = std::fs::read_to_string(&configuration)?;
    std::fs::write(&configuration, text.replace("state_dir", "state_folder"))?;
    let failed = world.stack.agent_command(&["run"]).unwrap_or_else(|error| format!("{error:#}"));
    std::fs::write(&configuration, &text)?;
    ensure!(failed.contains("32005"), "{failed}");
    // What can be read, and names what is not there.
    std::fs::write(&configuration, text.replace("/ca.pem", "/none.pem"))?;
    let told = told_into_new(world, &["run"])?;
    std::fs::write(&configuration, text)?;
    ensure!(told == [32005], "{told:?}");
    Ok(())
}

/// What a command that fails writes into an event log that begins with it.
fn told_into_new(world: &World, arguments: &[&str]) -> Result<Vec<u64>> {
    ensure!(world.stack.agent_command(arguments).is_err(), "{arguments:?} succeeded");
    numbers(world)
}
