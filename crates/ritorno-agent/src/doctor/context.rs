//! What the checks look at, opened once for all of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use ritorno_directory::{Directory, Topology};
use ritorno_doctor::Finding;
use ritorno_protocol::clock::{Clock, Timestamp};
use ritorno_protocol::enrolment::{Standing, TenantStanding};
use ritorno_protocol::ids::AgentId;
use tokio::sync::OnceCell;

use super::recorded::Evidence;
use super::rights;
use crate::client::{Client, plain};
use crate::config::{Config, Mode};
use crate::forests::Forests;
use crate::outbound::Outbound;
use crate::state::{Mark, State};
use crate::sync::look::{self, Seen};
use crate::system;

/// Longest wait for the server's time.
const DATE_WITHIN: Duration = Duration::from_secs(5);

/// What the checks look at.
pub(crate) struct Context {
    /// The forests of the configuration.
    pub(crate) forests: Vec<Directory>,
    /// The server that the agent is enrolled with.
    pub(crate) server: Option<Server>,
    /// The agent's own switch.
    pub(crate) switch: OwnSwitch,
    /// The agent's client, once it is enrolled.
    pub(crate) client: Option<Client>,
    /// What the server says about agent and tenant; or why it says nothing.
    pub(crate) standing: Result<Answered, String>,
    /// The server's time by the head of an answer that it gives to anybody, and the agent's time then; to the second.
    pub(crate) server_date: Option<(Timestamp, Timestamp)>,
    /// What the synchronisation has in its store, or why it can't be read; once a check has asked for it.
    pub(crate) sync: OnceCell<Result<Seen, String>>,
    /// Of each forest what it consists of, or why that can't be read; once a check has asked for it.
    pub(crate) topologies: OnceCell<BTreeMap<String, Result<Topology, String>>>,
    /// The configuration.
    pub(crate) config: Config,
    /// The state folder.
    pub(crate) state: State,
    /// Whether this agent exports at all.
    pub(crate) exports: bool,
    /// The agent's clock.
    pub(crate) clock: Arc<dyn Clock>,
    /// What an administrator recorded elsewhere, if anything.
    pub(crate) evidence: Option<Evidence>,
}

impl Context {
    /// What a forest consists of.
    ///
    /// # Errors
    /// A finding that says why that is not known.
    pub(super) async fn topology(&self, forest: &str) -> Result<&Topology, Finding> {
        let read = async || {
            let all = self.forests.iter().map(async |directory| {
                let read = directory.topology().await.map_err(|error| error.to_string());
                (directory.forest().0.clone(), read)
            });
            join_all(all).await.into_iter().collect()
        };
        match self.topologies.get_or_init(read).await.get(forest) {
            Some(Ok(topology)) => Ok(topology),
            Some(Err(reason)) => Err(Finding::could_not_tell(format!("{forest}: {reason}"))),
            None => Err(Finding::could_not_tell(format!("{forest}: not read"))),
        }
    }

    /// What the tenant holds back, lets lapse or has twice.
    ///
    /// # Errors
    /// A finding that says why that is not known.
    pub(super) fn tenant(&self) -> Result<&TenantStanding, Finding> {
        let answered = self.standing.as_ref().map_err(|reason| Finding::could_not_tell(reason.clone()))?;
        let tenant = answered.standing.tenant.as_ref();
        tenant.ok_or_else(|| Finding::could_not_tell("the server is of a version that does not say"))
    }

    /// This agent's id, once it is enrolled.
    pub(super) fn agent(&self) -> Option<AgentId> {
        self.state.keys().ok().map(|keys| keys.enrolment.agent)
    }

    /// What the synchronisation has in its store.
    ///
    /// # Errors
    /// Why it can't be read.
    pub(super) async fn sync(&self) -> Result<&Seen, String> {
        let read =
            async || look::seen(&self.config, rights::CONTAINERS).await.map_err(|error| format!("{error:#}"));
        self.sync.get_or_init(read).await.as_ref().map_err(Clone::clone)
    }
}

/// The server, and how it is reached.
pub(crate) struct Server {
    /// Its address, such as `https://ritorno.example.org`.
    pub(crate) address: String,
    /// The authorities that it may have its certificate from.
    pub(crate) outbound: Outbound,
}

/// The agent's own switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnSwitch {
    /// Writeback is on.
    On,
    /// Writeback is off.
    Off,
    /// The agent is in staging, where nothing is written back whatever the switch says.
    Staging,
}

/// The server's answer, and when it came.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    /// What it says.
    pub(crate) standing: Standing,
    /// The agent's time in the middle between question and answer.
    pub(crate) at: Timestamp,
    /// How long the answer took.
    pub(crate) took: Duration,
}

/// Opens everything that the checks look at.
///
/// # Errors
/// When the configuration names what can't be used: then nothing could be looked at.
pub(super) async fn gather(config: &Config, evidence: Option<Evidence>) -> anyhow::Result<Context> {
    let (clock, random) = (system::clock(), system::random());
    let forests = Forests::open(&config.forests, &clock)?;
    let outbound = Outbound::new(config)?;
    let state = State::open(&config.state_dir)?;
    let switch = if config.mode == Mode::Staging || state.is_marked(Mark::Staging) {
        OwnSwitch::Staging
    } else if state.is_marked(Mark::WritebackOn) {
        OwnSwitch::On
    } else {
        OwnSwitch::Off
    };
    let mut server_date = None;
    let (server, client, standing) = match state.keys() {
        Ok(keys) => {
            let address = keys.enrolment.server.clone();
            let http = plain(&outbound)?;
            let client = Client::new(http.clone(), keys, clock.clone(), random);
            let standing = ask(&client, &*clock).await;
            if standing.is_err() {
                // A clock that is off is why it is refused, and then only this tells.
                server_date = date_of(&http, &address, &*clock).await;
            }
            (Some(Server { address, outbound }), Some(client), standing)
        }
        Err(error) => (None, None, Err(error.to_string())),
    };
    let exports = crate::sync::exports(config, &state).is_ok();
    Ok(Context {
        forests: forests.all().to_vec(),
        server,
        switch,
        client,
        standing,
        server_date,
        sync: OnceCell::new(),
        topologies: OnceCell::new(),
        config: config.clone(),
        state,
        exports,
        clock,
        evidence,
    })
}

async fn ask(client: &Client, clock: &dyn Clock) -> Result<Answered, String> {
    // The first question also gets an access token; only the second one is timed.
    client.token().await.map_err(|error| format!("{error:#}"))?;
    let asked = clock.now();
    let standing = client.call::<Standing>(Method::GET, "/agent/v1/standing").await;
    let took = clock.now().since(asked);
    let standing = standing.map_err(|error| format!("{error:#}"))?;
    Ok(Answered { standing, at: asked.plus(took / 2), took })
}

/// The server's time, as any answer tells it in its head (RFC 9110 section 6.6.1).
async fn date_of(http: &reqwest::Client, address: &str, clock: &dyn Clock) -> Option<(Timestamp, Timestamp)> {
    let answer = http.get(format!("{address}/health/live")).timeout(DATE_WITHIN).send().await.ok()?;
    let now = clock.now();
    let told = httpdate::parse_http_date(answer.headers().get("date")?.to_str().ok()?).ok()?;
    let since = told.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some((Timestamp::from_unix_ms(i64::try_from(since.as_millis()).ok()?), now))
}
