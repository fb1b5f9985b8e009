//! The engine against objects in memory and a SCIM service over real HTTPS.

#![allow(clippy::unwrap_used, clippy::result_large_err, reason = "a step that fails is a test that fails")]

mod anchors;
mod crash;
mod exporting;
mod guard;
mod model;
mod property;
mod service;
mod volume;
mod world;
