//! What the running agent's checks found, told to the cloud side: `POST /agent/v1/doctor`.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::cut::cut;

/// Most checks of one report.
pub const MAXIMUM_CHECKS: usize = 64;
/// Longest name of a check, in bytes.
pub const MAXIMUM_ID: usize = 40;
/// Most lines that a finding keeps of each kind.
pub const MAXIMUM_LINES: usize = 20;
/// Longest text that a finding keeps, in characters.
pub const MAXIMUM_TEXT: usize = 400;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckVerdict {
    /// As it should be.
    Pass,
    /// Does not matter here.
    NotApplicable,
    /// Works, but will not for everyone or for ever.
    Warning,
    /// Something before it failed, so nothing can be said.
    CouldNotTell,
    /// A reset would fail, or would not be safe.
    Fail,
}

/// Lines that mend something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckFix {
    /// Where they are typed: `agent`, `cloud`, `samba` or `windows`.
    pub system: String,
    /// The lines.
    pub lines: Vec<String>,
}

/// One check and what it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckState {
    /// The check's stable name, such as `pdc-emulator`.
    pub id: String,
    /// One line that heads it.
    pub title: String,
    /// How it ended.
    pub verdict: CheckVerdict,
    /// What was seen.
    pub evidence: Vec<String>,
    /// Why it is so; none when it passed.
    pub cause: Option<String>,
    /// What mends it.
    pub fixes: Vec<CheckFix>,
}

/// One run of all quick checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoctorReport {
    /// The agent's time when it had looked.
    pub at: Timestamp,
    /// Whether this agent exports.
    pub exports: bool,
    /// Each check.
    pub checks: Vec<CheckState>,
}

impl DoctorReport {
    /// The same within what a report may hold: no more checks, lines and characters, and none whose name is no name.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let is_id = |id: &str| {
            (1..=MAXIMUM_ID).contains(&id.len()) && id.bytes().all(|c| c.is_ascii_lowercase() || c == b'-')
        };
        self.checks.retain(|check| is_id(&check.id));
        self.checks.truncate(MAXIMUM_CHECKS);
        for check in &mut self.checks {
            cut(&mut check.title, MAXIMUM_TEXT);
            check.cause.iter_mut().for_each(|cause| cut(cause, MAXIMUM_TEXT));
            cut_all(&mut check.evidence);
            check.fixes.truncate(MAXIMUM_LINES);
            for fix in &mut check.fixes {
                cut_all(&mut fix.lines);
            }
        }
        self
    }
}

fn cut_all(lines: &mut Vec<String>) {
    lines.truncate(MAXIMUM_LINES);
    lines.iter_mut().for_each(|line| cut(line, MAXIMUM_TEXT));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_cut_to_what_it_may_hold() {
        let check = |id: &str| CheckState {
            id: id.to_owned(),
            title: "à".repeat(1_000),
            verdict: CheckVerdict::Fail,
            evidence: vec!["line".to_owned(); 100],
            cause: None,
            fixes: vec![CheckFix { system: "agent".into(), lines: vec!["x".repeat(1_000); 100] }; 100],
        };
        let names = ["disk", "", "Disk", "a b", &"x".repeat(41)];
        let mut checks: Vec<CheckState> = names.into_iter().map(check).collect();
        checks.extend((0..100).map(|_| check("stores")));
        let report = DoctorReport { at: Timestamp::from_unix_ms(0), exports: true, checks }.bounded();
        assert_eq!(report.checks.len(), MAXIMUM_CHECKS);
        assert_eq!((report.checks[0].id.as_str(), report.checks[1].id.as_str()), ("disk", "stores"));
        assert_eq!(report.checks[0].title.chars().count(), MAXIMUM_TEXT + 1);
        assert_eq!(report.checks[0].evidence.len(), MAXIMUM_LINES);
        assert_eq!(report.checks[0].fixes[0].lines.len(), MAXIMUM_LINES);
    }
}
