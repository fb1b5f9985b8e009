//! Mails to people: what they say, how they are sent, and the task that works the outbox off.

pub mod compose;
pub mod config;
pub mod transport;
pub mod work;
