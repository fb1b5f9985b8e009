//! `ritorno init`: the tenant, its root key, its first signing key, and its first administrator.

use anyhow::bail;
use clap::Args;
use ritorno_http::keys::{new_signing_key, wrap_root, write_secret_file};
use ritorno_identity::administrator::{Administrator, Role, Scope};
use ritorno_identity::audit::Activity;
use ritorno_identity::ids::AdministratorId;
use ritorno_identity::password::PasswordHash;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::ids::TenantId;
use ritorno_protocol::key::SigningKey;
use ritorno_protocol::random::Random;
use ritorno_protocol::secret::Password;
use ritorno_storage::Store;

use super::admin::generated_password;
use crate::config::Config;
use crate::installation::{Installation, first_root_file, make_node_key};
use crate::output::say;
use crate::system;

/// What `init` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The organisation's name, shown on every page. The host of `public_url` if left out.
    #[arg(long)]
    name: Option<String>,
    /// Sign-in name of the first administrator.
    #[arg(long, default_value = "admin")]
    administrator: String,
    /// Prints JSON, for scripts.
    #[arg(long)]
    json: bool,
}

/// Makes the installation.
///
/// # Errors
/// When there is one already, or a file or the database can't be written.
pub(crate) async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    let (clock, random) = (system::clock(), system::random());
    let (node_key, pepper) = make_node_key(config, &*random)?;
    let store = Store::connect(&config.database).await?;
    if !store.tenants().list().await?.is_empty() {
        bail!("there is a tenant already; `ritorno init` is for a new database");
    }
    let id = TenantId::random(&*random);
    let host = || config.public_url.host_str().unwrap_or("Ritorno").to_owned();
    let name = arguments.name.clone().unwrap_or_else(host);
    let root = SigningKey::generate(&*random);
    let tenant = Tenant::new(id, name, root.public(), clock.now());
    let root_file = first_root_file(&config.state_dir);
    let public_url = config.public_url.clone();
    let made = Installation { store, tenant, node_key, pepper, root_file, public_url };
    let (administrator, password) = make(&made, &root, &arguments.administrator, &*random).await?;
    made.store.close().await;
    if arguments.json {
        return say(serde_json::json!({
            "tenant": made.tenant.id,
            "administrator": administrator,
            "password": password.expose(),
            "root_key_file": made.root_file,
        }));
    }
    tell(&made, &administrator, &password)?;
    say("Next: `ritorno serve`, then `ritorno agent token` for the first agent.")
}

/// Makes a tenant: its root key, in its file, its first signing key, and its first administrator; their name and password.
///
/// # Errors
/// When the file is there already or can't be written, or the database fails.
pub(super) async fn make(
    made: &Installation,
    root: &SigningKey,
    administrator: &str,
    random: &dyn Random,
) -> anyhow::Result<(String, Password)> {
    let Installation { store, tenant, node_key, .. } = made;
    let (id, now) = (tenant.id, tenant.created_at);
    write_secret_file(&made.root_file, &wrap_root(id, root, node_key, random))?;
    store.tenants().insert(tenant).await?;
    let (signing, content, certificate) = new_signing_key(id, root, 1, now, random);
    store.signing_keys().insert(&certificate, &content, &signing, node_key, random, None).await?;
    let password = generated_password(random);
    let administrator = Administrator {
        id: AdministratorId::random(random),
        tenant: id,
        name: administrator.to_owned(),
        // Nobody is synchronised yet: `ritorno admin person` says it later.
        person: None,
        mail: None,
        cloud_only: true,
        role: Role::Global,
        scope: Scope::default(),
        break_glass: false,
        app: false,
        passkeys: 0,
        password: PasswordHash::new(&password, random)?,
        created_at: now,
    };
    store.administrators().insert(&administrator).await?;
    super::audit(made, Activity::TenantMade, tenant.name.clone()).await?;
    super::audit(made, Activity::AdministratorAdded, format!("{} (global)", administrator.name)).await?;
    Ok((administrator.name, password))
}

/// Says what was made.
///
/// # Errors
/// When nobody reads it any more.
pub(super) fn tell(made: &Installation, administrator: &str, password: &Password) -> anyhow::Result<()> {
    say(format_args!("Tenant '{}' is made.", made.tenant.name))?;
    say(format_args!("Administrator: {administrator}"))?;
    say(format_args!("Password:      {}   (shown only now)", password.expose()))?;
    say(format_args!("Root key:      {}   (keep a copy apart from the database)", made.root_file.display()))
}
