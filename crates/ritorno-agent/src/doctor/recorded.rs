//! Checks of what exists on Windows domain controllers only and is not to be seen over LDAP. An administrator runs the lines of
//! `ritorno-agent doctor evidence` there, and brings what they printed: `ritorno-agent doctor --evidence FILE`.

mod filters;
mod privileges;
mod propagation;
mod refused;
mod remote_sam;
mod sam_server;
mod tls;

use std::path::Path;

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
use ritorno_protocol::policy::Vendor;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Context, worst_of};

/// Why no real thing is broken for these.
const ON_WINDOWS_ONLY: &str =
    "exists on Windows only, and the tests have none: what is judged is written as Microsoft documents it";
/// The largest file of evidence, in bytes.
const LARGEST: u64 = 4_000_000;
/// What a section of the evidence begins with.
const MARK: &str = "### ";

/// What one section of the evidence holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// What it is about.
    name: String,
    /// The host that it was recorded on.
    host: String,
    /// When.
    at: Option<OffsetDateTime>,
    /// The lines, without blanks at their ends, and no empty ones.
    lines: Vec<String>,
}

/// Everything that was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence(Vec<Section>);

impl Evidence {
    /// Reads a file, in UTF-8 or as PowerShell writes by itself (UTF-16).
    ///
    /// # Errors
    /// When it can't be read, or holds no section.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let said = || format!("the evidence {}", file.display());
        let size = std::fs::metadata(file).with_context(said)?.len();
        ensure!(size <= LARGEST, "{}: {size} bytes are more than any evidence has", said());
        let evidence = Self::parse(&text(&std::fs::read(file).with_context(said)?));
        ensure!(
            !evidence.0.is_empty(),
            "{} has no line that begins with '{MARK}': record it with the lines of `ritorno-agent doctor evidence`",
            said()
        );
        Ok(evidence)
    }

    fn parse(text: &str) -> Self {
        let mut sections: Vec<Section> = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(head) = line.strip_prefix(MARK) {
                let mut words = head.split_whitespace().map(str::to_owned);
                let (name, host) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                let at = words.next().and_then(|time| OffsetDateTime::parse(&time, &Rfc3339).ok());
                sections.push(Section { name, host: host.to_lowercase(), at, lines: Vec::new() });
            } else if let Some(section) = sections.last_mut() {
                section.lines.push(line.to_owned());
            }
        }
        Self(sections)
    }

    fn sections<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Section> {
        self.0.iter().filter(move |section| section.name == name)
    }
}

/// Text of UTF-8 or, with its mark at the beginning, UTF-16.
fn text(bytes: &[u8]) -> String {
    let wide = |read: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| read([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => wide(u16::from_be_bytes, rest),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// One check of recorded evidence.
pub(super) struct Recorded {
    /// What it is.
    description: &'static Description,
    /// The section that it judges.
    section: &'static str,
    /// PowerShell that records it.
    lines: &'static [&'static str],
    /// Judges what one host recorded.
    judge: fn(&Section) -> Finding,
    /// Evidence that makes it fail, for the manual; none if this agent does without what it looks at.
    wrong: &'static [&'static str],
}

/// All of them.
const ALL: [&Recorded; 7] = [
    &tls::CHECK,
    &remote_sam::CHECK,
    &sam_server::CHECK,
    &privileges::CHECK,
    &propagation::CHECK,
    &filters::CHECK,
    &refused::CHECK,
];

/// The checks.
pub(super) fn checks() -> Vec<Box<dyn Check<Context>>> {
    ALL.into_iter().map(|check| Box::new(check) as Box<dyn Check<Context>>).collect()
}

/// PowerShell that records everything, to be run as an administrator on each domain controller, the PDC emulator first.
pub(super) fn script() -> String {
    let mut text = String::from(
        "# PowerShell, as an administrator, on each domain controller that the agent writes to. It only reads.\n\
         # Then bring evidence.txt to the agent's host: ritorno-agent doctor --evidence evidence.txt\n\
         function Section($name) { \"### $name $env:COMPUTERNAME $((Get-Date).ToUniversalTime().ToString('s'))Z\" }\n\
         & {\n",
    );
    for check in ALL {
        text.push_str(&format!("  Section {}\n", check.section));
        for line in check.lines {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text.push_str("} | Out-String -Width 4000 | Out-File -Append -Encoding utf8 evidence.txt\n");
    text
}

#[async_trait]
impl Check<Context> for &'static Recorded {
    fn description(&self) -> &'static Description {
        self.description
    }

    async fn look(&self, context: &Context) -> Finding {
        let found = context.evidence.as_ref().map(|evidence| self.judge_all(evidence));
        match found {
            Some(Some(finding)) => finding,
            _ if !on_windows(context).await => {
                Finding::not_applicable("no domain controller that is written to is Windows")
            }
            Some(None) => self.unrecorded("the evidence has no such section"),
            None => self.unrecorded("nothing was recorded"),
        }
    }

    fn examples(&self) -> Vec<Finding> {
        if self.wrong.is_empty() {
            return vec![self.unrecorded("nothing was recorded")];
        }
        self.wrong.iter().filter_map(|text| self.judge_all(&Evidence::parse(text))).collect()
    }
}

impl Recorded {
    fn judge_all(&self, evidence: &Evidence) -> Option<Finding> {
        let found: Vec<Finding> = evidence.sections(self.section).map(self.judge).collect();
        (!found.is_empty()).then(|| worst_of(found))
    }

    fn unrecorded(&self, why: &str) -> Finding {
        let finding = Finding::could_not_tell(format!("{why}; this is not to be seen from here"));
        finding.fix(System::Windows, self.lines.iter().copied()).fix(
            System::Agent,
            ["ritorno-agent doctor evidence", "ritorno-agent doctor --evidence evidence.txt"],
        )
    }
}

/// Whether a controller that is written to is Windows, or is not known.
async fn on_windows(context: &Context) -> bool {
    for directory in &context.forests {
        match directory.root_dse().await {
            Ok(dse) if dse.vendor != Vendor::Windows => {}
            _ => return true,
        }
    }
    false
}

/// What stands behind `name` in a line of `reg query`: `    Name    REG_DWORD    0x1`.
fn registry<'a>(lines: &'a [String], name: &str) -> Option<&'a str> {
    lines.iter().find_map(|line| {
        let rest = line.trim().strip_prefix(name)?.trim_start();
        let (kind, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        kind.starts_with("REG_").then(|| value.trim())
    })
}

const fn recorded(name: &'static str) -> FaultTest {
    FaultTest::recorded(name, ON_WINDOWS_ONLY)
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;

    use super::*;

    pub(super) fn judged(check: &Recorded, text: &str) -> Finding {
        check.judge_all(&Evidence::parse(text)).unwrap()
    }

    #[test]
    fn evidence_is_read_as_it_is_written() {
        let text = "before\n### tls DC1 2026-11-26T10:00:00Z\r\n\r\n  a line  \n### refused DC2\n";
        let wide: Vec<u8> =
            [0xfeff_u16].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(self::text(&wide).trim_start_matches('\u{feff}'), text);
        let evidence = Evidence::parse(&self::text(&wide));
        assert_eq!(evidence.0.len(), 2);
        assert_eq!((evidence.0[0].host.as_str(), evidence.0[0].lines[0].as_str()), ("dc1", "a line"));
        assert!(evidence.0[0].at.is_some() && evidence.0[1].at.is_none());
        let missing = Evidence::read(Path::new("/nonexistent/evidence.txt")).unwrap_err();
        assert!(format!("{missing:#}").contains("/nonexistent/evidence.txt"));
    }

    #[test]
    fn each_check_has_its_section_in_the_script_and_its_examples_fail() {
        let script = script();
        for check in ALL {
            assert!(script.contains(&format!("Section {}\n", check.section)));
            for text in check.wrong {
                let finding = judged(check, text);
                assert!(finding.verdict >= Verdict::Warning, "{}: {finding:?}", check.section);
                assert!(!finding.fixes.is_empty(), "{}", check.section);
            }
            let unrecorded = check.unrecorded("nothing was recorded");
            assert_eq!(unrecorded.verdict, Verdict::CouldNotTell);
            assert!(!unrecorded.fixes[0].lines.is_empty(), "the lines that tell otherwise");
        }
    }
}
