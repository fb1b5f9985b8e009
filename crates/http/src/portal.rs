//! The pages on which people reset a forgotten password. One file per step.
//!
//! ```text
//! GET /            ─▶ POST /reset/start ─▶ GET /reset/code ─▶ POST /reset/code ─▶ GET /reset/password
//! (the name)          (a code goes out)    (POST /reset/resend)                        │ the browser seals
//!                                          GET /reset/outcome ◀── POST /reset/submit ◀─┘
//! ```
//!
//! Where many names were given lately, a browser does some work before a name is taken (`work`).
//!
//! The first gate is passed with a code by mail, or with another method that the tenant allows (`/reset/sms`, `/reset/app`,
//! `/reset/recovery-code`, `/reset/questions`, `/reset/pass`); where it demands two, the second is chosen at `/reset/gate`.
//!
//! Whose account is locked may unlock it there instead (POST /reset/unlock), if the tenant lets them.
//!
//! Whose directory is the tenant itself chooses the new password in a plain form (POST /reset/cloud-password).
//!
//! In [`register`] they register beforehand what opens the gates.

mod account;
mod app;
mod cloud;
mod cloud_password;
mod code;
pub mod follow_up;
mod front;
mod gate;
mod notice;
mod offers;
mod outcome;
mod passkey;
mod password;
mod questions;
mod recovery_code;
pub mod refusal;
pub mod register;
mod resend;
mod rules;
mod sms;
mod start;
mod stops;
mod submit;
mod temporary_pass;
mod unlock;
mod visit;
mod work;

use std::sync::Arc;

use axum::routing::{get, post};
use axum::{Extension, Router};

use crate::page::{PageError, dressed};
use crate::portal::offers::Offers;
use crate::portal::stops::Stops;
use crate::state::AppState;

pub(crate) use cloud::hashed;
pub(crate) use notice::{forget_registrations, given};
pub use register::read_address;
pub(crate) use rules::refused;
pub use start::RELEASED_AFTER;
pub(crate) use submit::told_to_operators;
pub(crate) use visit::tenant;

/// The people's pages.
pub fn router(state: &AppState) -> Router<AppState> {
    let pages = Router::new()
        .route("/", get(front::show))
        .route("/reset/start", post(start::start))
        .route("/reset/code", get(code::show).post(code::check))
        .route("/reset/resend", post(resend::resend))
        .route("/reset/sms", get(sms::show).post(sms::check))
        .route("/reset/sms/send", post(sms::send))
        .route("/reset/app", get(app::show).post(app::check))
        .route("/reset/passkey", get(passkey::show).post(passkey::check))
        .route("/reset/recovery-code", get(recovery_code::show).post(recovery_code::check))
        .route("/reset/questions", get(questions::show).post(questions::check))
        .route("/reset/pass", get(temporary_pass::show).post(temporary_pass::check))
        .route("/reset/gate", get(gate::show))
        .route("/reset/password", get(password::show))
        .route("/reset/submit", post(submit::submit))
        .route("/reset/cloud-password", post(cloud_password::set))
        .route("/reset/unlock", post(unlock::unlock))
        .route("/reset/outcome", get(outcome::show))
        .route("/account", get(account::show))
        .route("/sign-out", post(account::sign_out))
        .merge(register::pages())
        .fallback(async || PageError::Missing)
        .layer(Extension(Arc::new(Offers::default())))
        .layer(Extension(Arc::new(Stops::default())));
    dressed(pages, state)
}
