//! The rules of the sync: the program's own, and above them the file that the configuration names. `ritorno-agent sync rules ...`.

use std::path::Path;

use anyhow::Context as _;
use ritorno_sync::{DEFAULT_RULES, Layer, Rules};

use crate::config::{Attributes, Config, ForestSettings};
use crate::output::say;

/// The rules of one forest.
///
/// # Errors
/// When the file can't be read, or holds what is no rule; by file, line and column.
pub(super) fn of(config: &Config, settings: &ForestSettings) -> anyhow::Result<Rules> {
    layered(config.sync.rules_file.as_deref(), settings)
}

fn layered(file: Option<&Path>, settings: &ForestSettings) -> anyhow::Result<Rules> {
    let mut layers: Vec<(String, String)> = Vec::new();
    let alternate_mail = &settings.attributes.alternate_mail;
    if *alternate_mail != Attributes::default().alternate_mail {
        let text = format!(
            "disable = [\"alternate-mail\"]\n[[flow]]\nname = \"configured-alternate-mail\"\nto = \"alternateMail\"\n\
             from = {alternate_mail:?}\nprecedence = 100\n"
        );
        layers.push((format!("alternate_mail of {}", settings.name), text));
    }
    if let Some(file) = file {
        let text = std::fs::read_to_string(file).with_context(|| format!("rules_file {}", file.display()))?;
        layers.push((file.display().to_string(), text));
    }
    let layers: Vec<Layer<'_>> = layers.iter().map(|(name, text)| Layer { name, text }).collect();
    Ok(Rules::layered(&layers)?)
}

/// `sync rules check [FILE]`: reads the rules as a run would, and says what an import would ask for. Changes nothing.
///
/// # Errors
/// The first thing that is wrong, by file, line and column.
pub(crate) fn check(config: &Config, file: Option<&Path>) -> anyhow::Result<()> {
    let file = file.or(config.sync.rules_file.as_deref());
    for settings in &config.forests {
        let rules = layered(file, settings)?;
        say(format_args!(
            "{}: the rules are good; an import asks for {}",
            settings.name,
            rules.attributes().join(", ")
        ))?;
        for group in rules.groups() {
            say(format_args!("  members of {group} count"))?;
        }
    }
    match file {
        Some(_) => Ok(()),
        None => say(
            "No rules_file is configured: the program's own rules count (`ritorno-agent sync rules show`).",
        ),
    }
}

/// `sync rules show`: the program's own rules, which an own file goes above.
///
/// # Errors
/// When nothing can be printed.
pub(crate) fn show() -> anyhow::Result<()> {
    say(DEFAULT_RULES.trim_end())
}
