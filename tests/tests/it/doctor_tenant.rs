//! `ritorno-agent doctor`: what the tenant alone knows, and tells the agent.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ritorno_identity::limit::Limit;
use ritorno_identity::subject::Subject;
use ritorno_lab::command::{capture, run};
use ritorno_lab::progress::wait_until;
use ritorno_protocol::clock::{Clock as _, SystemClock};
use ritorno_storage::Store;

use crate::doctor::Report;
use crate::world::{Running, World, programs};

/// What the tenant's guard counts, as it counts it.
const REMOVALS: Limit =
    Limit { name: "directory-removals", most: 500, window: Duration::from_secs(24 * 3_600) };

#[test]
fn what_the_tenant_knows_fails_its_check() -> Result<()> {
    let world = World::start("doctor-tenant", |_| Ok(()))?;
    Report::of(&world)?.is_all_green()?;
    another_agent(&world)?;
    old_signing_key(&world)
}

/// One more agent: enrolled for a forest that is no other's, then told to serve the first one's, and to export it.
fn another_agent(world: &World) -> Result<()> {
    let folder = world.stack.folder();
    let first = std::fs::read_to_string(folder.join("agent.toml"))?;
    let (state, file) = (folder.join("agent"), folder.join("other.toml"));
    let text = first.replace(
        &format!("state_dir = \"{}\"", state.display()),
        &format!("state_dir = \"{}\"", folder.join("other").display()),
    );
    let text = text.replace("agent-events.log", "other-events.log");
    let text = format!("{text}\n[sync]\nevery_seconds = 0\n\n[doctor]\nevery_seconds = 10\n");
    std::fs::write(&file, text.replace("name = \"contoso.test\"", "name = \"elsewhere.test\""))?;
    let program = programs()?.agent;
    let agent = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.arg("--config").arg(&file).args(arguments);
        command
    };
    let token = world.stack.server_command(&["agent", "token"])?;
    run(&mut agent(&["enrol", "-"]), token.as_bytes())?;
    std::fs::write(&file, &text)?;
    let start = || -> Result<Running> {
        let mut command = agent(&["run"]);
        let running = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        let linked = wait_until(Duration::from_secs(30), || {
            Ok(capture(&mut agent(&["status"]), b"")?.stdout.contains("connected since"))
        })?;
        ensure!(linked, "the other agent has no link");
        Ok(running)
    };
    let running = start()?;

    // It may not: the forest is the first one's.
    let report = Report::told(agent(&["doctor", "--quick", "--json"]))?;
    ensure!(report.with("fail").contains(&"forests-allowed"), "{}", report.0);
    let fix = report.fixes("forests-allowed").first().context("a line")?.to_string();
    ensure!(fix.ends_with(" contoso.test"), "{fix}");
    world.stack.server_command(&fix.split(' ').skip(1).collect::<Vec<_>>())?;
    let report = Report::told(agent(&["doctor", "--quick", "--json"]))?;
    ensure!(report.with("pass").contains(&"forests-allowed"), "{}", report.0);

    // Now both export it.
    let mut last = None;
    wait_until(Duration::from_secs(40), || {
        let report = Report::of(world)?;
        let both = report.with("warning") == ["one-exporter"];
        last = Some(report);
        Ok(both)
    })?;
    last.context("a report")?.only_warns("one-exporter", "mode = \"standby\"")?;
    drop(running);
    std::fs::write(&file, text.replacen("[[forest]]", "mode = \"standby\"\n\n[[forest]]", 1))?;
    let running = start()?;
    let mended = wait_until(Duration::from_secs(40), || Ok(Report::of(world)?.with("warning").is_empty()))?;
    ensure!(mended, "it exports no more, and is still told");
    Report::of(world)?.is_all_green()?;
    drop(running);
    Ok(())
}

/// The server's signing key was made 200 days ago, and the root key that certifies another is not where it should be.
fn old_signing_key(world: &World) -> Result<()> {
    let folder = world.stack.folder().to_owned();
    let (state, aside) = (folder.join("cloud"), folder.join("aside"));
    std::fs::create_dir(&aside)?;
    std::fs::copy(state.join("node.key"), aside.join("node.key"))?;
    let (root, moved) = (state.join("root.key"), aside.join("root.key"));
    std::fs::rename(&root, &moved)?;
    // Made by hand with the keys where they are now: the running server knows nothing of that place.
    let text = std::fs::read_to_string(folder.join("ritorno.toml"))?;
    let there = format!("state_dir = \"{}\"", state.display());
    let here = format!("state_dir = \"{}\"", aside.display());
    std::fs::write(folder.join("aside.toml"), text.replacen(&there, &here, 1))?;
    let mut command = Command::new(programs()?.ritorno);
    command.arg("--config").arg(folder.join("aside.toml")).args(["keys", "roll"]);
    command
        .env("LD_PRELOAD", "/usr/$LIB/faketime/libfaketime.so.1")
        .env("FAKETIME", "-200d")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    run(&mut command, b"")?;
    let report = Report::of(world)?;
    report.only_warns("keys", "ritorno keys roll")?;
    ensure!(report.0.to_string().contains("200 days old"), "{}", report.0);
    let refused = world.stack.server_command(&["keys", "roll"]);
    ensure!(format!("{:#}", refused.err().context("no root")?).contains("root.key"), "it says what it lacks");
    std::fs::rename(&moved, &root)?;
    // The running server may have done it already.
    world.stack.server_command(&["keys", "roll"])?;
    Report::of(world)?.is_all_green()
}

#[test]
fn removals_that_the_tenant_holds_are_told() -> Result<()> {
    let world = World::start("doctor-held", |_| Ok(()))?;
    Report::of(&world)?.is_all_green()?;
    let database = format!("sqlite:{}", world.stack.folder().join("cloud/ritorno.db").display());
    // As if 500 people had left today.
    let agent = world.runtime.block_on(async {
        let store = Store::connect(&database).await?;
        let tenant = store.tenants().list().await?.first().context("there is a tenant")?.id;
        let agent = store.agents().list(tenant).await?.first().context("there is an agent")?.id;
        let subject = Subject(sha256(agent.0.as_bytes()));
        let now = SystemClock.now();
        ensure!(store.limits().count_many(tenant, &REMOVALS, &subject, REMOVALS.most, now).await?);
        store.close().await;
        anyhow::Ok(agent)
    })?;
    world.forest.dc_exec(&["samba-tool", "user", "delete", "marco.conti"])?;
    let cycle = || {
        for profile in ["delta-import", "delta-sync", "export"] {
            // What the tenant holds is told as an error of the object.
            let _ = world.stack.agent_command(&["sync", "run", "all", profile]);
        }
    };
    cycle();
    let report = Report::of(&world)?;
    report.only_warns("held-removals", &format!("ritorno agent approve-removals {agent} DIGEST"))?;
    let shown = world.stack.server_command(&["agent", "removals", &agent.to_string()])?;
    ensure!(shown.contains("marco.conti@contoso.test"), "{shown}");
    let is_digest = |word: &&str| word.len() >= 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digest = shown.split_whitespace().find(is_digest).context("a digest")?;
    world.stack.server_command(&["agent", "approve-removals", &agent.to_string(), digest])?;
    cycle();
    Report::of(&world)?.is_all_green()
}

/// SHA-256, by the TLS library's own.
fn sha256(bytes: &[u8]) -> [u8; 32] {
    let hash = rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
    let suite = hash.tls13().expect("a suite of TLS 1.3");
    let output = suite.common.hash_provider.hash(bytes);
    output.as_ref().try_into().expect("32 bytes")
}
