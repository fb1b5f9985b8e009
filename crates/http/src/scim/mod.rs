//! The SCIM 2.0 service (RFC 7643, RFC 7644). Agents export people and groups to it: an agent's credential touches only hybrid people and
//! groups of its own forests. Other provisioners, with a token of the API, touch only the people whom the tenant itself keeps, no
//! administrators, and groups of the tenant's own ([`client`]). Neither touches roles, licences, policy, passwords or registered methods.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware::from_fn;
use axum::routing::{any, get, post};
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::state::AppState;

pub mod access;
pub mod bulk;
mod bulk_ids;
mod change;
pub mod client;
pub mod create;
pub mod delete;
pub mod discovery;
pub mod error;
mod filter;
pub mod group;
pub mod groups;
pub mod guard;
mod leases;
pub mod list;
mod names;
pub mod patch;
mod projection;
pub mod provider;
pub mod read;
mod rejection;
pub mod replace;
pub mod resource;
pub mod said;
pub mod scans;
mod sid;
mod soft_match;
pub mod version;

/// Largest body, in bytes.
const MAXIMUM_BODY: usize = 256 * 1024;

/// The SCIM routes.
pub fn router() -> Router<AppState> {
    let bulk = Router::new()
        .route("/scim/v2/Bulk", post(bulk::handle))
        .layer(DefaultBodyLimit::max(bulk::MAXIMUM_BODY));
    Router::new()
        .route("/scim/v2/ServiceProviderConfig", get(provider::handle))
        .route("/scim/v2/ResourceTypes", get(discovery::resource_types))
        .route("/scim/v2/ResourceTypes/{name}", get(discovery::resource_type))
        .route("/scim/v2/Schemas", get(discovery::schemas))
        .route("/scim/v2/Schemas/{urn}", get(discovery::schema))
        .merge(resources())
        .merge(bulk)
        .route("/scim/v2/{*rest}", any(rejection::nothing))
        .layer(from_fn(leases::fenced))
        // Bodies may come compressed, which each answer says (RFC 7694 section 3). Both what comes and what it becomes has its limit:
        // the former here, the latter where it is read, which ends there.
        .layer(RequestDecompressionLayer::new().no_br())
        .layer(RequestBodyLimitLayer::new(bulk::MAXIMUM_BODY))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("gzip"),
        ))
        .layer(from_fn(rejection::told))
}

/// The routes to people and groups: by themselves, and as what a bulk request's operations are sent to.
fn resources() -> Router<AppState> {
    Router::new()
        .route("/scim/v2/Users", get(list::handle).post(create::handle))
        .route(
            "/scim/v2/Users/{id}",
            get(read::handle).put(replace::handle).patch(patch::handle).delete(delete::handle),
        )
        .route("/scim/v2/Groups", get(groups::list::handle).post(groups::create::handle))
        .route(
            "/scim/v2/Groups/{id}",
            get(groups::read::handle)
                .put(groups::replace::handle)
                .patch(groups::patch::handle)
                .delete(groups::delete::handle),
        )
        .layer(DefaultBodyLimit::max(MAXIMUM_BODY))
        .layer(from_fn(projection::selected))
}
