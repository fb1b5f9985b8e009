//! Moments at which agent and server are killed, as their own stores tell them.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use ritorno_lab::crowd::Crowd;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _};

use crate::world::{World, programs};

/// Longest wait for a moment, and for a cycle's end.
const COMES_WITHIN: Duration = Duration::from_secs(60);

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Victim {
    /// The agent's process.
    Agent,
    /// The server, and with it the agent a moment later.
    Server,
    /// The server, which is back at once; the agent goes on.
    ServerAlone,
    /// Both at once.
    Both,
}

/// What tells that a moment has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    /// What has come, for whoever reads it.
    pub(crate) what: &'a str,
    /// Whether it is the server's store.
    pub(crate) server: bool,
    /// Gives a number other than 0.
    pub(crate) sql: &'a str,
}

/// A store that tells whether a moment has come.
pub(crate) enum Looked {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Looked {
    /// The number that a statement gives.
    pub(crate) async fn number(&mut self, sql: &str) -> Result<i64> {
        let sql = AssertSqlSafe(sql.to_owned());
        Ok(match self {
            Self::Sqlite(store) => sqlx::query(sql).fetch_one(store).await?.try_get(0)?,
            Self::Postgres(store) => sqlx::query(sql).fetch_one(store).await?.try_get(0)?,
        })
    }
}

/// Opens a store to look at it: the agent's, or the server's, which may be a database that is no file.
pub(crate) async fn open(world: &World, database: Option<&str>, server: bool) -> Result<Looked> {
    if let Some(database) = database.filter(|_| server) {
        return Ok(Looked::Postgres(PgConnection::connect(database).await?));
    }
    let path = if server { "cloud/ritorno.db" } else { "agent/sync.db" };
    let options = SqliteConnectOptions::new().filename(world.stack.folder().join(path)).read_only(true);
    Ok(Looked::Sqlite(options.busy_timeout(Duration::from_secs(5)).connect().await?))
}

/// Starts the agent's program with these words.
pub(crate) fn agent(world: &World, arguments: &[&str]) -> Result<Child> {
    let mut command = Command::new(programs()?.agent);
    command.arg("--config").arg(world.stack.folder().join("agent.toml")).args(arguments);
    Ok(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

/// Has the agent do it until the moment has come, and kills the victim; false if it had ended by then.
pub(crate) fn run_until(
    world: &mut World,
    database: Option<&str>,
    arguments: &[&str],
    seen: Seen<'_>,
    victim: Victim,
) -> Result<bool> {
    let mut agent = agent(world, arguments)?;
    let until = Instant::now() + COMES_WITHIN;
    let met = world.runtime.block_on(async {
        let mut store = open(world, database, seen.server).await?;
        while Instant::now() < until {
            if store.number(seen.sql).await? != 0 {
                return anyhow::Ok(true);
            }
            if agent.try_wait()?.is_some() {
                return Ok(false);
            }
        }
        bail!("'{}' did not come", seen.what)
    });
    if met.is_err() {
        // It would hold the run's lock, and the lab's files.
        kill(agent.id())?;
        agent.wait()?;
    }
    let come = met?;
    if victim != Victim::Agent {
        kill(world.stack.server_pid().context("the server runs")?)?;
    }
    match victim {
        Victim::Agent | Victim::Both => kill(agent.id())?,
        // With nobody to send to it gives up by itself, but not soon.
        Victim::Server => {
            std::thread::sleep(Duration::from_millis(300));
            kill(agent.id())?;
        }
        Victim::ServerAlone => {
            world.stack.stop_server();
            world.stack.start_server()?;
        }
    }
    let ended = agent.wait()?;
    ensure!(victim != Victim::ServerAlone || ended.success(), "the agent goes on: {ended}");
    Ok(come)
}

/// Has the server again, if it was killed and nobody started it.
pub(crate) fn bring_back(world: &mut World, victim: Victim) -> Result<()> {
    if matches!(victim, Victim::Server | Victim::Both) {
        world.stack.stop_server();
        world.stack.start_server()?;
    }
    Ok(())
}

/// Ends a process as a power cut would. Whoever has just ended is not there any more.
pub(crate) fn kill(pid: u32) -> Result<()> {
    Command::new("kill").args(["-9", &pid.to_string()]).stderr(Stdio::null()).status()?;
    Ok(())
}

/// The agent has the crowd in its scope, and nobody else.
pub(crate) fn scope_of_crowd(world: &World, crowd: &Crowd) -> Result<()> {
    let configuration = world.stack.folder().join("agent.toml");
    let text = std::fs::read_to_string(&configuration)?;
    let scope = text.lines().find(|line| line.starts_with("scope = ")).context("a scope")?.to_owned();
    let wider = format!("scope = [\"{}\"]\ngroups = [\"{}\"]", crowd.people_ou(), crowd.groups_ou());
    Ok(std::fs::write(&configuration, text.replace(&scope, &wider))?)
}

/// Takes the agent's connector space away, so that it reads its directory for the first time.
pub(crate) fn without_its_store(world: &World) -> Result<()> {
    let text = std::fs::read_to_string(world.stack.folder().join("agent.toml"))?;
    let state = text.lines().find_map(|line| line.strip_prefix("state_dir = ")).context("a folder")?;
    let state = PathBuf::from(state.trim_matches('"'));
    for name in ["sync.db", "sync.db-wal", "sync.db-shm"] {
        // Not each of them has to be there.
        let _ = std::fs::remove_file(state.join(name));
    }
    Ok(())
}
