//! `GET /agent/v1/person?anchor=…`: would this person be let to a reset? For `ritorno-agent doctor --user`.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use ritorno_identity::limit::{CODES_SENT, Limit, wrong_at_a_gate};
use ritorno_identity::method::Method;
use ritorno_identity::name::SignInName;
use ritorno_identity::sspr;
use ritorno_identity::subject::Subject;
use ritorno_identity::user::User;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::enrolment::PersonStanding;
use ritorno_protocol::ids::SourceAnchor;
use ritorno_storage::StoreError;
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
        None => PersonStanding { known: false, sspr: None, stopped_until: Some(None) },
        Some(user) => {
            let name = SignInName::of_principal(&user.user_principal_name);
            let (users, now) = (state.store.users(), state.clock.now());
            let standing = users.standing(user.tenant, Some(user.id), &name, now).await?;
            let gates = sspr::tenant_allows(&tenant).and_then(|()| sspr::gates(&tenant, &user, &standing));
            let stopped_until = Some(stopped_until(&state, &user).await?);
            PersonStanding { known: true, sspr: gates.err(), stopped_until }
        }
    }))
}

/// When the last of the limits is over that stop this person in a browser that nobody knows; what holds in a known one is wider.
async fn stopped_until(state: &AppState, user: &User) -> Result<Option<Timestamp>, StoreError> {
    let (pepper, now) = (&state.pepper, state.clock.now());
    let by_user = Subject::of_user(pepper, user.tenant, user.id);
    let addresses = user.addresses().into_iter();
    let mut counted: Vec<(&Limit, Subject)> = vec![(&CODES_SENT, by_user)];
    counted.extend(addresses.map(|address| (&CODES_SENT, Subject::of_address(pepper, user.tenant, address))));
    // Wrong guesses at a pass count against that pass alone, and stop nothing that shows.
    let own = Method::ALL.into_iter().filter(|method| *method != Method::TemporaryPass);
    counted.extend(own.map(|method| (wrong_at_a_gate(method, false), by_user)));
    let mut last = None;
    for (limit, subject) in counted {
        let until = state.store.limits().reached_until(user.tenant, limit, &subject, now).await?;
        last = last.max(until);
    }
    Ok(last)
}
