//! Where a secret is: in a file of mode 0600, or in a credential that systemd hands in (systemd.exec(5), LoadCredential=).

use std::path::{Path, PathBuf};

/// The file that the configuration names; where its name stands alone, and systemd handed in a credential of that name, the
/// credential.
pub(crate) fn resolve(named: PathBuf) -> PathBuf {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY");
    beside(named, credentials.as_deref().map(Path::new))
}

fn beside(named: PathBuf, credentials: Option<&Path>) -> PathBuf {
    let alone = named.components().count() == 1;
    credentials
        .filter(|_| alone)
        .map(|folder| folder.join(&named))
        .filter(|file| file.exists())
        .unwrap_or(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_stands_alone_is_a_credentials_where_there_is_one() {
        let folder = std::env::temp_dir().join(format!("ritorno-credentials-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("forest"), "secret").unwrap();
        let beside = |named: &str, folder: Option<&Path>| super::beside(named.into(), folder);
        assert_eq!(beside("forest", Some(&folder)), folder.join("forest"));
        for (named, folder) in [("other", Some(&*folder)), ("/etc/forest", Some(&*folder)), ("forest", None)]
        {
            assert_eq!(beside(named, folder), Path::new(named));
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
