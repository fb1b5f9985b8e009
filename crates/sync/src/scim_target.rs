//! The tenant over SCIM 2.0 (RFC 7644), HTTPS only.

mod bulk;
mod compression;
mod retry_after;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::random::Random;
use ritorno_protocol::scim::{self, EqualityFilter, ListResponse, Member, User};
use serde::Deserialize;
use url::Url;

use self::compression::Gzip;
use self::retry_after::retry_after;
use crate::backoff::{Backoff, LONGEST_ASKED};
use crate::object::Kind;
use crate::resource::Resource;
use crate::target::{
    Answer, Ask, ExportContext, GroupPage, Stop, Target, TargetError, TargetGroup, TargetPage, TargetPerson,
};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// People in one page of the tenant's list: a few hundred bytes each.
const PAGE: u64 = 250;
/// Most bytes of an answer that are read.
const MAX_ANSWER: usize = 1 << 20;
/// The same of a list of a group's members: half a million of them.
const MAX_MEMBERS_ANSWER: usize = 32 << 20;
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
    /// The path that all others begin with.
    base: String,
    bulk: Url,
    users: Url,
    groups: Url,
    backoff: Backoff,
    gzip: Gzip,
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
        let [users, groups, bulk] = ["Users", "Groups", "Bulk"].map(|name| {
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
        let base = config.base.path().trim_end_matches('/').to_owned();
        let (backoff, gzip) = (config.backoff, Gzip::default());
        Ok(Self { client, base, bulk, users, groups, backoff, gzip, token, random })
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
        let (mut tried, mut plain) = (0, false);
        loop {
            tried += 1;
            let token = self.token.token().await.map_err(|reason| Stop::Unauthorised { reason })?;
            let packed = body.filter(|_| !plain).and_then(|body| self.gzip.pack(body));
            let request = self.request(context, method, url, body, packed.as_deref());
            let (reason, asked) = match request.bearer_auth(token).send().await {
                // Whoever said that it takes this is not there any more: a version before, say.
                Ok(answer) if answer.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE && packed.is_some() => {
                    self.gzip.refused();
                    plain = true;
                    continue;
                }
                Ok(answer) => {
                    self.gzip.heard(answer.headers());
                    if !is_passing(answer.status()) {
                        return checked(context, answer).await;
                    }
                    (answer.status().to_string(), retry_after(answer.headers()))
                }
                Err(error) => (chain(&error), None),
            };
            match self.backoff.wait(tried, asked, &*self.random) {
                Some(wait) => {
                    tracing::info!(tried, ?wait, %reason, "the tenant does not take the request now");
                    tokio::time::sleep(wait).await;
                }
                None => {
                    let reason = match asked {
                        Some(asked) if asked > LONGEST_ASKED => {
                            format!("{reason}; it asks to be left alone for {} s", asked.as_secs())
                        }
                        _ => reason,
                    };
                    return Err(Stop::Unreachable { reason }.into());
                }
            }
        }
    }

    /// A request as it goes out, alone or with others.
    fn of(&self, ask: &Ask<'_>) -> Request {
        let (method, url, body) = match ask {
            Ask::Create(resource) => {
                (Method::POST, self.all(resource.kind()).clone(), Some(body_of(resource, None)))
            }
            Ask::Replace(id, resource) => {
                (Method::PUT, self.one(resource.kind(), id), Some(body_of(resource, Some(id))))
            }
            Ask::Delete(kind, id) => (Method::DELETE, self.one(*kind, id), None),
            Ask::Members(id, changes) => {
                let sent = serde_json::to_vec(&changes.to_patch()).expect("a PATCH becomes JSON");
                (Method::PATCH, self.one(Kind::Group, id), Some(sent))
            }
        };
        let path = url.path().strip_prefix(self.base.as_str()).unwrap_or(url.path()).to_owned();
        Request { method, url, path, body }
    }

    /// One request by itself.
    async fn alone(&self, context: &ExportContext, request: &Request) -> Answer {
        let answer = self.send(context, &request.method, &request.url, request.body.as_deref()).await?;
        if request.method != Method::POST {
            return Ok(None);
        }
        // The body may be left out; the address may not (RFC 7644 section 3.3).
        let location =
            answer.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = body(answer, MAX_ANSWER).await?;
        let id = match serde_json::from_slice::<Named>(&body) {
            Ok(named) => named.id,
            Err(_) => location.as_deref().and_then(last),
        };
        made(id)
    }

    /// Several requests in one (RFC 7644 section 3.7). None if the service takes none of that kind, or not so large a one.
    async fn together(&self, context: &ExportContext, requests: &[Request]) -> Option<Vec<Answer>> {
        let body_of_all = bulk::body(requests);
        let read = async {
            let answer = self.send(context, &Method::POST, &self.bulk, Some(&body_of_all)).await?;
            let body = body(answer, MAX_ANSWER).await?;
            bulk::read(&body, requests).map_err(|reason| TargetError::from(unreadable(reason)))
        };
        let done = match read.await {
            Ok(done) => done,
            Err(TargetError::Stop(stop)) => {
                return Some(requests.iter().map(|_| Err(stop.clone().into())).collect());
            }
            Err(error) => {
                tracing::info!(%error, "the tenant takes no bulk request; each goes by itself");
                return None;
            }
        };
        let mut answers: Vec<Answer> = Vec::with_capacity(requests.len());
        let mut stopped: Option<Stop> = None;
        for (request, done) in requests.iter().zip(done) {
            let answer = match StatusCode::from_u16(done.status) {
                Ok(status) if status.is_success() && request.method == Method::POST => {
                    made(done.location.as_deref().and_then(last))
                }
                Ok(status) if status.is_success() => Ok(None),
                // What is not taken now is asked for again, by itself, with the pauses that this asks for.
                Ok(status) if is_passing(status) => match &stopped {
                    Some(stop) => Err(stop.clone().into()),
                    None => self.alone(context, request).await,
                },
                _ => {
                    let detail = done.detail.unwrap_or_else(|| done.status.to_string());
                    Err(fault(context, done.status, detail, done.held))
                }
            };
            if let Err(TargetError::Stop(stop)) = &answer {
                stopped = Some(stop.clone());
            }
            answers.push(answer);
        }
        Some(answers)
    }

    async fn list<T: serde::de::DeserializeOwned>(
        &self,
        context: &ExportContext,
        url: &Url,
    ) -> Result<ListResponse<T>, TargetError> {
        let answer = self.send(context, &Method::GET, url, None).await?;
        let list = serde_json::from_slice(&body(answer, MAX_ANSWER).await?);
        Ok(list.map_err(|error| unreadable(&format!("a list: {error}")))?)
    }

    fn request(
        &self,
        context: &ExportContext,
        method: &Method,
        url: &Url,
        body: Option<&[u8]>,
        packed: Option<&[u8]>,
    ) -> RequestBuilder {
        let request = self
            .client
            .request(method.clone(), url.clone())
            .header(ACCEPT, scim::MEDIA_TYPE)
            .header(scim::CONNECTOR_HEADER, &context.connector)
            .header(scim::LEASE_EPOCH_HEADER, context.lease_epoch);
        match (packed, body) {
            (Some(packed), _) => request
                .header(CONTENT_TYPE, scim::MEDIA_TYPE)
                .header(CONTENT_ENCODING, "gzip")
                .body(packed.to_vec()),
            (None, Some(body)) => request.header(CONTENT_TYPE, scim::MEDIA_TYPE).body(body.to_vec()),
            (None, None) => request,
        }
    }
}

#[async_trait]
impl Target for ScimTarget {
    async fn ask(&self, context: &ExportContext, asks: &[Ask<'_>]) -> Vec<Answer> {
        let requests: Vec<Request> = asks.iter().map(|ask| self.of(ask)).collect();
        let mut answers = Vec::with_capacity(asks.len());
        for together in bulk::parts(&requests) {
            let answered = match together {
                [_] => None,
                _ => self.together(context, together).await,
            };
            match answered {
                Some(answered) => answers.extend(answered),
                None => {
                    for request in together {
                        answers.push(self.alone(context, request).await);
                    }
                }
            }
            // What stops one stops all that would come after it.
            if let Some(Err(TargetError::Stop(stop))) = answers.iter().rev().find(|answer| answer.is_err()) {
                let stop = stop.clone();
                answers.resize_with(asks.len(), || Err(stop.clone().into()));
                break;
            }
        }
        answers
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

    async fn page(
        &self,
        context: &ExportContext,
        since: Option<Timestamp>,
        start: u64,
    ) -> Result<TargetPage, TargetError> {
        let list: ListResponse<User> = self.list(context, &paged(&self.users, since, start)).await?;
        let people = list.resources.into_iter().map(listed).collect::<Result<_, Stop>>()?;
        Ok(TargetPage { total: list.total_results, people })
    }

    async fn groups(
        &self,
        context: &ExportContext,
        since: Option<Timestamp>,
        start: u64,
    ) -> Result<GroupPage, TargetError> {
        let list: ListResponse<scim::Group> = self.list(context, &paged(&self.groups, since, start)).await?;
        let groups = list.resources.into_iter().map(listed_group).collect::<Result<_, Stop>>()?;
        Ok(GroupPage { total: list.total_results, groups })
    }

    async fn members(&self, context: &ExportContext, id: &str) -> Result<Vec<String>, TargetError> {
        let answer = self.send(context, &Method::GET, &self.one(Kind::Group, id), None).await?;
        let group = serde_json::from_slice::<InGroup>(&body(answer, MAX_MEMBERS_ANSWER).await?);
        let group = group.map_err(|error| unreadable(&format!("the members of a group: {error}")))?;
        Ok(group.members.into_iter().map(|member| member.value).collect())
    }
}

/// Who is in a group.
#[derive(Deserialize)]
struct InGroup {
    #[serde(default)]
    members: Vec<Member>,
}

/// A request to the service.
struct Request {
    method: Method,
    url: Url,
    /// Its address within the service.
    path: String,
    body: Option<Vec<u8>>,
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

fn paged(url: &Url, since: Option<Timestamp>, start: u64) -> Url {
    let mut url = url.clone();
    if let Some(since) = since.and_then(Timestamp::to_rfc3339) {
        url.query_pairs_mut().append_pair("filter", &format!("meta.lastModified ge \"{since}\""));
    }
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
        changed: changed(group.meta),
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
        mobile: ritorno.mobile,
        password_expires: ritorno.password_expires,
        enabled: user.active,
        changed: changed(user.meta),
    })
}

fn changed(meta: Option<scim::Meta>) -> Option<Timestamp> {
    Timestamp::from_rfc3339(meta?.last_modified?.as_str())
}

fn unreadable(reason: &str) -> Stop {
    Stop::Unreadable { reason: reason.to_owned() }
}

/// Statuses after which the same request may well succeed. 412 comes when somebody else changed the person in the
/// same moment; nothing is sent under a version, so that the next try meets the new one.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 412 | 429 | 502 | 503 | 504)
}

/// Sorts an answer by what it means for the export.
async fn checked(context: &ExportContext, answer: Response) -> Result<Response, TargetError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let (detail, held) = said(answer).await;
    Err(fault(context, status.as_u16(), detail, held))
}

/// What a status that is no success means for the export.
fn fault(context: &ExportContext, status: u16, detail: String, held: Vec<String>) -> TargetError {
    match status {
        401 => Stop::Unauthorised { reason: detail }.into(),
        404 => TargetError::NotFound,
        409 => TargetError::Conflict { detail },
        scim::STALE_LEASE_STATUS => Stop::LeaseLost { epoch: context.lease_epoch }.into(),
        300..=399 => unreadable(&format!("a redirect ({status}), which is not followed")).into(),
        status => TargetError::Refused { status, detail, held },
    }
}

/// The last part of an address: the id of what is there.
fn last(location: &str) -> Option<String> {
    location.rsplit('/').next().map(str::to_owned)
}

fn made(id: Option<String>) -> Answer {
    match id.filter(|id| !id.is_empty()) {
        Some(id) => Ok(Some(id)),
        None => Err(unreadable("it made a person or a group and named no id").into()),
    }
}

/// The tenant's own words, cut to a line, and the members whom it holds.
async fn said(answer: Response) -> (String, Vec<String>) {
    let status = answer.status();
    let error = match body(answer, MAX_ANSWER).await {
        Ok(body) => serde_json::from_slice::<scim::Error>(&body).ok(),
        Err(_) => None,
    };
    let (detail, held) = error.map(|error| (error.detail, error.held)).unwrap_or_default();
    (one_line(&detail.unwrap_or_else(|| status.to_string())), held)
}

/// Another's words, cut to a line.
fn one_line(said: &str) -> String {
    said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_DETAIL).collect()
}

/// The body, as long as it is not larger than any that makes sense.
async fn body(mut answer: Response, most: usize) -> Result<Vec<u8>, Stop> {
    let mut body = Vec::new();
    while let Some(chunk) =
        answer.chunk().await.map_err(|error| Stop::Unreachable { reason: chain(&error) })?
    {
        if body.len() + chunk.len() > most {
            return Err(unreadable(&format!("it is larger than {most} bytes")));
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
