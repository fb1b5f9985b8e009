//! Has a domain controller TLS 1.2 switched off?

use ritorno_doctor::{Description, Finding, System};

use super::{Recorded, Section, recorded, registry};

const KEY: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Server";

/// The check.
pub(super) const CHECK: Recorded = Recorded {
    description: &Description {
        id: "windows-tls",
        title: "TLS 1.2 is not switched off on the domain controllers",
        proves: "SCHANNEL's values for the server's side of TLS 1.2 do not disable it. The agent speaks TLS 1.2 and 1.3 and nothing \
                 older, so that LDAPS and StartTLS fail without.",
        article: None,
        rows: &["N9"],
        fault_test: recorded("doctor::recorded::tls::tests::tls_that_is_switched_off_fails"),
        manual: "troubleshooting.html#windows-tls",
    },
    section: "tls",
    lines: &[
        r"reg query 'HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Server' 2>$null",
    ],
    judge,
    wrong: &[OFF],
};

const OFF: &str = r"### tls DC1 2026-11-26T10:00:00Z
HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Server
    Enabled    REG_DWORD    0x0
    DisabledByDefault    REG_DWORD    0x1";

fn judge(section: &Section) -> Finding {
    let host = &section.host;
    let (enabled, off) = (registry(&section.lines, "Enabled"), registry(&section.lines, "DisabledByDefault"));
    if enabled != Some("0x0") && !matches!(off, Some(value) if value != "0x0") {
        return Finding::pass(format!("{host}: not switched off"));
    }
    Finding::fail(
        format!(
            "{host}: Enabled {}, DisabledByDefault {}",
            enabled.unwrap_or("not set"),
            off.unwrap_or("not set")
        ),
        "SCHANNEL does not offer TLS 1.2 there, and the agent takes nothing older",
    )
    .fix(
        System::Windows,
        [
            format!("reg add '{KEY}' /v Enabled /t REG_DWORD /d 1 /f"),
            format!("reg add '{KEY}' /v DisabledByDefault /t REG_DWORD /d 0 /f"),
            "Restart-Computer".to_owned(),
        ],
    )
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;

    use super::super::tests::judged;
    use super::*;

    #[test]
    fn tls_that_is_switched_off_fails() {
        assert_eq!(judged(&CHECK, OFF).verdict, Verdict::Fail);
        let half = OFF.replace("Enabled    REG_DWORD    0x0", "Enabled    REG_DWORD    0x1");
        assert_eq!(judged(&CHECK, &half).verdict, Verdict::Fail, "disabled by default");
        let on =
            half.replace("DisabledByDefault    REG_DWORD    0x1", "DisabledByDefault    REG_DWORD    0x0");
        assert_eq!(judged(&CHECK, &on).verdict, Verdict::Pass);
        assert_eq!(judged(&CHECK, "### tls DC1").verdict, Verdict::Pass, "nothing set is on");
    }
}
