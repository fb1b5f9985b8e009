//! `ritorno agent`: enrolment tokens, and who is enrolled.

use anyhow::bail;
use clap::Subcommand;
use ritorno_http::agent_api::enrolment_token;
use ritorno_identity::audit::Activity;
use ritorno_protocol::ids::AgentId;

use crate::config::Config;
use crate::installation::Installation;
use crate::output::{moment, say};
use crate::system;

/// What `agent` does.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Prints a token that enrols one agent within 15 minutes.
    Token,
    /// Lists the agents.
    List,
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
        Command::Token => token(config, &installation).await,
        Command::List => list(&installation).await,
        Command::Revoke { id } => revoke(&installation, id).await,
    }
}

async fn token(config: &Config, installation: &Installation) -> anyhow::Result<()> {
    let token = enrolment_token::make(
        &installation.store,
        installation.tenant.id,
        &installation.tenant.root,
        config.public_address(),
        None,
        system::clock().now(),
        &*system::random(),
    )
    .await?;
    say(token.to_text())
}

async fn list(installation: &Installation) -> anyhow::Result<()> {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header([
        "id",
        "name",
        "version",
        "forests",
        "writeback",
        "last seen",
        "revoked",
    ]);
    for agent in installation.store.agents().list(installation.tenant.id).await? {
        let forests: Vec<&str> = agent.forests.iter().map(|forest| forest.0.as_str()).collect();
        let own_switch = agent.health.as_ref().is_none_or(|health| health.writeback_on);
        let writeback = match (agent.writeback_on, own_switch) {
            (true, true) => "on",
            (true, false) => "off at the agent",
            (false, _) => "off",
        };
        table.add_row([
            agent.id.to_string(),
            agent.name.clone(),
            agent.version.clone(),
            forests.join(" "),
            writeback.to_owned(),
            moment(agent.last_seen_at),
            moment(agent.revoked_at),
        ]);
    }
    say(table)
}

async fn revoke(installation: &Installation, id: AgentId) -> anyhow::Result<()> {
    let now = system::clock().now();
    if !installation.store.agents().revoke(installation.tenant.id, id, now).await? {
        bail!("there is no unrevoked agent {id}; `ritorno agent list` shows them");
    }
    super::audit(installation, Activity::AgentRevoked, id.to_string()).await?;
    say(format_args!("{id} is revoked"))
}
