//! The link to the relay: dialled again and again, one at a time. See `ritorno_protocol::link` for its frames.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use ritorno_protocol::authorisation::MAXIMUM_SKEW;
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::clock::Clock;
use ritorno_protocol::event::EventId;
use ritorno_protocol::link::{
    ForestHealth, HANDSHAKE_WITHIN, HEALTH_EVERY, Health, Hello, NONCE, PING_EVERY, SILENT_AFTER, ToAgent,
    ToRelay,
};
use ritorno_protocol::outcome::{Fault, Outcome};
use ritorno_protocol::random::{Random, array};
use ritorno_protocol::signed::Signed;
use ritorno_protocol::statement::Says;
use ritorno_writeback::handle::{HandleError, Handler};
use ritorno_writeback::journal::JournalError;
use ritorno_writeback::limits::Switch as _;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::carrier::Carrier;
use crate::dial::{Received, Socket};
use crate::forests::Forests;
use crate::keyring::Keyring;
use crate::outbound::Outbound;
use crate::state::FileSwitch;
use crate::status::Board;

/// Frames that may wait for a slow socket.
const OUTBOX: usize = 256;
/// Orders that are worked on at the same time, and as many questions; the relay keeps to the same number of each.
const IN_FLIGHT: usize = 64;
/// What there is no room for and is declined at the same time. A server that goes on beyond that gets no answer.
const DECLINED_AT_ONCE: usize = 64;
/// How often the switch is looked at: turning it is told at once, and not with the next report.
const SWITCH_EVERY: Duration = Duration::from_secs(1);
/// How long a stopping agent lets what it has begun come to its end.
const FINISH_WITHIN: Duration = Duration::from_secs(12);

/// Orders and questions under way. Each kind has room of its own: questions come before every reset, and must not keep an
/// order out.
struct Tasks {
    set: JoinSet<Result<(), JournalError>>,
    orders: Arc<Semaphore>,
    questions: Arc<Semaphore>,
    declined: Arc<Semaphore>,
}

impl Default for Tasks {
    fn default() -> Self {
        let room = |count| Arc::new(Semaphore::new(count));
        Self {
            set: JoinSet::new(),
            orders: room(IN_FLIGHT),
            questions: room(IN_FLIGHT),
            declined: room(DECLINED_AT_ONCE),
        }
    }
}

/// How a frame that asks for work is met.
enum Room {
    /// It is worked on while this is held.
    Free(OwnedSemaphorePermit),
    /// It is declined, for this reason, while this is held.
    None(Fault, &'static str, OwnedSemaphorePermit),
}

impl Tasks {
    /// Room for one more of a kind; nothing if there is not even room to decline it.
    fn room(&self, of_kind: &Arc<Semaphore>, stopping: bool) -> Option<Room> {
        let declined = |fault, why| {
            let permit = self.declined.clone().try_acquire_owned().ok()?;
            Some(Room::None(fault, why, permit))
        };
        if stopping {
            return declined(Fault::DirectoryUnavailable, "this agent stops");
        }
        match of_kind.clone().try_acquire_owned() {
            Ok(permit) => Some(Room::Free(permit)),
            Err(_) => declined(Fault::LimitReached, "this agent has as much to do as it takes on at once"),
        }
    }
}

/// What a link needs.
pub(crate) struct Link {
    /// Who we are.
    pub(crate) keyring: Keyring,
    /// How the server is reached.
    pub(crate) outbound: Outbound,
    /// Does the work.
    pub(crate) handler: Arc<Handler<Forests>>,
    /// Carries statements onto the link.
    pub(crate) carrier: Arc<Carrier>,
    /// What the last probe saw.
    pub(crate) health: watch::Receiver<Vec<ForestHealth>>,
    /// Asks for a probe at once.
    pub(crate) probe: Arc<Notify>,
    /// The switch.
    pub(crate) switch: FileSwitch,
    /// Shows how it is.
    pub(crate) board: Arc<Board>,
    /// Time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Chance.
    pub(crate) random: Arc<dyn Random>,
}

/// How a link ended.
enum End {
    /// The agent stops.
    Stopped,
    /// The node goes away and wants to be left alone for that long.
    Restarting(Duration),
    /// It closed.
    Closed(String),
}

impl Link {
    /// Keeps a link up until `stop` turns true.
    ///
    /// # Errors
    /// Only the journal's: without it the agent must not go on.
    pub(crate) async fn run(&self, mut stop: watch::Receiver<bool>) -> Result<(), JournalError> {
        let mut backoff = Backoff::default();
        // Requests outlive the link that brought them: a cut link must not cut a write in two.
        let mut tasks = Tasks::default();
        let events = self.carrier.events();
        let mut told = false;
        while !*stop.borrow() {
            let ended = self.once(&mut stop, &mut backoff, &mut told, &mut tasks).await;
            self.carrier.connect(None);
            let (mut least, mut number) = (Duration::ZERO, EventId::RelayWarning);
            let reason = match ended {
                Ok(End::Stopped) => break,
                Ok(End::Closed(reason)) => reason,
                Ok(End::Restarting(after)) => {
                    least = after;
                    "the server restarts".to_owned()
                }
                Err(error) => match error.downcast::<JournalError>() {
                    Ok(journal) => return Err(journal),
                    Err(error) => {
                        number = number_of(&error, self.board.link().up);
                        format!("{error:#}")
                    }
                },
            };
            self.board.link_down(&reason, self.clock.now());
            let wait = least + backoff.next(&*self.random);
            // One line when it goes, not one for each try.
            if told {
                tracing::debug!(%reason, "no link; next try in {} ms", wait.as_millis());
            } else {
                events.note(number, format!("no link to the server: {reason}; it is tried again"));
                told = true;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stop.changed() => {}
            }
        }
        // Without a link nothing more comes in, but what was begun still ends; its outcome waits in the journal.
        let finish = async { while tasks.set.join_next().await.is_some() {} };
        if tokio::time::timeout(FINISH_WITHIN, finish).await.is_err() {
            tracing::warn!("some requests are not over; they are settled at the next start");
        }
        Ok(())
    }

    async fn once(
        &self,
        stop: &mut watch::Receiver<bool>,
        backoff: &mut Backoff,
        told: &mut bool,
        tasks: &mut Tasks,
    ) -> anyhow::Result<End> {
        let opened = async {
            let mut socket = Socket::dial(&self.keyring.keys().enrolment.server, &self.outbound).await?;
            self.shake_hands(&mut socket).await?;
            Ok::<_, anyhow::Error>(socket)
        };
        let mut socket = tokio::select! {
            opened = opened => opened?,
            _ = stop.changed() => return Ok(End::Stopped),
        };
        let (outbox, queued) = mpsc::channel(OUTBOX);
        self.carrier.connect(Some(outbox.clone()));
        self.handler.resend(&*self.carrier).await?;
        backoff.reset();
        *told = false;
        self.board.link_up(self.clock.now());
        self.carrier.events().note(
            EventId::Heartbeat,
            format!(
                "link to {} is up, epoch {}",
                self.keyring.keys().enrolment.server,
                self.handler.journal().epoch()
            ),
        );
        let end = self.carry(&mut socket, outbox, queued, stop, tasks).await;
        self.carrier.connect(None);
        socket.close().await;
        end
    }

    async fn shake_hands(&self, socket: &mut Socket) -> anyhow::Result<()> {
        let ToAgent::Challenge { nonce, server_time } = next_frame(socket).await? else {
            bail!("the server did not begin with a challenge");
        };
        let asked_at = self.clock.now();
        self.check_skew(Duration::from_millis(asked_at.unix_ms().abs_diff(server_time.unix_ms())))?;
        let agent_nonce = Bytes(array::<NONCE>(&*self.random).to_vec());
        let keys = self.keyring.keys();
        let hello = Hello {
            agent: keys.enrolment.agent,
            nonce,
            agent_time: asked_at,
            agent_nonce: agent_nonce.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            epoch: self.handler.journal().epoch(),
            chain: self.keyring.show(self.handler.server_now()),
            go_ahead: true,
        };
        socket.send(&ToRelay::Hello { hello: Signed::sign(&hello, &keys.identity) }).await?;
        match next_frame(socket).await? {
            ToAgent::Welcome { signing_keys, recipients, time } => {
                self.trust(&signing_keys, recipients).await?;
                let skew =
                    self.handler.trust_time(&time, &agent_nonce, asked_at).inspect_err(|not_believed| {
                        self.carrier.events().note(EventId::CryptoError, not_believed.to_string());
                    })?;
                self.check_skew(skew)
            }
            _ => bail!("the server did not answer the hello with a welcome"),
        }
    }

    fn check_skew(&self, skew: Duration) -> anyhow::Result<()> {
        if skew > MAXIMUM_SKEW {
            let text = format!(
                "this machine's clock differs from the server's by {} s, more than {} s: set it right (NTP); until then \
                 nothing is written back",
                skew.as_secs(),
                MAXIMUM_SKEW.as_secs()
            );
            self.carrier.events().note(EventId::ValidationError, text.clone());
            bail!(text);
        }
        Ok(())
    }

    async fn trust(
        &self,
        signing_keys: &[Signed<ritorno_protocol::certificate::KeyCertificate>],
        recipients: Vec<ritorno_protocol::certificate::RecipientChain>,
    ) -> anyhow::Result<()> {
        self.keyring.shown(&recipients, &self.handler, self.clock.now())?;
        let trusted = self.handler.trust_keys(signing_keys, recipients).await?;
        trusted.inspect_err(|rolled_back| {
            self.carrier.events().note(EventId::CryptoError, rolled_back.to_string());
        })?;
        Ok(())
    }

    /// Carries frames until the link ends.
    async fn carry(
        &self,
        socket: &mut Socket,
        outbox: mpsc::Sender<ToRelay>,
        mut queued: mpsc::Receiver<ToRelay>,
        stop: &mut watch::Receiver<bool>,
        tasks: &mut Tasks,
    ) -> anyhow::Result<End> {
        let mut health = self.health.clone();
        let mut restarting: Option<Duration> = None;
        let mut heard = Instant::now();
        // The first one at once, which measures the way.
        let mut ping_at = heard;
        let mut pinged: Option<Instant> = None;
        let mut round_trip_ms = None;
        let mut health_at = heard;
        let mut switch_at = heard;
        let mut told_on = None;
        let mut finish_by: Option<Instant> = None;
        loop {
            let finished = tasks.set.is_empty() && queued.is_empty();
            if finish_by.is_some_and(|by| finished || Instant::now() >= by) {
                return Ok(End::Stopped);
            }
            let wake = ping_at
                .min(health_at)
                .min(switch_at)
                .min(heard + SILENT_AFTER)
                .min(finish_by.unwrap_or(ping_at));
            tokio::select! {
                received = socket.receive() => {
                    heard = Instant::now();
                    match (received, restarting) {
                        (Ok(Received::SignOfLife), _) => {}
                        (Ok(Received::Pong), _) => {
                            if let Some(pinged) = pinged.take() {
                                round_trip_ms = u64::try_from((heard - pinged).as_millis()).ok();
                                self.board.round_trip(round_trip_ms);
                            }
                        }
                        (Ok(Received::Closed(_)) | Err(_), Some(after)) => return Ok(End::Restarting(after)),
                        (Ok(Received::Closed(reason)), None) => return Ok(End::Closed(reason)),
                        (Err(error), None) => return Err(error),
                        (Ok(Received::Frame(frame)), _) => match *frame {
                            // The server closes when the outcomes that somebody waits for are in.
                            ToAgent::Restarting { after_ms } => {
                                restarting = Some(Duration::from_millis(after_ms.min(60_000)));
                            }
                            frame => self.take(frame, tasks, &outbox, finish_by.is_some()).await?,
                        },
                    }
                }
                Some(frame) = queued.recv() => socket.send(&frame).await?,
                Some(done) = tasks.set.join_next() => {
                    done.context("a task of the link broke down")??;
                }
                Ok(()) = health.changed() => health_at = Instant::now(),
                _ = stop.changed(), if finish_by.is_none() => finish_by = Some(Instant::now() + FINISH_WITHIN),
                () = tokio::time::sleep_until(wake) => {}
            }
            let now = Instant::now();
            if now >= heard + SILENT_AFTER {
                bail!("nothing was heard of the server for {} s", SILENT_AFTER.as_secs());
            }
            if now >= ping_at {
                ping_at = now + PING_EVERY;
                pinged = Some(now);
                socket.ping().await?;
            }
            let writeback_on = self.switch.writeback_on() && finish_by.is_none();
            switch_at = now + SWITCH_EVERY;
            if now >= health_at || told_on != Some(writeback_on) {
                health_at = now + HEALTH_EVERY;
                told_on = Some(writeback_on);
                let report = Health {
                    at: self.clock.now(),
                    writeback_on,
                    forests: health.borrow_and_update().clone(),
                    round_trip_ms,
                };
                socket.send(&ToRelay::Health { health: report }).await.inspect_err(|error| {
                    self.carrier.events().note(EventId::HealthReportError, format!("{error:#}"));
                })?;
            }
        }
    }

    async fn take(
        &self,
        frame: ToAgent,
        tasks: &mut Tasks,
        outbox: &mpsc::Sender<ToRelay>,
        stopping: bool,
    ) -> anyhow::Result<()> {
        match frame {
            ToAgent::Keys { signing_keys, recipients } => self.trust(&signing_keys, recipients).await?,
            ToAgent::Begin { go_ahead } => {
                if let Err(error) = self.handler.go_ahead(&go_ahead) {
                    self.carrier.events().note(EventId::ValidationError, error.to_string());
                }
            }
            ToAgent::Acknowledged { request, attempt, at } => {
                self.handler.journal().acknowledge(request, attempt, at).await?;
            }
            ToAgent::Work { authorisation, envelope } => {
                let Some(room) = tasks.room(&tasks.orders, stopping) else {
                    tracing::warn!("more orders than this agent can even decline: one was dropped");
                    return Ok(());
                };
                let (handler, carrier, probe) =
                    (self.handler.clone(), self.carrier.clone(), self.probe.clone());
                tasks.set.spawn(async move {
                    let (handled, _permit) = match room {
                        Room::Free(permit) => {
                            (handler.handle(&authorisation, &envelope, &*carrier).await, permit)
                        }
                        Room::None(fault, why, permit) => {
                            (handler.decline(&authorisation, fault, why, &*carrier).await, permit)
                        }
                    };
                    let handled = match handled {
                        Ok(handled) => handled,
                        // It is in the event log; the server gets no answer to what it did not sign.
                        Err(HandleError::NotBelieved(_)) => return Ok(()),
                        Err(HandleError::Journal(error)) => return Err(error),
                    };
                    let statement = handled.statement();
                    match &statement.says {
                        Says::Ended { outcome: Outcome::Unknown { .. } } => {
                            probe.notify_one();
                            settle(handler, carrier, statement.request);
                        }
                        Says::NotStarted { .. } => probe.notify_one(),
                        Says::Started { .. } | Says::Ended { .. } | Says::Settled { .. } => {}
                    }
                    Ok(())
                });
            }
            ToAgent::Ask { query } => {
                let Some(room) = tasks.room(&tasks.questions, stopping) else {
                    tracing::warn!("more questions than this agent can even decline: one was dropped");
                    return Ok(());
                };
                let (handler, outbox, carrier) = (self.handler.clone(), outbox.clone(), self.carrier.clone());
                tasks.set.spawn(async move {
                    let (answer, _permit) = match room {
                        Room::Free(permit) => (handler.answer(&query).await, permit),
                        Room::None(fault, why, permit) => {
                            (handler.decline_to_answer(&query, fault, why), permit)
                        }
                    };
                    match answer {
                        // If the link is gone, so is whoever asked.
                        Ok(answer) => drop(outbox.send(ToRelay::Answer { answer }).await),
                        Err(error) => carrier.events().note(EventId::ValidationError, error.to_string()),
                    }
                    Ok(())
                });
            }
            ToAgent::Challenge { .. } | ToAgent::Welcome { .. } | ToAgent::Restarting { .. } => {
                bail!("the server sent a frame that does not belong here");
            }
        }
        Ok(())
    }
}

/// The number that tells of a link that could not be made, or broke.
fn number_of(error: &anyhow::Error, was_up: bool) -> EventId {
    if error.chain().any(|cause| cause.is::<serde_json::Error>()) {
        EventId::InputValidationError
    } else if was_up {
        EventId::RelayWarning
    } else if error.chain().any(is_tls) {
        EventId::ListenerError
    } else {
        EventId::RelayError
    }
}

/// Whether TLS itself failed: usually the server's certificate is of an authority that is not trusted here.
fn is_tls(cause: &(dyn std::error::Error + 'static)) -> bool {
    let inside = |error: &std::io::Error| error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
    cause.is::<rustls::Error>() || cause.downcast_ref::<std::io::Error>().is_some_and(inside)
}

/// Settles an unknown outcome beside everything else; it may take a day, over many links.
pub(crate) fn settle(
    handler: Arc<Handler<Forests>>,
    carrier: Arc<Carrier>,
    request: ritorno_protocol::ids::RequestId,
) {
    tokio::spawn(async move {
        if let Err(error) = handler.settle(request, &*carrier).await {
            tracing::error!(%request, %error, "settling stopped; it goes on after a restart");
        }
    });
}

async fn next_frame(socket: &mut Socket) -> anyhow::Result<ToAgent> {
    let waiting = async {
        loop {
            match socket.receive().await? {
                Received::Frame(frame) => return Ok(*frame),
                Received::SignOfLife | Received::Pong => {}
                Received::Closed(reason) => bail!("the server closed: {reason}"),
            }
        }
    };
    tokio::time::timeout(HANDSHAKE_WITHIN, waiting).await.context("the server did not answer in time")?
}

#[cfg(test)]
mod tests;
