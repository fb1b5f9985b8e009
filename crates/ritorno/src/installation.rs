//! What the configuration names, opened: keys, database, tenant.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use ritorno_http::keys::{Keys, node_secrets, write_secret_file};
use ritorno_identity::pepper::Pepper;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::random::{Random, array};
use ritorno_storage::{NodeKey, Store};
use zeroize::Zeroizing;

use crate::config::Config;

const NODE_KEY: &str = "node.key";
const ROOT_KEY: &str = "root.key";

/// An installation that `init` has made.
pub(crate) struct Installation {
    pub(crate) store: Store,
    pub(crate) tenant: Tenant,
    pub(crate) node_key: NodeKey,
    pub(crate) pepper: Pepper,
    pub(crate) root_file: PathBuf,
}

impl Installation {
    /// Opens keys, database and tenant.
    ///
    /// # Errors
    /// When one of them is not there or can't be opened; the message says what to do.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        Self::open_at(config, &config.database, &root_file(config)).await
    }

    /// The same with the database and the root key elsewhere.
    ///
    /// # Errors
    /// As [`Installation::open`].
    pub(crate) async fn open_at(config: &Config, database: &str, root: &Path) -> anyhow::Result<Self> {
        let (node_key, pepper) = read_node_key(config)?;
        for file in [&node_key_file(config), root] {
            for_the_owner_only(file)?;
        }
        let store = Store::connect(database).await?;
        let mut tenants = store.tenants().list().await?;
        let tenant = match tenants.len() {
            1 => tenants.remove(0),
            0 => bail!("there is no tenant yet: run `ritorno init` first"),
            _ => bail!("the database holds more than one tenant; this version serves one"),
        };
        Ok(Self { store, tenant, node_key, pepper, root_file: root.to_owned() })
    }

    /// The tenant's keys.
    pub(crate) fn keys(&self) -> Keys {
        Keys::new(
            self.tenant.id,
            self.tenant.root.clone(),
            self.root_file.clone(),
            self.node_key.clone(),
            self.store.clone(),
        )
    }
}

/// The root key's file.
pub(crate) fn root_file(config: &Config) -> PathBuf {
    config.state_dir.join(ROOT_KEY)
}

/// The node key's file: what systemd hands in as a credential, else the one in the state folder.
fn node_key_file(config: &Config) -> PathBuf {
    std::env::var_os("CREDENTIALS_DIRECTORY")
        .map(|folder| Path::new(&folder).join(NODE_KEY))
        .filter(|file| file.exists())
        .unwrap_or_else(|| config.state_dir.join(NODE_KEY))
}

/// The node key and the pepper.
///
/// # Errors
/// When the key's file can't be read, or holds no key.
pub(crate) fn read_node_key(config: &Config) -> anyhow::Result<(NodeKey, Pepper)> {
    let file = node_key_file(config);
    let bytes = std::fs::read(&file).with_context(|| {
        format!("{}: the node key can't be read; `ritorno init` makes it", file.display())
    })?;
    let bytes = Zeroizing::new(bytes);
    let sized: &[u8; 32] = bytes
        .as_slice()
        .try_into()
        .with_context(|| format!("{}: a node key has 32 bytes", file.display()))?;
    Ok(node_secrets(sized))
}

/// Refuses a key that others on this machine can read.
fn for_the_owner_only(file: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(file).with_context(|| file.display().to_string())?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!(
            "{}: its mode is {:04o}, so that others can read it; make it 0600",
            file.display(),
            mode & 0o777
        );
    }
    Ok(())
}

/// Makes the state folder for its owner's eyes only, and the node key in it unless there is one.
///
/// # Errors
/// When the folder or the file can't be made.
pub(crate) fn make_node_key(config: &Config, random: &dyn Random) -> anyhow::Result<(NodeKey, Pepper)> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.state_dir)
        .with_context(|| config.state_dir.display().to_string())?;
    let file = node_key_file(config);
    if !file.exists() {
        write_secret_file(&file, &*Zeroizing::new(array::<32>(random)))?;
    }
    read_node_key(config)
}
