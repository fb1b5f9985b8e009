//! The keys of the running agent: which it shows, which it signs with, which it opens with.
//!
//! Rolled keys are shown at once, on the live link or in the next hello. The agent goes on signing with the old identity key
//! until the server shows the new chain among the recipients, and opens with the old sealing key for as long as a page may
//! have it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use ritorno_protocol::certificate::{KeyCertificate, RecipientChain, check_agent_identity};
use ritorno_protocol::clock::{Clock, Timestamp};
use ritorno_protocol::enrolment::{IdentityOrder, IdentityProof, IdentityRoll};
use ritorno_protocol::event::EventId;
use ritorno_protocol::ids::Forest;
use ritorno_protocol::key::{OpeningKey, PublicKey};
use ritorno_protocol::link::ToRelay;
use ritorno_protocol::random::Random;
use ritorno_protocol::signed::Signed;
use ritorno_writeback::handle::Handler;
use tokio::time::Instant;

use crate::carrier::Carrier;
use crate::client::{Client, is_unreachable, plain};
use crate::forests::Forests;
use crate::keys::Keys;
use crate::outbound::Outbound;
use crate::state::{Mark, State, StateError};

/// How often the running agent looks whether keys are to be rolled or destroyed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a roll that was due and failed waits.
const AGAIN_AFTER: Duration = Duration::from_secs(3600);
/// A chain that was shown this long ago on a link that is still up is shown anew.
const SHOWN_AGAIN_AFTER: Duration = Duration::from_secs(30 * 86_400);

/// The keys of the running agent. Clones share them.
#[derive(Clone)]
pub(crate) struct Keyring {
    state: State,
    forests: Vec<Forest>,
    held: Arc<Mutex<Held>>,
}

struct Held {
    keys: Keys,
    /// Whether the server has shown that it knows them.
    taken: bool,
    /// When they were shown last.
    shown_at: Timestamp,
}

impl Keyring {
    /// The keys in the state folder; a roll that was interrupted is brought to its end.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn open(state: State, forests: Vec<Forest>, now: Timestamp) -> Result<Self, StateError> {
        let keys = state.finish_roll()?;
        let held = Arc::new(Mutex::new(Held { keys, taken: false, shown_at: now }));
        Ok(Self { state, forests, held })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest keys, to say hello with.
    pub(crate) fn keys(&self) -> Keys {
        self.held().keys.clone()
    }

    /// The chain to show, and that it is shown.
    pub(crate) fn show(&self, now: Timestamp) -> RecipientChain {
        let mut held = self.held();
        held.shown_at = now;
        held.keys.chain(self.forests.clone(), now)
    }

    /// Every key that opens: the newest, and replaced ones that a page may have.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn opening(&self, now: Timestamp) -> Result<Vec<OpeningKey>, StateError> {
        let newest = self.held().keys.sealing.clone();
        let former = self.state.former(now)?.into_iter().map(|former| former.key);
        Ok(std::iter::once(newest).chain(former).collect())
    }

    /// The server showed the recipients' chains. Once the newest keys are among them, they sign, and no page gets the replaced
    /// ones any more.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn shown(
        &self,
        recipients: &[RecipientChain],
        handler: &Handler<Forests>,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let mut held = self.held();
        let (identity, sealing) = (held.keys.identity.public(), held.keys.sealing.public().clone());
        let known = recipients
            .iter()
            .any(|chain| chain.sealing.verify(&identity).is_ok_and(|content| content.key == sealing));
        if known && !held.taken {
            held.taken = true;
            handler.sign_with(held.keys.identity.clone());
            self.state.end_former(now)?;
        }
        Ok(())
    }

    /// Takes the sealing key that another process has put in the place of ours, and says whether there was one.
    fn refresh(&self) -> Result<bool, StateError> {
        let mut held = self.held();
        let Some(sealing) = self.state.replaced_sealing(&held.keys.sealing)? else { return Ok(false) };
        held.keys.sealing = sealing;
        held.taken = false;
        Ok(true)
    }

    fn rolled(&self, keys: Keys) {
        let mut held = self.held();
        held.keys = keys;
        held.taken = false;
    }
}

/// Makes new keys, has the server certify them, and puts them in force in the state folder.
///
/// # Errors
/// What the server says, or that something does not hold; the old keys stay in force then.
pub(crate) async fn roll(
    state: &State,
    client: &Client,
    random: &dyn Random,
    now: Timestamp,
) -> anyhow::Result<Keys> {
    let in_use = state.finish_roll()?;
    let enrolment = in_use.enrolment;
    let next = state.next_keys(random)?;
    let proof = IdentityProof { tenant: enrolment.tenant, agent: enrolment.agent };
    let identity = next.identity.public();
    let order = IdentityOrder { tenant: enrolment.tenant, agent: enrolment.agent, next: identity.id() };
    let order = Signed::sign(&order, &in_use.identity);
    let request = IdentityRoll { proof: Signed::sign(&proof, &next.identity), order, identity };
    let certificate: Signed<KeyCertificate> = client.send("/agent/v1/identity", &request).await?;
    let (agent, content) = check_agent_identity(&certificate, &enrolment.root, enrolment.tenant, now)
        .context("the certificate that the server gave does not hold (is this machine's clock right?)")?;
    let before = enrolment.identity.verify(&enrolment.root).context("the enrolment's certificate")?;
    if agent != enrolment.agent
        || content.key != next.identity.public()
        || content.sequence <= before.sequence
    {
        bail!("the server certified something else than this agent's next key");
    }
    Ok(state.take_next(enrolment, certificate)?)
}

/// What keeps the keys in order while the agent runs.
pub(crate) struct Keeper {
    /// The keys.
    pub(crate) keyring: Keyring,
    /// The way to the server, which certifies.
    pub(crate) outbound: Outbound,
    /// Uses the keys.
    pub(crate) handler: Arc<Handler<Forests>>,
    /// Carries new keys onto the link.
    pub(crate) carrier: Arc<Carrier>,
    /// Time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Chance.
    pub(crate) random: Arc<dyn Random>,
}

impl Keeper {
    /// Rolls the keys when they are due or somebody asks for it, and destroys replaced ones, for as long as it is let.
    pub(crate) async fn work(self) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        let mut due_again_at = Instant::now();
        let mut opening: Vec<PublicKey> = Vec::new();
        let state = self.keyring.state.clone();
        loop {
            ticks.tick().await;
            let asked = state.is_marked(Mark::RollKeys);
            let due =
                self.keyring.keys().are_due(self.handler.server_now()) && Instant::now() >= due_again_at;
            if asked || due {
                due_again_at = Instant::now() + AGAIN_AFTER;
                if let Err(error) = self.roll().await {
                    let id =
                        if is_unreachable(&error) { EventId::ServiceError } else { EventId::CryptoError };
                    let text = format!("the keys could not be rolled: {error:#}");
                    self.carrier.events().note(id, text);
                }
                if let Err(error) = state.mark(Mark::RollKeys, false) {
                    tracing::warn!(%error, "the mark of `keys roll` can't be taken away");
                }
            } else if self.clock.now().since(self.keyring.held().shown_at) >= SHOWN_AGAIN_AFTER {
                self.show();
            }
            // By `writeback enable` or `disable`.
            let replaced = self.keyring.refresh().unwrap_or_else(|error| {
                tracing::warn!(%error, "the sealing key can't be read");
                false
            });
            match self.keyring.opening(self.clock.now()) {
                Ok(keys) => {
                    let named: Vec<PublicKey> = keys.iter().map(|key| key.public().clone()).collect();
                    if named != opening {
                        self.handler.open_with(keys);
                        opening = named;
                    }
                }
                Err(error) => tracing::warn!(%error, "the replaced keys can't be read"),
            }
            if replaced {
                self.show();
            }
        }
    }

    async fn roll(&self) -> anyhow::Result<()> {
        let state = &self.keyring.state;
        let http = plain(&self.outbound)?;
        let client = Client::new(http, self.keyring.keys(), self.clock.clone(), self.random.clone());
        let keys = roll(state, &client, &*self.random, self.handler.server_now()).await?;
        let name = keys.sealing.public().id();
        self.keyring.rolled(keys);
        // It can open what is sealed for the new key before anybody hears of it.
        self.handler.open_with(self.keyring.opening(self.clock.now())?);
        self.carrier
            .events()
            .note(EventId::KeyPairCreation, format!("the keys were rolled; sealing key {name}"));
        self.show();
        Ok(())
    }

    fn show(&self) {
        let chain = self.keyring.show(self.handler.server_now());
        if self.carrier.send(ToRelay::Chain { chain }).is_err() {
            tracing::debug!("there is no link: the next hello shows the keys");
        }
    }
}
