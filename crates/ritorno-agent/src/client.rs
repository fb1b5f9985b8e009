//! The agent's requests to the server over HTTPS: enrolment, access tokens, onboarding.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use reqwest::{Method, Response, StatusCode};
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::clock::{Clock, Timestamp};
use ritorno_protocol::enrolment::{AccessAssertion, AccessToken};
use ritorno_protocol::problem::Problem;
use ritorno_protocol::random::{Random, array};
use ritorno_protocol::signed::Signed;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use crate::keys::Keys;
use crate::outbound::Outbound;

/// Longest wait for one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// Largest answer, in bytes: what a person's page shows of them, with all their groups, is far below.
const MAXIMUM_ANSWER: usize = 256 * 1024;
/// A token is renewed when it has less than this left.
const RENEW_BEFORE: Duration = Duration::from_secs(60);

/// A client for a server that is not enrolled with yet.
///
/// # Errors
/// When TLS can't be set up.
pub(crate) fn plain(outbound: &Outbound) -> anyhow::Result<reqwest::Client> {
    builder(outbound)?.build().context("the HTTPS client can't be set up")
}

/// The same with a connection for each request, over which nothing passes but request and answer.
///
/// # Errors
/// As [`plain`].
pub(crate) fn without_keep_alive(outbound: &Outbound) -> anyhow::Result<reqwest::Client> {
    let builder = builder(outbound)?.http1_only().tcp_keepalive(None).pool_max_idle_per_host(0);
    builder.build().context("the HTTPS client can't be set up")
}

fn builder(outbound: &Outbound) -> anyhow::Result<reqwest::ClientBuilder> {
    let mut builder = reqwest::Client::builder();
    if let Some(proxy) = outbound.http_proxy()? {
        builder = builder.proxy(proxy);
    }
    Ok(builder
        .tls_backend_preconfigured(outbound.tls().as_ref().clone())
        .https_only(true)
        .timeout(ANSWER_WITHIN)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("ritorno-agent/", env!("CARGO_PKG_VERSION"))))
}

/// Sends `body` and reads the answer.
///
/// # Errors
/// The server's problem in its own words, or what kept it from being reached.
pub(crate) async fn post<A: DeserializeOwned>(
    client: &reqwest::Client,
    url: &str,
    body: &(impl Serialize + Sync),
) -> anyhow::Result<A> {
    let sent = client.post(url).json(body).send().await;
    read(url, sent.with_context(|| format!("the server at {url} can't be reached"))?).await
}

/// Whether it says that the server could not be reached, and not that it refused.
pub(crate) fn is_unreachable(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<reqwest::Error>())
}

async fn read<A: DeserializeOwned>(url: &str, response: Response) -> anyhow::Result<A> {
    let status = response.status();
    let body = body(url, response).await?;
    if status.is_success() {
        return serde_json::from_slice(&body).with_context(|| format!("the answer of {url} can't be read"));
    }
    Err(refused(url, status, &body))
}

/// An answer's body, which is not to fill this machine's memory whatever the server sends.
async fn body(url: &str, mut response: Response) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(piece) =
        response.chunk().await.with_context(|| format!("the answer of {url} broke off"))?
    {
        ensure!(
            body.len() + piece.len() <= MAXIMUM_ANSWER,
            "the answer of {url} is larger than any that is expected ({MAXIMUM_ANSWER} bytes)"
        );
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// What a problem answer says.
fn refused(url: &str, status: StatusCode, body: &[u8]) -> anyhow::Error {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => {
            let detail = problem.detail.unwrap_or_default();
            anyhow::anyhow!("the server refuses ({status}): {}. {detail}", problem.title)
        }
        Err(_) => anyhow::anyhow!("{url} answers with status {status}"),
    }
}

/// The enrolled agent's client: it gets access tokens by signing for them.
pub(crate) struct Client {
    http: reqwest::Client,
    keys: Keys,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    token: Mutex<Option<AccessToken>>,
}

impl Client {
    /// A client for the server that the agent is enrolled with.
    pub(crate) fn new(
        http: reqwest::Client,
        keys: Keys,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self { http, keys, clock, random, token: Mutex::new(None) }
    }

    /// An access token with at least a minute left.
    ///
    /// # Errors
    /// When the server gives none.
    pub(crate) async fn token(&self) -> anyhow::Result<String> {
        let mut held = self.token.lock().await;
        let now: Timestamp = self.clock.now();
        if let Some(token) = held.as_ref().filter(|token| now.plus(RENEW_BEFORE) < token.expires_at) {
            return Ok(token.token.clone());
        }
        let enrolment = &self.keys.enrolment;
        let assertion = AccessAssertion {
            agent: enrolment.agent,
            audience: enrolment.server.clone(),
            nonce: Bytes(array::<16>(&*self.random).to_vec()),
            issued_at: now,
        };
        let signed = Signed::sign(&assertion, &self.keys.identity);
        let url = format!("{}/agent/v1/token", enrolment.server);
        let token: AccessToken = post(&self.http, &url, &signed).await?;
        Ok(held.insert(token).token.clone())
    }

    /// Sends an empty request with the access token and reads the answer.
    ///
    /// # Errors
    /// The server's problem in its own words, or what kept it from being reached.
    pub(crate) async fn call<A: DeserializeOwned>(&self, method: Method, path: &str) -> anyhow::Result<A> {
        let url = format!("{}{path}", self.keys.enrolment.server);
        let token = self.token().await?;
        let sent = self.http.request(method, &url).bearer_auth(token).send().await;
        read(&url, sent.with_context(|| format!("the server at {url} can't be reached"))?).await
    }

    /// Gets a file with the access token; its bytes are still to be read. It may take that long.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub(crate) async fn download(&self, path: &str, within: Duration) -> anyhow::Result<Response> {
        let url = format!("{}{path}", self.keys.enrolment.server);
        let token = self.token().await?;
        let sent = self.http.get(&url).timeout(within).bearer_auth(token).send().await;
        let response = sent.with_context(|| format!("the server at {url} can't be reached"))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        Err(refused(&url, status, &body(&url, response).await?))
    }

    /// Sends a body with the access token and reads the answer.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub(crate) async fn send<A: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> anyhow::Result<A> {
        let url = format!("{}{path}", self.keys.enrolment.server);
        let token = self.token().await?;
        let sent = self.http.post(&url).bearer_auth(token).json(body).send().await;
        read(&url, sent.with_context(|| format!("the server at {url} can't be reached"))?).await
    }
}

#[async_trait]
impl ritorno_sync::TokenSource for Client {
    async fn token(&self) -> Result<String, String> {
        Self::token(self).await.map_err(|error| format!("{error:#}"))
    }
}
