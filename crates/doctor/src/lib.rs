//! What a check is, how it is run, and how a report is shown. The checks themselves stand beside what they check.

mod check;
mod report;

pub use check::{Check, Description, Finding, Fix, System, Verdict};
pub use report::{Report, Row, run};
