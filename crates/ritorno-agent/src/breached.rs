//! `ritorno-agent breached build`: makes the list that `breached_file` names. It needs no configuration, and may run on another machine.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Subcommand;
use indicatif::{HumanBytes, HumanCount, ProgressBar};
use ritorno_writeback::breached::build::{Lines, Progress, build};
use ritorno_writeback::breached::list::Hash;

use crate::output::say;

/// Entries that are sorted in memory at once: 64 MB.
const IN_MEMORY: usize = 8_000_000;
/// What stands for standard input.
const STANDARD_INPUT: &str = "-";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Makes the list that `breached_file` names of a public file of hashes.
    ///
    /// Its lines are HASH:COUNT or HASH, in any order: SHA-1 (40 hexadecimal digits) or NTLM (32), as Have I Been Pwned publishes them in
    /// one file. Eight bytes of each hash go into the list. In ascending order it is one pass over the file; else parts of it are sorted
    /// first, for which there has to be room beside the list, twice its size.
    Build {
        /// The public file; `-` reads standard input.
        file: PathBuf,
        /// Where the list goes. Default: beside the file, with `.breached` at the end of its name.
        #[arg(long)]
        out: Option<PathBuf>,
        /// Leaves out what was seen less often than that.
        #[arg(long, default_value_t = 1, conflicts_with = "passwords")]
        at_least: u64,
        /// The lines are passwords, not hashes: an own list. They are compared in any case, and with one letter for all that look alike.
        #[arg(long)]
        passwords: bool,
    },
}

/// Runs it.
///
/// # Errors
/// With the line that is wrong, or what can't be read or written; a list that was there stays.
pub(crate) fn run(command: &Command) -> anyhow::Result<()> {
    let Command::Build { file, out, at_least, passwords } = command;
    let lines = if *passwords { Lines::Passwords } else { Lines::Hashes { at_least: *at_least } };
    let piped = file.as_path() == Path::new(STANDARD_INPUT);
    ensure!(!piped || out.is_some(), "from standard input: say where the list goes, by --out");
    let out = out.clone().unwrap_or_else(|| {
        let mut name = file.clone().into_os_string();
        name.push(".breached");
        name.into()
    });
    let input: Box<dyn BufRead> = if piped {
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        Box::new(BufReader::new(File::open(file).with_context(|| file.display().to_string())?))
    };
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    let mut show = |progress| match progress {
        Progress::Read(bytes) => bar.set_message(format!("{} read", HumanBytes(bytes))),
        Progress::Merged(entries) => bar.set_message(format!("{} merged", HumanCount(entries))),
    };
    let built = build(input, lines, &out, IN_MEMORY, &mut show).with_context(|| file.display().to_string());
    bar.finish_and_clear();
    let built = built?;
    let kind = match built.head.hash {
        _ if built.head.folded => "passwords",
        Hash::Sha1 => "SHA-1 hashes",
        Hash::Ntlm => "NTLM hashes",
    };
    say(format_args!(
        "{}: {} {kind}, of {} lines. Name it as breached_file in agent.toml; the agent's user has to be able to read it.",
        out.display(),
        built.head.count,
        built.lines
    ))
}
