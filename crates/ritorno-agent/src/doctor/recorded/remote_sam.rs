//! Does a policy let only some accounts ask a domain controller over SAM-R?

use ritorno_doctor::{Description, Finding};

use super::{Recorded, Section, recorded, registry};

/// The check.
pub(super) const CHECK: Recorded = Recorded {
    description: &Description {
        id: "windows-remote-sam",
        title: "This agent needs no right to ask over SAM-R",
        proves: "Ritorno asks and writes over LDAP alone, and goes on whatever RestrictRemoteSam says on the domain controllers. What it says \
                 is told for what is beside it on the way from another product (Microsoft's agent asks over SAM-R).",
        article: None,
        rows: &["D12"],
        fault_test: recorded("doctor::recorded::remote_sam::tests::a_restriction_is_told"),
        manual: "troubleshooting.html#windows-remote-sam",
    },
    section: "remote-sam",
    lines: &[r"reg query 'HKLM\SYSTEM\CurrentControlSet\Control\Lsa' /v RestrictRemoteSam 2>$null"],
    judge,
    // Only other products need it: what is found is told, and nothing fails.
    wrong: &[],
};

#[cfg(test)]
const SET: &str = r"### remote-sam DC1 2026-11-26T10:00:00Z
HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Lsa
    RestrictRemoteSam    REG_SZ    O:BAG:BAD:(A;;RC;;;BA)";

fn judge(section: &Section) -> Finding {
    let host = &section.host;
    match registry(&section.lines, "RestrictRemoteSam").filter(|value| !value.is_empty()) {
        None => Finding::pass(format!("{host}: not set")),
        Some(value) => Finding::pass(format!("{host}: RestrictRemoteSam is {value}")).and(
            "this agent asks nothing over SAM-R; another one on the same account is refused (hr 80070005)",
        ),
    }
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;

    use super::super::tests::judged;
    use super::*;

    #[test]
    fn a_restriction_is_told() {
        let finding = judged(&CHECK, SET);
        assert_eq!(finding.verdict, Verdict::Pass, "this agent goes on all the same");
        assert!(finding.evidence[1].contains("another one"));
        assert!(finding.evidence[0].contains("O:BAG:BAD:(A;;RC;;;BA)"), "{finding:?}");
        assert_eq!(judged(&CHECK, "### remote-sam DC1").verdict, Verdict::Pass);
    }
}
