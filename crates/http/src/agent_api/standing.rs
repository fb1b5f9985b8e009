//! `GET /agent/v1/standing`: what the cloud side knows of the agent and its tenant, for `ritorno-agent doctor`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ritorno_identity::agent::Agent;
use ritorno_identity::agent_forests::waiting;
use ritorno_identity::licence::{Grant, Licensing};
use ritorno_protocol::enrolment::{LicenceStanding, Standing, TenantStanding, Validity};
use ritorno_storage::StoreError;

use super::bearer::AgentBearer;
use crate::agent_api::doctor::is_fresh;
use crate::problem::Problem;
use crate::state::AppState;

/// Tells it.
///
/// # Errors
/// [`Problem`], if the database failed.
pub async fn handle(
    State(state): State<AppState>,
    AgentBearer(agent): AgentBearer,
) -> Result<Json<Standing>, Problem> {
    let tenant = state.store.tenants().get(state.tenant).await?.ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "tenant", "No such tenant", "The tenant is not there any more.")
    })?;
    Ok(Json(Standing {
        sspr: tenant.sspr_enabled,
        writeback: tenant.writeback_enabled,
        agent_writeback: agent.writeback_on,
        linked: state.relay.is_live(state.tenant, agent.id),
        server_time: state.clock.now(),
        licences: Some(match tenant.licensing {
            Licensing::Community => LicenceStanding::default(),
            Licensing::Assigned => licences(&state).await?,
        }),
        tenant: Some(held_and_lapsing(&state, &agent).await?),
    }))
}

async fn held_and_lapsing(state: &AppState, agent: &Agent) -> Result<TenantStanding, StoreError> {
    let (store, tenant, now) = (&state.store, state.tenant, state.clock.now());
    let held = store.removals().count(tenant, now).await?;
    let signing_key = state.keys.newest().await?.filter(|key| now < key.not_after);
    let reports = store.doctor_reports().list(tenant).await?;
    let exports = |other: &Agent| {
        reports
            .iter()
            .any(|told| told.agent == other.id && told.report.exports && is_fresh(told.received_at, now))
    };
    let mut also_exporting = Vec::new();
    for other in store.agents().list(tenant).await? {
        let shares = other.forests.iter().any(|forest| agent.forests.contains(forest));
        if other.id != agent.id && other.revoked_at.is_none() && shares && exports(&other) {
            also_exporting.push(other.name);
        }
    }
    Ok(TenantStanding {
        held_removals: held.iter().find(|(id, _)| *id == agent.id.0).map_or(0, |(_, number)| *number),
        waiting_forests: waiting(agent).cloned().collect(),
        signing_key: signing_key.map(|key| Validity { not_before: key.not_before, not_after: key.not_after }),
        also_exporting,
    })
}

async fn licences(state: &AppState) -> Result<LicenceStanding, StoreError> {
    let (store, tenant) = (&state.store, state.tenant);
    let bought = store.licences().subscribed(tenant).await?;
    let mut administrators_without = 0;
    for administrator in store.administrators().list(tenant).await? {
        let Some(person) = administrator.person else { continue };
        let person = store.users().get(tenant, person).await?;
        administrators_without += u32::from(person.is_some_and(|person| person.licence < Grant::Writeback));
    }
    Ok(LicenceStanding {
        needed: true,
        any_writeback: store.licences().any_writeback(tenant).await?,
        refused: store.licences().count_without_writeback(tenant).await?,
        over: bought.iter().map(|one| one.consumed.saturating_sub(one.units)).sum(),
        administrators_without,
    })
}
