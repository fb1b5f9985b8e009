//! The tenant over SCIM 2.0 (RFC 7644), HTTPS only.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use ritorno_protocol::random::Random;
use ritorno_protocol::scim::{self, EqualityFilter, ListResponse, MemberChanges, User};
use serde::Deserialize;
use url::Url;

use crate::backoff::Backoff;
use crate::object::Kind;
use crate::resource::Resource;
use crate::target::{
    ExportContext, GroupPage, Stop, Target, TargetError, TargetGroup, TargetPage, TargetPerson,
};

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
    groups: Url,
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
        if config.base.scheme() != "https" {
            return Err(ScimConfigError::NotHttps(config.base));
        }
        let [users, groups] = ["Users", "Groups"].map(|name| {
            let mut url = config.base.clone();
            if let Ok(mut path) = url.path_segments_mut() {
                path.pop_if_empty().push(name);
            }
            url
        });
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
        Ok(Self { client, users, groups, backoff: config.backoff, token, random })
    }

    fn all(&self, kind: Kind) -> &Url {
        match kind {
            Kind::Person => &self.users,
            Kind::Group => &self.groups,
        }
    }

    fn one(&self, kind: Kind, id: &str) -> Url {
        let mut url = self.all(kind).clone();
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
        body: Option<&[u8]>,
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

    async fn list<T: serde::de::DeserializeOwned>(
        &self,
        context: &ExportContext,
        url: &Url,
    ) -> Result<ListResponse<T>, TargetError> {
        let answer = self.send(context, &Method::GET, url, None).await?;
        let list = serde_json::from_slice(&body(answer).await?);
        Ok(list.map_err(|error| unreadable(&format!("a list: {error}")))?)
    }

    fn request(
        &self,
        context: &ExportContext,
        method: &Method,
        url: &Url,
        body: Option<&[u8]>,
    ) -> RequestBuilder {
        let request = self
            .client
            .request(method.clone(), url.clone())
            .header(ACCEPT, scim::MEDIA_TYPE)
            .header(scim::CONNECTOR_HEADER, &context.connector)
            .header(scim::LEASE_EPOCH_HEADER, context.lease_epoch);
        match body {
            Some(body) => request.header(CONTENT_TYPE, scim::MEDIA_TYPE).body(body.to_vec()),
            None => request,
        }
    }
}

#[async_trait]
impl Target for ScimTarget {
    async fn create(&self, context: &ExportContext, resource: &Resource) -> Result<String, TargetError> {
        let sent = body_of(resource, None);
        let answer = self.send(context, &Method::POST, self.all(resource.kind()), Some(&sent)).await?;
        // The body may be left out; the address may not (RFC 7644 section 3.3).
        let location =
            answer.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = body(answer).await?;
        let id = match serde_json::from_slice::<Named>(&body) {
            Ok(named) => named.id,
            Err(_) => location.and_then(|url| url.rsplit('/').next().map(str::to_owned)),
        };
        id.filter(|id| !id.is_empty())
            .ok_or_else(|| unreadable("it made a person or a group and named no id").into())
    }

    async fn replace(
        &self,
        context: &ExportContext,
        id: &str,
        resource: &Resource,
    ) -> Result<(), TargetError> {
        let sent = body_of(resource, Some(id));
        let url = self.one(resource.kind(), id);
        self.send(context, &Method::PUT, &url, Some(&sent)).await.map(|_| ())
    }

    async fn delete(&self, context: &ExportContext, kind: Kind, id: &str) -> Result<(), TargetError> {
        self.send(context, &Method::DELETE, &self.one(kind, id), None).await.map(|_| ())
    }

    async fn find(
        &self,
        context: &ExportContext,
        kind: Kind,
        anchor: &str,
    ) -> Result<Option<String>, TargetError> {
        let filter = EqualityFilter { attribute: "externalId".to_owned(), value: anchor.to_owned() };
        let mut url = self.all(kind).clone();
        url.query_pairs_mut().append_pair("filter", &filter.to_string());
        let list: ListResponse<Named> = self.list(context, &url).await?;
        let mut found = list.resources.into_iter().filter(|one| one.external_id.as_deref() == Some(anchor));
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some(one), None) => Ok(one.id),
            (Some(_), Some(_)) => Err(unreadable("it has two of one externalId").into()),
        }
    }

    async fn page(&self, context: &ExportContext, start: u64) -> Result<TargetPage, TargetError> {
        let list: ListResponse<User> = self.list(context, &paged(&self.users, start)).await?;
        let people = list.resources.into_iter().map(listed).collect::<Result<_, Stop>>()?;
        Ok(TargetPage { total: list.total_results, people })
    }

    async fn groups(&self, context: &ExportContext, start: u64) -> Result<GroupPage, TargetError> {
        let list: ListResponse<scim::Group> = self.list(context, &paged(&self.groups, start)).await?;
        let groups = list.resources.into_iter().map(listed_group).collect::<Result<_, Stop>>()?;
        Ok(GroupPage { total: list.total_results, groups })
    }

    async fn change_members(
        &self,
        context: &ExportContext,
        id: &str,
        changes: &MemberChanges,
    ) -> Result<(), TargetError> {
        let sent = serde_json::to_vec(&changes.to_patch()).expect("a PATCH becomes JSON");
        let url = self.one(Kind::Group, id);
        self.send(context, &Method::PATCH, &url, Some(&sent)).await.map(|_| ())
    }
}

/// What every resource has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    id: Option<String>,
    external_id: Option<String>,
}

/// A person or a group as a body, with the target's id if it is known.
fn body_of(resource: &Resource, id: Option<&str>) -> Vec<u8> {
    let id = id.map(str::to_owned);
    match resource {
        Resource::Person(person) => serde_json::to_vec(&User { id, ..person.to_scim() }),
        Resource::Group(group) => serde_json::to_vec(&scim::Group { id, ..group.to_scim() }),
    }
    .expect("a resource becomes JSON")
}

fn paged(url: &Url, start: u64) -> Url {
    let mut url = url.clone();
    url.query_pairs_mut()
        .append_pair("startIndex", &start.to_string())
        .append_pair("count", &PAGE.to_string());
    url
}

fn listed_group(group: scim::Group) -> Result<TargetGroup, Stop> {
    let ritorno = group.ritorno.unwrap_or_default();
    Ok(TargetGroup {
        id: group.id.ok_or_else(|| unreadable("a group in a list has no id"))?,
        anchor: ritorno.anchor,
        forest: ritorno.forest,
        name: group.display_name,
        account: ritorno.account_name,
        members: ritorno.member_count,
    })
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
