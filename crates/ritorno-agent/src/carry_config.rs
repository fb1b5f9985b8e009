//! `ritorno-agent config export` and `config import`: what decides the sync, carried to another agent. Never a key, an enrolment or a
//! password: those are in files of their own, of which only the names are carried.

use std::fs::{OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use ritorno_sync::{Layer, Rules};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::output::say;

/// The form of what is carried. Another number is another form.
const FORM: u32 = 1;
/// Largest document that is read, in bytes.
const LARGEST: u64 = 4 << 20;

/// What is carried, as TOML.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Carried {
    /// [`FORM`].
    ritorno_agent_config: u32,
    /// The configuration file, whole.
    configuration: String,
    /// The rules above the program's own, if there are any.
    rules: Option<String>,
}

/// `config export`: prints the configuration and the rules as one document.
///
/// # Errors
/// When one of the files can't be read.
pub(crate) fn export(file: &Path, config: &Config) -> anyhow::Result<()> {
    let read = |path: &Path| std::fs::read_to_string(path).with_context(|| path.display().to_string());
    let rules = config.sync.rules_file.as_deref().map(read).transpose()?;
    let carried = Carried { ritorno_agent_config: FORM, configuration: read(file)?, rules };
    say(toml::to_string(&carried)?.trim_end())
}

/// `config import DOCUMENT`: writes configuration and rules for this agent, in staging: what it would export is to be looked at first.
///
/// # Errors
/// When the document, or what it holds, is not good; or there is a configuration already and it is not to be replaced.
pub(crate) fn import(file: &Path, document: &Path, replace: bool) -> anyhow::Result<()> {
    let size = std::fs::metadata(document).with_context(|| document.display().to_string())?.len();
    ensure!(size <= LARGEST, "{} is larger than any configuration", document.display());
    let text = std::fs::read_to_string(document).with_context(|| document.display().to_string())?;
    let carried: Carried = toml::from_str(&text)
        .with_context(|| format!("{} is nothing that `config export` printed", document.display()))?;
    if carried.ritorno_agent_config != FORM {
        bail!("{} is of a form that this version does not know", document.display());
    }
    if file.exists() && !replace {
        bail!("{} is there already: --replace writes it anew", file.display());
    }
    let rules_file = file.with_file_name("rules.toml");
    let mut configuration = in_staging(&carried.configuration);
    if let Some(rules) = &carried.rules {
        let name = rules_file.display().to_string();
        Rules::layered(&[Layer { name: &name, text: rules }])?;
        configuration = with_rules(&configuration, &rules_file)?;
    }
    // Judged as it will be read, before anything is written.
    Config::parse(file, &configuration)?;
    if let Some(rules) = &carried.rules {
        put(&rules_file, rules)?;
    }
    put(file, &configuration)?;
    say(format_args!(
        "{} is written. The agent is in staging: look at `ritorno-agent sync pending` before you set `mode` to \"active\". Passwords and \
         certificates are not carried: `ritorno-agent check-config` names the files that it wants.",
        file.display()
    ))
}

/// The configuration with `mode = "staging"`.
fn in_staging(text: &str) -> String {
    const MODE: &str = "mode = \"staging\"";
    let mut lines: Vec<&str> = text.lines().collect();
    // The key stands above the first table.
    let tables = lines.iter().position(|line| line.trim_start().starts_with('[')).unwrap_or(lines.len());
    match lines[..tables].iter().position(|line| is_key(line, "mode")) {
        Some(at) => lines[at] = MODE,
        None => lines.insert(0, MODE),
    }
    lines.join("\n") + "\n"
}

/// The configuration with its `rules_file` at another place.
fn with_rules(text: &str, rules_file: &Path) -> anyhow::Result<String> {
    let line = format!("rules_file = {}", toml::Value::from(rules_file.display().to_string()));
    let mut lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| is_key(line, "rules_file"));
    lines[at.context("the document has rules, and its configuration names none")?] = &line;
    Ok(lines.join("\n") + "\n")
}

fn is_key(line: &str, key: &str) -> bool {
    line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
}

/// Writes a file whole or not at all, with the mode, owner and group of the one that it replaces; a new one may be read by its owner and
/// group only.
fn put(file: &Path, text: &str) -> anyhow::Result<()> {
    let beside = file.with_extension("toml.new");
    let failed = || beside.display().to_string();
    // What an earlier try left could be anything by now, a link too.
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).with_context(failed),
        _ => {}
    }
    let mut new =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).with_context(failed)?;
    match std::fs::metadata(file) {
        Ok(former) => {
            // Its owner first: giving a file away takes mode bits with it.
            std::os::unix::fs::fchown(&new, Some(former.uid()), Some(former.gid())).with_context(|| {
                format!(
                    "{}: the owner of {} can't be kept; run this as root",
                    beside.display(),
                    file.display()
                )
            })?;
            new.set_permissions(former.permissions()).with_context(failed)?;
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            new.set_permissions(Permissions::from_mode(0o640)).with_context(failed)?;
        }
        Err(error) => return Err(error).with_context(|| file.display().to_string()),
    }
    new.write_all(text.as_bytes()).with_context(failed)?;
    new.sync_all().with_context(failed)?;
    std::fs::rename(&beside, file).with_context(|| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Mode;

    #[test]
    fn what_is_carried_arrives_in_staging_and_names_its_own_rules() {
        let folder = std::env::temp_dir().join(format!("ritorno-carried-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("there")).unwrap();
        let rules =
            "[[flow]]\nname = \"x\"\nto = \"mail\"\nexpression = '''sAMAccountName ~ \"@x.test\"'''\n";
        std::fs::write(folder.join("rules.toml"), rules).unwrap();
        let text = include_str!("../agent.example.toml");
        let own = folder.join("rules.toml").display().to_string();
        let text = text
            .replace("# rules_file = \"/etc/ritorno-agent/rules.toml\"", &format!("rules_file = \"{own}\""));
        assert!(text.contains(&own));
        let carried =
            Carried { ritorno_agent_config: FORM, configuration: text, rules: Some(rules.to_owned()) };
        let document = folder.join("carried.toml");
        std::fs::write(&document, toml::to_string(&carried).unwrap()).unwrap();
        let there = folder.join("there/agent.toml");
        import(&there, &document, false).unwrap();
        let config = Config::read(&there).unwrap();
        assert_eq!(config.mode, Mode::Staging);
        assert_eq!(config.sync.rules_file, Some(folder.join("there/rules.toml")));
        assert_eq!(std::fs::read_to_string(folder.join("there/rules.toml")).unwrap(), rules);
        assert!(import(&there, &document, false).is_err(), "nothing is replaced unasked");
        // What is not good is not written.
        let wrong = Carried { rules: Some("[[flow]]\nname = 1".to_owned()), ..carried };
        std::fs::write(&document, toml::to_string(&wrong).unwrap()).unwrap();
        let error = import(&there, &document, true).unwrap_err().to_string();
        assert!(error.contains("rules.toml, line 2, column 8"), "{error}");
        assert_eq!(std::fs::read_to_string(folder.join("there/rules.toml")).unwrap(), rules);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_replaced_file_keeps_its_mode_and_its_group() {
        let folder = std::env::temp_dir().join(format!("ritorno-carried-mode-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("agent.toml");
        let mode = |file: &Path| std::fs::metadata(file).unwrap().permissions().mode() & 0o7777;
        put(&file, "one").unwrap();
        assert_eq!(mode(&file), 0o640);
        std::fs::set_permissions(&file, Permissions::from_mode(0o604)).unwrap();
        // Only root gives files away; whoever else runs the tests keeps what is theirs.
        let given = std::os::unix::fs::chown(&file, Some(65_534), Some(65_534)).is_ok();
        let before = std::fs::metadata(&file).unwrap();
        // Somebody left a link in the way.
        std::os::unix::fs::symlink(folder.join("elsewhere"), folder.join("agent.toml.new")).unwrap();
        put(&file, "two").unwrap();
        let after = std::fs::metadata(&file).unwrap();
        assert_eq!((mode(&file), after.uid(), after.gid()), (0o604, before.uid(), before.gid()));
        assert_eq!(after.gid() == 65_534, given || before.gid() == 65_534);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "two");
        assert!(!folder.join("elsewhere").exists());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_mode_is_set_above_the_tables_only() {
        let text = in_staging("state_dir = \"x\"\n[log]\nmode = \"kept\"\n");
        assert_eq!(text, "mode = \"staging\"\nstate_dir = \"x\"\n[log]\nmode = \"kept\"\n");
        assert_eq!(in_staging(" mode= \"active\"\n[log]\n"), "mode = \"staging\"\n[log]\n");
    }
}
