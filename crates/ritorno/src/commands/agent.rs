//! `ritorno agent`: enrolment tokens, and who is enrolled.

use anyhow::bail;
use clap::Subcommand;
use ritorno_http::agent_api::enrolment_token;
use ritorno_identity::agent_forests::{is_forest, waiting};
use ritorno_identity::agent_state::{AgentState, MAXIMUM_NAME, Seen, is_name};
use ritorno_identity::audit::Activity;
use ritorno_protocol::ids::{AgentId, Forest};

use super::removals;
use crate::config::Config;
use crate::installation::Installation;
use crate::output::{moment, say, table};
use crate::system;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What `agent` does.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Prints a token that enrols one agent within 15 minutes.
    Token,
    /// Lists the agents.
    List,
    /// Gives an agent another name.
    Rename {
        /// The agent's id.
        id: AgentId,
        /// Its name from now on.
        name: String,
    },
    /// Allows an agent a forest that another one has, or had. A forest that nobody ever had needs nobody's leave.
    AllowForest {
        /// The agent's id.
        id: AgentId,
        /// The forest's DNS name.
        forest: String,
    },
    /// Lists the removals of an agent that the deletion guard holds.
    Removals {
        /// The agent's id.
        id: AgentId,
    },
    /// Lets a list of removals through the deletion guard, for an hour.
    ApproveRemovals {
        /// The agent's id.
        id: AgentId,
        /// The digest that `agent removals` shows: exactly that list is let through.
        digest: String,
    },
    /// Revokes an agent: its link is closed within ten seconds, and nothing is sealed for it any more.
    Revoke {
        /// The agent's id.
        id: AgentId,
    },
}

/// Does it.
///
/// # Errors
/// When there is no such agent, or the database fails.
pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let installation = Installation::open(config).await?;
    match command {
        Command::Token => token(&installation).await,
        Command::List => list(config, &installation).await,
        Command::Rename { id, name } => rename(&installation, id, &name).await,
        Command::AllowForest { id, forest } => allow_forest(&installation, id, &forest).await,
        Command::Removals { id } => removals::show(&installation, id).await,
        Command::ApproveRemovals { id, digest } => removals::approve(&installation, id, &digest).await,
        Command::Revoke { id } => revoke(&installation, id).await,
    }
}

async fn token(installation: &Installation) -> anyhow::Result<()> {
    let token = enrolment_token::make(
        &installation.store,
        installation.tenant.id,
        &installation.tenant.root,
        installation.public_address(),
        None,
        system::clock().now(),
        &*system::random(),
    )
    .await?;
    say(token.to_text())
}

async fn list(config: &Config, installation: &Installation) -> anyhow::Result<()> {
    let mut table = table(["id", "name", "state", "version", "forests", "writeback", "last seen", "revoked"]);
    let now = system::clock().now();
    // To whichever of the servers.
    let links = installation.store.links().live(installation.tenant.id, now).await?;
    let latest = config.releases.latest_version(VERSION);
    let ready = installation.keys().newest().await?.is_some_and(|newest| now < newest.not_after);
    for agent in installation.store.agents().list(installation.tenant.id).await? {
        let serves = agent.forests.iter().map(|forest| forest.0.clone());
        let forests: Vec<String> =
            serves.chain(waiting(&agent).map(|forest| format!("({forest}: not allowed)"))).collect();
        let own_switch = agent.health.as_ref().is_none_or(|health| health.writeback_on);
        let writeback = match (agent.writeback_on, own_switch) {
            (true, true) => "on",
            (true, false) => "off at the agent",
            (false, _) => "off",
        };
        let live = links.iter().any(|link| link.agent == agent.id);
        let tenant_on = installation.tenant.writeback_enabled;
        let seen = Seen { live, tenant_on, server_ready: ready, version: VERSION, latest: &latest };
        let late = seen.is_out_of_date(&agent.version);
        let version = if late { format!("{} (out of date)", agent.version) } else { agent.version.clone() };
        table.add_row([
            agent.id.to_string(),
            agent.name.clone(),
            AgentState::of(&agent, seen).word().to_owned(),
            version,
            forests.join(" "),
            writeback.to_owned(),
            moment(agent.last_seen_at),
            moment(agent.revoked_at),
        ]);
    }
    say(table)
}

async fn rename(installation: &Installation, id: AgentId, name: &str) -> anyhow::Result<()> {
    let name = name.trim();
    if !is_name(name) {
        bail!("a name has 1 to {MAXIMUM_NAME} bytes and no control characters");
    }
    if !installation.store.agents().rename(installation.tenant.id, id, name).await? {
        bail!("there is no agent {id}; `ritorno agent list` shows them");
    }
    super::audit(installation, Activity::AgentRenamed, format!("agent {id}: {name}")).await?;
    say(format_args!("{id} is called {name}"))
}

async fn allow_forest(installation: &Installation, id: AgentId, forest: &str) -> anyhow::Result<()> {
    let forest = Forest(forest.trim().to_lowercase());
    if !is_forest(&forest) {
        bail!("'{forest}' is no forest's name");
    }
    if !installation.store.agents().allow_forest(installation.tenant.id, id, &forest).await? {
        bail!(
            "there is no unrevoked agent {id} that is not allowed {forest} yet; `ritorno agent list` shows them"
        );
    }
    super::audit(installation, Activity::AgentForestAllowed, format!("agent {id}: {forest}")).await?;
    say(format_args!("{id} serves {forest} if its configuration names it"))
}

async fn revoke(installation: &Installation, id: AgentId) -> anyhow::Result<()> {
    let now = system::clock().now();
    if !installation.store.agents().revoke(installation.tenant.id, id, now).await? {
        bail!("there is no unrevoked agent {id}; `ritorno agent list` shows them");
    }
    super::audit(installation, Activity::AgentRevoked, id.to_string()).await?;
    say(format_args!("{id} is revoked"))
}
