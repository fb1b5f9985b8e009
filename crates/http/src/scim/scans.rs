//! Lists that are looked through whole: one at a time of each client.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use ritorno_identity::provisioner::Provisioner;

use super::error::ScimError;

/// Those of whom one goes on.
#[derive(Debug, Default)]
pub struct Scans(Mutex<HashSet<Provisioner>>);

/// One that goes on, until it is dropped.
#[derive(Debug)]
pub struct Scan {
    of: Arc<Scans>,
    by: Provisioner,
}

impl Scans {
    /// Begins one.
    ///
    /// # Errors
    /// [`ScimError::Busy`] while another one of theirs goes on.
    pub fn begin(self: &Arc<Self>, by: Provisioner) -> Result<Scan, ScimError> {
        let is_first = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(by);
        if is_first { Ok(Scan { of: self.clone(), by }) } else { Err(ScimError::Busy) }
    }
}

impl Drop for Scan {
    fn drop(&mut self) {
        self.of.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.by);
    }
}
