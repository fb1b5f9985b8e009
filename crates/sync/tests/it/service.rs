//! A SCIM service over HTTPS on loopback, with the real models of the protocol: what an export meets.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{post, put};
use axum::{Json, Router};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::scim::{
    self, EqualityFilter, ErrorType, Group, ListResponse, MemberChanges, PatchOp, User, read_member_operation,
};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt as _;
use url::Url;

pub(crate) const TOKEN: &str = "the agent's token";

/// What the service holds and what was asked of it.
#[derive(Default)]
pub(crate) struct Tenant {
    pub(crate) users: BTreeMap<u64, User>,
    /// Method and connector of each request.
    pub(crate) requests: Vec<(String, String)>,
    /// Statuses to give to the next requests instead of doing them; `Some(seconds)` goes into Retry-After.
    pub(crate) refuse: VecDeque<(u16, Option<u64>)>,
    /// Whether the next creation is done and then answered with 503, as when the answer is lost on the way.
    pub(crate) lose_answer: bool,
    /// Whether the next PATCH of a group's members is done and then answered with 401, which stops the export, as when its end comes first.
    pub(crate) lose_members: bool,
    /// Accounts that may not be touched, by userName.
    pub(crate) forbidden: Vec<String>,
    pub(crate) lease_epoch: u64,
    /// Most people in one page of the list.
    pub(crate) page: usize,
    pub(crate) groups: BTreeMap<u64, Group>,
    /// Members whom the deletion guard holds in their groups, by id: a PATCH that takes one of them out is refused as a whole.
    pub(crate) held: Vec<String>,
    /// Bytes of each PATCH of a group's members.
    pub(crate) patches: Vec<usize>,
    /// Whether it is a service without bulk requests.
    pub(crate) no_bulk: bool,
    /// Operations of each bulk request.
    pub(crate) bulks: Vec<usize>,
    /// Whether it says that it takes compressed bodies, and whether it does.
    pub(crate) says_gzip: bool,
    pub(crate) takes_gzip: bool,
    /// How many bodies came compressed, refused ones too.
    pub(crate) compressed: usize,
    next: u64,
    /// Milliseconds since 1970: each change is a second after the one before.
    pub(crate) now: i64,
}

impl Tenant {
    /// When something changed that changes now.
    pub(crate) fn changed(&mut self) -> Option<scim::Meta> {
        self.now += 1_000;
        let last_modified = Timestamp::from_unix_ms(self.now).to_rfc3339();
        Some(scim::Meta { last_modified, ..scim::Meta::default() })
    }

    /// People by anchor.
    pub(crate) fn by_anchor(&self) -> BTreeMap<String, User> {
        let plain = |user: &User| User { id: None, meta: None, ..user.clone() };
        let hybrid = self.users.values().filter_map(|user| Some((user.external_id.clone()?, plain(user))));
        let map: BTreeMap<_, _> = hybrid.clone().collect();
        assert_eq!(map.len(), hybrid.count(), "nobody is there twice");
        map
    }

    fn is_taken(&self, user: &User, by_other_than: Option<u64>) -> bool {
        self.users.iter().any(|(id, other)| {
            Some(*id) != by_other_than
                && (other.user_name.eq_ignore_ascii_case(&user.user_name)
                    || (other.external_id.is_some() && other.external_id == user.external_id))
        })
    }
}

/// A running service; it ends with the runtime of its test.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) base: Url,
    pub(crate) tls: rustls::ClientConfig,
    tenant: Arc<Mutex<Tenant>>,
}

struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            if let Ok((stream, address)) = self.tcp.accept().await
                && let Ok(stream) = self.acceptor.accept(stream).await
            {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

impl Service {
    pub(crate) async fn start() -> Self {
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
        let server = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .expect("the key fits the certificate");
        let mut roots = rustls::RootCertStore::empty();
        roots.add(own.cert.der().clone()).expect("a root");
        let tls = rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = tcp.local_addr().expect("an address").port();
        let tenant = Arc::new(Mutex::new(Tenant { page: 2, ..Tenant::default() }));
        let resources = Router::new()
            .route("/scim/v2/Users", post(create).get(find))
            .route("/scim/v2/Users/{id}", put(replace).delete(delete))
            .route("/scim/v2/Groups", post(create_group).get(list_groups))
            .route(
                "/scim/v2/Groups/{id}",
                put(replace_group).patch(patch_group).delete(delete_group).get(read_group),
            )
            .with_state(Arc::clone(&tenant));
        let each = resources.clone();
        let takes_bulk = Arc::clone(&tenant);
        let router = resources.route(
            "/scim/v2/Bulk",
            post(move |headers: HeaderMap, body: String| async move {
                if takes_bulk.lock().expect("the tenant").no_bulk {
                    return error(404, None, "no bulk here");
                }
                let (answer, operations) = bulk(each, headers, body).await;
                takes_bulk.lock().expect("the tenant").bulks.push(operations);
                answer
            }),
        );
        let router = router.layer(axum::middleware::from_fn_with_state(Arc::clone(&tenant), inflate));
        let listener = Tls { tcp, acceptor: TlsAcceptor::from(Arc::new(server)) };
        tokio::spawn(async move { axum::serve(listener, router).await });
        let base = Url::parse(&format!("https://localhost:{port}/scim/v2")).expect("an address");
        Self { base, tls, tenant }
    }

    pub(crate) fn tenant(&self) -> MutexGuard<'_, Tenant> {
        self.tenant.lock().expect("no test panics while it holds the tenant")
    }
}

pub(crate) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

type Shared = State<Arc<Mutex<Tenant>>>;

fn error(status: u16, kind: Option<ErrorType>, detail: &str) -> Response {
    let code = StatusCode::from_u16(status).expect("a status");
    (code, Json(scim::Error::new(status, kind, detail))).into_response()
}

/// Inflates bodies, or does not know how.
async fn inflate(State(tenant): Shared, request: axum::extract::Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let mut sent = axum::body::to_bytes(body, 1 << 20).await.expect("a body").to_vec();
    if parts.headers.remove(header::CONTENT_ENCODING).is_some() {
        let mut tenant = tenant.lock().expect("the tenant");
        tenant.compressed += 1;
        if !tenant.takes_gzip {
            return error(415, None, "what is this?");
        }
        let mut inflated = Vec::new();
        flate2::read::GzDecoder::new(sent.as_slice()).read_to_end(&mut inflated).expect("gzip");
        sent = inflated;
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    let mut answer = next.run(axum::extract::Request::from_parts(parts, sent.into())).await;
    if tenant.lock().expect("the tenant").says_gzip {
        answer.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    }
    answer
}

/// Token, lease epoch and planned refusals, before anything else.
fn admit(tenant: &mut Tenant, method: &str, headers: &HeaderMap) -> Result<(), Box<Response>> {
    let text =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    tenant.requests.push((method.to_owned(), text(scim::CONNECTOR_HEADER)));
    if let Some((status, retry_after)) = tenant.refuse.pop_front() {
        let mut response = error(status, None, "not now");
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        return Err(Box::new(response));
    }
    if text("authorization") != format!("Bearer {TOKEN}") {
        return Err(Box::new(error(401, None, "unknown token")));
    }
    let epoch: u64 = text(scim::LEASE_EPOCH_HEADER).parse().expect("a lease epoch");
    if epoch < tenant.lease_epoch {
        return Err(Box::new(error(scim::STALE_LEASE_STATUS, None, "a newer lease is known")));
    }
    tenant.lease_epoch = epoch;
    Ok(())
}

async fn create(State(tenant): Shared, headers: HeaderMap, body: String) -> Response {
    let mut tenant = tenant.lock().expect("the tenant");
    if let Err(refusal) = admit(&mut tenant, "POST", &headers) {
        return *refusal;
    }
    assert_eq!(headers[header::CONTENT_TYPE], scim::MEDIA_TYPE);
    let user: User = serde_json::from_str(&body).expect("a user");
    if tenant.forbidden.contains(&user.user_name) {
        return error(403, None, "not yours");
    }
    if tenant.is_taken(&user, None) {
        return error(409, Some(ErrorType::Uniqueness), "userName is taken");
    }
    tenant.next += 1;
    let id = tenant.next;
    let user = User { id: Some(id.to_string()), meta: tenant.changed(), ..user };
    tenant.users.insert(id, user.clone());
    if std::mem::take(&mut tenant.lose_answer) {
        return error(503, None, "the answer is lost");
    }
    (StatusCode::CREATED, Json(user)).into_response()
}

async fn find(
    State(tenant): Shared,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let mut tenant = tenant.lock().expect("the tenant");
    if let Err(refusal) = admit(&mut tenant, "GET", &headers) {
        return *refusal;
    }
    let since = query.get("filter").map(|filter| since(filter));
    if since.as_ref().is_none_or(Option::is_some) {
        let number = |name: &str| query[name].parse::<usize>().expect("a number");
        let (start, count) = (number("startIndex"), number("count").min(tenant.page));
        let users = tenant.users.values().filter(|user| is_since(&user.meta, since.flatten()));
        let (total, page) = (users.clone().count(), users.skip(start - 1).take(count).cloned().collect());
        return Json(ListResponse::new(total as u64, start as u64, page)).into_response();
    }
    let filter = &query["filter"];
    let filter: EqualityFilter = filter.parse().expect("a filter");
    assert_eq!(filter.attribute, "externalId");
    let matches = |user: &&User| user.external_id.as_ref() == Some(&filter.value);
    let users: Vec<User> = tenant.users.values().filter(matches).cloned().collect();
    Json(ListResponse::new(users.len() as u64, 1, users)).into_response()
}

/// The moment that a filter for what changed later names.
fn since(filter: &str) -> Option<Timestamp> {
    Timestamp::from_rfc3339(filter.strip_prefix("meta.lastModified ge \"")?.strip_suffix('"')?)
}

fn is_since(meta: &Option<scim::Meta>, since: Option<Timestamp>) -> bool {
    let changed = meta.as_ref().and_then(|meta| Timestamp::from_rfc3339(meta.last_modified.as_deref()?));
    since.is_none_or(|since| changed >= Some(since))
}

async fn replace(State(tenant): Shared, headers: HeaderMap, Path(id): Path<u64>, body: String) -> Response {
    let mut tenant = tenant.lock().expect("the tenant");
    if let Err(refusal) = admit(&mut tenant, "PUT", &headers) {
        return *refusal;
    }
    let user: User = serde_json::from_str(&body).expect("a user");
    if !tenant.users.contains_key(&id) {
        return error(404, None, "nobody of this id");
    }
    if tenant.is_taken(&user, Some(id)) {
        return error(409, Some(ErrorType::Uniqueness), "userName is taken");
    }
    let user = User { meta: tenant.changed(), ..user };
    tenant.users.insert(id, user.clone());
    Json(user).into_response()
}

async fn delete(State(tenant): Shared, headers: HeaderMap, Path(id): Path<u64>) -> Response {
    let mut tenant = tenant.lock().expect("the tenant");
    if let Err(refusal) = admit(&mut tenant, "DELETE", &headers) {
        return *refusal;
    }
    let removed = tenant.users.remove(&id);
    forget(&mut tenant, id);
    match removed {
        Some(_) => StatusCode::NO_CONTENT.into_response(),
        None => error(404, None, "nobody of this id"),
    }
}

/// Who goes is in no group.
fn forget(tenant: &mut Tenant, id: u64) {
    for group in tenant.groups.values_mut() {
        group.members.retain(|member| member.value != id.to_string());
    }
}

async fn create_group(State(tenant): Shared, headers: HeaderMap, body: String) -> Response {
    let mut tenant = tenant.lock().expect("the tenant");
    if let Err(refusal) = admit(&mut tenant, "POST", &headers) {
        return *refusal;
    }
    let group: Group = serde_json::from_str(&body).expect("a group");
    if tenant.groups.values().any(|other| other.external_id == group.external_id) {
        return error(409, Some(ErrorType::Uniqueness), "externalId is taken");
    }
    tenant.next += 1;
    let id = tenant.next;
    let group = Group { id: Some(id.to_string()), meta: tenant.changed(), ..group };
    tenant.groups.insert(id, group.clone());
    if std::mem::take(&mut tenant.lose_answer) {
        return error(503, None, "the answer is lost");
    }
    (StatusCode::CREATED, Json(group)).into_response()
}

async fn list_groups(
    State(tenant): Shared,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let mut tenant = tenant.lock().expect("the tenant");
    if let Err(refusal) = admit(&mut tenant, "GET", &headers) {
        return *refusal;
    }
    let since = query.get("filter").and_then(|filter| since(filter));
    let filter = query.get("filter").filter(|_| since.is_none());
    let filter: Option<EqualityFilter> = filter.map(|text| text.parse().expect("a filter"));
    let matches = |group: &&Group| {
        filter.as_ref().is_none_or(|f| group.external_id.as_ref() == Some(&f.value))
            && is_since(&group.meta, since)
    };
    let mut groups: Vec<Group> = tenant.groups.values().filter(matches).cloned().collect();
    for group in &mut groups {
        let count = Some(group.members.len() as u64);
        group.ritorno.as_mut().expect("hybrid").member_count = count;
        group.members.clear();
    }
    let number = |name: &str, or: usize| query.get(name).map_or(or, |text| text.parse().expect("a number"));
    let (total, start) = (groups.len() as u64, number("startIndex", 1));
    let page = groups.into_iter().skip(start - 1).take(number("count", 100).min(tenant.page)).collect();
    Json(ListResponse::new(total, start as u64, page)).into_response()
}

async fn replace_group(
    State(tenant): Shared,
    headers: HeaderMap,
    Path(id): Path<u64>,
    body: String,
) -> Response {
    let mut tenant = tenant.lock().expect("the tenant");
    if let Err(refusal) = admit(&mut tenant, "PUT", &headers) {
        return *refusal;
    }
    let said: Group = serde_json::from_str(&body).expect("a group");
    let meta = tenant.changed();
    let Some(group) = tenant.groups.get_mut(&id) else { return error(404, None, "no group of this id") };
    let members = std::mem::take(&mut group.members);
    *group = Group { id: Some(id.to_string()), members, meta, ..said };
    Json(group.clone()).into_response()
}

async fn patch_group(
    State(tenant): Shared,
    headers: HeaderMap,
    Path(id): Path<u64>,
    body: String,
) -> Response {
    let mut tenant = tenant.lock().expect("the tenant");
    if let Err(refusal) = admit(&mut tenant, "PATCH", &headers) {
        return *refusal;
    }
    tenant.patches.push(body.len());
    let patch: PatchOp = serde_json::from_str(&body).expect("a PATCH");
    let mut changes = MemberChanges::default();
    for operation in &patch.operations {
        read_member_operation(&mut changes, operation).expect("members");
    }
    let known = |id: &str, tenant: &Tenant| {
        id.parse().is_ok_and(|id| tenant.users.contains_key(&id) || tenant.groups.contains_key(&id))
    };
    let held: Vec<String> = changes.remove.iter().filter(|id| tenant.held.contains(id)).cloned().collect();
    if !held.is_empty() {
        let status = StatusCode::from_u16(scim::HELD_STATUS).expect("a status");
        let error = scim::Error::new(scim::HELD_STATUS, None, "the deletion guard holds it").with_held(held);
        return (status, Json(error)).into_response();
    }
    changes.add.retain(|member| known(&member.value, &tenant));
    let Some(group) = tenant.groups.get_mut(&id) else { return error(404, None, "no group of this id") };
    if changes.clear {
        group.members.clear();
    }
    let named = |member: &scim::Member| {
        changes.remove.contains(&member.value) || changes.add.iter().any(|added| added.value == member.value)
    };
    group.members.retain(|member| !named(member));
    group.members.extend(changes.add);
    if std::mem::take(&mut tenant.lose_members) {
        return error(401, None, "the answer is lost");
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn delete_group(State(tenant): Shared, headers: HeaderMap, Path(id): Path<u64>) -> Response {
    let mut tenant = tenant.lock().expect("the tenant");
    if let Err(refusal) = admit(&mut tenant, "DELETE", &headers) {
        return *refusal;
    }
    let removed = tenant.groups.remove(&id);
    forget(&mut tenant, id);
    match removed {
        Some(_) => StatusCode::NO_CONTENT.into_response(),
        None => error(404, None, "no group of this id"),
    }
}

async fn read_group(State(tenant): Shared, headers: HeaderMap, Path(id): Path<u64>) -> Response {
    let mut tenant = tenant.lock().expect("the tenant");
    if let Err(refusal) = admit(&mut tenant, "GET", &headers) {
        return *refusal;
    }
    match tenant.groups.get(&id) {
        Some(group) => Json(group.clone()).into_response(),
        None => error(404, None, "no group of this id"),
    }
}

/// The operations one after the other, each as it would be by itself; and how many they were.
async fn bulk(each: Router, headers: HeaderMap, body: String) -> (Response, usize) {
    let read: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let mut done = Vec::new();
    for operation in read["Operations"].as_array().expect("operations") {
        let text = |name: &str| operation[name].as_str().expect("a text").to_owned();
        let data = operation.get("data").map(ToString::to_string).unwrap_or_default();
        let mut request = axum::http::Request::builder()
            .method(text("method").as_str())
            .uri(format!("/scim/v2{}", text("path")))
            .body(axum::body::Body::from(data))
            .expect("a request");
        *request.headers_mut() = headers.clone();
        let answer = each.clone().oneshot(request).await.expect("a router never fails");
        let status = answer.status();
        let said = axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
        let said: serde_json::Value = serde_json::from_slice(&said).unwrap_or_default();
        let mut one = serde_json::json!({"method": text("method"), "status": status.as_str()});
        if status.is_success() {
            if let Some(id) = said["id"].as_str() {
                one["location"] = format!("https://localhost/scim/v2{}/{id}", text("path")).into();
            }
        } else {
            one["response"] = said;
        }
        done.push(one);
    }
    let operations = done.len();
    (Json(serde_json::json!({"Operations": done})).into_response(), operations)
}
