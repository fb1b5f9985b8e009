//! A code to a new address, for whoever has proven their password.

use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::code::{self, Method, OneTimeCode, StoredCode};
use ritorno_identity::limit::{NEW_ADDRESS_CODES, NEW_ADDRESS_CODES_TO};
use ritorno_identity::mail::{Letter, Mail, Template};
use ritorno_identity::registration::Registration;
use ritorno_identity::subject::Subject;

use super::visit::note;
use crate::page::PageError;
use crate::reader::Reader;
use crate::state::AppState;

/// Makes a code for `address` in the place of the one before, and queues its mail. `false` if the person or the address had
/// too many; then the code before goes on holding.
pub(super) async fn send(
    state: &AppState,
    reader: &Reader,
    registration: &Registration,
    address: &str,
) -> Result<bool, PageError> {
    let (tenant, now) = (registration.tenant, state.clock.now());
    let limits = state.store.limits();
    let at = Activity::RegistrationProgress;
    let by_address = Subject::of_address(&state.pepper, tenant, address);
    for (limit, subject) in
        [(&NEW_ADDRESS_CODES, &registration.subject), (&NEW_ADDRESS_CODES_TO, &by_address)]
    {
        if !limits.count(tenant, limit, subject, now).await.map_err(PageError::behind)? {
            let reason = format!("no code sent: the limit of '{}' is reached", limit.name);
            note(state, reader, registration, at, Success::Failure, &reason).await?;
            return Ok(false);
        }
    }
    let code = OneTimeCode::random(&*state.random);
    let digest = code.digest_for_address(&state.pepper, tenant, registration.id, address);
    let stored = StoredCode::new(tenant, registration.id, Method::Mail, digest, now);
    state.store.codes().put(&stored).await.map_err(PageError::behind)?;
    let template = Template::AddressCode {
        code: code.expose().to_owned(),
        support_code: registration.support_code.0.clone(),
    };
    let letter = Letter { to: Some(address.to_owned()), language: registration.language, template };
    let mail = Mail::new(tenant, letter, code::VALID, now, &*state.random);
    let outbox = state.store.mail_outbox();
    outbox.queue(&mail, &state.node_key, &*state.random).await.map_err(PageError::behind)?;
    state.mail_wake.notify_one();
    note(state, reader, registration, at, Success::Success, "code sent to a new address").await?;
    Ok(true)
}
