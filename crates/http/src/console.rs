//! The administrators' console: plain pages and forms, one file per operation.

mod agents;
mod app;
mod audit;
mod audit_export;
pub(crate) mod doctor;
mod enrolment;
mod give_password;
mod guard;
mod help_desk;
mod licences;
mod look;
mod onboarding;
mod overview;
mod passkey_door;
mod passkeys;
mod people;
mod removals;
mod revoke;
mod second;
mod second_passkey;
pub(crate) mod session;
mod sign_in;
mod sign_out;
mod sspr_for;
mod sspr_policy;
mod switches;
mod sync;

use axum::Router;
use axum::routing::{get, post};

use crate::page::dressed;
use crate::state::AppState;

/// The console.
pub fn router(state: &AppState) -> Router<AppState> {
    let pages = Router::new()
        .route("/console", get(overview::show))
        .route("/console/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/console/second", get(second::show).post(second::check))
        .route("/console/second/app", get(second::show_app).post(second::confirm_app))
        .route("/console/second/picture", get(second::picture))
        .route("/console/second/use", post(second_passkey::check))
        .route("/console/second/passkey", get(second_passkey::show).post(second_passkey::make))
        .route("/console/passkey", post(passkey_door::sign_in))
        .route("/console/passkey/begin", post(passkey_door::begin))
        .route("/console/passkeys", get(passkeys::show).post(passkeys::register))
        .route("/console/passkeys/remove", post(passkeys::remove))
        .route("/console/home", get(session::home))
        .route("/console/app", get(app::show))
        .route("/console/app/{*place}", get(app::show))
        .route("/console/sign-out", post(sign_out::sign_out))
        .route("/console/switches", post(switches::set))
        .route("/console/agents/writeback", post(agents::set_writeback))
        .route("/console/agents/rename", post(agents::rename))
        .route("/console/agents/forest", post(agents::allow_forest))
        .route("/console/agents/revoke", post(agents::revoke))
        .route("/console/agents/removals", get(removals::show).post(removals::approve))
        .route("/console/enrolment-tokens", post(enrolment::make))
        .route("/console/onboarding", get(onboarding::show))
        .route("/console/onboarding/confirm", post(onboarding::confirm))
        .route("/console/people", get(people::show))
        .route("/console/people/lift", post(people::lift))
        .route("/console/people/revoke", post(revoke::revoke))
        .route("/console/people/code", post(help_desk::send_code))
        .route("/console/people/code/check", post(help_desk::check_code))
        .route("/console/people/ask", post(help_desk::ask))
        .route("/console/people/approve", post(help_desk::approve))
        .route("/console/people/pass", post(help_desk::make_pass))
        .route("/console/people/password", get(give_password::show))
        .route("/console/people/password/sealed", post(give_password::carry))
        .route("/console/people/password/kept", post(give_password::keep))
        .route("/console/licences", get(licences::show))
        .route("/console/licences/require", post(licences::require))
        .route("/console/licences/location", post(licences::locate))
        .route("/console/licences/buy", post(licences::buy))
        .route("/console/licences/assign", post(licences::assign_one))
        .route("/console/licences/revoke", post(licences::revoke))
        .route("/console/sspr", get(sspr_policy::show))
        .route("/console/sspr/for", post(sspr_for::set))
        .route("/console/sspr/gates", post(sspr_policy::set_gates))
        .route("/console/sspr/reconfirm", post(sspr_policy::set_days))
        .route("/console/sspr/expiry", post(sspr_policy::set_expiry))
        .route("/console/sspr/questions", post(sspr_policy::set_questions))
        .route("/console/sspr/group", post(sspr_policy::set_group))
        .route("/console/sspr/group/remove", post(sspr_policy::remove_group))
        .route("/console/look", get(look::show).post(look::change).layer(look::form_limit()))
        .route("/console/look/preview.css", get(look::show_preview))
        .route("/console/doctor", get(doctor::show))
        .route("/console/doctor/manual", get(doctor::manual))
        .route("/console/sync", get(sync::show))
        .route("/console/sync/approve", post(sync::approve))
        .route("/console/sync/guard", post(guard::change))
        .route("/console/audit", get(audit::show))
        .route("/console/audit/export.csv", get(audit_export::csv))
        .route("/console/audit/export.json", get(audit_export::json));
    dressed(pages, state)
}
