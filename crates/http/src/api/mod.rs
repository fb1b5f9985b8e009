//! `/api/v1`: what the console does, for programs. `OpenApiRouter` is the one way by which a route gets here, so that each is in the
//! document ([`document`]); the tests go through every route of it with every role.
//!
//! A program shows a token (`identity::api_token`), which is a part of an administrator's rights. The console's own scripts come with its
//! session, and are the administrator in person ([`by_session`]). What takes a fresh proof no token does: it is answered `in-person`.

mod agent_changes;
mod agents;
mod audit;
mod audit_tail;
mod by_session;
pub(crate) mod by_token;
mod caller;
mod directories;
mod doctor;
mod document;
mod enrolment;
mod etag;
mod group_policies;
mod guard;
mod held_exports;
mod help_desk;
mod idempotency;
mod input;
mod licence_assignments;
mod licence_products;
mod licences;
mod look;
mod me;
mod onboarding;
mod overview;
mod paging;
mod password;
mod people;
mod person_directory;
mod removals;
mod sspr_policy;
mod statistics;
mod switches;
mod sync;
pub mod tails;
mod timeline;
mod token;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware::from_fn_with_state;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::Problem;
use crate::state::AppState;

pub use document::document;

/// Largest body that a program may send, in bytes.
const MAXIMUM_BODY: usize = 32 * 1024;

/// Every route, with its document.
fn routes() -> OpenApiRouter<AppState> {
    // A picture is larger than anything else that is sent.
    let logos = OpenApiRouter::new()
        .routes(routes!(look::put_logo, look::delete_logo))
        .layer(DefaultBodyLimit::max(look::FILE_AT_MOST));
    OpenApiRouter::with_openapi(document::frame())
        .merge(logos)
        .routes(routes!(look::get_look, look::put_look))
        .routes(routes!(document::get_document))
        .routes(routes!(token::get_token))
        .routes(routes!(me::get_me))
        .routes(routes!(overview::get_overview))
        .routes(routes!(statistics::get_statistics))
        .routes(routes!(switches::list_switches))
        .routes(routes!(switches::get_switch, switches::put_switch))
        .routes(routes!(agents::list_agents))
        .routes(routes!(agents::get_agent, agent_changes::revoke_agent))
        .routes(routes!(agents::get_agent_writeback, agents::put_agent_writeback))
        .routes(routes!(agent_changes::rename_agent))
        .routes(routes!(agent_changes::allow_agent_forest))
        .routes(routes!(enrolment::make_enrolment_token))
        .routes(routes!(onboarding::confirm_onboarding))
        .routes(routes!(directories::list_directories))
        .routes(routes!(removals::list_removals))
        .routes(routes!(removals::approve_removals))
        .routes(routes!(held_exports::list_held_exports))
        .routes(routes!(held_exports::approve_held_export))
        .routes(routes!(guard::get_guard, guard::put_guard))
        .routes(routes!(sspr_policy::get_policy, sspr_policy::put_policy))
        .routes(routes!(sspr_policy::list_methods))
        .routes(routes!(group_policies::list_groups))
        .routes(routes!(group_policies::get_group, group_policies::put_group, group_policies::delete_group))
        .routes(routes!(people::list_people))
        .routes(routes!(people::get_person))
        .routes(routes!(person_directory::get_account))
        .routes(routes!(timeline::get_timeline))
        .routes(routes!(timeline::get_code))
        .routes(routes!(people::lift_stop))
        .routes(routes!(people::revoke_method))
        .routes(routes!(help_desk::get_case))
        .routes(routes!(help_desk::send_code))
        .routes(routes!(help_desk::ask_approval))
        .routes(routes!(help_desk::check_code))
        .routes(routes!(help_desk::approve_case))
        .routes(routes!(help_desk::make_pass))
        .routes(routes!(password::get_password_context))
        .routes(routes!(password::carry_password))
        .routes(routes!(password::keep_password))
        .routes(routes!(licences::get_licensing, licences::put_licensing))
        .routes(routes!(licences::list_refused))
        .routes(routes!(licence_products::list_products))
        .routes(routes!(licence_products::get_product, licence_products::put_product))
        .routes(routes!(licence_assignments::list_assignments, licence_assignments::assign))
        .routes(routes!(licence_assignments::unassign))
        .routes(routes!(audit::list_facts))
        .routes(routes!(audit::export_facts))
        .routes(routes!(audit_tail::tail_facts))
        .routes(routes!(doctor::list_reports))
        .routes(routes!(sync::list_synchronisations))
}

/// The API.
pub fn router(state: AppState) -> Router<AppState> {
    let (router, _) = routes().split_for_parts();
    let no_store = HeaderValue::from_static("no-store");
    router
        .method_not_allowed_fallback(|| async { Problem::no_such_method() })
        .layer(from_fn_with_state(state, idempotency::once))
        .layer(DefaultBodyLimit::max(MAXIMUM_BODY))
        .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, no_store))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
}
