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
use ritorno_storage::Store;

use super::admin::generated_password;
use crate::config::Config;
use crate::installation::{Installation, make_node_key, root_file};
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
    let now = clock.now();
    let id = TenantId::random(&*random);
    let root = SigningKey::generate(&*random);
    let file = root_file(config);
    write_secret_file(&file, &wrap_root(id, &root, &node_key, &*random))?;
    let host = || config.public_url.host_str().unwrap_or("Ritorno").to_owned();
    let tenant = Tenant::new(id, arguments.name.clone().unwrap_or_else(host), root.public(), now);
    store.tenants().insert(&tenant).await?;
    let (signing, content, certificate) = new_signing_key(id, &root, 1, now, &*random);
    store.signing_keys().insert(&certificate, &content, &signing, &node_key, &*random, None).await?;
    let password = generated_password(&*random);
    let administrator = Administrator {
        id: AdministratorId::random(&*random),
        tenant: id,
        name: arguments.administrator.clone(),
        // Nobody is synchronised yet: `ritorno admin person` says it later.
        person: None,
        cloud_only: true,
        role: Role::Global,
        scope: Scope::default(),
        break_glass: false,
        app: false,
        password: PasswordHash::new(&password, &*random)?,
        created_at: now,
    };
    store.administrators().insert(&administrator).await?;
    let made = Installation { store, tenant, node_key, pepper, root_file: file };
    super::audit(&made, Activity::TenantMade, made.tenant.name.clone()).await?;
    super::audit(&made, Activity::AdministratorAdded, format!("{} (global)", administrator.name)).await?;
    made.store.close().await;
    if arguments.json {
        return say(serde_json::json!({
            "tenant": made.tenant.id,
            "administrator": administrator.name,
            "password": password.expose(),
            "root_key_file": made.root_file,
        }));
    }
    say(format_args!("Tenant '{}' is made.", made.tenant.name))?;
    say(format_args!("Administrator: {}", administrator.name))?;
    say(format_args!("Password:      {}   (shown only now)", password.expose()))?;
    say(format_args!("Root key:      {}   (keep a copy apart from the database)", made.root_file.display()))?;
    say("Next: `ritorno serve`, then `ritorno agent token` for the first agent.")
}
