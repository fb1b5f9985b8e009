//! One file per command.

pub(crate) mod admin;
mod admin_passkeys;
pub(crate) mod agent;
pub(crate) mod api;
pub(crate) mod audit;
pub(crate) mod backup;
mod brand;
pub(crate) mod check_config;
mod cloud_person;
pub(crate) mod init;
pub(crate) mod keys;
pub(crate) mod licence;
pub(crate) mod mail;
pub(crate) mod person;
mod removals;
pub(crate) mod requests;
pub(crate) mod serve;
pub(crate) mod sms;
mod sspr_for;
pub(crate) mod stuck;
pub(crate) mod tenant;
mod tenant_guard;
mod tenant_remove;
mod tenants;
pub(crate) mod token;

use anyhow::bail;
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::group::Group;
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_protocol::ids::TenantId;

use crate::installation::Installation;
use crate::system;

/// What was done on the command line.
fn fact(installation: &Installation, activity: Activity, reason: String) -> Fact {
    fact_of(installation.tenant.id, activity, reason)
}

/// The same, of a tenant.
fn fact_of(tenant: TenantId, activity: Activity, reason: String) -> Fact {
    let random = system::random();
    Fact {
        id: FactId::random(&*random),
        tenant,
        at: system::clock().now(),
        activity,
        actor: Actor::System,
        target: None,
        from: None,
        success: Success::Success,
        reason,
        support_code: None,
        correlation: CorrelationId::random(&*random),
        request: None,
    }
}

/// Writes it down.
async fn audit(installation: &Installation, activity: Activity, reason: String) -> anyhow::Result<()> {
    Ok(installation.store.audit().append(&fact(installation, activity, reason)).await?)
}

/// The one group of that name, or of that id.
pub(crate) async fn group_named(installation: &Installation, name: &str) -> anyhow::Result<Group> {
    let found = installation.store.groups().named(installation.tenant.id, name).await?;
    match <[Group; 1]>::try_from(found) {
        Ok([group]) => Ok(group),
        Err(found) if found.is_empty() => {
            bail!("the tenant has no group '{name}': {}", ritorno_http::licensing::WHERE_GROUPS_ARE)
        }
        Err(_) => bail!("several groups are called '{name}': name it by its id; nothing was changed"),
    }
}
