//! A run of checks, and how it is shown.

use std::fmt::Write as _;

use serde::Serialize;

use crate::check::{Check, Description, Finding, System, Verdict};

/// One check and what it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The check.
    #[serde(flatten)]
    pub check: Description,
    /// What it found.
    #[serde(flatten)]
    pub finding: Finding,
}

/// Everything that was found, in the order in which it was looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// A row for each check.
    pub checks: Vec<Row>,
}

/// Runs `checks` one after another; `progress` hears of each before it starts.
pub async fn run<C: Sync>(
    checks: &[Box<dyn Check<C>>],
    context: &C,
    mut progress: impl FnMut(&'static Description),
) -> Report {
    let mut rows = Vec::with_capacity(checks.len());
    for check in checks {
        let description = check.description();
        progress(description);
        rows.push(Row { check: *description, finding: check.look(context).await });
    }
    Report { checks: rows }
}

impl Report {
    /// The worst verdict; [`Verdict::Pass`] when there was no check.
    pub fn worst(&self) -> Verdict {
        self.checks.iter().map(|row| row.finding.verdict).max().unwrap_or(Verdict::Pass)
    }

    /// The exit code: 0 all well, 1 something fails, 2 a warning or something that could not be told.
    pub fn exit_code(&self) -> u8 {
        match self.worst() {
            Verdict::Pass | Verdict::NotApplicable => 0,
            Verdict::Warning | Verdict::CouldNotTell => 2,
            Verdict::Fail => 1,
        }
    }

    /// The report as JUnit XML, as build servers read it: a failing check is a failure, one that could not tell an error, and what
    /// does not apply is skipped. A warning passes, with its words as output.
    pub fn to_junit(&self) -> String {
        let count = |wanted| self.checks.iter().filter(|row| row.finding.verdict == wanted).count();
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        // Writing to a String cannot fail; so below.
        let _ = writeln!(
            xml,
            "<testsuites><testsuite name=\"ritorno-agent doctor\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">",
            self.checks.len(),
            count(Verdict::Fail),
            count(Verdict::CouldNotTell),
            count(Verdict::NotApplicable),
        );
        for Row { check, finding } in &self.checks {
            let (id, title) = (for_xml(check.id), for_xml(check.title));
            let _ = write!(xml, "<testcase classname=\"doctor\" name=\"{id}: {title}\">");
            let mut said = finding.evidence.clone();
            said.extend(finding.cause.iter().map(|cause| format!("cause: {cause}")));
            for fix in &finding.fixes {
                said.push(format!("to mend it, {}:", place(fix.system)));
                said.extend(fix.lines.iter().map(|line| format!("    {line}")));
            }
            let said = for_xml(&said.join("\n"));
            let element = match finding.verdict {
                Verdict::Pass | Verdict::Warning => "system-out",
                Verdict::NotApplicable => "skipped",
                Verdict::CouldNotTell => "error",
                Verdict::Fail => "failure",
            };
            let _ = writeln!(xml, "<{element}>{said}</{element}></testcase>");
        }
        xml.push_str("</testsuite></testsuites>\n");
        xml
    }

    /// The report for a terminal.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for Row { check, finding } in &self.checks {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{} {}  [{}]", symbol(finding.verdict), check.title, check.id);
            for line in &finding.evidence {
                let _ = writeln!(text, "      {line}");
            }
            if let Some(cause) = &finding.cause {
                let _ = writeln!(text, "      cause: {cause}");
            }
            for fix in &finding.fixes {
                let _ = writeln!(text, "      to mend it, {}:", place(fix.system));
                for line in &fix.lines {
                    let _ = writeln!(text, "          {line}");
                }
            }
        }
        let count = |wanted| self.checks.iter().filter(|row| row.finding.verdict == wanted).count();
        let _ = writeln!(
            text,
            "{} checks: {} passed, {} failed, {} warnings, {} could not be told, {} do not apply",
            self.checks.len(),
            count(Verdict::Pass),
            count(Verdict::Fail),
            count(Verdict::Warning),
            count(Verdict::CouldNotTell),
            count(Verdict::NotApplicable),
        );
        text
    }
}

/// Text as XML 1.0 takes it, in an element or an attribute; what it can't hold becomes a replacement character.
fn for_xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

const fn symbol(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass ",
        Verdict::NotApplicable => "n/a  ",
        Verdict::Warning => "WARN ",
        Verdict::CouldNotTell => "?    ",
        Verdict::Fail => "FAIL ",
    }
}

/// Where lines are typed, in words.
pub(crate) const fn place(system: System) -> &'static str {
    match system {
        System::Agent => "on this host",
        System::Cloud => "on the cloud side",
        System::Samba => "on a Samba domain controller",
        System::Windows => "on Windows",
        System::Dns => "in the DNS of the sender's domain",
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::check::FaultTest;

    struct Disk;

    #[async_trait]
    impl Check<u32> for Disk {
        fn description(&self) -> &'static Description {
            &Description {
                id: "disk",
                title: "The disk has room",
                proves: "The journal can be written.",
                article: None,
                rows: &[],
                fault_test: const { FaultTest::real("report::tests::the_worst_verdict_decides_the_exit_code") },
                manual: "troubleshooting.html#disk",
            }
        }

        async fn look(&self, free_mb: &u32) -> Finding {
            match *free_mb {
                0..10 => Finding::fail(format!("{free_mb} MB free"), "the disk is full")
                    .fix(System::Agent, ["journalctl --vacuum-size=100M"]),
                10..100 => Finding::warning(format!("{free_mb} MB free"), "the disk is nearly full"),
                _ => Finding::pass(format!("{free_mb} MB free")),
            }
        }
    }

    async fn report(free_mb: u32) -> Report {
        let mut heard = Vec::new();
        let report =
            run(&[Box::new(Disk) as Box<dyn Check<u32>>], &free_mb, |check| heard.push(check.id)).await;
        assert_eq!(heard, ["disk"]);
        report
    }

    #[tokio::test]
    async fn the_worst_verdict_decides_the_exit_code() {
        assert_eq!(report(1_000).await.exit_code(), 0);
        assert_eq!(report(50).await.exit_code(), 2);
        assert_eq!(report(5).await.exit_code(), 1);
    }

    #[tokio::test]
    async fn text_holds_cause_and_fix() {
        let text = report(5).await.to_text();
        for part in
            ["FAIL  The disk has room", "5 MB free", "cause: the disk is full", "--vacuum-size", "1 failed"]
        {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
    }

    #[tokio::test]
    async fn junit_tells_failures_and_survives_any_text() {
        let xml = report(5).await.to_junit();
        assert!(xml.contains("tests=\"1\" failures=\"1\" errors=\"0\" skipped=\"0\""), "{xml}");
        assert!(xml.contains("<failure>5 MB free\ncause: the disk is full"), "{xml}");
        assert!(report(50).await.to_junit().contains("<system-out>50 MB free"));
        assert_eq!(for_xml("a<b> & \"c\"\u{7}"), "a&lt;b&gt; &amp; &quot;c&quot;\u{fffd}");
    }

    #[tokio::test]
    async fn json_is_flat_and_stable() {
        let json = serde_json::to_value(report(5).await).unwrap();
        assert_eq!(json["checks"][0]["id"], "disk");
        assert_eq!(json["checks"][0]["verdict"], "fail");
        assert_eq!(json["checks"][0]["fixes"][0]["system"], "agent");
    }
}
