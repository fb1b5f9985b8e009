//! What the configuration names, opened: keys, database, tenants.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use ritorno_http::hosts::host_of;
use ritorno_http::keys::{Keys, node_secrets, write_secret_file};
use ritorno_identity::pepper::Pepper;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::ids::TenantId;
use ritorno_protocol::random::{Random, array};
use ritorno_storage::{NodeKey, Store};
use url::Url;
use zeroize::Zeroizing;

use crate::config::Config;

const NODE_KEY: &str = "node.key";
const ROOT_KEY: &str = "root.key";
/// The folder of what each tenant but the first has outside the database, in a folder named by its id.
const TENANTS: &str = "tenants";

/// What `init` has made, with every tenant in it.
pub(crate) struct Ground {
    pub(crate) store: Store,
    pub(crate) node_key: NodeKey,
    pub(crate) pepper: Pepper,
    state_dir: PathBuf,
    public_url: Url,
}

impl Ground {
    /// Opens the node key and the database.
    ///
    /// # Errors
    /// When one of them is not there or can't be opened; the message says what to do.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        Self::open_at(config, &config.database).await
    }

    /// The same with the database elsewhere.
    ///
    /// # Errors
    /// As [`Ground::open`].
    pub(crate) async fn open_at(config: &Config, database: &str) -> anyhow::Result<Self> {
        let (node_key, pepper) = read_node_key(config)?;
        for_the_owner_only(&node_key_file(config))?;
        let store = Store::connect(database).await?;
        let (state_dir, public_url) = (config.state_dir.clone(), config.public_url.clone());
        Ok(Self { store, node_key, pepper, state_dir, public_url })
    }

    /// Every tenant, oldest first; there is one at least.
    ///
    /// # Errors
    /// When there is none, or the database fails.
    pub(crate) async fn tenants(&self) -> anyhow::Result<Vec<Tenant>> {
        let tenants = self.store.tenants().list().await?;
        if tenants.is_empty() {
            bail!("there is no tenant yet: run `ritorno init` first");
        }
        Ok(tenants)
    }

    /// Opens one of them.
    ///
    /// # Errors
    /// When others can read its root key, or it is not there.
    pub(crate) fn of(&self, tenant: Tenant) -> anyhow::Result<Installation> {
        let root_file = self.root_file(&tenant);
        self.with_root(tenant, root_file)
    }

    /// The same with the root key elsewhere.
    ///
    /// # Errors
    /// As [`Ground::of`].
    pub(crate) fn with_root(&self, tenant: Tenant, root_file: PathBuf) -> anyhow::Result<Installation> {
        for_the_owner_only(&root_file)?;
        let public_url = self.public_url(&tenant)?;
        Ok(Installation {
            store: self.store.clone(),
            tenant,
            node_key: self.node_key.clone(),
            pepper: self.pepper.clone(),
            root_file,
            public_url,
        })
    }

    /// The file of a tenant's root key.
    pub(crate) fn root_file(&self, tenant: &Tenant) -> PathBuf {
        root_file(&self.state_dir, tenant)
    }

    /// Where people and agents reach a tenant.
    ///
    /// # Errors
    /// When the database holds something that is no address.
    pub(crate) fn public_url(&self, tenant: &Tenant) -> anyhow::Result<Url> {
        let Some(url) = &tenant.public_url else { return Ok(self.public_url.clone()) };
        url.parse().with_context(|| format!("the address of the tenant '{}'", tenant.name))
    }

    /// The tenant that a command is about.
    ///
    /// # Errors
    /// When there are several and none is named, or none is called so; the message lists them.
    pub(crate) async fn chosen(&self, named: Option<&str>) -> anyhow::Result<Tenant> {
        let mut tenants = self.tenants().await?;
        let Some(name) = named else {
            return match tenants.len() {
                1 => Ok(tenants.remove(0)),
                _ => bail!("there are several tenants, say which by --tenant: {}", self.listed(&tenants)?),
            };
        };
        let is_it = |tenant: &Tenant| {
            let host = self.public_url(tenant).ok().and_then(|url| host_of(&url));
            tenant.name.eq_ignore_ascii_case(name)
                || host.is_some_and(|host| host.eq_ignore_ascii_case(name))
                || tenant.id.to_string() == name
        };
        let found: Vec<usize> = (0..tenants.len()).filter(|at| is_it(&tenants[*at])).collect();
        match found.as_slice() {
            [at] => Ok(tenants.swap_remove(*at)),
            [] => bail!("no tenant is called '{name}'; there are: {}", self.listed(&tenants)?),
            _ => bail!(
                "several tenants are called '{name}': name its host; there are: {}",
                self.listed(&tenants)?
            ),
        }
    }

    fn listed(&self, tenants: &[Tenant]) -> anyhow::Result<String> {
        let one = |tenant: &Tenant| {
            Ok(format!("{} ({})", tenant.name, host_of(&self.public_url(tenant)?).unwrap_or_default()))
        };
        let all: Vec<String> = tenants.iter().map(one).collect::<anyhow::Result<_>>()?;
        Ok(all.join(", "))
    }
}

/// One tenant, and what it stands on.
pub(crate) struct Installation {
    pub(crate) store: Store,
    pub(crate) tenant: Tenant,
    pub(crate) node_key: NodeKey,
    pub(crate) pepper: Pepper,
    pub(crate) root_file: PathBuf,
    /// Where people and agents reach it.
    pub(crate) public_url: Url,
}

impl Installation {
    /// Opens keys and database, and the tenant that the command is about.
    ///
    /// # Errors
    /// When one of them is not there or can't be opened; the message says what to do.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        let ground = Ground::open(config).await?;
        let tenant = ground.chosen(config.tenant.as_deref()).await?;
        ground.of(tenant)
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

    /// The public address as text, without a slash at its end.
    pub(crate) fn public_address(&self) -> &str {
        self.public_url.as_str().trim_end_matches('/')
    }
}

/// The file of a tenant's root key.
fn root_file(state_dir: &Path, tenant: &Tenant) -> PathBuf {
    match &tenant.public_url {
        None => first_root_file(state_dir),
        Some(_) => further_root_file(state_dir, tenant.id),
    }
}

/// That of the first tenant.
pub(crate) fn first_root_file(state_dir: &Path) -> PathBuf {
    state_dir.join(ROOT_KEY)
}

/// That of another one.
pub(crate) fn further_root_file(state_dir: &Path, tenant: TenantId) -> PathBuf {
    state_dir.join(TENANTS).join(tenant.to_string()).join(ROOT_KEY)
}

/// Makes the folder that a tenant's root key is in, for its owner's eyes only, and that owner whoever has the state folder.
///
/// # Errors
/// What the system said.
pub(crate) fn make_root_folder(root_file: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let Some(folder) = root_file.parent() else { return Ok(()) };
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    for folder in missing.into_iter().rev() {
        let made = std::fs::DirBuilder::new().mode(0o700).create(folder);
        made.and_then(|()| belongs_to_its_folder(folder)).with_context(|| folder.display().to_string())?;
    }
    Ok(())
}

/// Gives a file or folder to whoever has the folder it is in: root restores or makes it, and the service reads.
///
/// # Errors
/// What the system said.
pub(crate) fn belongs_to_its_folder(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let folder = std::fs::metadata(file.parent().unwrap_or_else(|| Path::new(".")))?;
    let own = std::fs::metadata(file)?;
    if (own.uid(), own.gid()) == (folder.uid(), folder.gid()) {
        return Ok(());
    }
    std::os::unix::fs::chown(file, Some(folder.uid()), Some(folder.gid()))
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
