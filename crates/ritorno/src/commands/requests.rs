//! `ritorno requests`: what was asked of the agents lately, how it ended, and where the time went.

use clap::Args;
use ritorno_identity::request::Request;
use ritorno_protocol::outcome::Outcome;
use serde::Serialize;

use crate::config::Config;
use crate::installation::Installation;
use crate::output::{moment, say, table};

/// What `requests` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// How many, the latest first.
    #[arg(long, default_value_t = 20)]
    most: u32,
    /// One JSON object a line, for scripts.
    #[arg(long)]
    json: bool,
}

/// One request, for scripts. Times are in milliseconds.
#[derive(Serialize)]
struct Line {
    request: String,
    support_code: String,
    operation: ritorno_protocol::envelope::Operation,
    state: &'static str,
    created_at: String,
    /// From the commit of the request to the commit of its outcome.
    server_ms: i64,
    /// The agent's share of it, the directory's included.
    agent_ms: u64,
    /// The directory's share of that.
    directory_ms: u64,
    dc: Option<String>,
    detail: String,
}

/// Does it.
///
/// # Errors
/// When the database fails.
pub(crate) async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    let installation = Installation::open(config).await?;
    let requests = installation.store.requests().recent(installation.tenant.id, arguments.most).await?;
    let lines = requests.iter().map(line);
    if arguments.json {
        for line in lines {
            say(serde_json::to_string(&line)?)?;
        }
        return Ok(());
    }
    let mut table = table(["made", "support code", "state", "DC", "ms in all", "agent", "DC", "detail"]);
    for line in lines {
        table.add_row([
            line.created_at,
            line.support_code,
            line.state.to_owned(),
            line.dc.unwrap_or_default(),
            line.server_ms.to_string(),
            line.agent_ms.to_string(),
            line.directory_ms.to_string(),
            line.detail,
        ]);
    }
    say(table)
}

fn line(request: &Request) -> Line {
    let outcome = request.outcome();
    let state = outcome.map_or(request.state.as_str(), name);
    let operator = outcome.map(Outcome::operator);
    Line {
        request: request.id.to_string(),
        support_code: request.support_code.to_string(),
        operation: request.operation,
        state,
        created_at: moment(Some(request.created_at)),
        server_ms: request.updated_at.unix_ms() - request.created_at.unix_ms(),
        agent_ms: operator.map_or(0, |operator| operator.agent_ms),
        directory_ms: operator.map_or(0, |operator| operator.directory_ms),
        dc: operator.and_then(|operator| operator.dc.clone()),
        detail: operator.map(|operator| operator.detail.clone()).unwrap_or_default(),
    }
}

const fn name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done(_) => "done",
        Outcome::Refused { .. } => "refused",
        Outcome::NotApplied { .. } => "not applied",
        Outcome::Unknown { .. } => "unknown",
    }
}
