//! The pages on which people register what opens the gates, replace it and remove it: an address of their own for codes, an
//! authenticator app, recovery codes. One file per step.
//!
//! ```text
//! GET /register ─▶ POST /register/start ─▶ GET /register/password ─▶ POST /register/verify
//! (the name)       (known or not)          (the browser seals)           │ the directory says that it is right
//!                  GET /register/methods ◀───────────────────────────────┘
//!   an address:    GET, POST /register/address ─▶ POST /register/code ─▶ GET /register/done ◀── POST /register/remove
//!   a number:      GET, POST /register/mobile ─▶ GET, POST /register/mobile/code, POST /register/mobile/remove
//!   an app:        GET, POST /register/app, POST /register/app/remove
//!   passkeys:      GET, POST /register/passkey, POST /register/passkey/remove
//!   looked through: POST /register/confirm
//!   recovery codes: GET, POST /register/recovery-codes, POST /register/recovery-codes/remove
//! ```
//!
//! `GET /change` is another door to the same proof, for whoever wants another password or has to choose one, and `GET /signin` for
//! whoever wants to their own page (`account.rs`). A name of a domain whose people are the tenant's own is asked for a password that is
//! judged here: POST /register/check, a plain form.
//!
//! One proof of the password changes the address once, and the other methods for as long as it lasts.
//!
//! Until the directory has confirmed the password, a page shows and answers the same for every name, as the reset's do.

mod address;
mod app;
mod change;
mod change_password;
mod check;
mod code;
mod confirm;
mod done;
mod front;
mod methods;
mod mobile;
mod mobile_code;
mod passkey;
mod password;
mod questions;
mod recovery_codes;
mod remove;
mod resend;
mod send;
mod start;
mod tell;
mod verify;
mod visit;

pub use address::read as read_address;
pub(super) use front::Then;
pub(super) use methods::standing;
pub(super) use visit::{current, forget, methods_from, note, person};

use axum::Router;
use axum::response::Redirect;
use axum::routing::{get, post};

use crate::state::AppState;

pub use verify::ANSWERED_AFTER;

/// The pages.
pub(super) fn pages() -> Router<AppState> {
    Router::new()
        .route("/register", get(front::show))
        .route("/register/start", post(start::start))
        .route("/register/password", get(password::show))
        .route("/register/verify", post(verify::verify))
        .route("/register/check", post(check::check))
        .route("/signin", get(front::show_sign_in))
        .route("/register/address", get(address::show).post(address::give))
        .route("/register/code", get(code::show).post(code::check))
        .route("/register/resend", post(resend::resend))
        .route("/register/remove", post(remove::remove))
        .route("/register/done", get(done::show))
        .route("/register/methods", get(methods::show))
        .route("/register/confirm", post(confirm::confirm))
        .route("/register/change-password", post(change_password::change_password))
        .route("/change", get(front::show_change))
        // Where password managers look (W3C, A Well-Known URL for Changing Passwords).
        .route("/.well-known/change-password", get(async || Redirect::to("/change")))
        .route("/register/mobile", get(mobile::show).post(mobile::give))
        .route("/register/mobile/code", get(mobile_code::show).post(mobile_code::check))
        .route("/register/mobile/remove", post(mobile::remove))
        .route("/register/app", get(app::show).post(app::confirm))
        .route("/register/app/picture", get(app::picture))
        .route("/register/app/remove", post(app::remove))
        .route("/register/passkey", get(passkey::show).post(passkey::register))
        .route("/register/passkey/remove", post(passkey::remove))
        .route("/register/questions", get(questions::show).post(questions::save))
        .route("/register/questions/remove", post(questions::remove))
        .route("/register/recovery-codes", get(recovery_codes::show).post(recovery_codes::make))
        .route("/register/recovery-codes/remove", post(recovery_codes::remove))
}
