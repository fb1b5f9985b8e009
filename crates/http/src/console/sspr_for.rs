//! `POST /console/sspr/for`: who may reset their own password, everybody or the people of groups.

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use ritorno_identity::administrator::Action;
use ritorno_identity::sspr::GROUPS_AT_MOST;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::ids::GroupId;
use serde::Deserialize;

use super::session::SignedIn;
use super::sspr_policy::{Fault, answer, group_named, store};
use crate::i18n::key;
use crate::page::PageError;
use crate::reader::Reader;
use crate::state::AppState;

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Only {
    /// The groups' names, one to a line; nothing for everybody.
    group: String,
}

/// The handler.
pub(super) async fn set(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(Only { group }): Form<Only>,
) -> Result<Response, PageError> {
    signed_in.require(Action::ChangeTenant)?;
    let set = async {
        let names: Vec<&str> = group.lines().map(str::trim).filter(|name| !name.is_empty()).collect();
        // Before any of them is looked for: a list may be as long as a form.
        if names.len() > GROUPS_AT_MOST {
            return Err(Fault::Told(key("policy-who-too-many")));
        }
        let mut sspr_groups: Vec<GroupId> = Vec::with_capacity(names.len());
        for name in &names {
            let id = group_named(&state, &signed_in.tenant, name).await.map_err(|fault| match fault {
                Fault::Told(told) => Fault::About(told, (*name).to_owned()),
                other => other,
            })?;
            if !sspr_groups.contains(&id) {
                sspr_groups.push(id);
            }
        }
        let whom = if names.is_empty() { "everybody".to_owned() } else { names.join(", ") };
        let tenant = Tenant { sspr_groups, ..signed_in.tenant.clone() };
        store(&state, &signed_in, &reader, &tenant, format!("sspr for: {whom}")).await
    };
    let done = set.await;
    answer(&state, &signed_in, &reader, done).await
}
