//! `ritorno-agent doctor`: what can be wrong with the agent's own things, broken for real.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ritorno_lab::command::{capture, run};
use ritorno_lab::progress::wait_until;

use crate::chaos::Disk;
use crate::doctor::{Report, doctor};
use crate::doctor_watch::Console;
use crate::world::World;

/// Overwrites the first byte of an index's root page, which says what kind of page it is.
const BREAK_INDEX: &str = "import sqlite3,sys;db=sqlite3.connect(sys.argv[1]);\
    db.execute('PRAGMA wal_checkpoint(TRUNCATE)');\
    page=db.execute('SELECT rootpage FROM sqlite_schema WHERE name=?',(sys.argv[2],)).fetchone()[0];\
    size=db.execute('PRAGMA page_size').fetchone()[0];db.close();\
    f=open(sys.argv[1],'r+b');f.seek((page-1)*size);f.write(b'\\xff');f.close()";

#[test]
fn each_fault_of_the_agents_own_things_fails_its_check() -> Result<()> {
    let mut world = World::start("doctor-agent", |_| Ok(()))?;
    Report::of(&world)?.is_all_green()?;
    suspended(&world)?;
    unwritable_event_log(&world)?;
    anchor_changed(&world)?;
    held_by_the_guard(&mut world)?;
    damaged_store(&mut world)?;
    full_disk(&mut world)
}

/// The lines of a check, each run by the agent's program where it is one of its own.
fn carry_out(world: &World, report: &Report, id: &str) -> Result<()> {
    for line in report.fixes(id) {
        if let Some(("ritorno-agent", arguments)) = line.split_once(' ') {
            world.stack.agent_command(&arguments.split(' ').collect::<Vec<_>>())?;
        }
    }
    Report::of(world)?.is_all_green()
}

fn suspended(world: &World) -> Result<()> {
    world.stack.agent_command(&["sync", "suspend"])?;
    let report = Report::of(world)?;
    report.only_warns("scheduler", "ritorno-agent sync resume")?;
    // Without a terminal nobody can be asked, so nothing is done; with a yes it is.
    let refused = capture(&mut doctor(world, &["fix", "scheduler"])?, b"")?;
    ensure!(!refused.success && refused.stderr.contains("give --yes"), "{}", refused.stderr);
    Report::of(world)?.only_warns("scheduler", "ritorno-agent sync resume")?;
    let mended = capture(&mut doctor(world, &["fix", "scheduler", "--yes"])?, b"")?;
    ensure!(mended.success, "{}{}", mended.stdout, mended.stderr);
    Report::of(world)?.is_all_green()
}

/// A folder lies where the file should be.
fn unwritable_event_log(world: &World) -> Result<()> {
    let log = world.stack.folder().join("agent-events.log");
    let aside = log.with_extension("aside");
    std::fs::rename(&log, &aside)?;
    std::fs::create_dir(&log)?;
    Report::of(world)?.only_fails("event-log", "name a file in /var/log/ritorno-agent as events_file")?;
    std::fs::remove_dir(&log)?;
    std::fs::rename(&aside, &log)?;
    Report::of(world)?.is_all_green()
}

/// Somebody's immutable anchor is another one.
fn anchor_changed(world: &World) -> Result<()> {
    let marco = world.forest.person("marco.conti")?.clone();
    let import = || {
        for profile in ["delta-import", "delta-sync"] {
            world.stack.agent_command(&["sync", "run", "all", profile])?;
        }
        anyhow::Ok(())
    };
    world.forest.set_attribute(&marco.dn, "mS-DS-ConsistencyGuid", "0123456789abcdef")?;
    import()?;
    let report = Report::of(world)?;
    report.only_warns("objects", "ritorno-agent sync history")?;
    ensure!(report.0.to_string().contains("its source anchor was"), "{}", report.0);
    world.forest.remove_attribute(&marco.dn, "mS-DS-ConsistencyGuid")?;
    import()?;
    carry_out(world, &report, "objects")
}

/// More people went than may go in a day.
fn held_by_the_guard(world: &mut World) -> Result<()> {
    let agent_toml = world.stack.folder().join("agent.toml");
    let text = std::fs::read_to_string(&agent_toml)?;
    std::fs::write(&agent_toml, text.replacen("[limits]", "[limits]\ndeletions_per_day = 0", 1))?;
    world.stack.stop_agent();
    world.stack.start_agent()?;
    world.stack.agent_command(&["sync", "suspend"])?;
    world.forest.dc_exec(&["samba-tool", "user", "delete", "marco.conti"])?;
    for profile in ["delta-import", "delta-sync"] {
        world.stack.agent_command(&["sync", "run", "all", profile])?;
    }
    ensure!(
        world.stack.agent_command(&["sync", "run", "all", "export"]).is_err(),
        "the guard lets a removal through"
    );
    world.stack.agent_command(&["sync", "resume"])?;
    let report = Report::of(world)?;
    // The export did not come to its end: that is what the other check says, of the same thing.
    ensure!(report.with("fail") == ["deletion-guard"], "{}", report.0);
    ensure!(report.with("warning").iter().all(|id| *id == "first-sync"), "{}", report.0);
    carry_out(world, &report, "deletion-guard")?;
    std::fs::write(&agent_toml, text)?;
    world.stack.stop_agent();
    world.stack.start_agent()
}

/// An index of the connector space is damaged, of those that the agent seldom reads.
fn damaged_store(world: &mut World) -> Result<()> {
    let store = world.stack.folder().join("agent/sync.db");
    world.stack.stop_agent();
    run(Command::new("python3").args(["-c", BREAK_INDEX]).arg(&store).arg("removal_by_time"), b"")?;
    world.stack.start_agent()?;
    let report = Report::of(world)?;
    report.only_fails("stores", "systemctl stop ritorno-agent")?;
    // Its lines are no recipe that is carried out in parts.
    let refused = capture(&mut doctor(world, &["fix", "stores", "--yes"])?, b"")?;
    ensure!(
        !refused.success && refused.stdout.contains("are for you"),
        "{}{}",
        refused.stdout,
        refused.stderr
    );
    ensure!(!report.fixes("stores").is_empty() && is_named(&report, &store), "{}", report.0);
    world.stack.stop_agent();
    for line in report.fixes("stores").into_iter().filter(|line| line.starts_with("test ")) {
        run(Command::new("sh").args(["-c", line]), b"")?;
    }
    world.stack.start_agent()?;
    for profile in ["full-import", "full-sync", "export"] {
        world.stack.agent_command(&["sync", "run", "all", profile])?;
    }
    Report::of(world)?.is_all_green()
}

fn is_named(report: &Report, path: &Path) -> bool {
    report.0.to_string().contains(&path.display().to_string())
}

fn full_disk(world: &mut World) -> Result<()> {
    let state = world.stack.folder().join("agent");
    world.stack.stop_agent();
    let disk = Disk::mount(&state)?;
    world.stack.start_agent()?;
    world.stack.wait_until_open()?;
    let filling = state.join("filling");
    let free = || -> Result<u64> {
        let output = run(Command::new("df").args(["--output=avail", "--block-size=1M"]).arg(&state), b"")?;
        Ok(output.lines().last().context("df says nothing")?.trim().parse()?)
    };
    // All but ten megabytes: the agent itself goes on.
    let megabytes = free()?.saturating_sub(10);
    run(
        Command::new("dd")
            .args(["if=/dev/zero", "bs=1M"])
            .arg(format!("count={megabytes}"))
            .arg(format!("of={}", filling.display())),
        b"",
    )?;
    let report = Report::of(world)?;
    report.only_fails("disk", "df --human-readable")?;
    std::fs::remove_file(&filling)?;
    world.stack.stop_agent();
    disk.unmount()?;
    world.stack.start_agent()?;
    world.stack.wait_until_open()?;
    Report::of(world)?.is_all_green()
}

/// The last thing to try: off and on again, with an administrator's consent, and a new key.
#[test]
fn switching_off_and_on_again_is_guided() -> Result<()> {
    let world = World::start("doctor-again", |_| Ok(()))?;
    let sealing = || -> Result<String> {
        let told = world.stack.agent_command(&["keys", "status"])?;
        Ok(told.lines().find(|line| line.starts_with("sealing")).context("a sealing key")?.to_owned())
    };
    let before = sealing()?;
    let refused = capture(&mut doctor(&world, &["again"])?, b"")?;
    ensure!(!refused.success && refused.stderr.contains("give --yes"), "{}", refused.stderr);
    ensure!(sealing()? == before, "nothing was done");

    let told = world.stack.folder().join("again.log");
    let file = std::fs::File::create(&told)?;
    let mut child = doctor(&world, &["again", "--yes"])?.stdout(file.try_clone()?).stderr(file).spawn()?;
    let mut code = None;
    let asked = wait_until(Duration::from_secs(60), || {
        let text = std::fs::read_to_string(&told)?;
        code =
            text.split("confirm the code ").nth(1).and_then(|rest| rest.split(' ').next()).map(str::to_owned);
        Ok(code.is_some() || child.try_wait()?.is_some())
    })?;
    let code = code.filter(|_| asked).with_context(|| std::fs::read_to_string(&told).unwrap_or_default())?;
    let console = Console::sign_in(&world)?;
    console.ask("/console/onboarding/confirm", &["--data-urlencode", &format!("code={code}")], "")?;
    let ended = child.wait()?;
    let text = std::fs::read_to_string(&told)?;
    ensure!(
        ended.success() && text.contains("Writeback was switched off and on, and no check fails."),
        "{text}"
    );
    ensure!(sealing()? != before, "a new key");
    world.stack.wait_until_open()?;
    world.reset("anna.rossi", "Era-Vero-Davvero-9")
}
