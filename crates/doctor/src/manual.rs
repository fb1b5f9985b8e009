//! The manual's chapter of the checks, and the table of their fault tests, as Markdown.

use std::fmt::Write as _;

use crate::check::{Description, FaultKind, Finding};
use crate::report::place;

/// A check, and what it says when something is wrong.
pub struct Chapter {
    /// The check.
    pub check: &'static Description,
    /// What it says, with names of an example.
    pub examples: Vec<Finding>,
}

impl Chapter {
    /// The chapter as Markdown; its heading is the check's id, which links lead to.
    pub fn to_markdown(&self) -> String {
        let check = self.check;
        let mut text = String::new();
        // Writing to a String cannot fail; so below.
        let _ = writeln!(text, "## {}\n\n**{}.** {}", check.id, check.title, check.proves);
        for finding in &self.examples {
            text.push('\n');
            if !finding.evidence.is_empty() {
                let _ = writeln!(text, "`{}`", finding.evidence.join("; "));
            }
            if let Some(cause) = &finding.cause {
                let _ = writeln!(text, "means: {cause}.");
            }
            for fix in &finding.fixes {
                let _ = writeln!(text, "\nTo mend it, {}:\n", place(fix.system));
                for line in &fix.lines {
                    let _ = writeln!(text, "    {line}");
                }
            }
        }
        text
    }
}

/// A table of all checks with the test that breaks what each looks at.
pub fn fault_table<'a>(checks: impl IntoIterator<Item = &'a Description>) -> String {
    let mut text = String::from("| check | rows | broken for real | test |\n|---|---|---|---|\n");
    for check in checks {
        let test = check.fault_test;
        let real = match test.kind {
            FaultKind::Real => "yes".to_owned(),
            FaultKind::Recorded => format!("no: {}", test.reason.unwrap_or("no reason is given")),
        };
        let _ = writeln!(text, "| `{}` | {} | {real} | `{}` |", check.id, check.rows.join(" "), test.name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{FaultTest, System};

    const CHECK: Description = Description {
        id: "lamp",
        title: "The lamp is lit",
        proves: "There is light.",
        article: None,
        rows: &["L1", "L2"],
        fault_test: FaultTest { kind: FaultKind::Recorded, name: "lamp::dark", reason: Some("no lamp here") },
        manual: "troubleshooting.html#lamp",
    };

    #[test]
    fn everything_that_is_known_is_shown() {
        let finding = Finding::fail("it is dark", "the switch is off").fix(System::Agent, ["lamp on"]);
        let text = Chapter { check: &CHECK, examples: vec![finding] }.to_markdown();
        for part in [
            "## lamp",
            "**The lamp is lit.** There is light.",
            "`it is dark`",
            "means: the switch is off.",
            "    lamp on",
        ] {
            assert!(text.contains(part), "'{part}' is missing in\n{text}");
        }
        let unknown =
            Chapter { check: &CHECK, examples: vec![Finding::could_not_tell("nobody looked")] }.to_markdown();
        assert!(unknown.ends_with("There is light.\n\nmeans: nobody looked.\n"), "{unknown}");
        let row = "| `lamp` | L1 L2 | no: no lamp here | `lamp::dark` |";
        assert!(fault_table([&CHECK]).contains(row));
    }
}
