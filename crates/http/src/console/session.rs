//! Who is signed in, and what every console page and operation needs of them.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use ritorno_identity::administrator::{Action, Administrator, Role};
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_identity::token::{Token, TokenDigest};
use ritorno_protocol::ids::UserId;

use crate::page::PageError;
use crate::reader::Reader;
use crate::state::AppState;

/// The session's cookie. It goes when the browser is closed, and the session behind it ends by itself.
const SESSION_COOKIE: &str = "__Host-console";

/// An administrator with a session that holds. Whoever has none is sent to sign in.
pub(super) struct SignedIn {
    pub(super) administrator: Administrator,
}

/// What the menu shows.
pub(super) struct Menu {
    pub(super) who: String,
    /// Whether the overview is theirs to see.
    pub(super) global: bool,
    pub(super) here: &'static str,
}

/// The cookie for a session that begins.
pub(super) fn cookie(token: &Token) -> Cookie<'static> {
    Cookie::build((SESSION_COOKIE, token.to_text().to_string()))
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .build()
}

/// The cookie that ends one.
pub(super) fn no_cookie() -> Cookie<'static> {
    Cookie::build((SESSION_COOKIE, "")).path("/").secure(true).http_only(true).build()
}

/// The session that a request names, whether or not it holds.
pub(super) fn named(jar: &CookieJar) -> Option<TokenDigest> {
    Some(Token::from_text(jar.get(SESSION_COOKIE)?.value())?.digest())
}

impl SignedIn {
    /// Whether they may do that.
    ///
    /// # Errors
    /// [`PageError::Forbidden`], with the reason.
    pub(super) fn require(&self, action: Action) -> Result<(), PageError> {
        self.administrator.may(action).map_err(PageError::Forbidden)
    }

    /// The menu on the page at `here`.
    pub(super) fn menu(&self, here: &'static str) -> Menu {
        let Administrator { name, role, .. } = &self.administrator;
        Menu { who: name.clone(), global: *role == Role::Global, here }
    }

    /// Writes down what they did.
    pub(super) async fn note(
        &self,
        state: &AppState,
        reader: &Reader,
        activity: Activity,
        reason: String,
        target: Option<UserId>,
    ) -> Result<(), PageError> {
        self.write_down(state, reader, activity, Success::Success, reason, target).await
    }

    /// Writes down how something ended that they did or tried.
    pub(super) async fn write_down(
        &self,
        state: &AppState,
        reader: &Reader,
        activity: Activity,
        success: Success,
        reason: String,
        target: Option<UserId>,
    ) -> Result<(), PageError> {
        let fact = Fact {
            id: FactId::random(&*state.random),
            tenant: state.tenant,
            at: state.clock.now(),
            activity,
            actor: Actor::Administrator(self.administrator.id),
            target,
            from: Some(reader.network.clone()),
            success,
            reason,
            support_code: None,
            correlation: CorrelationId::random(&*state.random),
            request: None,
        };
        state.store.audit().append(&fact).await.map_err(PageError::behind)
    }
}

impl FromRequestParts<AppState> for SignedIn {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, PageError> {
        let digest = named(&CookieJar::from_headers(&parts.headers)).ok_or(PageError::SignIn)?;
        let (store, now) = (&state.store, state.clock.now());
        let session = store.sessions().touch(state.tenant, &digest, now).await.map_err(PageError::behind)?;
        let id = session.ok_or(PageError::SignIn)?.administrator;
        let found = store.administrators().get(state.tenant, id).await.map_err(PageError::behind)?;
        Ok(Self { administrator: found.ok_or(PageError::SignIn)? })
    }
}
