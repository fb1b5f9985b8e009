//! The pages on which people register an address of their own for codes, replace it and remove it. One file per step.
//!
//! ```text
//! GET /register ─▶ POST /register/start ─▶ GET /register/password ─▶ POST /register/verify
//! (the name)       (known or not)          (the browser seals)           │ the directory says that it is right
//!                  GET /register/code ◀── POST /register/address ◀───────┘
//!                  POST /register/code ─▶ GET /register/done ◀── POST /register/remove
//! ```
//!
//! Until the directory has confirmed the password, a page shows and answers the same for every name, as the reset's do.

mod address;
mod change;
mod code;
mod done;
mod front;
mod password;
mod remove;
mod resend;
mod send;
mod start;
mod verify;
mod visit;

use axum::Router;
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
        .route("/register/address", get(address::show).post(address::give))
        .route("/register/code", get(code::show).post(code::check))
        .route("/register/resend", post(resend::resend))
        .route("/register/remove", post(remove::remove))
        .route("/register/done", get(done::show))
}
