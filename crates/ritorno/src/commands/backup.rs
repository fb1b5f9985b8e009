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

/// Puts a backup where nothing is.
///
/// # Errors
/// When something is there already, the backup is damaged, or it is not the node key's.
pub(crate) async fn restore(config: &Config, Arguments { folder }: &Arguments) -> anyhow::Result<()> {
    let manifest = folder.join(MANIFEST);
    let text =
        std::fs::read(&manifest).with_context(|| format!("{}: is it a backup?", manifest.display()))?;
    let manifest: Manifest = serde_json::from_slice(&text).with_context(|| manifest.display().to_string())?;
    for (name, expected) in &manifest.sha256 {
        if ![DATABASE, ROOT_KEY].contains(&name.as_str()) || digest(&folder.join(name))? != *expected {
            bail!("{}: it is not what was backed up; nothing was restored", folder.join(name).display());
        }
    }
    let Some(database) = sqlite_file(&config.database) else {
        bail!("the configuration names a PostgreSQL database, which its own tools restore");
    };
    let root = root_file(config);
    for path in [database.clone(), beside(&database, "-wal"), beside(&database, "-shm"), root.clone()] {
        if path.exists() {
            bail!("{} is there: a backup is restored where nothing is; nothing was restored", path.display());
        }
    }
    crate::installation::read_node_key(config)
        .context("put the node key back first: it is not in the backup")?;
    for (name, to) in [(DATABASE, &database), (ROOT_KEY, &root)] {
        write_secret_file(to, &[])?;
        copy(&folder.join(name), to).with_context(|| to.display().to_string())?;
    }
    let installation = Installation::open(config).await?;
    installation.keys().open_root().await.context("the node key is not the one of this backup")?;
    installation.store.forget_what_is_short_lived().await?;
    let made = moment(Some(manifest.made_at));
    super::audit(&installation, Activity::Restored, format!("backup of {made}")).await?;
    audit_chain::link_all(&installation.store, installation.tenant.id).await?;
    audit_chain::verify(&installation.store, installation.tenant.id, &installation.tenant.root, |_| {})
        .await
        .context("restored, but the audit does not hold")?;
    say(format_args!("restored as of {made}; everybody signs in anew"))?;
    say(
        "on each agent: `ritorno-agent sync cycle --full`, so that the tenant has what the directories have now",
    )
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
