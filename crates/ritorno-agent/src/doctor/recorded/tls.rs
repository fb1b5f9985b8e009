//! Has a domain controller TLS 1.2 switched off, and no 1.3 in its place?

use ritorno_doctor::{Description, Finding, System};

use super::{Recorded, Section, recorded, registry};

const KEY: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Server";

/// The check.
pub(super) const CHECK: Recorded = Recorded {
    description: &Description {
        id: "windows-tls",
        title: "TLS 1.2 or 1.3 is on at the domain controllers",
        proves: "SCHANNEL's values for the server's side of TLS 1.2 do not disable it, or those of TLS 1.3 enable that. The agent speaks \
                 these two and nothing older, so that LDAPS and StartTLS fail without.",
        article: None,
        rows: &["N9"],
        fault_test: recorded("doctor::recorded::tls::tests::tls_that_is_switched_off_fails"),
        manual: "troubleshooting.html#windows-tls",
    },
    section: "tls",
    lines: &[
        r"reg query 'HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Server' 2>$null",
        r"reg query 'HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.3\Server' 2>$null",
    ],
    judge,
    wrong: &[OFF],
};

const OFF: &str = r"### tls DC1 2026-11-26T10:00:00Z
HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Server
    Enabled    REG_DWORD    0x0
    DisabledByDefault    REG_DWORD    0x1";

/// What is set of one version.
struct Values<'a> {
    enabled: Option<&'a str>,
    off_by_default: Option<&'a str>,
}

impl<'a> Values<'a> {
    /// The values below the line that names the version's key.
    fn of(section: &'a Section, version: &str) -> Self {
        let key = |line: &String| line.starts_with("HKEY_");
        let from = section.lines.iter().position(|line| key(line) && line.contains(version));
        let below = from.map_or(&[][..], |at| &section.lines[at + 1..]);
        let own = below.iter().position(key).map_or(below, |end| &below[..end]);
        Self { enabled: registry(own, "Enabled"), off_by_default: registry(own, "DisabledByDefault") }
    }

    fn switches_off(&self) -> bool {
        self.enabled == Some("0x0") || self.off_by_default.is_some_and(|value| value != "0x0")
    }
}

impl std::fmt::Display for Values<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (enabled, off) = (self.enabled.unwrap_or("not set"), self.off_by_default.unwrap_or("not set"));
        write!(f, "Enabled {enabled}, DisabledByDefault {off}")
    }
}

fn judge(section: &Section) -> Finding {
    let host = &section.host;
    let (older, newer) = (Values::of(section, "TLS 1.2"), Values::of(section, "TLS 1.3"));
    if !older.switches_off() {
        return Finding::pass(format!("{host}: not switched off"));
    }
    // Not every version of Windows has it, so that only who switched it on is taken to have it.
    if newer.enabled.is_some() && !newer.switches_off() {
        return Finding::pass(format!("{host}: TLS 1.2 is off, TLS 1.3 is on"));
    }
    Finding::fail(
        format!("{host}: TLS 1.2: {older}; TLS 1.3: {newer}"),
        "SCHANNEL does not offer TLS 1.2 there, nor is TLS 1.3 switched on, and the agent takes nothing older",
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
        let newer = |value| {
            let key = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.3\Server";
            format!(
                "{OFF}\n{key}\n    Enabled    REG_DWORD    {value}\n    DisabledByDefault    REG_DWORD    0x0"
            )
        };
        assert_eq!(judged(&CHECK, &newer("0x1")).verdict, Verdict::Pass, "1.3 is in its place");
        assert_eq!(judged(&CHECK, &newer("0x0")).verdict, Verdict::Fail, "neither");
        assert_eq!(judged(&CHECK, "### tls DC1").verdict, Verdict::Pass, "nothing set is on");
    }
}
