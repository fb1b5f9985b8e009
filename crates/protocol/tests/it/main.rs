//! What the protocol promises across languages.

#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod before;
mod policy;
mod sent;
mod typescript;
