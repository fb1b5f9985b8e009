//! `GET /api/v1/me`: who asks, and what they may.

use axum::Json;
use ritorno_identity::administrator::{Action, Scope};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::token::TokenView;
use crate::console::session::Proof;
use crate::problem::Problem;
use crate::reader::Reader;
use crate::time_text::rfc3339;

/// The people whom an administrator is for: with both, those who are in both.
#[derive(Serialize, ToSchema)]
struct MyScope {
    /// The domain of their sign-in names.
    #[schema(example = "contoso.com")]
    domain: Option<String>,
    /// The id of a group that they are in.
    #[schema(format = "uuid")]
    group: Option<String>,
}

/// The tenant.
#[derive(Serialize, ToSchema)]
struct MyTenant {
    /// Its id.
    #[schema(format = "uuid")]
    id: String,
    /// Its name.
    name: String,
}

/// Who asks.
#[derive(Serialize, ToSchema)]
pub(super) struct Me {
    /// The administrator's sign-in name.
    name: String,
    /// Their role.
    #[schema(example = "help-desk")]
    role: &'static str,
    /// Whom they are for; `null` for everybody.
    scope: Option<MyScope>,
    /// Whose administrator they are.
    tenant: MyTenant,
    /// The language of the pages for this reader.
    #[schema(example = "en")]
    language: &'static str,
    /// What they may, in person perhaps after a fresh code; by a token, what the token may.
    #[schema(example = json!(["read-users", "help-person"]))]
    may: Vec<&'static str>,
    /// Whether what takes a fresh proof is done now.
    fresh: bool,
    /// Until when; `null` if it is not, or no second factor is asked for.
    #[schema(format = DateTime)]
    fresh_until: Option<String>,
    /// The token that is shown; `null` in a session.
    token: Option<TokenView>,
}

fn scope(scope: &Scope) -> Option<MyScope> {
    let of = || MyScope { domain: scope.domain.clone(), group: scope.group.map(|id| id.to_string()) };
    (!scope.is_everybody()).then(of)
}

/// Who asks, and what they may.
///
/// Every administrator and every token may ask.
#[utoipa::path(
    get,
    path = "/api/v1/me",
    tag = "token",
    security(("token" = [])),
    responses((status = 200, description = "Who asks.", body = Me))
)]
pub(super) async fn get_me(caller: Caller, reader: Reader) -> Result<Json<Me>, Problem> {
    let operator = caller.operator();
    let (administrator, tenant) = (&operator.administrator, &operator.tenant);
    let may = Action::ALL.into_iter().filter(|action| operator.may(*action));
    let (fresh, fresh_until) = match caller.proof() {
        Some(Proof::Fresh(until)) => (true, until.map(rfc3339)),
        _ => (false, None),
    };
    Ok(Json(Me {
        name: administrator.name.clone(),
        role: administrator.role.as_str(),
        scope: scope(&administrator.scope),
        tenant: MyTenant { id: tenant.id.to_string(), name: tenant.name.clone() },
        language: reader.words(tenant).tag(),
        may: may.map(Action::as_str).collect(),
        fresh,
        fresh_until,
        token: caller.token().map(|token| TokenView::of(operator, token)),
    }))
}
