//! Whoever shows a token: the administrator behind it.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use ritorno_identity::administrator::Action;
use ritorno_identity::api_token::{self, ApiToken, Refused};
use ritorno_identity::limit::API_REQUESTS;
use ritorno_identity::subject::Subject;
use ritorno_identity::token::Token;
use ritorno_protocol::ids::UserId;
use ritorno_storage::StoreError;

use crate::operator::Operator;
use crate::problem::Problem;
use crate::reader::Reader;
use crate::state::AppState;

/// Whoever shows a token that holds (RFC 6750 section 2.1), and has not asked too often.
#[derive(Clone, Debug)]
pub(crate) struct ByToken {
    operator: Operator,
    token: ApiToken,
}

/// Why nobody is let in.
pub(crate) enum NotLetIn {
    /// There is no token, or none that holds.
    Refused,
    /// The token was used too often, and may be used again in so many seconds.
    TooMany(u64),
    /// The database failed.
    Store(StoreError),
}

impl From<StoreError> for NotLetIn {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<NotLetIn> for Problem {
    fn from(why: NotLetIn) -> Self {
        match why {
            NotLetIn::Refused => {
                let detail = "It is missing, wrong, expired or revoked, or its administrator is gone. `ritorno token create` makes another one.";
                Self::new(StatusCode::UNAUTHORIZED, "token", "The token is refused", detail)
            }
            NotLetIn::TooMany(wait) => {
                let detail = format!("A token, or a session, may ask {} times a minute.", API_REQUESTS.most);
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many", "Too many requests", detail)
                    .retry_after(wait)
            }
            NotLetIn::Store(error) => error.into(),
        }
    }
}

/// The token that a request shows, if it looks like one of these.
pub(crate) fn shown(headers: &HeaderMap) -> Option<Token> {
    let (scheme, text) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| api_token::from_text(text))?
}

/// Counts one more request of a token or a session.
///
/// # Errors
/// [`NotLetIn`].
pub(super) async fn count(state: &AppState, subject: &Subject) -> Result<(), NotLetIn> {
    let (limits, now) = (state.store.limits(), state.clock.now());
    if limits.count(state.tenant, &API_REQUESTS, subject, now).await? {
        return Ok(());
    }
    let until = limits.reached_until(state.tenant, &API_REQUESTS, subject, now).await?;
    Err(NotLetIn::TooMany(until.map_or(1, |until| until.since(now).as_secs() + 1)))
}

impl ByToken {
    /// Whoever shows that token; it counts as used once more.
    ///
    /// # Errors
    /// [`NotLetIn`].
    pub(crate) async fn of(shown: &Token, parts: &mut Parts, state: &AppState) -> Result<Self, NotLetIn> {
        let (store, now) = (&state.store, state.clock.now());
        let token = store.api_tokens().find(state.tenant, &shown.digest(), now).await?;
        let token = token.ok_or(NotLetIn::Refused)?;
        let administrator = store.administrators().get(state.tenant, token.administrator).await?;
        let administrator = administrator.ok_or(NotLetIn::Refused)?;
        count(state, &Subject::of_user(&state.pepper, state.tenant, UserId(token.id.0))).await?;
        let tenant = store.tenants().get(state.tenant).await?.ok_or(NotLetIn::Refused)?;
        let Ok(reader) = Reader::from_request_parts(parts, state).await;
        let operator =
            Operator { administrator, tenant, network: reader.network, token: Some(token.clone()) };
        Ok(Self { operator, token })
    }

    /// Who does it, if they may.
    ///
    /// # Errors
    /// [`Refused`], by what is missing.
    pub(crate) fn may(&self, action: Action) -> Result<&Operator, Refused> {
        self.token.may(&self.operator.administrator, action).map(|()| &self.operator)
    }

    /// Who asks.
    pub(crate) const fn operator(&self) -> &Operator {
        &self.operator
    }

    /// By what.
    pub(crate) const fn token(&self) -> &ApiToken {
        &self.token
    }
}
