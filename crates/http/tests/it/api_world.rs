//! Tokens in an installation, and what they are answered.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use ritorno_identity::administrator::{Action, Administrator};
use ritorno_identity::api_token::{ApiToken, to_text};
use ritorno_identity::authenticator::{AppSecret, Step};
use ritorno_identity::ids::ApiTokenId;
use ritorno_identity::session::Session;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::token::Token;
use ritorno_protocol::clock::{Clock as _, Timestamp};
use ritorno_protocol::ids::TenantId;
use ritorno_storage::Beside;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::world::{ORIGIN, World};

/// How long tokens of these tests hold.
pub(crate) const VALID: Duration = Duration::from_secs(90 * 24 * 3_600);

/// What a token is made with.
pub(crate) fn every_scope() -> Vec<Action> {
    Action::ALL.into_iter().filter(|action| action.scope().is_some()).collect()
}

impl World {
    /// The administrator of that name.
    pub(crate) async fn named(&self, name: &str) -> Administrator {
        self.state.store.administrators().by_name(self.tenant.id, name).await.unwrap().unwrap()
    }

    /// A token of that administrator, and its text.
    pub(crate) async fn token(&self, administrator: &str, scopes: Vec<Action>) -> (ApiToken, String) {
        let administrator = self.named(administrator).await;
        self.token_of(&administrator, scopes, self.clock.now().plus(VALID)).await
    }

    /// The same until then, in whatever tenant.
    pub(crate) async fn token_of(
        &self,
        administrator: &Administrator,
        scopes: Vec<Action>,
        expires_at: Timestamp,
    ) -> (ApiToken, String) {
        let secret = Token::random(&*self.state.random);
        let token = ApiToken {
            id: ApiTokenId::random(&*self.state.random),
            tenant: administrator.tenant,
            administrator: administrator.id,
            name: format!("token of {}", administrator.name),
            scopes,
            created_at: self.clock.now(),
            expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        self.state.store.api_tokens().insert(&token, &secret.digest()).await.unwrap();
        (token, to_text(&secret).to_string())
    }

    /// From now on a second factor is asked for, and these administrators have an app.
    pub(crate) async fn asks_for_apps(&self, names: &[&str]) {
        let (state, tenant) = (&self.state, self.tenant.id);
        let asks = Tenant { second_factor: true, ..self.tenant.clone() };
        state.store.tenants().update(&asks).await.unwrap();
        let (apps, key, random) = (state.store.administrator_apps(), &state.node_key, &*state.random);
        for name in names {
            let id = self.named(name).await.id;
            let secret = AppSecret::random(random);
            assert!(apps.propose(tenant, id, &secret, key, random).await.unwrap().is_some());
            assert!(apps.adopt(tenant, id, (&secret, Step(0)), key, Beside::Nothing).await.unwrap());
        }
    }

    /// A session of that administrator, in whatever tenant, in which all was shown so long ago; its cookie.
    pub(crate) async fn session_of(&self, administrator: &Administrator, ago: Duration) -> String {
        let (secret, now) = (Token::random(&*self.state.random), self.clock.now());
        let new = Session::new(secret.digest(), administrator.tenant, administrator.id, now);
        let session = Session { proved_at: Some(now.minus(ago)), ..new };
        self.state.store.sessions().insert(&session).await.unwrap();
        cookie(&secret)
    }

    /// A session of whoever gave the right password only.
    pub(crate) async fn half_session_of(&self, administrator: &Administrator) -> String {
        let (secret, now) = (Token::random(&*self.state.random), self.clock.now());
        let session = Session::half(secret.digest(), administrator.tenant, administrator.id, now);
        self.state.store.sessions().insert(&session).await.unwrap();
        cookie(&secret)
    }

    /// A session of that administrator, in which all was shown now.
    pub(crate) async fn session(&self, name: &str) -> String {
        self.session_of(&self.named(name).await, Duration::ZERO).await
    }

    /// Another tenant in the same database.
    pub(crate) async fn other_tenant(&self) -> TenantId {
        use ritorno_protocol::key::SigningKey;
        let random = &*self.state.random;
        let root = SigningKey::generate(random).public();
        let tenant = Tenant::new(TenantId::random(random), "Fabrikam".into(), root, self.clock.now());
        self.state.store.tenants().insert(&tenant).await.unwrap();
        tenant.id
    }
}

fn cookie(secret: &Token) -> String {
    format!("__Host-console={}", *secret.to_text())
}

/// What a browser says of a request that a page of ours makes.
pub(crate) fn of_ours(cookie: &str) -> BTreeMap<&'static str, &str> {
    BTreeMap::from([("cookie", cookie), ("origin", ORIGIN), ("sec-fetch-site", "same-origin")])
}

/// A request.
#[derive(Clone, Default)]
pub(crate) struct Call<'a> {
    pub(crate) token: Option<&'a str>,
    pub(crate) body: Option<&'a str>,
    pub(crate) headers: BTreeMap<&'static str, &'a str>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Told {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The kind of problem; empty if it is none.
    pub(crate) fn kind(&self) -> String {
        if self.status.is_success() {
            return String::new();
        }
        let kind = self.headers.get(header::CONTENT_TYPE).map(|kind| kind.to_str().unwrap());
        assert_eq!(kind, Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
        problem["type"].as_str().unwrap().strip_prefix("urn:ritorno:problem:").unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Asks.
pub(crate) async fn call(app: &Router, method: &str, path: &str, call: &Call<'_>) -> Told {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = call.token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    if call.body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    for (name, value) in &call.headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(call.body.unwrap_or_default().to_owned())).unwrap();
    let (parts, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    // One that goes on for ever is let go.
    let endless = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
    let body = if endless { Body::empty() } else { body };
    let bytes = to_bytes(body, 1 << 20).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    Told { status: parts.status, headers: parts.headers, text }
}
