//! Who is signed in, and what every console page and operation needs of them: `GET /console/home` leads to the console.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::Redirect;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use ritorno_identity::administrator::{Action, Administrator};
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_identity::session::{FRESH, Session};
use ritorno_identity::tenant::Tenant;
use ritorno_identity::token::{Token, TokenDigest};
use ritorno_protocol::clock::Timestamp;
use ritorno_storage::{Beside, StoreError};

use crate::operator::Operator;
use crate::page::PageError;
use crate::reader::Reader;
use crate::state::AppState;

/// The session's cookie. It goes when the browser is closed, and the session behind it ends by itself.
pub(crate) const SESSION_COOKIE: &str = "__Host-console";

/// An administrator with a session that holds, who has shown all that is asked for. Whoever has not is sent to do so.
pub(super) struct SignedIn {
    pub(super) administrator: Administrator,
    pub(super) tenant: Tenant,
    /// The session, by the digest of its token.
    pub(super) session: TokenDigest,
    /// Where to go on once the second factor is shown anew; `None` if it was shown a moment ago, or none is asked for.
    stale: Option<String>,
}

/// An administrator who gave the right password, and may have shown the second factor or not.
pub(crate) struct HalfSignedIn {
    pub(crate) administrator: Administrator,
    pub(crate) tenant: Tenant,
    pub(crate) session: Session,
}

/// How far somebody has shown who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The second factor is asked for, and was not shown: the session opens nothing.
    Missing,
    /// It was shown, too long ago for what takes a fresh one.
    Stale,
    /// It was shown a moment ago, and counts as that until then; `None` where none is asked for.
    Fresh(Option<Timestamp>),
}

/// What the menu shows: which pages are theirs to see.
pub(super) struct Menu {
    pub(super) who: String,
    pub(super) tenant: bool,
    pub(super) people: bool,
    pub(super) licences: bool,
    pub(super) audit: bool,
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
    /// Whether they may do that, now.
    ///
    /// # Errors
    /// [`PageError::Forbidden`], with the reason; [`PageError::SecondFactor`] if it takes one that was shown a moment ago.
    pub(super) fn require(&self, action: Action) -> Result<(), PageError> {
        self.administrator.may(action).map_err(PageError::Forbidden)?;
        match &self.stale {
            Some(then) if action.takes_fresh_proof() => Err(PageError::SecondFactor(then.clone())),
            _ => Ok(()),
        }
    }

    /// Whether they have shown their second factor a moment ago: what they do to their own account needs no role.
    ///
    /// # Errors
    /// [`PageError::SecondFactor`] if they have not.
    pub(super) fn require_fresh(&self) -> Result<(), PageError> {
        match &self.stale {
            Some(then) => Err(PageError::SecondFactor(then.clone())),
            None => Ok(()),
        }
    }

    /// Whether they may do that, perhaps after showing the second factor anew.
    pub(super) fn may(&self, action: Action) -> bool {
        self.administrator.may(action).is_ok()
    }

    /// The menu on the page at `here`.
    pub(super) fn menu(&self, here: &'static str) -> Menu {
        Menu {
            who: self.administrator.name.clone(),
            tenant: self.may(Action::ReadTenant),
            people: self.may(Action::ReadUsers),
            licences: self.may(Action::ChangeTenant),
            audit: self.may(Action::ReadAudit),
            here,
        }
    }

    /// Who does it, for what the console and the API both do.
    pub(super) fn operator(&self, reader: &Reader) -> Operator {
        Operator {
            administrator: self.administrator.clone(),
            tenant: self.tenant.clone(),
            network: reader.network.clone(),
            token: None,
        }
    }
}

/// What somebody did or tried in the console, or at its door, that is about nobody's account.
pub(super) fn fact(
    state: &AppState,
    reader: &Reader,
    actor: Actor,
    activity: Activity,
    success: Success,
    reason: String,
) -> Fact {
    Fact {
        id: FactId::random(&*state.random),
        tenant: state.tenant,
        at: state.clock.now(),
        activity,
        actor,
        target: None,
        from: Some(reader.network.clone()),
        success,
        reason,
        support_code: None,
        correlation: CorrelationId::random(&*state.random),
        request: None,
    }
}

/// The first of the plain pages that is theirs.
pub(super) fn home_of(administrator: &Administrator) -> &'static str {
    let pages = [
        (Action::ReadTenant, "/console"),
        (Action::ReadUsers, "/console/people"),
        (Action::ReadAudit, "/console/audit"),
    ];
    pages.into_iter().find(|(action, _)| administrator.may(*action).is_ok()).map_or("/", |(_, page)| page)
}

/// Leads whoever is signed in to the console, which shows the first page that is theirs.
pub(super) async fn home(_: SignedIn) -> Redirect {
    Redirect::to("/console/app")
}

impl HalfSignedIn {
    /// Whether they may set a factor up: the first one with the password alone, any other one after a factor that was shown a moment ago.
    ///
    /// # Errors
    /// [`PageError::SecondFactor`] if they have one to show before.
    pub(super) fn may_set_up(&self, now: Timestamp, here: &str) -> Result<Beside, PageError> {
        if !self.administrator.has_factor() {
            return Ok(Beside::Nothing);
        }
        match self.session.proved_at {
            Some(proved_at) if now < proved_at.plus(FRESH) => Ok(Beside::Others),
            _ => Err(PageError::SecondFactor(here.to_owned())),
        }
    }

    /// Whose session the request's cookie names; the session counts as used now. `None` if it has ended, or the cookie names none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn of(state: &AppState, headers: &HeaderMap) -> Result<Option<Self>, StoreError> {
        let Some(digest) = named(&CookieJar::from_headers(headers)) else { return Ok(None) };
        let (store, now) = (&state.store, state.clock.now());
        let Some(session) = store.sessions().touch(state.tenant, &digest, now).await? else {
            return Ok(None);
        };
        let found = store.administrators().get(state.tenant, session.administrator).await?;
        let Some(administrator) = found else { return Ok(None) };
        let tenant = store.tenants().get(state.tenant).await?;
        Ok(tenant.map(|tenant| Self { administrator, tenant, session }))
    }

    /// Whether they show a second factor beside the password.
    pub(super) const fn asks_for_factor(&self) -> bool {
        self.tenant.second_factor && !self.administrator.break_glass
    }

    /// How far they have shown who they are.
    pub(crate) fn proof(&self, now: Timestamp) -> Proof {
        let asks = self.asks_for_factor();
        // Where a second factor is asked for, a password is not enough. Sessions of a time when none was asked for end when it is switched on.
        let Some(proved_at) = self.session.proved_at.filter(|_| !asks || self.administrator.has_factor())
        else {
            return Proof::Missing;
        };
        let until = proved_at.plus(FRESH);
        match asks {
            false => Proof::Fresh(None),
            true if now < until => Proof::Fresh(Some(until)),
            true => Proof::Stale,
        }
    }
}

impl FromRequestParts<AppState> for HalfSignedIn {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, PageError> {
        Self::of(state, &parts.headers).await.map_err(PageError::behind)?.ok_or(PageError::SignIn)
    }
}

impl FromRequestParts<AppState> for SignedIn {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, PageError> {
        let half = HalfSignedIn::from_request_parts(parts, state).await?;
        // What was posted can't be posted again by a way back: it goes on at the page before.
        let then = || match (parts.method == Method::GET, parts.uri.path_and_query()) {
            (true, Some(here)) => here.as_str().to_owned(),
            _ => "/console/home".to_owned(),
        };
        let stale = match half.proof(state.clock.now()) {
            Proof::Missing => return Err(PageError::SecondFactor(then())),
            Proof::Stale => Some(then()),
            Proof::Fresh(_) => None,
        };
        let HalfSignedIn { administrator, tenant, session } = half;
        Ok(Self { stale, administrator, tenant, session: session.digest })
    }
}
