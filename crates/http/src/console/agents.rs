//! `POST /console/agents/writeback`, `rename`, `forest` and `revoke`: what is done to one agent.

use axum::Form;
use axum::extract::State;
use axum::response::Redirect;
use ritorno_identity::administrator::Action;
use ritorno_protocol::ids::{AgentId, Forest};
use serde::Deserialize;

use super::session::SignedIn;
use crate::operations::{agent_changes, agents};
use crate::page::PageError;
use crate::reader::Reader;
use crate::state::AppState;

/// What the switch's form sends.
#[derive(Deserialize)]
pub(super) struct Writeback {
    agent: AgentId,
    on: bool,
}

/// What the name's form sends.
#[derive(Deserialize)]
pub(super) struct Rename {
    agent: AgentId,
    name: String,
}

/// What the button beside a forest sends.
#[derive(Deserialize)]
pub(super) struct AllowForest {
    agent: AgentId,
    forest: Forest,
}

/// What the last form sends.
#[derive(Deserialize)]
pub(super) struct Revoke {
    agent: AgentId,
}

/// Switches the tenant's side of one agent's writeback. The agent has a switch of its own, which this does not touch.
pub(super) async fn set_writeback(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(Writeback { agent, on }): Form<Writeback>,
) -> Result<Redirect, PageError> {
    signed_in.require(agents::action(on).0)?;
    let operator = signed_in.operator(&reader);
    agents::set_writeback(&state, &operator, agent, on).await.map_err(PageError::behind)?;
    Ok(Redirect::to("/console"))
}

/// Gives an agent another name. One that can't be is left as it was.
pub(super) async fn rename(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(Rename { agent, name }): Form<Rename>,
) -> Result<Redirect, PageError> {
    signed_in.require(Action::EnrolAgent)?;
    agent_changes::rename(&state, &signed_in.operator(&reader), agent, &name).await?;
    Ok(Redirect::to("/console"))
}

/// Allows an agent a forest that another one has, or had.
pub(super) async fn allow_forest(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(AllowForest { agent, forest }): Form<AllowForest>,
) -> Result<Redirect, PageError> {
    signed_in.require(Action::EnrolAgent)?;
    agent_changes::allow_forest(&state, &signed_in.operator(&reader), agent, &forest).await?;
    Ok(Redirect::to("/console"))
}

/// Revokes an agent for good: its link closes, and no page seals for it any more.
pub(super) async fn revoke(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(Revoke { agent }): Form<Revoke>,
) -> Result<Redirect, PageError> {
    signed_in.require(Action::EnrolAgent)?;
    agent_changes::revoke(&state, &signed_in.operator(&reader), agent).await?;
    Ok(Redirect::to("/console"))
}
