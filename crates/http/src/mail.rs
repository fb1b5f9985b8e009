//! Mails to people: what they say, how they are sent, the task that works the outbox off, and whether they arrive.

pub mod arrival;
pub mod compose;
pub mod config;
pub mod transport;
pub mod work;
