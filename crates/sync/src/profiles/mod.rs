//! The run profiles, one file each.

pub(crate) mod export;
pub(crate) mod full_import;
pub(crate) mod full_sync;
