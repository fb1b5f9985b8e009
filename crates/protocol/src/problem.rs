//! Problem details (RFC 9457), as an agent reads them.

use serde::Deserialize;

/// What a problem answer of the cloud side says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Problem {
    /// The kind of problem in words.
    pub title: String,
    /// What happened this time, and what to do.
    pub detail: Option<String>,
}
