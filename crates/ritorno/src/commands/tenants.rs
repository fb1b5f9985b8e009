//! `ritorno tenant create`, `list`, `disable` and `enable`: several tenants on one server.

use anyhow::{Context as _, bail};
use clap::Args;
use ritorno_http::hosts::host_of;
use ritorno_identity::audit::Activity;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::ids::TenantId;
use ritorno_protocol::key::SigningKey;
use url::Url;

use super::{brand, init};
use crate::config::{Config, public_url};
use crate::installation::{Ground, Installation, belongs_to_its_folder, further_root_file, make_root_folder};
use crate::output::{moment, say, table};
use crate::system;

/// What `create` takes.
#[derive(Args)]
pub(crate) struct Create {
    /// The organisation's name, shown on every page.
    #[arg(value_parser = brand::name)]
    name: String,
    /// Where its people and agents reach it: scheme, host and port. Its host is what tells its requests from those of the others, so each tenant
    /// has its own; the certificate of `[tls]`, or of the proxy before this server, has to name it.
    #[arg(long, value_parser = parsed)]
    url: Url,
    /// Sign-in name of the first administrator.
    #[arg(long, default_value = "admin")]
    administrator: String,
    /// Prints JSON, for scripts.
    #[arg(long)]
    json: bool,
}

fn parsed(text: &str) -> Result<Url, String> {
    public_url(text)
}

/// Makes another tenant.
///
/// # Errors
/// When its name or host is another's, or a file or the database can't be written.
pub(super) async fn create(config: &Config, create: &Create) -> anyhow::Result<()> {
    let ground = Ground::open(config).await?;
    let host = host_of(&create.url);
    for other in ground.tenants().await? {
        if other.name.eq_ignore_ascii_case(&create.name) {
            bail!("a tenant is called '{}' already: nothing was made", other.name);
        }
        if host_of(&ground.public_url(&other)?) == host {
            bail!(
                "the host of {} is the tenant's '{}': each tenant has its own; nothing was made",
                create.url,
                other.name
            );
        }
    }
    let (now, random) = (system::clock().now(), system::random());
    let (id, root) = (TenantId::random(&*random), SigningKey::generate(&*random));
    let root_file = further_root_file(&config.state_dir, id);
    let tenant = Tenant {
        public_url: Some(create.url.as_str().trim_end_matches('/').to_owned()),
        // A running server takes it up when it is whole.
        disabled_at: Some(now),
        ..Tenant::new(id, create.name.clone(), root.public(), now)
    };
    let made = Installation {
        store: ground.store,
        tenant,
        node_key: ground.node_key,
        pepper: ground.pepper,
        root_file,
        public_url: create.url.clone(),
    };
    make_root_folder(&made.root_file)?;
    let (administrator, password) = init::make(&made, &root, &create.administrator, &*random).await?;
    belongs_to_its_folder(&made.root_file).with_context(|| made.root_file.display().to_string())?;
    if !made.store.tenants().disable(id, None).await? {
        bail!("the tenant is gone");
    }
    made.store.close().await;
    if create.json {
        return say(serde_json::json!({
            "tenant": id,
            "url": made.public_address(),
            "administrator": administrator,
            "password": password.expose(),
            "root_key_file": made.root_file,
        }));
    }
    init::tell(&made, &administrator, &password)?;
    say(format_args!(
        "Next: sign in at {}/console, and make a token for its first agent: `ritorno agent token --tenant {}`.",
        made.public_address(),
        host.unwrap_or_default()
    ))
}

/// Lists the tenants, oldest first.
///
/// # Errors
/// When there is none, or the database fails.
pub(super) async fn list(config: &Config) -> anyhow::Result<()> {
    let ground = Ground::open(config).await?;
    let mut listed = table(["id", "name", "address", "made", "served"]);
    for tenant in ground.tenants().await? {
        let address = ground.public_url(&tenant)?;
        let served = match tenant.disabled_at {
            None => "yes".to_owned(),
            since => format!("not since {}", moment(since)),
        };
        listed.add_row([
            tenant.id.to_string(),
            tenant.name,
            address.as_str().trim_end_matches('/').to_owned(),
            moment(Some(tenant.created_at)),
            served,
        ]);
    }
    say(listed)
}

/// Serves a tenant no more, or again.
///
/// # Errors
/// When there is no such tenant, it is so already, or the database fails.
pub(super) async fn disable(config: &Config, named: &str, disable: bool) -> anyhow::Result<()> {
    let ground = Ground::open(config).await?;
    let tenant = ground.chosen(Some(named)).await?;
    let since = disable.then(|| system::clock().now());
    let done = if disable { "is served no more" } else { "is served" };
    if !ground.store.tenants().disable(tenant.id, since).await? {
        bail!("the tenant '{}' {done} already: nothing was changed", tenant.name);
    }
    let installation = ground.of(tenant).context("it is done; the audit does not have it")?;
    super::audit(&installation, Activity::PolicyChanged, format!("the tenant {done}")).await?;
    say(format_args!(
        "The tenant '{}' {done}; running servers follow within seconds.",
        installation.tenant.name
    ))
}
