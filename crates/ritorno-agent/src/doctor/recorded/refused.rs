//! Has a domain controller refused resets lately?

use ritorno_directory::quoted;
use ritorno_doctor::{Description, Finding, System};

use super::{Recorded, Section, recorded};

/// Refusals that are named one by one.
const NAMED: usize = 5;

/// The check.
pub(super) const CHECK: Recorded = Recorded {
    description: &Description {
        id: "windows-refusals",
        title: "The domain controllers' own log has no resets that they refused",
        proves: "The security log has no failed event 4724 (an attempt to reset a password) of the last day. Where there is one, the \
                 controller itself refused, and the person's policy says why.",
        article: None,
        rows: &["P17"],
        fault_test: recorded("doctor::recorded::refused::tests::refusals_are_named"),
        manual: "troubleshooting.html#windows-refusals",
    },
    section: "refusals",
    lines: &[
        "$failed = @{LogName='Security'; Id=4724; Keywords=4503599627370496; StartTime=(Get-Date).AddDays(-1)}",
        r#"Get-WinEvent -FilterHashtable $failed -MaxEvents 50 -ErrorAction SilentlyContinue | ForEach-Object {"#,
        r#"  "4724;$($_.TimeCreated.ToUniversalTime().ToString('s'))Z;$($_.Properties[0].Value);$($_.Properties[4].Value)" }"#,
    ],
    judge,
    wrong: &[SOME],
};

const SOME: &str = "### refusals DC1 2026-11-26T10:00:00Z
4724;2026-11-26T09:12:40Z;anna.rossi;svc-ritorno
4724;2026-11-26T09:13:02Z;anna.rossi;svc-ritorno";

fn judge(section: &Section) -> Finding {
    let host = &section.host;
    let told = |line: &String| {
        let fields: Vec<&str> = line.split(';').map(str::trim).collect();
        let ["4724", at, person, by] = fields[..] else { return None };
        Some((person.to_owned(), format!("{at}: {person}, by {by}")))
    };
    let refused: Vec<(String, String)> = section.lines.iter().filter_map(told).collect();
    let Some((person, _)) = refused.first() else {
        return Finding::pass(format!("{host}: none"));
    };
    let person = quoted(person);
    let finding = Finding::warning(
        format!("{host}: {} resets were refused", refused.len()),
        "the controller refused by itself: its policy (length, history, complexity, minimum age), a filter, or a right that is missing there",
    );
    refused
        .iter()
        .take(NAMED)
        .map(|(_, line)| line.clone())
        .fold(finding, Finding::and)
        .fix(System::Agent, [format!("ritorno-agent doctor --user {person}")])
        .fix(
            System::Windows,
            [
                format!("Get-ADUserResultantPasswordPolicy {person}"),
                "Get-ADDefaultDomainPasswordPolicy".to_owned(),
            ],
        )
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;

    use super::super::tests::judged;
    use super::*;

    #[test]
    fn refusals_are_named() {
        let finding = judged(&CHECK, SOME);
        assert_eq!(finding.verdict, Verdict::Warning);
        assert_eq!(finding.evidence[1], "2026-11-26T09:12:40Z: anna.rossi, by svc-ritorno");
        assert_eq!(finding.fixes[0].lines[0], "ritorno-agent doctor --user 'anna.rossi'");
        assert_eq!(judged(&CHECK, "### refusals DC1\nsomething else").verdict, Verdict::Pass);
    }
}
