//! The tasks that work the outbox off, one for each tenant and channel.

use std::time::Duration;

use ritorno_identity::mail::{Channel, Mail};
use ritorno_identity::phone::Phone;
use ritorno_storage::StoreError;
use tokio::sync::Notify;

use crate::mail::arrival::text::without_secrets;
use crate::mail::compose::compose;
use crate::mail::transport::{Mailer, SendError};
use crate::measures;
use crate::sms::gateway::Gateway;
use crate::sms::text::text;
use crate::state::AppState;

/// How long a mail is this sender's. A mail that was not taken is tried again after it.
pub const LEASE: Duration = Duration::from_secs(30);
/// How often the outbox is looked at when nobody wakes the task.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Whoever carries what goes out by one channel.
pub trait Carrier: Sync {
    /// The channel.
    const CHANNEL: Channel;

    /// How many are taken at once. All of them have to be carried within [`LEASE`].
    const BATCH: u32;

    /// What wakes its task.
    fn wake(state: &AppState) -> &Notify;

    /// Carries one to its address.
    fn carry(
        &self,
        state: &AppState,
        mail: &Mail,
        to: &str,
        organisation: &str,
    ) -> impl Future<Output = Result<(), NotCarried>> + Send;
}

/// Why one was not taken. It never holds an address or a code.
#[derive(Debug, thiserror::Error)]
#[error("{words}")]
pub struct NotCarried {
    /// What the other side said.
    pub words: String,
    /// Whether no other try can help.
    pub is_final: bool,
    /// Whether it says nothing of this one: any other one would not have been taken either.
    pub is_of_all: bool,
}

impl Carrier for Mailer {
    const CHANNEL: Channel = Channel::Mail;
    const BATCH: u32 = 16;

    fn wake(state: &AppState) -> &Notify {
        &state.mail_wake
    }

    async fn carry(
        &self,
        state: &AppState,
        mail: &Mail,
        to: &str,
        organisation: &str,
    ) -> Result<(), NotCarried> {
        let sent = match compose(&mail.letter, organisation, state.settings.public_address()) {
            Ok(written) => {
                self.send(mail.id, organisation, to, mail.letter.language.tag(), written, state.clock.now())
                    .await
            }
            Err(error) => Err(SendError::Unsendable(error.to_string())),
        };
        sent.map_err(|error| NotCarried {
            words: error.to_string(),
            is_final: error.is_final(),
            is_of_all: error.is_of_all(),
        })
    }
}

impl Carrier for Gateway {
    const CHANNEL: Channel = Channel::Sms;
    // One, since a gateway may take nearly the whole lease for it, and a second sender would send the others twice.
    const BATCH: u32 = 1;

    fn wake(state: &AppState) -> &Notify {
        &state.sms_wake
    }

    async fn carry(
        &self,
        state: &AppState,
        mail: &Mail,
        to: &str,
        organisation: &str,
    ) -> Result<(), NotCarried> {
        let said = text(&mail.letter, organisation, &state.settings.public_url);
        let (Some(number), Some(said)) = (Phone::parse(to), said) else {
            let words = "it is no text message".to_owned();
            return Err(NotCarried { words, is_final: true, is_of_all: false });
        };
        let sent = self.send(&number, &said).await;
        sent.map_err(|error| NotCarried {
            words: error.to_string(),
            // It may have arrived: it is tried once more, and nobody gets it three times.
            is_final: error.is_final() || (error.is_unknown() && mail.tries > 1),
            is_of_all: false,
        })
    }
}

/// Sends what waits, until `stop` is ready. What is under way is finished first.
pub async fn work<C: Carrier>(state: AppState, carrier: C, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    loop {
        // After a batch at once the next one, also if nothing of it was taken: it is leased, and others wait behind it.
        let pause = match batch(&state, &carrier).await {
            Ok(Batch { closed: true, .. }) => {
                // Whoever asks for a code meanwhile does not make it knock oftener: a wrong password is one at the mail server, too.
                tokio::select! {
                    () = &mut stop => return,
                    () = tokio::time::sleep(LOOK_EVERY) => Duration::ZERO,
                }
            }
            Ok(Batch { taken: 0, .. }) => LOOK_EVERY,
            Ok(_) => Duration::ZERO,
            Err(error) => {
                tracing::error!(%error, "the outbox can't be read");
                LOOK_EVERY
            }
        };
        tokio::select! {
            biased;
            () = &mut stop => return,
            () = C::wake(&state).notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Takes one batch and sends it; how many mails left the outbox.
///
/// # Errors
/// [`StoreError`].
pub async fn once<C: Carrier>(state: &AppState, carrier: &C) -> Result<usize, StoreError> {
    batch(state, carrier).await.map(|batch| batch.left)
}

/// What became of a batch.
struct Batch {
    /// How many mails were in it.
    taken: usize,
    /// How many left the outbox.
    left: usize,
    /// Whether nothing goes out at present; then the rest of it was not tried.
    closed: bool,
}

async fn batch<C: Carrier>(state: &AppState, carrier: &C) -> Result<Batch, StoreError> {
    let outbox = state.store.mail_outbox();
    let (tenant, key, now) = (state.tenant, &state.node_key, state.clock.now());
    let mails = outbox.take(tenant, key, C::CHANNEL, C::BATCH, LEASE, now).await?;
    let mut batch = Batch { taken: mails.len(), left: 0, closed: false };
    let mut carried = false;
    for mail in mails {
        // Slow ones used the time up: the others are whoever's takes them next.
        if state.clock.now() >= now.plus(LEASE) {
            break;
        }
        match send(state, carrier, &mail).await {
            // A decoy's tells nothing of the way out.
            Ok(()) => carried |= mail.letter.to.is_some(),
            Err(error) if error.is_of_all => {
                tell_closed(state, C::CHANNEL, &error).await?;
                batch.closed = true;
                break;
            }
            Err(error) if error.is_final => {
                tracing::warn!(mail = %mail.id, %error, "a mail is given up");
                let refusals = state.store.mail_refusals();
                refusals.keep(mail.tenant, mail.id, C::CHANNEL, &error.words, state.clock.now()).await?;
                measures::refused(C::CHANNEL);
            }
            Err(error) => {
                tracing::warn!(mail = %mail.id, %error, tries = mail.tries, "a mail was not taken; it is tried again");
                continue;
            }
        }
        outbox.done(mail.tenant, mail.id).await?;
        batch.left += 1;
    }
    if carried && state.store.mail_closed().over(tenant, C::CHANNEL).await? {
        tracing::info!("mail goes out again");
    }
    Ok(batch)
}

/// Nothing goes out, whoever it is for. What waits is tried again while it is good for anything; whoever runs the server hears of it once a
/// minute.
async fn tell_closed(state: &AppState, channel: Channel, error: &NotCarried) -> Result<(), StoreError> {
    let closed = state.store.mail_closed();
    if closed.keep(state.tenant, channel, &error.words, state.clock.now()).await? {
        let waiting = state.store.mail_outbox().waiting(state.tenant, state.clock.now()).await?;
        tracing::error!(%error, waiting, "no mail goes out, whoever it is for; see `ritorno mail status`");
    }
    Ok(())
}

async fn send<C: Carrier>(state: &AppState, carrier: &C, mail: &Mail) -> Result<(), NotCarried> {
    // A decoy's: queued like every other, and dropped here, where nobody can watch.
    let Some(to) = &mail.letter.to else { return Ok(()) };
    let tenant = state.store.tenants().get(mail.tenant).await.ok().flatten();
    let organisation = tenant.map(|tenant| tenant.name).unwrap_or_default();
    let carried = carrier.carry(state, mail, to, &organisation).await;
    // A server that refuses an address mostly repeats it.
    carried.map_err(|error| NotCarried { words: without_secrets(&error.words), ..error })
}
