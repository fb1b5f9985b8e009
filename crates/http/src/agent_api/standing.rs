//! `GET /agent/v1/standing`: what the cloud side knows of the agent and its tenant, for `ritorno-agent doctor`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ritorno_identity::licence::{Grant, Licensing};
use ritorno_protocol::enrolment::{LicenceStanding, Standing};
use ritorno_storage::StoreError;

use super::bearer::AgentBearer;
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
    }))
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
