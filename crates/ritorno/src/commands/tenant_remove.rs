//! `ritorno tenant remove`: everything of a tenant goes, for good.

use anyhow::{Context as _, bail};
use clap::Args;
use ritorno_identity::audit::{Activity, Fact};
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::ids::TenantId;
use ritorno_storage::{StoreError, Tenants};

use crate::config::Config;
use crate::installation::Ground;
use crate::output::{say, table};
use crate::system;

/// How often it is begun anew because a server that has not heard of it yet added something.
const ANEW: u32 = 10;
/// How long such a server is waited for in between.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// What `tenant remove` takes.
#[derive(Args)]
pub(crate) struct Remove {
    /// Its name or its host.
    which: String,
    /// The tenant's name as it is written. Without it, it is only shown what would go.
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
    /// Removes it though agents of it are linked. They are cut off, and can't be linked again.
    #[arg(long)]
    force: bool,
}

/// Shows what would go, or removes it. Whatever stops it, the same command goes on with it.
///
/// # Errors
/// When it is the server's first tenant, the name is not the one that is confirmed, agents are linked, or the database fails.
pub(super) async fn run(config: &Config, remove: &Remove) -> anyhow::Result<()> {
    let ground = Ground::open(config).await?;
    let tenant = ground.chosen(Some(&remove.which)).await?;
    let first = keeper(&ground, &tenant).await?;
    let tenants = ground.store.tenants();
    let now = system::clock().now();
    let (rows, links) = (tenants.rows_of_one(tenant.id).await?, tenants.live_links(tenant.id, now).await?);
    let all: u64 = rows.iter().map(|(_, number)| u64::from(*number)).sum();
    let Some(confirmed) = &remove.confirm else {
        let mut shown = table(["table", "rows"]);
        for (name, number) in rows {
            shown.add_row([name.to_owned(), number.to_string()]);
        }
        say(shown)?;
        return say(format_args!(
            "All of this would go for good, with the tenant's keys: {all} rows; agents that are linked: {links}. Nothing was removed. To remove it: \
             `ritorno tenant remove {} --confirm '{}'`",
            tenant.id, tenant.name
        ));
    };
    if *confirmed != tenant.name {
        bail!("the tenant is called '{}', and not '{confirmed}': nothing was removed", tenant.name);
    }
    if links > 0 && !remove.force {
        bail!(
            "agents of the tenant are linked: {links}. Stop them, or cut them off by `ritorno tenant disable`, or say --force: nothing was \
             removed"
        );
    }
    // From here on nobody is served; a server that runs hears of it within seconds.
    if tenants.disable(tenant.id, Some(now)).await? {
        let reason = format!("begun: '{}' {}, {all} rows", tenant.name, tenant.id);
        ground.store.audit().append(&fact(first, reason)).await?;
    }
    for _ in 0..ANEW {
        if finish(&ground, &tenant, first).await? {
            return say(format_args!("The tenant '{}' is gone, with everything of it.", tenant.name));
        }
        tokio::time::sleep(PAUSE).await;
    }
    bail!(
        "a server goes on adding to the tenant; it is not served any more, and the same command goes on with it"
    )
}

/// The tenant whose audit tells of it: the server's first one, which is not removed.
async fn keeper(ground: &Ground, tenant: &Tenant) -> anyhow::Result<TenantId> {
    let first = ground.tenants().await?.into_iter().find(|one| one.public_url.is_none());
    let first = first.context("the server has no first tenant, whose audit would tell of it")?;
    if first.id == tenant.id {
        bail!(
            "'{}' is the tenant that `ritorno init` made, whose audit tells what became of the others: it goes with the database",
            tenant.name
        );
    }
    Ok(first.id)
}

/// Removes what is left. `false` if something was added meanwhile.
async fn finish(ground: &Ground, tenant: &Tenant, first: TenantId) -> anyhow::Result<bool> {
    let tenants = ground.store.tenants();
    for table in 0..Tenants::tables_of_one().len() {
        loop {
            match tenants.remove_rows(tenant.id, table).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(StoreError::Contradiction(_)) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }
    // The keys go before the last row, by which the command finds what it has to go on with.
    let root = ground.root_file(tenant);
    if let Some(folder) = root.parent().filter(|folder| folder.exists()) {
        std::fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let gone = fact(first, format!("'{}' {} is gone, with everything of it", tenant.name, tenant.id));
    match tenants.remove_one(tenant.id, &gone).await {
        Err(StoreError::Contradiction(_)) => Ok(false),
        // Another one may have been faster, and told of it.
        other => other.map(|_| true).map_err(Into::into),
    }
}

fn fact(tenant: TenantId, reason: String) -> Fact {
    super::fact_of(tenant, Activity::TenantRemoved, reason)
}
