//! Which password filters has a domain controller beside its own?

use ritorno_doctor::{Description, Finding, System};

use super::{Recorded, Section, recorded, registry};

/// Windows' own.
const OWN: [&str; 2] = ["scecli", "rassfm"];

/// The check.
pub(super) const CHECK: Recorded = Recorded {
    description: &Description {
        id: "windows-password-filters",
        title: "The domain controllers have no password filters of others",
        proves: "'Notification Packages' names Windows' own alone. Any other may refuse a password that all known rules allow, which the \
                 page then tells as the directory's refusal (33008), or may look at changes only and let resets pass.",
        article: None,
        rows: &["P11", "P12"],
        fault_test: recorded("doctor::recorded::filters::tests::filters_of_others_are_named"),
        manual: "troubleshooting.html#windows-password-filters",
    },
    section: "password-filters",
    lines: &[
        r"reg query 'HKLM\SYSTEM\CurrentControlSet\Control\Lsa' /v 'Notification Packages'",
        r#"Get-Service AzureADPasswordProtectionDCAgent -ErrorAction SilentlyContinue | ForEach-Object { "service $($_.Name) $($_.Status)" }"#,
    ],
    judge,
    wrong: &[OTHERS],
};

const OTHERS: &str = r"### password-filters DC1 2026-11-26T10:00:00Z
HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Lsa
    Notification Packages    REG_MULTI_SZ    rassfm\0scecli\0StrongPasswords
service AzureADPasswordProtectionDCAgent Running";

fn judge(section: &Section) -> Finding {
    let host = &section.host;
    let Some(packages) = registry(&section.lines, "Notification Packages") else {
        return Finding::could_not_tell(format!("{host}: 'Notification Packages' is not in the evidence"));
    };
    let others: Vec<&str> = packages
        .split("\\0")
        .map(str::trim)
        .filter(|name| !name.is_empty() && !OWN.iter().any(|own| own.eq_ignore_ascii_case(name)))
        .collect();
    let service = section.lines.iter().find_map(|line| line.strip_prefix("service "));
    if others.is_empty() && service.is_none() {
        return Finding::pass(format!("{host}: {packages}"));
    }
    let mut told =
        vec![format!("{host}: {}", if others.is_empty() { packages.to_owned() } else { others.join(", ") })];
    told.extend(service.map(|service| format!("Entra Password Protection: {service}")));
    let look = "Get-WinEvent -LogName Microsoft-AzureADPasswordProtection-DCAgent/Admin -MaxEvents 20 | Format-List TimeCreated,Id,Message";
    let finding = Finding::warning(
        told.join("; "),
        "a filter of another maker may refuse what every known rule allows, or look only at changes by the person: Ritorno sets a password with \
         the policy-hints control as the person would, and whether the filter looks at that its maker has to say",
    );
    finding.fix(
        System::Windows,
        [
            "# what Entra Password Protection refused, if it is there:",
            look,
            "# another filter: set it to look at administrative resets as well as at changes, or take it out of 'Notification Packages' and restart",
        ],
    )
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;

    use super::super::tests::judged;
    use super::*;

    #[test]
    fn filters_of_others_are_named() {
        let finding = judged(&CHECK, OTHERS);
        assert_eq!(finding.verdict, Verdict::Warning);
        assert_eq!(
            finding.evidence,
            ["dc1: StrongPasswords; Entra Password Protection: AzureADPasswordProtectionDCAgent Running"]
        );
        let own = OTHERS.replace("\\0StrongPasswords", "").replace("service ", "none ");
        assert_eq!(judged(&CHECK, &own).verdict, Verdict::Pass);
        let service = OTHERS.replace("\\0StrongPasswords", "");
        assert_eq!(judged(&CHECK, &service).verdict, Verdict::Warning);
        assert_eq!(judged(&CHECK, "### password-filters DC1").verdict, Verdict::CouldNotTell);
    }
}
