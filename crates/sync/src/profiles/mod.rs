//! The run profiles, one file each.

pub(crate) mod confirming_import;
pub(crate) mod delta_import;
pub(crate) mod delta_sync;
pub(crate) mod export;
pub(crate) mod first_cycle;
pub(crate) mod full_import;
pub(crate) mod full_sync;
pub(crate) mod members;
