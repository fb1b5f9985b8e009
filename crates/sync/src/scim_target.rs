//! The tenant over SCIM 2.0 (RFC 7644), HTTPS only.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use ritorno_protocol::random::Random;
use ritorno_protocol::scim::{self, EqualityFilter, ListResponse, User};
use url::Url;

use crate::backoff::Backoff;
use crate::person::Person;
use crate::target::{ExportContext, Stop, Target, TargetError, TargetPage, TargetPerson};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// People in one page of the tenant's list: a few hundred bytes each.
const PAGE: u64 = 250;
/// Most bytes of an answer that are read.
const MAX_ANSWER: usize = 1 << 20;
/// Most characters of the tenant's own words that are kept.
const MAX_DETAIL: usize = 300;

/// Gives the bearer token for a request; asked before each one, so that it may be renewed in between.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// The token.
    ///
    /// # Errors
    /// Why there is none, for the operator.
    async fn token(&self) -> Result<String, String>;
}

/// Where the tenant is and how to reach it.
#[derive(Clone, Debug)]
pub struct ScimConfig {
    /// The service's base address, such as `https://ritorno.example/scim/v2`.
    pub base: Url,
    /// The trust anchors, among other things.
    pub tls: rustls::ClientConfig,
    /// The proxy on the way; without one the environment's counts (`HTTPS_PROXY`, `NO_PROXY`).
    pub proxy: Option<reqwest::Proxy>,
    /// What to do when the tenant is busy or out of reach.
    pub backoff: Backoff,
}

/// Why there can be no such target.
#[derive(Debug, thiserror::Error)]
pub enum ScimConfigError {
    /// The address is not `https`.
    #[error("{0} is not an https address; an export goes over TLS only")]
    NotHttps(Url),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(#[from] reqwest::Error),
}

/// A tenant's SCIM service.
pub struct ScimTarget {
    client: Client,
    users: Url,
    backoff: Backoff,
    token: Arc<dyn TokenSource>,
    random: Arc<dyn Random>,
}

impl ScimTarget {
    /// The SCIM service at `config.base`.
    ///
    /// # Errors
    /// [`ScimConfigError`].
    pub fn new(
        config: ScimConfig,
        token: Arc<dyn TokenSource>,
        random: Arc<dyn Random>,
    ) -> Result<Self, ScimConfigError> {
        let mut users = config.base;
        if users.scheme() != "https" {
            return Err(ScimConfigError::NotHttps(users));
        }
        if let Ok(mut path) = users.path_segments_mut() {
            path.pop_if_empty().push("Users");
        }
        let mut builder = Client::builder();
        if let Some(proxy) = config.proxy {
            builder = builder.proxy(proxy);
        }
        let client = builder
            .https_only(true)
            // A redirect would carry people's data to whoever answers there.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .tls_backend_preconfigured(config.tls)
            .build()?;
        Ok(Self { client, users, backoff: config.backoff, token, random })
    }

    fn user(&self, id: &str) -> Url {
        let mut url = self.users.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(id);
        }
        url
    }

    /// Sends a request until it is answered with something other than 'not now'. All requests of this target may be
    /// repeated.
    async fn send(
        &self,
        context: &ExportContext,
        method: &Method,
        url: &Url,
        body: Option<&User>,
    ) -> Result<Response, TargetError> {
        let mut tried = 0;
        loop {
            tried += 1;
            let token = self.token.token().await.map_err(|reason| Stop::Unauthorised { reason })?;
            let (reason, asked) =
                match self.request(context, method, url, body).bearer_auth(token).send().await {
                    Ok(answer) if is_passing(answer.status()) => {
                        (answer.status().to_string(), retry_after(&answer))
                    }
                    Ok(answer) => return checked(context, answer).await,
                    Err(error) => (chain(&error), None),
                };
            match self.backoff.wait(tried, asked, &*self.random) {
                Some(wait) => {
                    tracing::info!(tried, ?wait, %reason, "the tenant does not take the request now");
                    tokio::time::sleep(wait).await;
                }
                None => return Err(Stop::Unreachable { reason }.into()),
            }
        }
    }

    fn request(
        &self,
        context: &ExportContext,
        method: &Method,
        url: &Url,
        body: Option<&User>,
    ) -> RequestBuilder {
        let request = self
            .client
            .request(method.clone(), url.clone())
            .header(ACCEPT, scim::MEDIA_TYPE)
            .header(scim::CONNECTOR_HEADER, &context.connector)
            .header(scim::LEASE_EPOCH_HEADER, context.lease_epoch);
        match body {
            // Named first: `json` only fills in a type that is missing.
            Some(user) => request.header(CONTENT_TYPE, scim::MEDIA_TYPE).json(user),
            None => request,
        }
    }
}

#[async_trait]
impl Target for ScimTarget {
    async fn create(&self, context: &ExportContext, person: &Person) -> Result<String, TargetError> {
        let answer = self.send(context, &Method::POST, &self.users, Some(&person.to_scim())).await?;
        // The body may be left out; the address may not (RFC 7644 section 3.3).
        let location =
            answer.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = body(answer).await?;
        let id = match serde_json::from_slice::<User>(&body) {
            Ok(user) => user.id,
            Err(_) => location.and_then(|url| url.rsplit('/').next().map(str::to_owned)),
        };
        id.filter(|id| !id.is_empty()).ok_or_else(|| unreadable("it made a person and named no id").into())
    }

    async fn replace(&self, context: &ExportContext, id: &str, person: &Person) -> Result<(), TargetError> {
        let user = User { id: Some(id.to_owned()), ..person.to_scim() };
        self.send(context, &Method::PUT, &self.user(id), Some(&user)).await.map(|_| ())
    }

    async fn delete(&self, context: &ExportContext, id: &str) -> Result<(), TargetError> {
        self.send(context, &Method::DELETE, &self.user(id), None).await.map(|_| ())
    }

    async fn find(&self, context: &ExportContext, anchor: &str) -> Result<Option<String>, TargetError> {
        let filter = EqualityFilter { attribute: "externalId".to_owned(), value: anchor.to_owned() };
        let mut url = self.users.clone();
        url.query_pairs_mut().append_pair("filter", &filter.to_string());
        let answer = self.send(context, &Method::GET, &url, None).await?;
        let list: ListResponse<User> = serde_json::from_slice(&body(answer).await?)
            .map_err(|error| unreadable(&format!("a list of users: {error}")))?;
        let mut found = list.resources.into_iter().filter(|user| user.external_id.as_deref() == Some(anchor));
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some(user), None) => Ok(user.id),
            (Some(_), Some(_)) => Err(unreadable("it has two people with one externalId").into()),
        }
    }

    async fn page(&self, context: &ExportContext, start: u64) -> Result<TargetPage, TargetError> {
        let mut url = self.users.clone();
        url.query_pairs_mut()
            .append_pair("startIndex", &start.to_string())
            .append_pair("count", &PAGE.to_string());
        let answer = self.send(context, &Method::GET, &url, None).await?;
        let list: ListResponse<User> = serde_json::from_slice(&body(answer).await?)
            .map_err(|error| unreadable(&format!("a list of users: {error}")))?;
        let people = list.resources.into_iter().map(listed).collect::<Result<_, Stop>>()?;
        Ok(TargetPage { total: list.total_results, people })
    }
}

fn listed(user: User) -> Result<TargetPerson, Stop> {
    let ritorno = user.ritorno.unwrap_or_default();
    let primary = user.emails.iter().find(|mail| mail.primary).or(user.emails.first());
    Ok(TargetPerson {
        id: user.id.ok_or_else(|| unreadable("a person in a list of users has no id"))?,
        anchor: ritorno.anchor,
        forest: ritorno.forest,
        user_principal_name: user.user_name,
        account_name: ritorno.account_name,
        object_guid: ritorno.object_guid,
        display_name: user.display_name,
        mail: primary.map(|mail| mail.value.clone()),
        alternate_mail: ritorno.alternate_mail,
        enabled: user.active,
    })
}

fn unreadable(reason: &str) -> Stop {
    Stop::Unreadable { reason: reason.to_owned() }
}

/// Statuses after which the same request may well succeed. 412 comes when somebody else changed the person in the
/// same moment; nothing is sent under a version, so that the next try meets the new one.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 412 | 429 | 502 | 503 | 504)
}

/// Seconds of Retry-After (RFC 9110 section 10.2.3). Its other form, a date, is left to the own waits.
fn retry_after(answer: &Response) -> Option<Duration> {
    answer.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// Sorts an answer by what it means for the export.
async fn checked(context: &ExportContext, answer: Response) -> Result<Response, TargetError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let detail = detail(answer).await;
    Err(match status.as_u16() {
        401 => Stop::Unauthorised { reason: detail }.into(),
        404 => TargetError::NotFound,
        409 => TargetError::Conflict { detail },
        scim::STALE_LEASE_STATUS => Stop::LeaseLost { epoch: context.lease_epoch }.into(),
        300..=399 => unreadable(&format!("a redirect ({status}), which is not followed")).into(),
        status => TargetError::Refused { status, detail },
    })
}

/// The tenant's own words, cut to a line.
async fn detail(answer: Response) -> String {
    let status = answer.status();
    let said = match body(answer).await {
        Ok(body) => serde_json::from_slice::<scim::Error>(&body).ok().and_then(|error| error.detail),
        Err(_) => None,
    };
    let said = said.unwrap_or_else(|| status.to_string());
    said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_DETAIL).collect()
}

/// The body, as long as it is not larger than any that makes sense.
async fn body(mut answer: Response) -> Result<Vec<u8>, Stop> {
    let mut body = Vec::new();
    while let Some(chunk) =
        answer.chunk().await.map_err(|error| Stop::Unreachable { reason: chain(&error) })?
    {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(unreadable("it is larger than a mebibyte"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An error with its causes: reqwest's own words leave out the one that matters.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
