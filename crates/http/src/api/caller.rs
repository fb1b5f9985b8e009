//! Who calls: an administrator, in person by the session of the console, or the administrator behind a token.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use ritorno_identity::administrator::{Action, Forbidden};
use ritorno_identity::api_token::{ApiToken, Refused};
use ritorno_storage::Asker;

use super::by_session::BySession;
use super::by_token::{ByToken, NotLetIn, shown};
use crate::console::session::Proof;
use crate::operator::Operator;
use crate::problem::Problem;
use crate::state::AppState;

/// Whoever calls. A request with a token is the token's, whatever cookies come along.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// A program.
    Token(Box<ByToken>),
    /// An administrator.
    Session(Box<BySession>),
}

impl Caller {
    /// Who does it, if they may.
    ///
    /// # Errors
    /// [`Problem`], by what is missing.
    pub(super) fn require(&self, action: Action) -> Result<&Operator, Problem> {
        match self {
            Self::Token(by) => by.may(action).map_err(refused),
            Self::Session(by) => by.may(action).map_err(Problem::from),
        }
    }

    /// Who asks.
    pub(super) fn operator(&self) -> &Operator {
        match self {
            Self::Token(by) => by.operator(),
            Self::Session(by) => by.operator(),
        }
    }

    /// The token, if it is asked by one.
    pub(super) fn token(&self) -> Option<&ApiToken> {
        match self {
            Self::Token(by) => Some(by.token()),
            Self::Session(_) => None,
        }
    }

    /// How far somebody has shown who they are; `None` of a token, which shows nobody.
    pub(super) fn proof(&self) -> Option<Proof> {
        match self {
            Self::Token(_) => None,
            Self::Session(by) => Some(by.proof()),
        }
    }

    /// Whose keys an idempotency key is one of: no session has another's, nor a token's.
    pub(super) fn asker(&self) -> Asker {
        match self {
            Self::Token(by) => Asker::Token(by.token().id),
            Self::Session(by) => Asker::Session(by.session()),
        }
    }
}

/// The administrator may not do it, however they ask.
pub(super) fn forbidden(why: Forbidden) -> Problem {
    let title = "The administrator may not do this";
    Problem::new(StatusCode::FORBIDDEN, "forbidden", title, format!("{why}."))
}

/// Why a token does not do it.
fn refused(why: Refused) -> Problem {
    let (kind, title) = match why {
        Refused::Forbidden(why) => return forbidden(why),
        Refused::InPerson => ("in-person", "No token does this"),
        Refused::Scope(_) => ("token-scope", "The token was not made for this"),
    };
    Problem::new(StatusCode::FORBIDDEN, kind, title, format!("{why}."))
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        // Whoever was let in for the request's key is not asked, and counted, once more.
        if let Some(caller) = parts.extensions.get::<Self>() {
            return Ok(caller.clone());
        }
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            return Ok(Self::Session(Box::new(BySession::of(parts, state).await?)));
        }
        let shown = shown(&parts.headers).ok_or(NotLetIn::Refused)?;
        Ok(Self::Token(Box::new(ByToken::of(&shown, parts, state).await?)))
    }
}
