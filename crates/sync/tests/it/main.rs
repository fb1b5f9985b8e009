//! The engine against objects in memory and a SCIM service over real HTTPS.

#![allow(clippy::unwrap_used, clippy::result_large_err, reason = "a step that fails is a test that fails")]

mod anchors;
mod changelog;
mod confirming;
mod counting;
mod crash;
mod delta;
mod elsewhere;
mod exporting;
mod fill;
mod first_cycle;
mod forests;
mod group_guard;
mod group_model;
mod groups;
mod guard;
mod guests;
mod history;
mod looking;
mod members_stopped;
mod memberships;
mod model;
mod property;
mod property_groups;
mod service;
mod volume;
mod world;
