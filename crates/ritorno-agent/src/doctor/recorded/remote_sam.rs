//! Does a policy let only some accounts ask a domain controller over SAM-R?

use ritorno_doctor::{Description, Finding, System};

use super::{Recorded, Section, recorded, registry};

/// The check.
pub(super) const CHECK: Recorded = Recorded {
    description: &Description {
        id: "windows-remote-sam",
        title: "No policy keeps accounts from asking over SAM-R",
        proves: "RestrictRemoteSam is not set on the domain controllers. Ritorno asks and writes over LDAP alone and goes on all the same; \
                 what is beside it on the way from another product (Microsoft's agent asks over SAM-R) does not.",
        article: None,
        rows: &["D12"],
        fault_test: recorded("doctor::recorded::remote_sam::tests::a_restriction_is_told"),
        manual: "troubleshooting.html#windows-remote-sam",
    },
    section: "remote-sam",
    lines: &[r"reg query 'HKLM\SYSTEM\CurrentControlSet\Control\Lsa' /v RestrictRemoteSam 2>$null"],
    judge,
    wrong: &[SET],
};

const SET: &str = r"### remote-sam DC1 2026-11-26T10:00:00Z
HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Lsa
    RestrictRemoteSam    REG_SZ    O:BAG:BAD:(A;;RC;;;BA)";

fn judge(section: &Section) -> Finding {
    let host = &section.host;
    match registry(&section.lines, "RestrictRemoteSam").filter(|value| !value.is_empty()) {
        None => Finding::pass(format!("{host}: not set")),
        Some(value) => Finding::warning(
            format!("{host}: RestrictRemoteSam is {value}"),
            "only whom it names may ask over SAM-R: another agent on the same account is refused (hr 80070005), this one is not",
        )
        .fix(
            System::Windows,
            [
                "# in the group policy that sets it (Security Options, 'Network access: Restrict clients allowed to make remote calls to SAM'):",
                "# add the agent's account, or set it to 'Not defined' and take the value away:",
                r"reg delete 'HKLM\SYSTEM\CurrentControlSet\Control\Lsa' /v RestrictRemoteSam /f",
                "gpupdate /force",
            ],
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
        assert_eq!(finding.verdict, Verdict::Warning);
        assert!(finding.evidence[0].contains("O:BAG:BAD:(A;;RC;;;BA)"), "{finding:?}");
        assert_eq!(judged(&CHECK, "### remote-sam DC1").verdict, Verdict::Pass);
    }
}
