//! May everybody who signed in read what the directory shows by default?

use ritorno_doctor::{Description, Finding, System};

use super::{Recorded, Section, recorded};

/// Authenticated Users.
const EVERYBODY: &str = "S-1-5-11";
/// Trustees that everybody who signed in is one of, as SDDL writes them (MS-DTYP 2.5.1.1), *Pre-Windows 2000 Compatible Access* included.
const TRUSTEES: [&str; 6] = ["AU", "WD", "RU", "S-1-5-11", "S-1-1-0", "S-1-5-32-554"];

/// The check.
pub(super) const CHECK: Recorded = Recorded {
    description: &Description {
        id: "windows-read-rights",
        title: "The rights to read that the directory has by default are not taken away",
        proves: "Authenticated Users are in Pre-Windows 2000 Compatible Access, whose rights to read people the agent's account has by \
                 that, and the object CN=Server,CN=System lets it read.",
        article: None,
        rows: &["D13"],
        fault_test: recorded("doctor::recorded::sam_server::tests::what_was_hardened_away_is_told"),
        manual: "troubleshooting.html#windows-read-rights",
    },
    section: "read-rights",
    lines: &[
        r#"$root = (Get-ADDomain).DistinguishedName; "sddl $((Get-Acl "AD:CN=Server,CN=System,$root").Sddl)""#,
        r#"(Get-ADGroup S-1-5-32-554 -Properties member).member | ForEach-Object { "member $_" }"#,
    ],
    judge,
    wrong: &[NO_MEMBER, NO_READ],
};

const NO_MEMBER: &str = r"### read-rights DC1 2026-11-26T10:00:00Z
sddl O:DAG:DAD:AI(A;;RPLCRC;;;RU)(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;DA)
member CN=Legacy Hosts,OU=Groups,DC=contoso,DC=test";
const NO_READ: &str = r"### read-rights DC1 2026-11-26T10:00:00Z
sddl O:DAG:DAD:AI(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;DA)
member CN=S-1-5-11,CN=ForeignSecurityPrincipals,DC=contoso,DC=test";

fn judge(section: &Section) -> Finding {
    let host = &section.host;
    let of = |kind: &str| -> Vec<&str> {
        section.lines.iter().filter_map(|line| line.strip_prefix(kind)).map(str::trim).collect()
    };
    let (sddl, members) = (of("sddl "), of("member "));
    let Some(sddl) = sddl.first() else {
        return Finding::could_not_tell(format!(
            "{host}: the descriptor of CN=Server,CN=System is not in the evidence"
        ));
    };
    if !members.iter().any(|member| member.starts_with(&format!("CN={EVERYBODY},"))) {
        return Finding::warning(
            format!("{host}: Authenticated Users are not in Pre-Windows 2000 Compatible Access"),
            "what the group may read of people the agent's account may not: account flags and groups stay unknown, unless granted otherwise",
        )
        .fix(
            System::Windows,
            [
                "Add-ADGroupMember -Identity S-1-5-32-554 -Members (New-Object System.Security.Principal.SecurityIdentifier 'S-1-5-11')",
                "# or give the agent's account alone what it reads, on the domain's root:",
                "dsacls \"DC=contoso,DC=test\" /I:S /G \"ACCOUNT:GR;;user\"",
            ],
        );
    }
    if !lets_read(sddl) {
        return Finding::warning(
            format!("{host}: CN=Server,CN=System lets nobody but administrators read"),
            "an agent that asks over SAM-R is refused there; this one, which asks over LDAP alone, is not",
        )
        .fix(
            System::Windows,
            ["dsacls \"CN=Server,CN=System,DC=contoso,DC=test\" /G \"S-1-5-32-554:RPLCRC\""],
        );
    }
    Finding::pass(format!("{host}: as they are by default"))
}

/// Whether an entry of a descriptor lets everybody who signed in read properties.
fn lets_read(sddl: &str) -> bool {
    sddl.split('(').skip(1).any(|entry| {
        let fields: Vec<&str> = entry.split(')').next().unwrap_or_default().split(';').collect();
        let [kind, _, rights, .., trustee] = fields[..] else { return false };
        // Rights are pairs of letters (MS-DTYP 2.5.1.1).
        let pairs = rights.as_bytes().chunks(2);
        kind == "A"
            && TRUSTEES.contains(&trustee)
            && pairs.into_iter().any(|pair| pair == b"RP" || pair == b"GR" || pair == b"GA")
    })
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;

    use super::super::tests::judged;
    use super::*;

    #[test]
    fn what_was_hardened_away_is_told() {
        let finding = judged(&CHECK, NO_MEMBER);
        assert!(finding.verdict == Verdict::Warning && finding.evidence[0].contains("Authenticated Users"));
        let finding = judged(&CHECK, NO_READ);
        assert!(finding.verdict == Verdict::Warning && finding.evidence[0].contains("CN=Server"));
        let member = NO_READ.lines().last().unwrap();
        let whole = NO_MEMBER.replace("member CN=Legacy", &format!("{member}\nmember CN=Legacy"));
        assert_eq!(judged(&CHECK, &whole).verdict, Verdict::Pass);
        assert_eq!(judged(&CHECK, "### read-rights DC1").verdict, Verdict::CouldNotTell);
        assert!(!lets_read("D:(D;;RP;;;AU)(A;;WP;;;AU)(A;;RP;;;DA)(OA;;RP;1;2;AU"));
    }
}
