//! What commands print.

use std::io::Write as _;

/// Prints a line on standard output.
///
/// # Errors
/// When nobody reads it any more.
pub(crate) fn say(line: impl std::fmt::Display) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{line}")?;
    Ok(())
}

/// Prints an error and its causes on standard error.
pub(crate) fn complain(error: &anyhow::Error) {
    // If standard error is closed, nobody can be told.
    let _ = writeln!(std::io::stderr().lock(), "ritorno: {error:#}");
}

/// Prints a warning on standard error: what was asked for is done all the same.
pub(crate) fn warn(warning: impl std::fmt::Display) {
    // If standard error is closed, nobody can be told.
    let _ = writeln!(std::io::stderr().lock(), "warning: {warning}");
}

/// `moment` as a reader in UTC takes it; '-' if there is none.
pub(crate) fn moment(moment: Option<ritorno_protocol::clock::Timestamp>) -> String {
    moment.map_or_else(|| "-".to_owned(), ritorno_http::time_text::rfc3339)
}

/// A table without lines.
pub(crate) fn table<const N: usize>(header: [&str; N]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(header);
    table
}
