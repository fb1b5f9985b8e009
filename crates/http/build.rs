//! Builds the message catalogues in: `i18n.rs` includes what this writes, one constant for each folder of `web/locales`. A message that a
//! language lacks, that nobody says, or that somebody says and nobody has, ends the build.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

#[path = "src/i18n/check.rs"]
mod check;

use check::{Messages, differences, read, used};

/// The language that the others are compared with.
const FIRST: &str = "en";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let mut cargo = std::io::stdout();
    let here = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let web = here.join("../../web");
    let (locales, templates, sources) = (web.join("locales"), web.join("templates"), here.join("src"));
    for watched in [&here.join("build.rs"), &locales, &templates, &sources] {
        writeln!(cargo, "cargo::rerun-if-changed={}", watched.display())?;
    }
    let mut faults = Vec::new();
    let mut languages: Vec<(String, Messages)> = Vec::new();
    let mut written = String::new();
    for folder in entries(&locales)? {
        let tag = name(&folder);
        let mut messages = Messages::new();
        writeln!(written, "pub(super) const {}: &[&str] = &[", tag.to_uppercase().replace('-', "_"))?;
        for file in entries(&folder)?.into_iter().filter(|file| !is_the_scripts(file)) {
            if let Err(found) = read(
                &format!("web/locales/{tag}/{}", name(&file)),
                &fs::read_to_string(&file)?,
                &mut messages,
            ) {
                faults.extend(found);
            }
            writeln!(written, "    include_str!({file:?}),")?;
        }
        written.push_str("];\n");
        languages.push((tag, messages));
    }
    let (_, first) = languages.iter().find(|(tag, _)| tag == FIRST).ok_or("web/locales/en is not there")?;
    for (tag, messages) in &languages {
        faults.extend(differences((FIRST, first), (tag, messages)));
    }
    faults.extend(said(&[templates, sources], first)?);
    for fault in &faults {
        writeln!(cargo, "cargo::error={fault}")?;
    }
    fs::write(Path::new(&std::env::var("OUT_DIR")?).join("catalogues.rs"), written)?;
    Ok(())
}

/// Whether a catalogue is that of the console's script, which is compiled into the script and checked there (`web/generate-words.mjs`).
fn is_the_scripts(file: &Path) -> bool {
    name(file).starts_with("console-app")
}

/// Keys without a message, and messages that nobody says.
fn said(folders: &[PathBuf], messages: &Messages) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for folder in folders {
        collect(folder, &mut texts)?;
    }
    let said: BTreeSet<&str> = texts.iter().flat_map(|text| used(text)).collect();
    let there: BTreeSet<&str> = messages.keys().map(String::as_str).collect();
    let missing = said
        .difference(&there)
        .map(|key| format!("web/locales/{FIRST} lacks the message '{key}', which is said"));
    let idle = there.difference(&said).map(|key| format!("nobody says the message '{key}'"));
    Ok(missing.chain(idle).collect())
}

/// The text of every template and source file below `folder`; not that of the check itself, whose tests name keys of their own.
fn collect(folder: &Path, texts: &mut Vec<String>) -> Result<()> {
    for path in entries(folder)? {
        if path.is_dir() {
            collect(&path, texts)?;
        } else if !path.ends_with("i18n/check.rs") {
            texts.push(fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// What is in a folder, in one order on every machine.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    found.sort();
    Ok(found)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
