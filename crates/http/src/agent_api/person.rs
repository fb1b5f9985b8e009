//! `GET /agent/v1/person?anchor=…`: would this person be let to a reset? For `ritorno-agent doctor --user`.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use ritorno_identity::name::SignInName;
use ritorno_identity::sspr;
use ritorno_protocol::enrolment::PersonStanding;
use ritorno_protocol::ids::SourceAnchor;
use serde::Deserialize;

use super::bearer::AgentBearer;
use crate::problem::Problem;
use crate::state::AppState;

/// Whom it is about.
#[derive(Deserialize)]
pub struct Asked {
    /// The source anchor.
    anchor: SourceAnchor,
}

/// Tells it of people of the agent's own forests; of anybody else it says that the tenant does not have them.
///
/// # Errors
/// [`Problem`], if the database failed.
pub async fn handle(
    State(state): State<AppState>,
    AgentBearer(agent): AgentBearer,
    Query(asked): Query<Asked>,
) -> Result<Json<PersonStanding>, Problem> {
    let tenant = state.store.tenants().get(state.tenant).await?.ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "tenant", "No such tenant", "The tenant is not there any more.")
    })?;
    let user = state.store.users().by_anchor(state.tenant, &asked.anchor).await?;
    let own = user.filter(|user| agent.masters(user));
    Ok(Json(match own {
        None => PersonStanding { known: false, sspr: None },
        Some(user) => {
            let name = SignInName::of_principal(&user.user_principal_name);
            let (users, now) = (state.store.users(), state.clock.now());
            let standing = users.standing(user.tenant, Some(user.id), &name, now).await?;
            let gates = sspr::tenant_allows(&tenant).and_then(|()| sspr::gates(&tenant, &user, &standing));
            PersonStanding { known: true, sspr: gates.err() }
        }
    }))
}
