//! Licences: whether people need one, where products are used, what was bought, and who gets it.

use ritorno_identity::audit::Activity;
use ritorno_identity::licence::{Licensing, Sku};
use ritorno_storage::{Assignment, Holder, StoreError};

use crate::licensing::{Assign, LicensingFault, Whom, assign as assign_one};
use crate::operator::Operator;
use crate::state::AppState;

/// Says whether people need a licence, and where products are used. `false`, and nothing is changed, if it is not any more as it was when
/// the operator's tenant was read.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn set(
    state: &AppState,
    operator: &Operator,
    licensing: Licensing,
    country: Option<&str>,
) -> Result<bool, StoreError> {
    let from = &operator.tenant;
    if !state.store.tenants().set_licensing(from, licensing, country).await? {
        return Ok(false);
    }
    let mut told = Vec::new();
    if licensing != from.licensing || country == from.usage_location.as_deref() {
        told.push(match licensing {
            Licensing::Assigned => "licences are needed".to_owned(),
            Licensing::Community => "no licences are needed".to_owned(),
        });
    }
    if country != from.usage_location.as_deref() {
        told.push(format!("usage location: {}", country.unwrap_or("none")));
    }
    operator.note(state, Activity::LicensingChanged, told.join("; "), None).await?;
    Ok(true)
}

/// Writes down for how many people a product was bought; if `from` is said, only if that many it was until now. Whether it was.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn buy(
    state: &AppState,
    operator: &Operator,
    sku: &'static Sku,
    from: Option<Option<u32>>,
    units: u32,
) -> Result<bool, StoreError> {
    let (licences, tenant) = (state.store.licences(), operator.tenant.id);
    match from {
        None => licences.subscribe(tenant, sku, units).await?,
        Some(from) => {
            if !licences.subscribe_from(tenant, sku, from, units).await? {
                return Ok(false);
            }
        }
    }
    operator.note(state, Activity::LicensingChanged, format!("{}: {units} bought", sku.name), None).await?;
    Ok(true)
}

/// Assigns a product.
///
/// # Errors
/// [`LicensingFault`]; nothing is assigned then, but where its last line could not be written down.
pub(crate) async fn assign(
    state: &AppState,
    operator: &Operator,
    asked: Assign<'_>,
) -> Result<Assignment, LicensingFault> {
    let assignment = assign_one(&state.store, &operator.tenant, asked, state.clock.now()).await?;
    let (Whom::Person(whom) | Whom::Group(whom)) = asked.whom;
    let target = match assignment.holder {
        Holder::User(id) => Some(id),
        Holder::Group(_) => None,
    };
    let reason = format!("{} assigned to {whom}", assignment.sku.name);
    operator.note(state, Activity::LicenceChanged, reason, target).await?;
    Ok(assignment)
}

/// Takes a product back from whoever has it; whether they had it.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn revoke(
    state: &AppState,
    operator: &Operator,
    sku: &'static Sku,
    holder: Holder,
) -> Result<bool, StoreError> {
    let taken = state.store.licences().revoke(operator.tenant.id, sku, holder).await?;
    if taken {
        let (target, whom) = match holder {
            Holder::User(person) => (Some(person), person.to_string()),
            Holder::Group(group) => (None, format!("group {group}")),
        };
        let reason = format!("{} taken from {whom}", sku.name);
        operator.note(state, Activity::LicenceChanged, reason, target).await?;
    }
    Ok(taken)
}
