//! How an agent handles one request: authorise, open, locate, act, report, and prove later what could not be proved.
//!
//! It knows no directory product: what it needs of one is the [`directory::Directory`] trait. It listens to nothing
//! either: whoever holds the link hands in orders and carries statements away through a [`report::Reporter`].

pub mod answer;
pub mod authorise;
pub mod breached;
pub mod decline;
pub mod directory;
pub mod event;
mod go_ahead;
pub mod handle;
pub mod journal;
mod keys;
pub mod limits;
pub mod person_lock;
pub mod report;
pub mod server_time;
pub mod settle;
#[cfg(test)]
mod testing;
