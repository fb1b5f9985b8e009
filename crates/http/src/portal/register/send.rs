//! A code to a new address or number, for whoever has proven their password.

use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::code::{self, OneTimeCode, StoredCode};
use ritorno_identity::limit::{NEW_ADDRESS_CODES, NEW_ADDRESS_CODES_TO, SMS_OF_TENANT};
use ritorno_identity::mail::{Channel, Letter, Mail, Template};
use ritorno_identity::registration::Registration;
use ritorno_identity::subject::Subject;

use super::visit::note;
use crate::page::PageError;
use crate::reader::Reader;
use crate::state::AppState;

/// Makes a code for `address`, which may be a number, in the place of the one before, and queues what carries it. `false` if the person or the address had
/// too many; then the code before goes on holding.
pub(super) async fn send(
    state: &AppState,
    reader: &Reader,
    registration: &Registration,
    channel: Channel,
    address: &str,
) -> Result<bool, PageError> {
    let (tenant, now) = (registration.tenant, state.clock.now());
    let limits = state.store.limits();
    let at = Activity::RegistrationProgress;
    let by_address = Subject::of_address(&state.pepper, tenant, address);
    let everybody = Subject::of_tenant(&state.pepper, tenant);
    let of_tenant = (channel == Channel::Sms).then_some((&SMS_OF_TENANT, &everybody));
    for (limit, subject) in
        [(&NEW_ADDRESS_CODES, &registration.subject), (&NEW_ADDRESS_CODES_TO, &by_address)]
            .into_iter()
            .chain(of_tenant)
    {
        if !limits.count(tenant, limit, subject, now).await.map_err(PageError::behind)? {
            let reason = format!("no code sent: the limit of '{}' is reached", limit.name);
            note(state, reader, registration, at, Success::Failure, &reason).await?;
            return Ok(false);
        }
    }
    let code = OneTimeCode::random(&*state.random);
    let digest = code.digest_for_address(&state.pepper, tenant, registration.id, address);
    let stored = StoredCode::new(tenant, registration.id, channel.method(), digest, now);
    state.store.codes().put(&stored).await.map_err(PageError::behind)?;
    let template = Template::AddressCode {
        code: code.expose().to_owned(),
        support_code: registration.support_code.0.clone(),
    };
    let letter = Letter { to: Some(address.to_owned()), language: registration.language, template };
    let mail = Mail { channel, ..Mail::new(tenant, letter, code::VALID, now, &*state.random) };
    let outbox = state.store.mail_outbox();
    outbox.queue(&mail, &state.node_key, &*state.random).await.map_err(PageError::behind)?;
    state.mail_wake.notify_one();
    state.sms_wake.notify_one();
    let reason = match channel {
        Channel::Mail => "code sent to a new address",
        Channel::Sms => "code sent to a new number",
    };
    note(state, reader, registration, at, Success::Success, reason).await?;
    Ok(true)
}
