//! The faces of the cloud side. One file per operation, holding its error, input, handler and tests. Rules are in
//! `identity`, dispatch in `relay`; what stands here turns HTTP into their values and back.

use std::sync::Arc;

use axum::{Extension, Router};

pub mod administrator_mails;
pub mod agent_api;
pub mod api;
mod app_picture;
pub mod assets;
pub mod audit_chain;
pub mod audit_retention;
pub mod audit_walk;
pub mod brand;
pub mod client;
pub mod console;
pub mod expiry_mails;
mod hashing;
pub mod health;
pub mod hosts;
pub mod i18n;
pub mod key_roll;
pub mod keys;
pub mod ledger;
pub mod licensing;
pub mod mail;
pub mod measures;
mod method_name;
mod nowhere;
mod operations;
mod operator;
pub mod page;
pub mod passkeys;
pub mod portal;
pub mod problem;
mod question_words;
pub mod reader;
pub mod registration_mails;
pub mod releases;
pub mod scim;
mod security_answers;
pub mod serve;
mod shares;
pub mod sms;
pub mod state;
pub mod time_text;

pub use state::AppState;

use crate::operations::hand_out::HandedOut;

/// Every route of the cloud side, for one tenant.
pub fn router(state: AppState) -> Router {
    let pages = portal::router(&state).merge(console::router(&state));
    Router::new()
        .merge(health::router())
        .merge(agent_api::router())
        .merge(scim::router())
        .merge(api::router(state.clone()))
        .merge(assets::router())
        .merge(brand::router())
        .merge(nowhere::router())
        .merge(pages)
        .layer(Extension(Arc::new(HandedOut::default())))
        .layer(axum::middleware::from_fn_with_state(state.clone(), measures::request))
        .with_state(state)
}
