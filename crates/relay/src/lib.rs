//! The cloud end of the agents' links: who is live, what each is asked to do, and what it said.
//!
//! One request in this crate: a page gets an [`offer::Offer`], seals for it, and [`relay::Relay::submit`]s. The row is
//! committed, the authorisation signed, and both handed to one live [`link`]. The agent's statements are verified and
//! committed first ([`statement`]), and only then wake the waiter. No password is ever read here: the envelope is opaque.
//!
//! Links, requests and outcomes stand behind traits ([`ledger::Ledger`], [`frames::Frames`], [`keyring::Keyring`],
//! [`timer::Timer`]), so that everything here is testable without a socket, a database or the machine's clock.

pub mod ask;
pub mod dispatch_error;
pub mod frames;
mod introduce;
pub mod keyring;
pub mod ledger;
pub mod link;
pub mod offer;
mod recall;
pub mod relay;
pub mod seldom;
pub mod session;
pub mod settle;
pub mod statement;
pub mod submit;
pub mod tenant_state;
pub mod timer;
