//! The registered address becomes another one, or none: stored, written down, told to every address on file, the former one
//! among them.

use std::time::Duration;

use axum::response::{IntoResponse as _, Redirect, Response};
use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::ids::MailId;
use ritorno_identity::mail::{Letter, Mail, Template};
use ritorno_identity::mask::mask;
use ritorno_identity::registration::{AddressChange, Registration};
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;

use super::visit::{note, person, place};
use crate::page::PageError;
use crate::reader::Reader;
use crate::state::AppState;

/// How long the notice may wait for a mail server that is down.
const VALID: Duration = Duration::from_secs(24 * 3_600);

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
        tokio::spawn(
            async move { to_the_end(&state, &reader, &tenant, &registration, address.as_deref()).await },
        );
    changing.await.map_err(PageError::behind)?
}

async fn to_the_end(
    state: &AppState,
    reader: &Reader,
    tenant: &Tenant,
    registration: &Registration,
    address: Option<&str>,
) -> Result<Response, PageError> {
    let user = match person(state, reader, tenant, registration).await? {
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
    tell(state, registration, &user, change, address.or(former)).await;
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

/// Queues the notices to every address that was on file before. If one can't be queued, the change holds all the same.
async fn tell(
    state: &AppState,
    registration: &Registration,
    user: &User,
    change: AddressChange,
    about: Option<&str>,
) {
    let now = state.clock.now();
    let masked = about.and_then(mask).unwrap_or_default();
    for address in user.addresses() {
        let template = Template::AddressChanged {
            display_name: user.display_name.clone(),
            change,
            address: masked.clone(),
            at_ms: now.unix_ms(),
            support_code: registration.support_code.0.clone(),
        };
        let language = user.language.unwrap_or(registration.language);
        let mail = Mail {
            id: MailId::random(&*state.random),
            tenant: registration.tenant,
            letter: Letter { to: Some(address.to_owned()), language, template },
            expires_at: now.plus(VALID),
            created_at: now,
            tries: 0,
        };
        if let Err(error) = state.store.mail_outbox().queue(&mail, &state.node_key, &*state.random).await {
            tracing::error!(%error, "a notice of a changed address could not be queued");
        }
    }
    state.mail_wake.notify_one();
}
