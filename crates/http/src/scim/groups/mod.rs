//! `/scim/v2/Groups`: one file for each operation.

pub mod create;
pub mod delete;
pub mod list;
mod members;
pub mod patch;
pub mod read;
pub mod replace;
