//! How the tenant and its agents stand, and the tenant's side of one agent's writeback.

use ritorno_identity::administrator::Action;
use ritorno_identity::agent::Agent;
use ritorno_identity::agent_state::{AgentState, Seen};
use ritorno_identity::api_token::ApiToken;
use ritorno_identity::audit::Activity;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::ids::AgentId;
use ritorno_relay::tenant_state::TenantState;
use ritorno_storage::StoreError;
use uuid::Uuid;

use crate::operator::{Behind, Operator};
use crate::state::AppState;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How everything stands at one moment.
pub(crate) struct Look {
    /// Whether a reset could be written now.
    pub(crate) standing: TenantState,
    /// Every agent, also revoked ones.
    pub(crate) agents: Vec<Agent>,
    server_ready: bool,
    latest: String,
    held: Vec<(Uuid, u32)>,
    /// The tokens of programs of which the deletion guard holds removals, and how many.
    pub(crate) held_of_tokens: Vec<(ApiToken, u32)>,
}

impl Look {
    /// Looks.
    pub(crate) async fn at(state: &AppState, tenant: &Tenant) -> Result<Self, Behind> {
        let agents = state.store.agents().list(tenant.id).await?;
        let standing = state.relay.tenant_state(tenant.id).await.map_err(Behind::of)?;
        let server_ready = state.relay.is_ready(tenant.id).await;
        let releases = state.settings.releases.clone();
        let latest = tokio::task::spawn_blocking(move || releases.latest_version(VERSION)).await;
        let latest = latest.map_err(Behind::of)?;
        let held = state.store.removals().count(tenant.id, state.clock.now()).await?;
        let is_an_agents = |id: Uuid| agents.iter().any(|agent| agent.id.0 == id);
        let mut held_of_tokens = Vec::new();
        if held.iter().any(|(id, _)| !is_an_agents(*id)) {
            for token in state.store.api_tokens().list(tenant.id).await? {
                let of_it = held.iter().find(|(id, _)| *id == token.id.0);
                held_of_tokens.extend(of_it.map(|(_, number)| (token, *number)));
            }
        }
        Ok(Self { standing, agents, server_ready, latest, held, held_of_tokens })
    }

    /// How an agent is, and whether there is a later version than it is of.
    pub(crate) fn of(&self, state: &AppState, tenant: &Tenant, agent: &Agent) -> (AgentState, bool) {
        let live = state.relay.is_live(agent.tenant, agent.id);
        let (tenant_on, server_ready) = (tenant.writeback_enabled, self.server_ready);
        let seen = Seen { live, tenant_on, server_ready, version: VERSION, latest: &self.latest };
        let out_of_date = agent.revoked_at.is_none() && seen.is_out_of_date(&agent.version);
        (AgentState::of(agent, seen), out_of_date)
    }

    /// How many removals of an agent the deletion guard holds.
    pub(crate) fn held_of(&self, agent: AgentId) -> u32 {
        self.held.iter().find(|(id, _)| *id == agent.0).map_or(0, |(_, number)| *number)
    }
}

/// The groups whose people may reset, if not everybody may.
pub(crate) struct Only {
    /// What they are called, but for those that are gone.
    pub(crate) names: Vec<String>,
    /// Whether some of them are gone.
    pub(crate) some_gone: bool,
}

/// Whose people may reset; `None` for everybody.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn only(state: &AppState, tenant: &Tenant) -> Result<Option<Only>, StoreError> {
    if tenant.sspr_groups.is_empty() {
        return Ok(None);
    }
    let mut names = Vec::with_capacity(tenant.sspr_groups.len());
    for id in &tenant.sspr_groups {
        names.extend(state.store.groups().find(tenant.id, *id).await?.map(|group| group.full_name()));
    }
    let some_gone = names.len() < tenant.sspr_groups.len();
    Ok(Some(Only { names, some_gone }))
}

/// What it takes to turn an agent's writeback, and how it is written down.
pub(crate) const fn action(on: bool) -> (Action, Activity) {
    if on {
        (Action::EnableWriteback, Activity::WritebackEnabled)
    } else {
        (Action::DisableWriteback, Activity::WritebackDisabled)
    }
}

/// Turns the tenant's side of one agent's writeback; `false` if there is no such agent, or it is revoked. The agent has a switch of its
/// own, which this does not touch.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn set_writeback(
    state: &AppState,
    operator: &Operator,
    agent: AgentId,
    on: bool,
) -> Result<bool, StoreError> {
    let set = state.store.agents().set_writeback(operator.tenant.id, agent, on).await?;
    if set {
        operator.note(state, action(on).1, format!("agent {agent}"), None).await?;
    }
    Ok(set)
}
