//! The task that works the outbox off.

use std::time::Duration;

use ritorno_identity::mail::Mail;
use ritorno_storage::StoreError;

use crate::mail::compose::compose;
use crate::mail::transport::{Mailer, SendError};
use crate::state::AppState;

/// How long a mail is this sender's. A mail that was not taken is tried again after it.
pub const LEASE: Duration = Duration::from_secs(30);
/// How often the outbox is looked at when nobody wakes the task.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Mails taken at once.
const BATCH: u32 = 16;

/// Sends what waits, until `stop` is ready. A mail under way is finished first.
pub async fn work(state: AppState, mailer: Mailer, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    loop {
        match once(&state, &mailer).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => tracing::error!(%error, "the outbox can't be read"),
        }
        tokio::select! {
            () = &mut stop => return,
            () = state.mail_wake.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Takes one batch and sends it; how many mails left the outbox.
///
/// # Errors
/// [`StoreError`].
pub async fn once(state: &AppState, mailer: &Mailer) -> Result<usize, StoreError> {
    let outbox = state.store.mail_outbox();
    let taken = outbox.take(&state.node_key, BATCH, LEASE, state.clock.now()).await?;
    let mut left = 0;
    for mail in taken {
        match send(state, mailer, &mail).await {
            Ok(()) => {}
            Err(error) if error.is_final() => tracing::warn!(mail = %mail.id, %error, "a mail is given up"),
            Err(error) => {
                tracing::warn!(mail = %mail.id, %error, tries = mail.tries, "a mail was not taken; it is tried again");
                continue;
            }
        }
        outbox.done(mail.tenant, mail.id).await?;
        left += 1;
    }
    Ok(left)
}

async fn send(state: &AppState, mailer: &Mailer, mail: &Mail) -> Result<(), SendError> {
    // A decoy's mail: queued like every other, and dropped here, where nobody can watch.
    let Some(to) = &mail.letter.to else { return Ok(()) };
    let tenant = state.store.tenants().get(mail.tenant).await.ok().flatten();
    let organisation = tenant.map(|tenant| tenant.name).unwrap_or_default();
    let written =
        compose(&mail.letter, &organisation).map_err(|error| SendError::Unsendable(error.to_string()))?;
    mailer.send(mail.id, &organisation, to, mail.letter.language.tag(), written, state.clock.now()).await
}
