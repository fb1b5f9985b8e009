//! What a person hears of a change to what opens the gates: at every address that was on file before.

use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::mail::{Template, notices};
use ritorno_identity::method::Method;
use ritorno_identity::registration::{AddressChange, Registration};
use ritorno_identity::user::User;

use super::visit::note;
use crate::page::PageError;
use crate::reader::Reader;
use crate::state::AppState;

/// Queues the notices. If one can't be queued, the change holds all the same.
pub(super) async fn tell(state: &AppState, registration: &Registration, user: &User, template: &Template) {
    let language = user.language.unwrap_or(registration.language);
    for mail in notices(user, language, template, state.clock.now(), &*state.random) {
        if let Err(error) = state.store.mail_outbox().queue(&mail, &state.node_key, &*state.random).await {
            tracing::error!(%error, "a notice of a changed method could not be queued");
        }
    }
    state.mail_wake.notify_one();
}

/// A method beside the addresses was changed: told and written down. People hear of it whether or not it can be written down.
pub(super) async fn method_changed(
    state: &AppState,
    reader: &Reader,
    registration: &Registration,
    user: &User,
    method: Method,
    change: AddressChange,
) -> Result<(), PageError> {
    let template = Template::MethodChanged {
        display_name: user.display_name.clone(),
        method,
        change,
        at_ms: state.clock.now().unix_ms(),
        support_code: registration.support_code.0.clone(),
    };
    tell(state, registration, user, &template).await;
    let activity = match change {
        AddressChange::Registered | AddressChange::Replaced => Activity::MethodRegistered,
        AddressChange::Removed => Activity::MethodRemoved,
    };
    note(state, reader, registration, activity, Success::Success, method.as_str()).await
}
