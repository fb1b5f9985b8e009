//! One check: what it proves, what it found, and how to mend it.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// What a check is, apart from any run of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Description {
    /// Stable name, in words with dashes, such as `pdc-emulator`.
    pub id: &'static str,
    /// One line, as it heads the finding.
    pub title: &'static str,
    /// What is true when it passes.
    pub proves: &'static str,
    /// The point of the administrator's list of things to verify that it covers, if it covers one.
    #[serde(rename = "article_line")]
    pub article: Option<&'static str>,
    /// The rows of the troubleshooting tables that it covers, such as `D3`.
    pub rows: &'static [&'static str],
    /// The test that makes it fail.
    pub fault_test: FaultTest,
    /// The chapter of the manual.
    pub manual: &'static str,
}

/// The test that shows that a check fails when it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FaultTest {
    /// What is broken.
    pub kind: FaultKind,
    /// The test's name.
    pub name: &'static str,
    /// Why the real thing is not broken; none if it is.
    pub reason: Option<&'static str>,
}

impl FaultTest {
    /// A test that breaks the real thing.
    pub const fn real(name: &'static str) -> Self {
        Self { kind: FaultKind::Real, name, reason: None }
    }

    /// A test on evidence that was recorded, and why nothing real is broken.
    pub const fn recorded(name: &'static str, reason: &'static str) -> Self {
        Self { kind: FaultKind::Recorded, name, reason: Some(reason) }
    }
}

/// What a fault test breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The real thing.
    Real,
    /// Nothing: the check judges evidence that was recorded elsewhere.
    Recorded,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// Does not matter here.
    NotApplicable,
    /// Works, but will not for everyone or for ever.
    Warning,
    /// Something before it failed, so nothing can be said.
    CouldNotTell,
    /// A reset would fail, or would not be safe.
    Fail,
}

/// The system that a fix is typed into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum System {
    /// The agent's own host.
    Agent,
    /// The cloud side, or its console.
    Cloud,
    /// A Samba domain controller.
    Samba,
    /// Windows, in PowerShell or a command prompt.
    Windows,
    /// The DNS of the domain that mail comes from, wherever that is kept.
    Dns,
}

/// Exact lines that mend it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// Where they are typed.
    pub system: System,
    /// The lines.
    pub lines: Vec<String>,
}

/// What one run of a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How it ended.
    pub verdict: Verdict,
    /// What was seen: names, numbers, the other side's words. Never a secret.
    pub evidence: Vec<String>,
    /// Why it is so; none when it passed.
    pub cause: Option<String>,
    /// What mends it; empty when nothing has to be.
    pub fixes: Vec<Fix>,
}

impl Finding {
    /// All is as it should be.
    pub fn pass(evidence: impl Into<String>) -> Self {
        Self { verdict: Verdict::Pass, evidence: vec![evidence.into()], cause: None, fixes: Vec::new() }
    }

    /// It does not matter here, and why not.
    pub fn not_applicable(why: impl Into<String>) -> Self {
        Self { verdict: Verdict::NotApplicable, evidence: vec![why.into()], cause: None, fixes: Vec::new() }
    }

    /// Nothing can be said, and why not.
    pub fn could_not_tell(why: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::CouldNotTell,
            evidence: Vec::new(),
            cause: Some(why.into()),
            fixes: Vec::new(),
        }
    }

    /// It fails, and why.
    pub fn fail(evidence: impl Into<String>, cause: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Fail,
            evidence: vec![evidence.into()],
            cause: Some(cause.into()),
            fixes: Vec::new(),
        }
    }

    /// It works, but; and why.
    pub fn warning(evidence: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warning, ..Self::fail(evidence, cause) }
    }

    /// Adds more of what was seen.
    #[must_use]
    pub fn and(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }

    /// Adds lines that mend it.
    #[must_use]
    pub fn fix<L: Into<String>>(mut self, system: System, lines: impl IntoIterator<Item = L>) -> Self {
        self.fixes.push(Fix { system, lines: lines.into_iter().map(Into::into).collect() });
        self
    }
}

/// A check of things that `C` gives it access to. It changes nothing.
#[async_trait]
pub trait Check<C: Sync>: Send + Sync {
    /// What it is.
    fn description(&self) -> &'static Description;

    /// Looks.
    async fn look(&self, context: &C) -> Finding;

    /// What it says when something is wrong, with names of an example: for the manual.
    fn examples(&self) -> Vec<Finding> {
        Vec::new()
    }
}
