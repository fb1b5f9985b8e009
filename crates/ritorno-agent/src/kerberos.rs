//! Kerberos for this process: its library takes its settings from the environment, so that the program starts itself once more with
//! them, in the same process. A folder for each process: a command beside the running service has settings of its own.

use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use ritorno_directory::{KERBEROS_THREADS, Kerberos};

use crate::config::Config;

/// What else the library would take from the environment: an administrator's own tickets and keys.
const NOT_OURS: [&str; 5] =
    ["KRB5CCNAME", "KRB5_CLIENT_KTNAME", "KRB5_KTNAME", "KRB5_KDC_PROFILE", "GSS_MECH_CONFIG"];

/// Sets Kerberos up for the forests that need it. Where they do, it returns at the second start only.
///
/// # Errors
/// When the settings can't be written, or the program can't be started again.
pub(crate) fn set_up(config: &mut Config) -> anyhow::Result<()> {
    if !config.forests.iter().any(|forest| forest.access.needs_kerberos()) {
        return Ok(());
    }
    let keytab = config.forests.iter().find_map(|forest| forest.access.keytab()).map(Path::to_owned);
    let all = config.state_dir.join("kerberos");
    sweep(&all);
    share(&config.state_dir, &all);
    let folder = all.join(std::process::id().to_string());
    let kerberos = Kerberos::new(&folder, keytab)
        .with_context(|| format!("Kerberos can't be set up in {}", folder.display()))?;
    if !kerberos.is_in_force() {
        let (variable, value) = kerberos.environment();
        let program = std::env::current_exe().context("the program's own file can't be told")?;
        let mut again = Command::new(program);
        again.args(std::env::args_os().skip(1)).env(variable, value);
        for other in NOT_OURS {
            again.env_remove(other);
        }
        let error = again.exec();
        return Err(error).context("the program can't be started again with Kerberos's settings");
    }
    for forest in &mut config.forests {
        forest.access.kerberos = forest.access.needs_kerberos().then(|| kerberos.clone());
    }
    Ok(())
}

/// Threads that wait for Kerberos, at most.
pub(crate) fn threads(config: &Config) -> usize {
    KERBEROS_THREADS * config.forests.iter().filter(|forest| forest.access.needs_kerberos()).count()
}

/// Makes the folder of all processes, and gives it to whom the state belongs: a command that root runs before the service's first start
/// must not keep the service out. What can't be done shows when the process's own folder is made in it.
fn share(state: &Path, all: &Path) {
    if std::fs::DirBuilder::new().mode(0o700).create(all).is_ok()
        && let Ok(owner) = std::fs::metadata(state)
        && let Err(error) = std::os::unix::fs::chown(all, Some(owner.uid()), Some(owner.gid()))
    {
        tracing::debug!(folder = %all.display(), %error, "stays with whoever made it");
    }
}

/// Removes what processes left that are no more.
fn sweep(all: &Path) {
    let Ok(folders) = std::fs::read_dir(all) else { return };
    for folder in folders.flatten() {
        let alive = Path::new("/proc").join(folder.file_name()).exists();
        if !alive && let Err(error) = std::fs::remove_dir_all(folder.path()) {
            // It holds no password, and the next start tries again.
            tracing::debug!(folder = %folder.path().display(), %error, "left over, and can't be removed");
        }
    }
}
