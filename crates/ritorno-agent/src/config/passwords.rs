//! The `[passwords]` table: lists of passwords that nobody may take.

use std::path::{Path, PathBuf};

use ritorno_writeback::breached::{self, Breached};
use serde::Deserialize;
use toml::Spanned;

use super::{ConfigError, key_error};

/// The list that the package brings: what very many people choose.
const PACKAGED: &str = "/usr/share/ritorno-agent/common-passwords";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    common_file: Option<Spanned<PathBuf>>,
    breached_file: Option<Spanned<PathBuf>>,
}

/// The lists that are named, and where.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists {
    named: Vec<Named>,
    /// Whether the package's own counts, if it is there.
    packaged: bool,
}

#[derive(Clone, Debug)]
struct Named {
    file: PathBuf,
    /// The configuration, and the line and key of it that names the list.
    place: (PathBuf, usize, String),
}

/// What the table of the configuration `config` with this `text` names.
pub(super) fn read(config: &Path, text: &str, table: File) -> Lists {
    // Without a name of its own it is the package's, and with an empty one none.
    let packaged = table.common_file.is_none();
    let named = [table.common_file, table.breached_file]
        .into_iter()
        .flatten()
        .filter(|list| !list.get_ref().as_os_str().is_empty())
        .filter_map(|list| match key_error(config, text, &list.span(), String::new()) {
            ConfigError::Key { file, line, key, .. } => {
                Some(Named { file: list.into_inner(), place: (file, line, key) })
            }
            _ => None,
        })
        .collect();
    Lists { named, packaged }
}

/// What a look at a list says.
#[derive(Debug)]
pub(crate) enum Look {
    /// It counts, in words for whoever reads them.
    Counts(String),
    /// The package's own is not there, so that it does not count.
    Missing(String),
    /// It can't be used. It counts all the same: until it can be, no password is written.
    Broken(ConfigError),
}

impl Lists {
    /// The lists, after a look at each that `told` gets.
    pub(crate) fn open(&self, told: &mut dyn FnMut(Look)) -> Breached {
        self.open_beside(Path::new(PACKAGED), told)
    }

    fn open_beside(&self, packaged: &Path, told: &mut dyn FnMut(Look)) -> Breached {
        let mut files = Vec::new();
        if self.packaged {
            // Whatever can't be said to be missing is looked into, and fails there.
            if matches!(packaged.try_exists(), Ok(false)) {
                let file = packaged.display();
                told(Look::Missing(format!("{file} is missing: its passwords are not refused")));
            } else {
                let (file, line, key) = (packaged.to_owned(), 1, "common_file".to_owned());
                files.push(Named { file: packaged.to_owned(), place: (file, line, key) });
            }
        }
        files.extend(self.named.iter().cloned());
        for Named { file, place } in &files {
            told(match breached::open(file) {
                Ok(list) => {
                    let count = list.head().count;
                    Look::Counts(format!("passwords in {} are refused: {count} of them", file.display()))
                }
                Err(error) => {
                    let (config, line, key) = place.clone();
                    Look::Broken(ConfigError::Key { file: config, line, key, reason: error.to_string() })
                }
            });
        }
        Breached::new(files.into_iter().map(|named| named.file).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    const BEFORE: &str = "state_dir = \"x\"\n[[forest]]\nname = \"contoso.test\"\nhosts = [\"dc1.contoso.test\"]\n\
                          account = \"a@contoso.test\"\npassword_file = \"p\"\nca_file = \"c\"\n";

    fn lists(table: &str) -> Lists {
        let text = format!("{BEFORE}[passwords]\n{table}");
        Config::parse(Path::new("agent.toml"), &text).unwrap().lists
    }

    #[test]
    fn a_list_that_can_not_be_used_is_told_with_file_line_and_key() {
        let folder = std::env::temp_dir().join(format!("ritorno-lists-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("list");
        let table = format!("common_file = \"\"\nbreached_file = \"{}\"\n", file.display());
        let told = |table: &str| {
            let mut broken = Vec::new();
            let breached = lists(table).open(&mut |look| match look {
                Look::Broken(error) => broken.push(error.to_string()),
                other => panic!("{other:?}"),
            });
            assert!(breached.any(), "it is still looked into, so that nothing is written");
            broken.concat()
        };
        let begins = format!("agent.toml, line 10, key 'breached_file': {}: ", file.display());
        assert!(told(&table).starts_with(&begins), "{}", told(&table));
        std::fs::write(&file, "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:3\n").unwrap();
        assert_eq!(told(&table), format!("{begins}this is no list that `ritorno-agent breached build` made"));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn it_is_told_that_the_packages_own_list_is_missing() {
        let nowhere = std::env::temp_dir().join(format!("ritorno-no-list-{}", std::process::id()));
        let mut told = Vec::new();
        let breached = lists("").open_beside(&nowhere, &mut |look| told.push(look));
        assert!(!breached.any());
        let [Look::Missing(line)] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(*line, format!("{} is missing: its passwords are not refused", nowhere.display()));
    }

    #[test]
    fn an_empty_name_is_none() {
        assert!(!lists("common_file = \"\"\n").open(&mut |look| panic!("{look:?}")).any());
        assert!(lists("").packaged && !lists("common_file = \"\"\n").packaged);
        let unknown = format!("{BEFORE}[passwords]\nbreached = \"x\"\n");
        let error = Config::parse(Path::new("agent.toml"), &unknown).unwrap_err().to_string();
        assert!(error.starts_with("agent.toml, line 9, key 'breached': unknown field"), "{error}");
    }
}
