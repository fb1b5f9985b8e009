//! The portal in a headless Chromium: what the first page weighs, and how long sealing takes.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use ritorno_lab::MailServer;
use ritorno_lab::command::run;
use ritorno_lab::stack::Stack;
use serde::Deserialize;

use crate::people::Subject;
use crate::summary::{Better, Measure, Rows};

/// First pages opened, and passwords sealed.
const RUNS: usize = 11;

#[derive(Deserialize)]
struct Measured {
    first_page_bytes: Vec<f64>,
    seal_ms: Vec<f64>,
}

/// Runs the browser's script and adds the rows.
///
/// # Errors
/// When the browser does not get where it should.
pub(crate) fn measure(
    stack: &Stack,
    mail: &MailServer,
    subject: &Subject,
    checkout: &Path,
    date: &str,
    rows: &mut Rows,
) -> Result<()> {
    let job = serde_json::json!({
        "url": stack.url, "ca": stack.ca_pem, "mail": mail.page(), "runs": RUNS,
        "upn": subject.upn, "address": subject.address,
    });
    let said = run(
        Command::new("node").arg("bench/browser/portal.mjs").current_dir(checkout),
        job.to_string().as_bytes(),
    )?;
    let measured: Measured =
        serde_json::from_str(said.trim()).with_context(|| format!("the browser's script said: {said}"))?;
    let kilobytes: Vec<f64> = measured.first_page_bytes.iter().map(|bytes| bytes / 1_000.0).collect();
    let page = Measure { name: "portal.first_page_kb", unit: "kB", better: Better::Lower, goal: Some(60.0) };
    let method = format!(
        "first page and all that belongs to it on the wire, headers and compressed bodies, in an empty Chromium; median of {RUNS}"
    );
    rows.add(page, &kilobytes, method, date)?;
    let seal = Measure { name: "portal.seal_ms", unit: "ms", better: Better::Lower, goal: Some(50.0) };
    let method = format!(
        "checking the recipients' chain and sealing for one agent, by the page's script in headless Chromium; median of {RUNS}"
    );
    rows.add(seal, &measured.seal_ms, method, date)
}
