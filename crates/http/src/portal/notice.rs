//! 'Your password was changed', by mail to every address on file.

use std::time::Duration;

use ritorno_identity::ids::MailId;
use ritorno_identity::language::Language;
use ritorno_identity::mail::{Letter, Mail, Template};
use ritorno_identity::user::User;
use ritorno_protocol::ids::SupportCode;

use crate::state::AppState;

/// How long the notice may wait for a mail server that is down.
const VALID: Duration = Duration::from_secs(24 * 3_600);

/// Queues the notices. If one can't be queued, the password works all the same, and the person is told so.
pub(super) async fn changed(state: &AppState, user: &User, language: Language, support_code: &SupportCode) {
    let now = state.clock.now();
    let queued = user.addresses().into_iter().map(async |address| {
        let template = Template::PasswordChanged {
            display_name: user.display_name.clone(),
            at_ms: now.unix_ms(),
            support_code: support_code.0.clone(),
        };
        let mail = Mail {
            id: MailId::random(&*state.random),
            tenant: user.tenant,
            letter: Letter { to: Some(address.to_owned()), language, template },
            expires_at: now.plus(VALID),
            created_at: now,
            tries: 0,
        };
        if let Err(error) = state.store.mail_outbox().queue(&mail, &state.node_key, &*state.random).await {
            tracing::error!(%error, "a notice of a changed password could not be queued");
        }
    });
    futures_util::future::join_all(queued).await;
    state.mail_wake.notify_one();
}
