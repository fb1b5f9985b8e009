//! The engine against objects in memory and a SCIM service over real HTTPS.

mod anchors;
mod crash;
mod exporting;
mod guard;
mod model;
mod property;
mod service;
mod volume;
mod world;
