//! Who calls: the administrator behind a token.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use ritorno_identity::administrator::Action;
use ritorno_identity::api_token::{self, ApiToken, Refused};
use ritorno_identity::limit::API_REQUESTS;
use ritorno_identity::subject::Subject;
use ritorno_protocol::ids::UserId;

use crate::operator::Operator;
use crate::problem::Problem;
use crate::reader::Reader;
use crate::state::AppState;

/// Whoever shows a token that holds (RFC 6750 section 2.1), and has not asked too often.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    operator: Operator,
    token: ApiToken,
}

impl Caller {
    /// Who does it, if they may.
    ///
    /// # Errors
    /// [`Problem`], by what is missing.
    pub(super) fn require(&self, action: Action) -> Result<&Operator, Problem> {
        self.token.may(&self.operator.administrator, action).map(|()| &self.operator).map_err(refused)
    }

    /// Who asks.
    pub(super) const fn operator(&self) -> &Operator {
        &self.operator
    }

    /// By what.
    pub(super) const fn token(&self) -> &ApiToken {
        &self.token
    }
}

/// Why it is not done.
fn refused(why: Refused) -> Problem {
    let (kind, title) = match why {
        Refused::Forbidden(_) => ("forbidden", "The administrator may not do this"),
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
        let refused = || {
            let detail = "It is missing, wrong, expired or revoked, or its administrator is gone. `ritorno token create` makes another one.";
            Problem::new(StatusCode::UNAUTHORIZED, "token", "The token is refused", detail)
        };
        let text = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"));
        let shown = text.and_then(|(_, text)| api_token::from_text(text)).ok_or_else(refused)?;
        let (store, now) = (&state.store, state.clock.now());
        let token = store.api_tokens().find(state.tenant, &shown.digest(), now).await?;
        let token = token.ok_or_else(refused)?;
        let administrator = store.administrators().get(state.tenant, token.administrator).await?;
        let administrator = administrator.ok_or_else(refused)?;
        let subject = Subject::of_user(&state.pepper, state.tenant, UserId(token.id.0));
        if !store.limits().count(state.tenant, &API_REQUESTS, &subject, now).await? {
            let until = store.limits().reached_until(state.tenant, &API_REQUESTS, &subject, now).await?;
            let wait = until.map_or(1, |until| until.since(now).as_secs() + 1);
            let detail = format!("A token may ask {} times a minute.", API_REQUESTS.most);
            let problem =
                Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many", "Too many requests", detail);
            return Err(problem.retry_after(wait));
        }
        let tenant = store.tenants().get(state.tenant).await?.ok_or_else(refused)?;
        let Ok(reader) = Reader::from_request_parts(parts, state).await;
        let operator =
            Operator { administrator, tenant, network: reader.network, token: Some(token.clone()) };
        Ok(Self { operator, token })
    }
}
