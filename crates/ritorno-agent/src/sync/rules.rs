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
    let (own, usual) = (&settings.attributes, Attributes::default());
    for (key, from, usual, rule, to) in [
        ("alternate_mail", &own.alternate_mail, usual.alternate_mail, "alternate-mail", "alternateMail"),
        ("mobile", &own.mobile, usual.mobile, "mobile-number", "mobile"),
    ] {
        if *from != usual {
            let text = format!(
                "disable = [\"{rule}\"]\n[[flow]]\nname = \"configured-{rule}\"\nto = \"{to}\"\nfrom = {from:?}\n\
                 precedence = 100\n"
            );
            layers.push((format!("{key} of {}", settings.name), text));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_configuration_names_takes_the_place_of_the_usual_attribute() {
        let asked = |attributes: &str| {
            let text = format!(
                "state_dir = \"s\"\n[[forest]]\nname = \"contoso.test\"\n\
                 netbios_name = \"CONTOSO\"\nhosts = [\"dc1.contoso.test\"]\ndns_servers = [\"10.0.0.1\"]\n\
                 account = \"svc@contoso.test\"\n\
                 password_file = \"p\"\nca_file = \"c\"\n[forest.attributes]\n{attributes}"
            );
            let config = Config::parse(Path::new("agent.toml"), &text).unwrap();
            let rules = layered(None, &config.forests[0]).unwrap();
            let has = |name: &str| rules.attributes().iter().any(|one| one.eq_ignore_ascii_case(name));
            ["otherMailbox", "info", "mobile", "pager"].map(has)
        };
        assert_eq!(asked(""), [true, false, true, false]);
        assert_eq!(asked("mobile = \"pager\"\n"), [true, false, false, true]);
        assert_eq!(asked("alternate_mail = \"info\"\nmobile = \"pager\"\n"), [false, true, false, true]);
    }
}
