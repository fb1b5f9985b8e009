//! 'Your password was changed', that an administrator gave another one, and that it was not changed after all, by mail to every address on file.

use ritorno_identity::language::Language;
use ritorno_identity::mail::{Template, notices};
use ritorno_identity::user::User;
use ritorno_protocol::ids::SupportCode;
use ritorno_storage::StoreError;

use crate::state::AppState;

/// Ends the person's open registrations, their sessions among them: what the former password proved is worth nothing any more. If that
/// fails, they end by themselves, within an hour at most, and the password works all the same.
pub(crate) async fn forget_registrations(state: &AppState, user: &User) {
    if let Err(error) = state.store.registrations().end_of(user.tenant, user.id).await {
        tracing::error!(%error, "open registrations of an address could not be ended");
    }
}

/// Queues the notices. `unusual` is a reset in a browser in which the person had passed no gate before.
///
/// # Errors
/// [`StoreError`]: some are not queued; the password works all the same, and they are owed.
pub(super) async fn changed(
    state: &AppState,
    user: &User,
    language: Language,
    support_code: &SupportCode,
    unusual: bool,
) -> Result<(), StoreError> {
    let template = Template::PasswordChanged {
        display_name: user.display_name.clone(),
        unusual,
        at_ms: state.clock.now().unix_ms(),
        support_code: support_code.0.clone(),
    };
    queue(state, user, language, &template).await
}

/// Queues the notices of a password that an administrator gave.
///
/// # Errors
/// [`StoreError`]: some are not queued, and they are owed.
pub(crate) async fn given(
    state: &AppState,
    user: &User,
    language: Language,
    operator: &str,
    support_code: &SupportCode,
) -> Result<(), StoreError> {
    let template = Template::PasswordGiven {
        display_name: user.display_name.clone(),
        operator: operator.to_owned(),
        at_ms: state.clock.now().unix_ms(),
        support_code: support_code.0.clone(),
    };
    queue(state, user, language, &template).await
}

/// Queues the notices that take back what others said: the password is the one that it was.
///
/// # Errors
/// [`StoreError`]: some are not queued, and they are owed.
pub(super) async fn not_changed(
    state: &AppState,
    user: &User,
    language: Language,
    support_code: &SupportCode,
) -> Result<(), StoreError> {
    let template = Template::PasswordNotChanged {
        display_name: user.display_name.clone(),
        at_ms: state.clock.now().unix_ms(),
        support_code: support_code.0.clone(),
    };
    queue(state, user, language, &template).await
}

async fn queue(
    state: &AppState,
    user: &User,
    language: Language,
    template: &Template,
) -> Result<(), StoreError> {
    let mails = notices(user, language, template, state.clock.now(), &*state.random);
    let queued = mails
        .iter()
        .map(async |mail| state.store.mail_outbox().queue(mail, &state.node_key, &*state.random).await);
    let queued: Result<Vec<()>, StoreError> =
        futures_util::future::join_all(queued).await.into_iter().collect();
    state.mail_wake.notify_one();
    queued.map(drop)
}
