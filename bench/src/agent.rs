//! What the agent weighs: in memory at rest, and on the disk.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use ritorno_lab::stack::Stack;

use crate::summary::{Better, Measure, Rows};

const MB: f64 = 1_000_000.0;
/// How often the memory is looked at, and how long between two looks.
const LOOKS: (u32, Duration) = (5, Duration::from_secs(2));

/// The agent's own doctor looks for the first time within a minute of the start: what it leaves behind counts.
const DOCTOR_HAS_LOOKED: Duration = Duration::from_secs(75);

/// Measures a running agent that has nothing to do, and adds the rows.
///
/// # Errors
/// When it does not run.
pub(crate) async fn measure(stack: &Stack, program: &Path, date: &str, rows: &mut Rows) -> Result<()> {
    let process = stack.agent_pid().context("the agent does not run")?;
    let (count, pause) = LOOKS;
    tokio::time::sleep(DOCTOR_HAS_LOOKED).await;
    let mut resident = Vec::new();
    for _ in 0..count {
        tokio::time::sleep(pause).await;
        resident.push(resident_bytes(process)? / MB);
    }
    let rest = Measure { name: "agent.rest_mb", unit: "MB", better: Better::Lower, goal: Some(20.0) };
    let method = format!(
        "VmRSS of the enrolled, connected agent with nothing to do, in its unit's environment, after the first sync of its people and the first look of its doctor; median of {count} looks"
    );
    rows.add(rest, &resident, method, date)?;
    let binary = Measure { name: "agent.binary_mb", unit: "MB", better: Better::Lower, goal: Some(15.0) };
    let size = std::fs::metadata(program)?.len() as f64 / MB;
    rows.add(binary, &[size], "size of the program's file, stripped".to_owned(), date)
}

fn resident_bytes(process: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1_024.0)
}
