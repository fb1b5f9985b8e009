//! Have services the right to impersonate a client?

use ritorno_doctor::{Description, Finding};

use super::{Recorded, Section, recorded};

/// Who has it by default.
const HOLDERS: [(&str, &str); 4] = [
    ("S-1-5-32-544", "Administrators"),
    ("S-1-5-19", "LOCAL SERVICE"),
    ("S-1-5-20", "NETWORK SERVICE"),
    ("S-1-5-6", "SERVICE"),
];

/// The check.
pub(super) const CHECK: Recorded = Recorded {
    description: &Description {
        id: "windows-privileges",
        title: "This agent needs no right to impersonate a client",
        proves: "Ritorno's agent runs on Linux and needs none. Who lost SeImpersonatePrivilege on the host that it was recorded on is told \
                 for Microsoft's, which it takes the place of and which does need it.",
        article: None,
        rows: &["N15"],
        fault_test: recorded("doctor::recorded::privileges::tests::whoever_lost_it_is_named"),
        manual: "troubleshooting.html#windows-privileges",
    },
    section: "privileges",
    lines: &[
        r#"secedit /export /areas USER_RIGHTS /cfg "$env:TEMP\rights.inf" | Out-Null"#,
        r#"Get-Content "$env:TEMP\rights.inf" | Select-String SeImpersonatePrivilege | ForEach-Object { $_.Line }"#,
    ],
    judge,
    // Only other products need it: what is found is told, and nothing fails.
    wrong: &[],
};

#[cfg(test)]
const LOST: &str = r"### privileges DC1 2026-11-26T10:00:00Z
SeImpersonatePrivilege = *S-1-5-19,*S-1-5-32-544";

fn judge(section: &Section) -> Finding {
    let host = &section.host;
    let held = section.lines.iter().find_map(|line| line.strip_prefix("SeImpersonatePrivilege"));
    let Some(held) = held else {
        return Finding::could_not_tell(format!("{host}: SeImpersonatePrivilege is not in the evidence"));
    };
    let held: Vec<&str> = held
        .trim_start_matches([' ', '='])
        .split(',')
        .map(|one| one.trim().trim_start_matches('*'))
        .collect();
    let lost: Vec<&str> =
        HOLDERS.into_iter().filter(|(sid, _)| !held.contains(sid)).map(|(_, name)| name).collect();
    if lost.is_empty() {
        return Finding::pass(format!("{host}: all four have it"));
    }
    Finding::pass(format!("{host}: SeImpersonatePrivilege is not held by {}", lost.join(", ")))
        .and("this agent needs none; another product's, which runs as a service there, is refused")
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;

    use super::super::tests::judged;
    use super::*;

    #[test]
    fn whoever_lost_it_is_named() {
        let finding = judged(&CHECK, LOST);
        assert_eq!(finding.verdict, Verdict::Pass, "this agent needs none");
        assert!(finding.evidence[1].contains("another product's"));
        assert!(finding.evidence[0].ends_with("NETWORK SERVICE, SERVICE"), "{finding:?}");
        let whole = LOST.replace("*S-1-5-19", "*S-1-5-19,*S-1-5-20,*S-1-5-6");
        let finding = judged(&CHECK, &whole);
        assert_eq!((finding.verdict, finding.evidence.len()), (Verdict::Pass, 1));
        assert_eq!(judged(&CHECK, "### privileges DC1").verdict, Verdict::CouldNotTell);
    }
}
