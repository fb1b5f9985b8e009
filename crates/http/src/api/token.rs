//! `GET /api/v1/token`: what the token that is shown is, and may.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
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
    responses((status = 200, description = "The token, and what it may.", body = TokenView))
)]
pub(super) async fn get_token(caller: Caller) -> Result<Json<TokenView>, Problem> {
    let (operator, token) = (caller.operator(), caller.token());
    let may = token.scopes.iter().filter(|action| operator.may(**action));
    Ok(Json(TokenView {
        id: token.id.to_string(),
        name: token.name.clone(),
        administrator: operator.administrator.name.clone(),
        role: operator.administrator.role.as_str(),
        scopes: may.filter_map(|action| action.scope()).collect(),
        expires_at: rfc3339(token.expires_at),
    }))
}
