//! What commands print.

use std::io::Write as _;

use ritorno_protocol::clock::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Prints a line on standard output.
///
/// # Errors
/// When nobody reads it any more.
pub(crate) fn say(line: impl std::fmt::Display) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}

/// Prints an error and its causes on standard error, in one line.
pub(crate) fn complain(error: &anyhow::Error) {
    // If standard error is closed, nobody can be told.
    let _ = writeln!(std::io::stderr().lock(), "ritorno-agent: {error:#}");
}

/// `moment` in UTC (RFC 3339); '-' if there is none.
pub(crate) fn moment(moment: Option<Timestamp>) -> String {
    moment
        .and_then(|at| OffsetDateTime::from_unix_timestamp(at.unix_ms() / 1_000).ok())
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_else(|| "-".to_owned())
}
