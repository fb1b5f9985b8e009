//! The manual pages and the completion of the command line, for the package: written by the very program that is packaged.

use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::Arguments;

/// Writes `man/*.1` and `completion.bash` into a folder.
///
/// # Errors
/// When they can't be written.
pub(crate) fn write(folder: &Path) -> std::io::Result<()> {
    let pages = folder.join("man");
    std::fs::create_dir_all(&pages)?;
    clap_mangen::generate_to(Arguments::command(), &pages)?;
    let mut file = std::fs::File::create(folder.join("completion.bash"))?;
    clap_complete::generate(Shell::Bash, &mut Arguments::command(), env!("CARGO_PKG_NAME"), &mut file);
    Ok(())
}
