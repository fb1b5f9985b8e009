//! The link to the relay: dial, prove possession, carry frames, and dial again for as long as the agent runs.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use ritorno_protocol::authorisation::MAXIMUM_SKEW;
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::certificate::{KeyCertificate, RecipientChain};
use ritorno_protocol::clock::Clock;
use ritorno_protocol::event::EventId;
use ritorno_protocol::link::{HANDSHAKE_WITHIN, Health, Hello, PING_EVERY, SILENT_AFTER, ToAgent, ToRelay};
use ritorno_protocol::random::Random;
use ritorno_protocol::signed::Signed;
use ritorno_writeback::directory::Directory;
use ritorno_writeback::event::Event;
use ritorno_writeback::handle::{Handler, Identity};
use ritorno_writeback::report::Reporter as _;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use url::Url;

use crate::backoff::{Backoff, spread};
use crate::dial::{DialError, Socket, dial};
use crate::reporter::LinkReporter;

/// Frames that may wait for a slow socket: statements of every request in flight, and health.
const OUTBOX: usize = 256;
/// Requests worked on at the same time. A DC takes 20 to 25 resets a second, so more would only wait there.
const IN_FLIGHT: usize = 64;
/// A link that lasted this long was good: the next failure is the first again.
const GOOD_AFTER: Duration = Duration::from_secs(60);
/// How often an event says that the link lives, as the original does.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(300);

/// What the link needs of the agent.
pub(crate) struct LinkParts<D> {
    /// The server's address.
    pub(crate) server: Url,
    /// How TLS to it is verified.
    pub(crate) tls: Arc<rustls::ClientConfig>,
    /// Who we are.
    pub(crate) identity: Identity,
    /// Our keys, certified.
    pub(crate) chain: RecipientChain,
    /// Handles requests.
    pub(crate) handler: Arc<Handler<D>>,
    /// Carries statements.
    pub(crate) reporter: Arc<LinkReporter>,
    /// The agent's state, whenever it changes.
    pub(crate) health: watch::Receiver<Health>,
    /// Told whether the link is up.
    pub(crate) up: watch::Sender<LinkState>,
    /// The clock.
    pub(crate) clock: Arc<dyn Clock>,
    /// The random source, for jitter.
    pub(crate) random: Arc<dyn Random>,
}

/// What is known of the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkState {
    /// Up.
    Connected,
    /// Not up, and why.
    Down {
        /// In words, for operators.
        reason: String,
    },
}

/// Why a link ended.
#[derive(Debug, thiserror::Error)]
enum LinkEnd {
    #[error("{0}")]
    Dial(#[from] DialError),
    #[error("the server closed the link{0}")]
    Closed(String),
    #[error("the link broke: {0}")]
    Broken(String),
    #[error("the server did not finish the handshake in time")]
    Handshake,
    #[error("our clock differs from the server's by {} s, more than is allowed: set the time", .0.as_secs())]
    Skew(Duration),
    #[error("the server sent a frame that can't be read")]
    Garbled,
    #[error("nothing was heard for {} s", SILENT_AFTER.as_secs())]
    Silent,
    #[error("the server shows older keys than before: {0}")]
    Keys(String),
    #[error("the journal can't be written: {0}")]
    Journal(String),
    #[error("the server restarts")]
    Restarting(Duration),
}

impl<D: Directory + 'static> LinkParts<D> {
    /// Keeps a link up until `stop` ends.
    pub(crate) async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut backoff = Backoff::default();
        loop {
            let started = Instant::now();
            let end = tokio::select! {
                end = self.once() => end,
                () = &mut stop => break,
            };
            self.reporter.use_link(None);
            let number = match end {
                LinkEnd::Dial(DialError::Tls { .. }) => EventId::ListenerError,
                LinkEnd::Dial(_) => EventId::RelayError,
                _ => EventId::RelayWarning,
            };
            self.reporter.event(Event::new(self.clock.now(), number, end.to_string()));
            self.up.send_replace(LinkState::Down { reason: end.to_string() });
            if started.elapsed() >= GOOD_AFTER {
                backoff.reset();
            }
            let wait = match end {
                LinkEnd::Restarting(after) => spread(after, &*self.random),
                _ => backoff.next(&*self.random),
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = &mut stop => break,
            }
        }
        self.reporter.use_link(None);
        self.up.send_replace(LinkState::Down { reason: "the agent stops".to_owned() });
    }

    async fn once(&mut self) -> LinkEnd {
        match self.open().await {
            Ok(socket) => self.carry(socket).await,
            Err(end) => end,
        }
    }

    /// Dials and proves possession of our keys.
    async fn open(&self) -> Result<Socket, LinkEnd> {
        let mut socket = dial(&self.server, &self.tls).await?;
        let ToAgent::Challenge { nonce, server_time } = next(&mut socket).await? else {
            return Err(LinkEnd::Garbled);
        };
        let skew = self.handler.measure_skew(server_time);
        if skew > MAXIMUM_SKEW {
            return Err(LinkEnd::Skew(skew));
        }
        let hello = self.hello(nonce);
        send(&mut socket, &ToRelay::Hello { hello }).await?;
        let ToAgent::Welcome { signing_keys, recipients } = next(&mut socket).await? else {
            return Err(LinkEnd::Garbled);
        };
        self.trust(&signing_keys, recipients).await?;
        Ok(socket)
    }

    fn hello(&self, nonce: Bytes) -> Signed<Hello> {
        let hello = Hello {
            agent: self.identity.agent,
            nonce,
            agent_time: self.clock.now(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            epoch: self.handler.journal().epoch(),
            chain: self.chain.clone(),
        };
        Signed::sign(&hello, &self.identity.signing)
    }

    async fn trust(
        &self,
        signing_keys: &[Signed<KeyCertificate>],
        recipients: Vec<RecipientChain>,
    ) -> Result<(), LinkEnd> {
        match self.handler.trust_keys(signing_keys, recipients).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(rolled_back)) => Err(LinkEnd::Keys(rolled_back.to_string())),
            Err(error) => Err(LinkEnd::Journal(error.to_string())),
        }
    }

    /// Carries frames both ways until the link ends.
    async fn carry(&mut self, socket: Socket) -> LinkEnd {
        let (mut sink, mut stream) = socket.split();
        let (outbox, mut frames) = mpsc::channel(OUTBOX);
        self.reporter.use_link(Some(outbox));
        self.up.send_replace(LinkState::Connected);
        self.reporter.event(Event::new(self.clock.now(), EventId::Heartbeat, "the link to the relay is up"));
        if let Err(error) = self.handler.resend(&*self.reporter).await {
            return LinkEnd::Journal(error.to_string());
        }
        let in_flight = Arc::new(Semaphore::new(IN_FLIGHT));
        let mut pings = interval(PING_EVERY);
        let mut heartbeats = interval(HEARTBEAT_EVERY);
        let mut reports = interval(ritorno_protocol::link::HEALTH_EVERY);
        for ticks in [&mut pings, &mut heartbeats, &mut reports] {
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        heartbeats.reset();
        let mut heard = Instant::now();
        loop {
            let sent = tokio::select! {
                received = stream.next() => {
                    heard = Instant::now();
                    match received {
                        Some(Ok(Message::Text(text))) => match self.take(text.as_bytes(), &in_flight).await {
                            Ok(()) => Ok(()),
                            Err(end) => return end,
                        },
                        Some(Ok(Message::Close(frame))) => {
                            return LinkEnd::Closed(frame.map(|f| format!(": {}", f.reason)).unwrap_or_default());
                        }
                        // tungstenite queues the pong itself; a flush sends it.
                        Some(Ok(Message::Ping(_))) => sink.flush().await,
                        Some(Ok(_)) => Ok(()),
                        Some(Err(error)) => return LinkEnd::Broken(error.to_string()),
                        None => return LinkEnd::Closed(String::new()),
                    }
                }
                Some(frame) = frames.recv() => sink.send(text(&frame)).await,
                _ = pings.tick() => sink.send(Message::Ping(Vec::new().into())).await,
                _ = reports.tick() => sink.send(text(&self.health_now())).await,
                Ok(()) = self.health.changed() => sink.send(text(&self.health_now())).await,
                _ = heartbeats.tick() => {
                    self.reporter.event(Event::new(self.clock.now(), EventId::Heartbeat, "the link to the relay lives"));
                    Ok(())
                }
                () = sleep_until(heard + SILENT_AFTER) => return LinkEnd::Silent,
            };
            if let Err(error) = sent {
                return LinkEnd::Broken(error.to_string());
            }
        }
    }

    fn health_now(&mut self) -> ToRelay {
        let health = Health { at: self.clock.now(), ..self.health.borrow_and_update().clone() };
        ToRelay::Health { health }
    }

    /// Deals with one frame. Requests run beside the link, so that a slow directory never makes it look dead.
    async fn take(&self, text: &[u8], in_flight: &Arc<Semaphore>) -> Result<(), LinkEnd> {
        let frame: ToAgent = serde_json::from_slice(text).map_err(|_| LinkEnd::Garbled)?;
        let (handler, reporter) = (self.handler.clone(), self.reporter.clone());
        match frame {
            ToAgent::Work { authorisation, envelope } => {
                // The relay keeps below the same number, so that this never waits unless it misbehaves.
                let Ok(permit) = in_flight.clone().acquire_owned().await else {
                    return Err(LinkEnd::Garbled);
                };
                tokio::spawn(async move {
                    let _working = permit;
                    if let Err(error) = handler.handle(&authorisation, &envelope, &*reporter).await {
                        tracing::error!(%error, "a request got no answer");
                    }
                });
            }
            ToAgent::Ask { query } => {
                tokio::spawn(async move {
                    match handler.answer(&query).await {
                        // A link that went down in between asks again when it is back.
                        Ok(answer) => drop(reporter.send(ToRelay::Answer { answer })),
                        Err(error) => tracing::error!(%error, "a question got no answer"),
                    }
                });
            }
            ToAgent::Acknowledged { request, attempt } => {
                let kept = handler.journal().acknowledge(request, attempt).await;
                kept.map_err(|error| LinkEnd::Journal(error.to_string()))?;
            }
            ToAgent::Keys { signing_keys, recipients } => self.trust(&signing_keys, recipients).await?,
            ToAgent::Restarting { after_ms } => {
                return Err(LinkEnd::Restarting(Duration::from_millis(after_ms)));
            }
            // The handshake is over.
            ToAgent::Challenge { .. } | ToAgent::Welcome { .. } => return Err(LinkEnd::Garbled),
        }
        Ok(())
    }
}

fn text(frame: &ToRelay) -> Message {
    Message::Text(serde_json::to_string(frame).expect("a frame always serialises").into())
}

async fn send(socket: &mut Socket, frame: &ToRelay) -> Result<(), LinkEnd> {
    socket.send(text(frame)).await.map_err(|error| LinkEnd::Broken(error.to_string()))
}

/// The next frame of the handshake.
async fn next(socket: &mut Socket) -> Result<ToAgent, LinkEnd> {
    let waited = timeout(HANDSHAKE_WITHIN, async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_slice(text.as_bytes()).map_err(|_| LinkEnd::Garbled);
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(frame))) => {
                    return Err(LinkEnd::Closed(
                        frame.map(|f| format!(": {}", f.reason)).unwrap_or_default(),
                    ));
                }
                Some(Ok(_)) => return Err(LinkEnd::Garbled),
                Some(Err(error)) => return Err(LinkEnd::Broken(error.to_string())),
                None => return Err(LinkEnd::Closed(String::new())),
            }
        }
    });
    waited.await.unwrap_or(Err(LinkEnd::Handshake))
}
