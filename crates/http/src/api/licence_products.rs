//! `/api/v1/licences/products`: what was bought.

use axum::Json;
use axum::extract::State;
use ritorno_identity::administrator::Action;
use ritorno_identity::licence::{SKUS, Sku};
use ritorno_storage::Subscribed;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::etag::{IfMatch, Tagged, changed};
use super::input::{At, Body, not_found};
use crate::licensing;
use crate::operations::licences;
use crate::problem::Problem;
use crate::state::AppState;

/// A product.
#[derive(Serialize, ToSchema)]
pub(super) struct Product {
    /// Its string id.
    #[schema(example = "AAD_PREMIUM")]
    product: &'static str,
    /// Its GUID.
    #[schema(format = "uuid")]
    id: String,
    /// Its name.
    title: &'static str,
    /// For how many people it was bought; absent if it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    units: Option<u32>,
}

/// How many people have a product that was bought.
#[derive(Serialize, ToSchema)]
pub(super) struct Bought {
    /// The product.
    #[serde(flatten)]
    product: Product,
    /// How many people have it.
    consumed: u32,
}

/// For how many people.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Units {
    /// How many. Nobody loses what they have if it is fewer than have it.
    units: u32,
}

fn view(sku: &'static Sku, bought: Option<&Subscribed>) -> Product {
    let units = bought.map(|one| one.units);
    Product { product: sku.name, id: sku.id.to_string(), title: sku.title, units }
}

fn named(text: &str) -> Result<&'static Sku, Problem> {
    licensing::product(text).map_err(|_| not_found())
}

/// Every product that is known here, and how much of it was bought.
#[utoipa::path(
    get,
    path = "/api/v1/licences/products",
    tag = "licences",
    security(("token" = ["licences.read"])),
    responses((status = 200, description = "Every product.", body = [Bought]))
)]
pub(super) async fn list_products(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Json<Vec<Bought>>, Problem> {
    let tenant = &caller.require(Action::ReadLicences)?.tenant;
    let bought = state.store.licences().subscribed(tenant.id).await?;
    let of = |sku: &'static Sku| {
        let one = bought.iter().find(|one| one.sku.id == sku.id);
        Bought { product: view(sku, one), consumed: one.map_or(0, |one| one.consumed) }
    };
    Ok(Json(SKUS.iter().map(of).collect()))
}

async fn found(state: &AppState, sku: &'static Sku) -> Result<(Product, Option<u32>), Problem> {
    let bought = state.store.licences().subscribed(state.tenant).await?;
    let one = bought.iter().find(|one| one.sku.id == sku.id);
    Ok((view(sku, one), one.map(|one| one.units)))
}

/// One product.
#[utoipa::path(
    get,
    path = "/api/v1/licences/products/{product}",
    tag = "licences",
    security(("token" = ["licences.read"])),
    params(("product" = String, Path, description = "Its string id or GUID.")),
    responses((status = 200, description = "The product.", body = Product, headers(("ETag" = String, description = "For If-Match."))))
)]
pub(super) async fn get_product(
    State(state): State<AppState>,
    caller: Caller,
    At(product): At<String>,
) -> Result<Tagged<Product>, Problem> {
    caller.require(Action::ReadLicences)?;
    Ok(Tagged(found(&state, named(&product)?).await?.0))
}

/// Writes down for how many people a product was bought.
#[utoipa::path(
    put,
    path = "/api/v1/licences/products/{product}",
    tag = "licences",
    security(("token" = ["tenant.write"])),
    params(
        ("product" = String, Path, description = "Its string id or GUID."),
        ("If-Match" = Option<String>, Header, description = "The product as you saw it."),
    ),
    request_body = Units,
    responses(
        (status = 200, description = "The product as it is now.", body = Product, headers(("ETag" = String, description = "For If-Match."))),
        (status = 412, description = "`changed`: it is not as you saw it.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put_product(
    State(state): State<AppState>,
    caller: Caller,
    At(product): At<String>,
    if_match: IfMatch,
    Body(Units { units }): Body<Units>,
) -> Result<Tagged<Product>, Problem> {
    let operator = caller.require(Action::ChangeTenant)?;
    let sku = named(&product)?;
    let from = if if_match.is_said() {
        let (seen, before) = found(&state, sku).await?;
        if_match.check(&seen)?;
        Some(before)
    } else {
        None
    };
    if !licences::buy(&state, operator, sku, from, units).await? {
        return Err(changed());
    }
    Ok(Tagged(Product { units: Some(units), ..view(sku, None) }))
}
