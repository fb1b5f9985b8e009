//! Codes by text message: what they say, and the gateway that takes them.

pub mod config;
pub mod gateway;
mod template;
pub mod text;
