//! `ritorno backup` and `ritorno restore`: everything but the node key, in a folder.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use ritorno_http::audit_chain;
use ritorno_http::keys::write_secret_file;
use ritorno_identity::audit::Activity;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;
use ritorno_storage::sqlite_file;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::config::Config;
use crate::installation::{Installation, root_file};
use crate::output::{moment, say};
use crate::system;

const DATABASE: &str = "ritorno.db";
const ROOT_KEY: &str = "root.key";
const MANIFEST: &str = "backup.json";
/// More signing keys than can have been made since a backup.
const KEYS_SINCE: u64 = 1_000;
/// Bytes that are read at once.
const PART: usize = 1 << 20;

/// Where the backup is.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The folder; `backup` makes it.
    folder: PathBuf,
}

/// What a backup says of itself.
#[derive(Serialize, Deserialize)]
struct Manifest {
    tenant: TenantId,
    made_at: Timestamp,
    version: String,
    /// Of each file, in hexadecimal.
    sha256: Vec<(String, String)>,
}

/// Makes a backup while the service runs.
///
/// # Errors
/// When the folder is there already, or the database can't be copied.
pub(crate) async fn backup(config: &Config, Arguments { folder }: &Arguments) -> anyhow::Result<()> {
    let installation = Installation::open(config).await?;
    if sqlite_file(&config.database).is_none() {
        bail!(
            "PostgreSQL is copied by its own tools, such as `pg_dump --format custom`; add {} to what they write",
            root_file(config).display()
        );
    }
    make_folder(folder)?;
    let database = folder.join(DATABASE);
    // For its owner's eyes only from the first byte.
    write_secret_file(&database, &[])?;
    installation.store.copy_into(&database).await?;
    let root = std::fs::read(root_file(config)).with_context(|| root_file(config).display().to_string())?;
    write_secret_file(&folder.join(ROOT_KEY), &root)?;
    let mut sha256 = Vec::new();
    for name in [DATABASE, ROOT_KEY] {
        sha256.push((name.to_owned(), digest(&folder.join(name))?));
    }
    let manifest = Manifest {
        tenant: installation.tenant.id,
        made_at: system::clock().now(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sha256,
    };
    write_secret_file(&folder.join(MANIFEST), &serde_json::to_vec_pretty(&manifest)?)?;
    say(format_args!("{}: the database and the wrapped root key", folder.display()))?;
    say("the node key is not in it: keep that apart, for without it nothing here can be opened")
}

/// Puts a backup where nothing is: whole, or not at all.
///
/// # Errors
/// When something is there already, the backup is damaged, or it is not the node key's.
pub(crate) async fn restore(config: &Config, Arguments { folder }: &Arguments) -> anyhow::Result<()> {
    let manifest = read_manifest(folder)?;
    let Some(database) = sqlite_file(&config.database) else {
        bail!(
            "the configuration names a PostgreSQL database, which its own tools restore; then put root.key back and run \
             `ritorno restored`"
        );
    };
    let root = root_file(config);
    for path in [database.clone(), beside(&database, "-wal"), beside(&database, "-shm"), root.clone()] {
        if path.exists() {
            bail!("{} is there: a backup is restored where nothing is; nothing was restored", path.display());
        }
    }
    crate::installation::read_node_key(config)
        .context("put the node key back first: it is not in the backup")?;
    let (new_database, new_root) = (beside(&database, ".restoring"), beside(&root, ".restoring"));
    let made = restore_beside(config, folder, &manifest, &new_database, &new_root).await;
    let moved = match made {
        Ok(report) => std::fs::rename(&new_root, &root)
            .and_then(|()| std::fs::rename(&new_database, &database))
            .map(|()| report)
            .context("the restored files can't be put in their place"),
        Err(error) => Err(error),
    };
    for left in [&new_database, &beside(&new_database, "-wal"), &beside(&new_database, "-shm"), &new_root] {
        // What was moved is not there any more.
        let _ = std::fs::remove_file(left);
    }
    let confirm = moved?;
    say(format_args!("restored as of {}", moment(Some(manifest.made_at))))?;
    confirm.print()
}

/// Everything that can fail, beside the place where it is going to be.
async fn restore_beside(
    config: &Config,
    folder: &Path,
    manifest: &Manifest,
    database: &Path,
    root: &Path,
) -> anyhow::Result<Confirm> {
    for (name, to) in [(DATABASE, database), (ROOT_KEY, root)] {
        // What a stop in the middle has left.
        let _ = std::fs::remove_file(to);
        write_secret_file(to, &[])?;
        copy(&folder.join(name), to).with_context(|| to.display().to_string())?;
        belongs_to_its_folder(to).with_context(|| to.display().to_string())?;
    }
    let installation = Installation::open_at(config, &format!("sqlite:{}", database.display()), root).await?;
    let made = moment(Some(manifest.made_at));
    let confirm = begin_again(&installation, &format!("backup of {made}")).await;
    installation.store.close().await;
    let confirm = confirm?;
    belongs_to_its_folder(database)?;
    Ok(confirm)
}

/// After PostgreSQL's own tools have restored the database: what `restore` does besides.
///
/// # Errors
/// When the database fails, or the node key is another one.
pub(crate) async fn restored(config: &Config) -> anyhow::Result<()> {
    let installation = Installation::open(config).await?;
    begin_again(&installation, "database restored by its own tools").await?.print()
}

/// What somebody has to look at, since nobody else knows what was so when the machine was lost.
struct Confirm {
    agents: Vec<String>,
    administrators: Vec<String>,
}

impl Confirm {
    fn print(&self) -> anyhow::Result<()> {
        say("everybody signs in anew. What was revoked, removed or changed after that is as it was before:")?;
        say(format_args!(
            "- administrators, with their passwords of then: {}",
            self.administrators.join(", ")
        ))?;
        say(format_args!("- agents that are not revoked: {}", self.agents.join(", ")))?;
        say("tokens of the API are void: `ritorno token create` makes new ones")?;
        say("an agent that enrolled, or renewed its identity key, after that has to be enrolled again")?;
        say(
            "on each agent: `ritorno-agent sync cycle --full`, so that the tenant has what the directories have now",
        )
    }
}

/// Makes a database of some time ago one to go on with.
async fn begin_again(installation: &Installation, what: &str) -> anyhow::Result<Confirm> {
    let (store, tenant, keys) = (&installation.store, &installation.tenant, installation.keys());
    keys.open_root().await.context("the node key is not the one of this backup")?;
    audit_chain::link_all(store, tenant.id, |_| {}).await?;
    // What was signed after it is not in it.
    let _ = std::fs::remove_file(keys.audit_head_file());
    audit_chain::verify(store, &keys, tenant.id, system::clock().now(), |_| {})
        .await
        .context("the audit of the backup does not hold")?;
    store.forget_what_is_short_lived().await?;
    // Agents may have seen keys that were made after it, and take none that is older.
    let (now, random) = (system::clock().now(), system::random());
    keys.roll_past(KEYS_SINCE, now, &*random).await?;
    super::audit(installation, Activity::Restored, what.to_owned()).await?;
    let agents = store.agents().list(tenant.id).await?.into_iter();
    let administrators = store.administrators().list(tenant.id).await?.into_iter();
    Ok(Confirm {
        agents: agents.filter(|agent| agent.revoked_at.is_none()).map(|agent| agent.name).collect(),
        administrators: administrators.map(|one| one.name).collect(),
    })
}

fn read_manifest(folder: &Path) -> anyhow::Result<Manifest> {
    let path = folder.join(MANIFEST);
    let text = std::fs::read(&path).with_context(|| format!("{}: is it a backup?", path.display()))?;
    let manifest: Manifest = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
    for name in [DATABASE, ROOT_KEY] {
        let expected = manifest.sha256.iter().find(|(named, _)| named == name).map(|(_, digest)| digest);
        if expected != Some(&digest(&folder.join(name))?) {
            bail!("{}: it is not what was backed up; nothing was restored", folder.join(name).display());
        }
    }
    Ok(manifest)
}

/// Gives a file to whoever has its folder: root restores, and the service reads.
fn belongs_to_its_folder(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let folder = std::fs::metadata(file.parent().unwrap_or_else(|| Path::new(".")))?;
    let own = std::fs::metadata(file)?;
    if (own.uid(), own.gid()) == (folder.uid(), folder.gid()) {
        return Ok(());
    }
    std::os::unix::fs::chown(file, Some(folder.uid()), Some(folder.gid()))
}

fn make_folder(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("{}: a backup makes a folder of its own", folder.display()))
}

/// Fills a file that is there, whose mode stays as it is.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut to = std::fs::OpenOptions::new().write(true).open(to)?;
    std::io::copy(&mut std::fs::File::open(from)?, &mut to)?;
    to.sync_all()
}

fn digest(file: &Path) -> anyhow::Result<String> {
    let (mut hash, mut part) = (Sha256::new(), vec![0; PART]);
    let mut from = std::fs::File::open(file).with_context(|| file.display().to_string())?;
    loop {
        let count = from.read(&mut part).with_context(|| file.display().to_string())?;
        if count == 0 {
            break;
        }
        hash.update(&part[..count]);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn beside(file: &Path, tail: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(tail);
    name.into()
}
