//! What a check is, how it is run, and how a report is shown. The checks themselves stand beside what they check.

mod check;
mod elsewhere;
mod explain;
mod manual;
mod report;

pub use check::{Check, Description, FaultKind, FaultTest, Finding, Fix, System, Verdict};
pub use elsewhere::{ELSEWHERE, Elsewhere, all_rows, elsewhere_table};
pub use explain::{Explanation, all as all_explanations, explain};
pub use manual::{Chapter, fault_table};
pub use report::{Report, Row, run};
