//! Has a recent grant come to every controller, and to the protected accounts?

use std::collections::BTreeMap;

use ritorno_doctor::{Description, Finding, System};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Recorded, Section, recorded};

/// How often SDProp copies the descriptor of AdminSDHolder, in minutes (MS-ADTS 3.1.1.6.1.3).
const SDPROP_MINUTES: i64 = 60;

/// The check.
pub(super) const CHECK: Recorded = Recorded {
    description: &Description {
        id: "windows-propagation",
        title: "Recent grants have come everywhere",
        proves: "The descriptors of the domain's root and of AdminSDHolder have one version on all domain controllers, and the last change \
                 is over an hour old, which is how long it may take to come to each object.",
        article: None,
        rows: &["P3"],
        fault_test: recorded("doctor::recorded::propagation::tests::what_has_not_come_everywhere_is_told"),
        manual: "troubleshooting.html#windows-propagation",
    },
    section: "propagation",
    lines: &[
        "$root = (Get-ADDomain).DistinguishedName",
        r#"foreach ($dc in (Get-ADDomainController -Filter *).HostName) { foreach ($dn in $root, "CN=AdminSDHolder,CN=System,$root") {"#,
        r#"  Get-ADReplicationAttributeMetadata -Object $dn -Server $dc -Properties nTSecurityDescriptor | ForEach-Object {"#,
        r#"    "$dc;$dn;$($_.Version);$($_.LastOriginatingChangeTime.ToUniversalTime().ToString('s'))Z" } } }"#,
    ],
    judge,
    wrong: &[BEHIND, FRESH],
};

const BEHIND: &str = "### propagation DC1 2026-11-26T10:00:00Z
dc1.contoso.test;DC=contoso,DC=test;14;2026-11-25T07:00:00Z
dc2.contoso.test;DC=contoso,DC=test;13;2026-03-01T12:00:00Z";
const FRESH: &str = "### propagation DC1 2026-11-26T10:00:00Z
dc1.contoso.test;CN=AdminSDHolder,CN=System,DC=contoso,DC=test;3;2026-11-26T09:40:00Z
dc2.contoso.test;CN=AdminSDHolder,CN=System,DC=contoso,DC=test;3;2026-11-26T09:40:00Z";

fn judge(section: &Section) -> Finding {
    let read = |line: &String| {
        let mut fields = line.split(';').map(str::trim);
        let (host, dn, version) =
            (fields.next()?.to_owned(), fields.next()?.to_owned(), fields.next()?.parse().ok()?);
        let at = OffsetDateTime::parse(fields.next()?, &Rfc3339).ok()?;
        Some((host, dn, version, at))
    };
    let rows: Vec<(String, String, u64, OffsetDateTime)> = section.lines.iter().filter_map(read).collect();
    if rows.is_empty() {
        return Finding::could_not_tell(format!(
            "{}: no descriptor's version is in the evidence",
            section.host
        ));
    }
    let mut newest: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, dn, version, _) in &rows {
        let known = newest.entry(dn).or_default();
        *known = (*known).max(*version);
    }
    let behind: Vec<String> = rows
        .iter()
        .filter(|(_, dn, version, _)| newest.get(dn.as_str()).is_some_and(|newest| version < newest))
        .map(|(host, dn, version, _)| {
            format!("{host} has version {version} of the descriptor of {dn}, another controller a newer one")
        })
        .collect();
    if !behind.is_empty() {
        return Finding::warning(
            behind.join("; "),
            "rights that were given lately have not replicated to each controller: what is asked or written there is still denied",
        )
        .fix(System::Windows, ["repadmin /syncall /AdeP", "repadmin /replsummary"]);
    }
    let fresh =
        |at: &OffsetDateTime| section.at.is_some_and(|now| (now - *at).whole_minutes() < SDPROP_MINUTES);
    if let Some((_, dn, _, at)) = rows.iter().find(|(_, _, _, at)| fresh(at)) {
        return Finding::warning(
            format!("the descriptor of {dn} was changed at {at}"),
            "it takes up to an hour until a change has come to the objects: SDProp runs once an hour, and inheritance takes its time in a large domain",
        )
        .fix(
            System::Windows,
            [
                "# wait an hour; or let SDProp run now, on the PDC emulator:",
                "$dse = [ADSI]'LDAP://RootDSE'; $dse.Put('runProtectAdminGroupsTask', 1); $dse.SetInfo()",
            ],
        );
    }
    Finding::pass(format!("{} descriptors, the same everywhere, and over an hour old", newest.len()))
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;

    use super::super::tests::judged;
    use super::*;

    #[test]
    fn what_has_not_come_everywhere_is_told() {
        let finding = judged(&CHECK, BEHIND);
        assert!(finding.verdict == Verdict::Warning && finding.evidence[0].starts_with("dc2.contoso.test"));
        let finding = judged(&CHECK, FRESH);
        assert!(finding.cause.as_ref().is_some_and(|cause| cause.contains("SDProp")), "{finding:?}");
        assert_eq!(judged(&CHECK, &FRESH.replace("T09:40", "T08:59")).verdict, Verdict::Pass);
        assert_eq!(judged(&CHECK, "### propagation DC1").verdict, Verdict::CouldNotTell);
    }
}
