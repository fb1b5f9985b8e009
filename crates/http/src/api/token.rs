//! `GET /api/v1/token`: what the token that is shown is, and may.

use axum::Json;
use ritorno_identity::api_token::ApiToken;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::input::not_found;
use crate::operator::Operator;
use crate::problem::Problem;
use crate::time_text::rfc3339;

/// A token.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenView {
    /// Its id, as audit facts name it.
    id: String,
    /// What it was called when it was made.
    name: String,
    /// The administrator whose rights it has a part of.
    administrator: String,
    /// That administrator's role.
    #[schema(example = "help-desk")]
    role: &'static str,
    /// What it may now: its scopes, as far as the role has them.
    scopes: Vec<&'static str>,
    /// When it ends.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// What this token is.
///
/// Every token may ask.
#[utoipa::path(
    get,
    path = "/api/v1/token",
    tag = "token",
    security(("token" = [])),
    responses(
        (status = 200, description = "The token, and what it may.", body = TokenView),
        (status = 404, description = "`not-found`: an administrator asks in person. `/api/v1/me` tells who.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get_token(caller: Caller) -> Result<Json<TokenView>, Problem> {
    let token = caller.token().ok_or_else(not_found)?;
    Ok(Json(TokenView::of(caller.operator(), token)))
}

impl TokenView {
    /// What that token is, by which `operator` asks.
    pub(super) fn of(operator: &Operator, token: &ApiToken) -> Self {
        let may = token.scopes.iter().filter(|action| operator.may(**action));
        Self {
            id: token.id.to_string(),
            name: token.name.clone(),
            administrator: operator.administrator.name.clone(),
            role: operator.administrator.role.as_str(),
            scopes: may.filter_map(|action| action.scope()).collect(),
            expires_at: rfc3339(token.expires_at),
        }
    }
}
