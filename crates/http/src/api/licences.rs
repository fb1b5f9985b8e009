//! `/api/v1/licences`: whether people need one, where products are used, and who would be refused.

use axum::Json;
use axum::extract::State;
use ritorno_identity::administrator::Action;
use ritorno_identity::licence::{Licensing, usage_location};
use ritorno_identity::name::SignInName;
use ritorno_identity::tenant::Tenant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::etag::{IfMatch, Tagged};
use super::input::{Asked, Body, not_found, unfit};
use super::paging::{Page, Paging, cursor, page_of};
use crate::operations::licences;
use crate::problem::Problem;
use crate::state::AppState;

/// Whether people need a licence, and where products are used.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Licensed {
    /// Whether people need one; else everybody has all there is.
    required: bool,
    /// The country in which products are used, where nothing else is said: two letters (ISO 3166-1).
    #[schema(example = "IT")]
    usage_location: Option<String>,
}

impl Licensed {
    fn of(tenant: &Tenant) -> Self {
        let required = tenant.licensing == Licensing::Assigned;
        Self { required, usage_location: tenant.usage_location.clone() }
    }
}

/// Whether people need a licence.
#[utoipa::path(
    get,
    path = "/api/v1/licences",
    tag = "licences",
    security(("token" = ["licences.read"])),
    responses((status = 200, description = "Whether they do.", body = Licensed, headers(("ETag" = String, description = "For If-Match."))))
)]
pub(super) async fn get_licensing(caller: Caller) -> Result<Tagged<Licensed>, Problem> {
    Ok(Tagged(Licensed::of(&caller.require(Action::ReadLicences)?.tenant)))
}

/// Says whether people need a licence, and where products are used.
#[utoipa::path(
    put,
    path = "/api/v1/licences",
    tag = "licences",
    security(("token" = ["tenant.write"])),
    params(("If-Match" = Option<String>, Header, description = "What it was as you saw it.")),
    request_body = Licensed,
    responses(
        (status = 200, description = "What holds now.", body = Licensed, headers(("ETag" = String, description = "For If-Match."))),
        (status = 412, description = "`changed`: it is not as you saw it.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`usage-location`: it is no country.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put_licensing(
    State(state): State<AppState>,
    caller: Caller,
    if_match: IfMatch,
    Body(wanted): Body<Licensed>,
) -> Result<Tagged<Licensed>, Problem> {
    let operator = caller.require(Action::ChangeTenant)?;
    let country = wanted.usage_location.as_deref().map(usage_location).transpose();
    let country = country.map_err(|told| unfit("usage-location", "It is no country", told))?;
    let licensing = if wanted.required { Licensing::Assigned } else { Licensing::Community };
    let mut operator = operator.clone();
    loop {
        if_match.check(&Licensed::of(&operator.tenant))?;
        if licences::set(&state, &operator, licensing, country.as_deref()).await? {
            break;
        }
        // Somebody else was faster, whose change is in the audit too. Who said no condition, or one that still holds, comes next.
        operator.tenant = state.store.tenants().get(state.tenant).await?.ok_or_else(not_found)?;
    }
    Ok(Tagged(Licensed { required: wanted.required, usage_location: country }))
}

/// Who would be refused where licences are asked for: their sign-in names.
#[utoipa::path(
    get,
    path = "/api/v1/licences/refused",
    tag = "licences",
    security(("token" = ["licences.read"])),
    params(Paging),
    responses((status = 200, description = "A page of sign-in names.", body = Page<String>))
)]
pub(super) async fn list_refused(
    State(state): State<AppState>,
    caller: Caller,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Page<String>>, Problem> {
    let tenant = &caller.require(Action::ReadLicences)?.tenant;
    let (after, limit) = (paging.cursor::<String>()?, paging.limit());
    let after = after.map(|name| SignInName::of_principal(&name));
    let licences = state.store.licences();
    let names = licences.names_without_writeback_after(tenant.id, after.as_ref(), limit + 1).await?;
    Ok(Json(page_of(names, limit, |name| cursor(name.as_str()), |name| name)))
}
