//! The registered address becomes another one, or none: stored, written down, told to every address on file, the former one
//! among them.

use axum::response::{IntoResponse as _, Redirect, Response};
use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::mail::Template;
use ritorno_identity::mask::mask;
use ritorno_identity::registration::{AddressChange, Registration};
use ritorno_identity::tenant::Tenant;
use tracing::Instrument as _;

use super::tell::tell;
use super::visit::{note, owner, place};
use crate::page::PageError;
use crate::reader::Reader;
use crate::state::AppState;

/// Changes it to `address`, whose code was right, or to none. Whoever removes nothing, or is overtaken by another tab, sees
/// what is on file now. Goes on to its end even if the browser goes away: who cuts the connection must not keep the notices
/// from being sent.
pub(super) async fn change(
    state: &AppState,
    reader: &Reader,
    tenant: &Tenant,
    registration: &Registration,
    address: Option<&str>,
) -> Result<Response, PageError> {
    let (state, reader, tenant) = (state.clone(), reader.clone(), tenant.clone());
    let (registration, address) = (registration.clone(), address.map(str::to_owned));
    let changing =
        async move { to_the_end(&state, &reader, &tenant, &registration, address.as_deref()).await };
    tokio::spawn(changing.in_current_span()).await.map_err(PageError::behind)?
}

async fn to_the_end(
    state: &AppState,
    reader: &Reader,
    tenant: &Tenant,
    registration: &Registration,
    address: Option<&str>,
) -> Result<Response, PageError> {
    let user = match owner(state, reader, tenant, registration).await? {
        Ok(user) => user,
        Err(refused) => return Ok(refused),
    };
    let former = user.registered_mail.as_deref();
    let change = AddressChange::from_to(former, address);
    let nothing = former.is_none() && address.is_none();
    let users = state.store.users();
    if nothing
        || !users.set_registered_mail(tenant.id, user.id, former, address).await.map_err(PageError::behind)?
    {
        return Ok(Redirect::to("/register/address").into_response());
    }
    let activity = match change {
        AddressChange::Registered => Activity::Registered,
        AddressChange::Replaced => Activity::RegistrationReplaced,
        AddressChange::Removed => Activity::RegistrationRemoved,
    };
    // People hear of it whether or not it can be written down.
    let template = Template::AddressChanged {
        display_name: user.display_name.clone(),
        change,
        address: address.or(former).and_then(mask).unwrap_or_default(),
        at_ms: state.clock.now().unix_ms(),
        support_code: registration.support_code.0.clone(),
    };
    tell(state, registration, &user, &template).await;
    note(state, reader, registration, activity, Success::Success, "").await?;
    if let Ok(finished) = registration.finished(change, state.clock.now()) {
        // If another tab is at another step, that one stands, and shows what is on file.
        let advanced = state.store.registrations().advance(registration, &finished).await;
        if advanced.map_err(PageError::behind)? {
            return Ok(Redirect::to(place(&finished.state)).into_response());
        }
    }
    Ok(Redirect::to("/register").into_response())
}
