//! `ritorno backup` and `ritorno restore`: everything but the node key, in a folder, of all tenants.

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
use crate::installation::{
    Ground, Installation, belongs_to_its_folder, first_root_file, further_root_file, make_root_folder,
};
use crate::output::{moment, say};
use crate::system;

const DATABASE: &str = "ritorno.db";
const ROOT_KEY: &str = "root.key";
/// How another tenant's root key is called: its id stands in between.
const FURTHER: &str = "root-";
const KEY: &str = ".key";
const MANIFEST: &str = "backup.json";
/// The end of a name of what is not in its place yet.
const RESTORING: &str = ".restoring";
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
    /// The oldest tenant.
    tenant: TenantId,
    made_at: Timestamp,
    version: String,
    /// Of each file, in hexadecimal.
    sha256: Vec<(String, String)>,
}

impl Manifest {
    /// The root keys, and where each belongs.
    fn roots(&self, state_dir: &Path) -> anyhow::Result<Vec<(&str, PathBuf)>> {
        let names = self.sha256.iter().map(|(name, _)| name.as_str()).filter(|name| *name != DATABASE);
        let roots: Vec<_> = names.filter_map(|name| Some((name, place(state_dir, name)?))).collect();
        if roots.is_empty() {
            bail!("the backup has no root key; nothing was restored");
        }
        Ok(roots)
    }
}

/// Makes a backup while the service runs. A root key that can't be read keeps nothing else from being backed up.
///
/// # Errors
/// When the folder is there already, or the database can't be copied; after all else is done, when a tenant's root key is missing.
pub(crate) async fn backup(config: &Config, Arguments { folder }: &Arguments) -> anyhow::Result<()> {
    let ground = Ground::open(config).await?;
    if sqlite_file(&config.database).is_none() {
        let roots = ground.tenants().await?.iter().map(|tenant| ground.root_file(tenant)).collect::<Vec<_>>();
        let listed: Vec<String> = roots.iter().map(|root| root.display().to_string()).collect();
        bail!(
            "PostgreSQL is copied by its own tools, such as `pg_dump --format custom`; add {} to what they write",
            listed.join(" and ")
        );
    }
    make_folder(folder)?;
    let database = folder.join(DATABASE);
    // For its owner's eyes only from the first byte.
    write_secret_file(&database, &[])?;
    ground.store.copy_into(&database).await?;
    // Those of the copy: one that is made meanwhile is not in it, or is in it with its key.
    let copied = Ground::open_at(config, &format!("sqlite:{}", database.display())).await?;
    let tenants = copied.tenants().await;
    copied.store.close().await;
    let tenants = tenants?;
    let mut sha256 = vec![(DATABASE.to_owned(), digest(&database)?)];
    let mut missing = Vec::new();
    for tenant in &tenants {
        let name = match &tenant.public_url {
            None => ROOT_KEY.to_owned(),
            Some(_) => format!("{FURTHER}{}{KEY}", tenant.id),
        };
        let root = ground.root_file(tenant);
        match std::fs::read(&root) {
            Ok(bytes) => {
                write_secret_file(&folder.join(&name), &bytes)?;
                sha256.push((name.clone(), digest(&folder.join(&name))?));
            }
            Err(error) => missing.push(format!("'{}' ({}: {error})", tenant.name, root.display())),
        }
    }
    let manifest = Manifest {
        // The oldest: there is one at least.
        tenant: tenants[0].id,
        made_at: system::clock().now(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sha256,
    };
    write_secret_file(&folder.join(MANIFEST), &serde_json::to_vec_pretty(&manifest)?)?;
    if !missing.is_empty() {
        bail!(
            "{}: the backup is made without the root key of {}: put it back and make another one",
            folder.display(),
            missing.join(" and ")
        );
    }
    let keys = if tenants.len() == 1 { "the wrapped root key" } else { "each tenant's wrapped root key" };
    say(format_args!("{}: the database and {keys}", folder.display()))?;
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
            "the configuration names a PostgreSQL database, which its own tools restore; then put root.key, and the folder tenants if \
             there is one, back and run `ritorno restored`"
        );
    };
    let roots: Vec<(&str, PathBuf)> = manifest.roots(&config.state_dir)?;
    let mut there = vec![database.clone(), beside(&database, "-wal"), beside(&database, "-shm")];
    there.extend(roots.iter().map(|(_, root)| root.clone()));
    for path in there {
        if path.exists() {
            bail!("{} is there: a backup is restored where nothing is; nothing was restored", path.display());
        }
    }
    crate::installation::read_node_key(config)
        .context("put the node key back first: it is not in the backup")?;
    let new_database = beside(&database, RESTORING);
    let mut moves: Vec<(PathBuf, PathBuf)> =
        roots.iter().map(|(_, root)| (beside(root, RESTORING), root.clone())).collect();
    // The database comes last: without it nothing is there.
    moves.push((new_database.clone(), database));
    let made = restore_beside(config, folder, &manifest, &new_database, &roots).await;
    let moved = match made {
        Ok(report) => moves
            .iter()
            .try_for_each(|(from, to)| std::fs::rename(from, to))
            .map(|()| report)
            .context("the restored files can't be put in their place"),
        Err(error) => Err(error),
    };
    let mut left: Vec<PathBuf> = moves.into_iter().map(|(from, _)| from).collect();
    left.extend([beside(&new_database, "-wal"), beside(&new_database, "-shm")]);
    for left in left {
        // What was moved is not there any more.
        let _ = std::fs::remove_file(left);
    }
    let begun = moved?;
    say(format_args!("restored as of {}", moment(Some(manifest.made_at))))?;
    begun.tell()
}

/// Everything that can fail, beside the place where it is going to be.
async fn restore_beside(
    config: &Config,
    folder: &Path,
    manifest: &Manifest,
    database: &Path,
    roots: &[(&str, PathBuf)],
) -> anyhow::Result<Begun> {
    let mut files = vec![(DATABASE, database.to_owned())];
    for (name, root) in roots {
        make_root_folder(root)?;
        files.push((*name, beside(root, RESTORING)));
    }
    for (name, to) in files {
        // What a stop in the middle has left.
        let _ = std::fs::remove_file(&to);
        write_secret_file(&to, &[])?;
        copy(&folder.join(name), &to).with_context(|| to.display().to_string())?;
        belongs_to_its_folder(&to).with_context(|| to.display().to_string())?;
    }
    let ground = Ground::open_at(config, &format!("sqlite:{}", database.display())).await?;
    let made = format!("backup of {}", moment(Some(manifest.made_at)));
    let begun = begin_all_again(&ground, &made, |root| beside(root, RESTORING)).await;
    ground.store.close().await;
    let begun = begun?;
    belongs_to_its_folder(database)?;
    Ok(begun)
}

/// After PostgreSQL's own tools have restored the database: what `restore` does besides.
///
/// # Errors
/// When the database fails, or the node key is another one.
pub(crate) async fn restored(config: &Config) -> anyhow::Result<()> {
    let ground = Ground::open(config).await?;
    begin_all_again(&ground, "database restored by its own tools", Path::to_path_buf).await?.tell()
}

/// Makes a database of some time ago one to go on with. `at` tells where a tenant's root key is for now.
async fn begin_all_again(
    ground: &Ground,
    what: &str,
    at: impl Fn(&Path) -> PathBuf,
) -> anyhow::Result<Begun> {
    let (mut installations, mut without_root) = (Vec::new(), Vec::new());
    for tenant in ground.tenants().await? {
        let (belongs, root) = (ground.root_file(&tenant), at(&ground.root_file(&tenant)));
        if !root.try_exists().with_context(|| root.display().to_string())? {
            without_root.push((tenant.name, belongs));
            continue;
        }
        let installation = ground.with_root(tenant, root)?;
        // Before anything is changed of any of them.
        installation.keys().open_root().await.context("the node key is not the one of this backup")?;
        installations.push(installation);
    }
    if installations.is_empty() {
        bail!("no tenant has its root key: put that back first; nothing was changed");
    }
    let mut confirm = Vec::new();
    for installation in &installations {
        confirm.push(begin_again(installation, what).await?);
    }
    ground.store.forget_what_is_short_lived().await?;
    Ok(Begun { confirm, without_root })
}

/// What came of it.
struct Begun {
    confirm: Vec<Confirm>,
    /// Tenants whose root key is not there, by name, and where it belongs.
    without_root: Vec<(String, PathBuf)>,
}

impl Begun {
    /// # Errors
    /// When a tenant lacks its root key, which is said after all else.
    fn tell(&self) -> anyhow::Result<()> {
        Confirm::print(&self.confirm)?;
        if self.without_root.is_empty() {
            return Ok(());
        }
        let one = |(name, root): &(String, PathBuf)| format!("'{name}' ({})", root.display());
        let listed: Vec<String> = self.without_root.iter().map(one).collect();
        bail!(
            "all else is done, but there is no root key of {}, which is not served until it is there: put it back and run `ritorno \
             restored`",
            listed.join(" and ")
        )
    }
}

/// What somebody has to look at, since nobody else knows what was so when the machine was lost.
struct Confirm {
    tenant: String,
    agents: Vec<String>,
    administrators: Vec<String>,
}

impl Confirm {
    fn print(all: &[Self]) -> anyhow::Result<()> {
        say("everybody signs in anew. What was revoked, removed or changed after that is as it was before:")?;
        for one in all {
            if all.len() > 1 {
                say(format_args!("tenant '{}':", one.tenant))?;
            }
            say(format_args!(
                "- administrators, with their passwords of then: {}",
                one.administrators.join(", ")
            ))?;
            say(format_args!("- agents that are not revoked: {}", one.agents.join(", ")))?;
        }
        say("tokens of the API are void: `ritorno token create` makes new ones")?;
        say("an agent that enrolled, or renewed its identity key, after that has to be enrolled again")?;
        say(
            "on each agent: `ritorno-agent sync cycle --full`, so that the tenant has what the directories have now",
        )
    }
}

/// The same for one tenant.
async fn begin_again(installation: &Installation, what: &str) -> anyhow::Result<Confirm> {
    let (store, tenant, keys) = (&installation.store, &installation.tenant, installation.keys());
    audit_chain::link_all(store, tenant.id, |_| {}).await?;
    // What was signed after it is not in it.
    let _ = std::fs::remove_file(keys.audit_head_file());
    audit_chain::verify(store, &keys, tenant.id, system::clock().now(), |_| {})
        .await
        .context("the audit of the backup does not hold")?;
    // Agents may have seen keys that were made after it, and take none that is older.
    let (now, random) = (system::clock().now(), system::random());
    keys.roll_past(KEYS_SINCE, now, &*random).await?;
    super::audit(installation, Activity::Restored, what.to_owned()).await?;
    let agents = store.agents().list(tenant.id).await?.into_iter();
    let administrators = store.administrators().list(tenant.id).await?.into_iter();
    Ok(Confirm {
        tenant: tenant.name.clone(),
        agents: agents.filter(|agent| agent.revoked_at.is_none()).map(|agent| agent.name).collect(),
        administrators: administrators.map(|one| one.name).collect(),
    })
}

fn read_manifest(folder: &Path) -> anyhow::Result<Manifest> {
    let path = folder.join(MANIFEST);
    let text = std::fs::read(&path).with_context(|| format!("{}: is it a backup?", path.display()))?;
    let manifest: Manifest = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
    if !manifest.sha256.iter().any(|(name, _)| name == DATABASE) {
        bail!("{}: it names no database; nothing was restored", path.display());
    }
    for (name, expected) in &manifest.sha256 {
        // A name of something elsewhere is none that a backup gives.
        if name != DATABASE && place(Path::new(""), name).is_none() {
            bail!("{}: it names '{name}', which no backup holds; nothing was restored", path.display());
        }
        if *expected != digest(&folder.join(name))? {
            bail!("{}: it is not what was backed up; nothing was restored", folder.join(name).display());
        }
    }
    Ok(manifest)
}

/// Where a root key of a backup belongs; `None` if it is called like none.
fn place(state_dir: &Path, name: &str) -> Option<PathBuf> {
    if name == ROOT_KEY {
        return Some(first_root_file(state_dir));
    }
    let id = name.strip_prefix(FURTHER)?.strip_suffix(KEY)?;
    let tenant: TenantId = id.parse().ok()?;
    (tenant.to_string() == id).then(|| further_root_file(state_dir, tenant))
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
