//! The deletion guard in the tenant: deletes and disables of one provisioner's people, and deletes of its groups, are counted over 24 hours,
//! and so are members who leave groups. An agent has its own guard; this one holds if that one is conquered. A program has no other. How
//! many go through is the tenant's to say ([`RemovalGuard`](ritorno_identity::removal_guard::RemovalGuard)).
//!
//! What is held is written down. An administrator may let exactly such a list through, for an hour; each of it is one removal of one
//! object, so that an approval can be used for nothing else, and not by another provisioner.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ritorno_identity::audit::Fact;
use ritorno_identity::group::Group;
use ritorno_identity::limit::Limit;
use ritorno_identity::provisioner::Provisioner;
use ritorno_identity::removal::{self, APPROVED_FOR, Removal, RemovalKind};
use ritorno_identity::removal_guard::Threshold;
use ritorno_identity::subject::Subject;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;
use ritorno_relay::seldom::Seldom;
use ritorno_storage::{Store, StoreError, Updated, UserFilter, fence};
use sha2::{Digest as _, Sha256};

use super::access;
use super::error::ScimError;
use crate::state::AppState;

/// Over how long removals are counted.
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Removals of one provisioner, as many as a tenant lets through that says nothing else: Microsoft's default for the same guard.
pub const REMOVALS: Limit = Limit { name: "directory-removals", most: 500, window: DAY };

/// Members of one provisioner's groups who leave them while they stay themselves, by the same default.
pub const MEMBERS: Limit = Limit { name: "directory-members-removed", most: 5_000, window: DAY };

/// How many people a provisioner had when the 24 hours began: what a percentage is of. Of those who are left it would be fewer with each who goes.
const PEOPLE: Limit = Limit { name: "directory-people", most: u32::MAX, window: DAY };

/// Most held members that a refusal names: more than an agent takes out in one request.
const NAMED: usize = 1_000;

/// One line about each provisioner in that time, and for each limit, however often it asks for what is held.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// When each provisioner's held removals were last told in the log.
#[derive(Debug, Default)]
pub struct HeldTold(Mutex<HashMap<(Provisioner, &'static str), Seldom<Timestamp>>>);

impl HeldTold {
    /// How many refusals were not told since the last line, if it is time for another one.
    fn due(&self, by: Provisioner, limit: &Limit, now: Timestamp) -> Option<u64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let one = all.entry((by, limit.name)).or_insert_with(|| Seldom::new(TOLD_EVERY));
        one.due(now, |at| now.since(at))
    }
}

fn subject(by: Provisioner) -> Subject {
    Subject(Sha256::digest(by.id().as_bytes()).into())
}

/// Counts one removal before it is made.
///
/// # Errors
/// [`ScimError::Guard`] if the limit is reached; [`ScimError::Store`].
pub async fn count(state: &AppState, by: impl Into<Provisioner>) -> Result<(), ScimError> {
    let by = by.into();
    let now = state.clock.now();
    let threshold = threshold(state, by, now).await?;
    let limit = Limit { most: threshold.most, ..REMOVALS };
    if state.store.limits().count(state.tenant, &limit, &subject(by), now).await? {
        return Ok(());
    }
    if let Some(untold) = state.held_told.due(by, &REMOVALS, now) {
        tracing::error!(%by, most = %threshold, untold, "the deletion guard holds");
    }
    Err(ScimError::Guard(threshold))
}

/// How many removals of a provisioner go through.
async fn threshold(state: &AppState, by: Provisioner, now: Timestamp) -> Result<Threshold, ScimError> {
    let tenant = access::tenant(state).await?;
    let guard = tenant.removal_guard;
    if guard.percent.is_none() {
        return Ok(guard.threshold(0));
    }
    let (limits, subject) = (state.store.limits(), subject(by));
    let people = match limits.counted(state.tenant, &PEOPLE, &subject, now).await? {
        0 => match people(&state.store, &tenant, by).await? {
            // Of nobody there is nothing to remember: whoever comes first is what a percentage is of.
            0 => 0,
            people => limits.begin(state.tenant, &PEOPLE, &subject, people, now).await?,
        },
        begun => begun,
    };
    Ok(guard.threshold(people))
}

/// How many people a provisioner has.
async fn people(store: &Store, tenant: &Tenant, by: Provisioner) -> Result<u32, StoreError> {
    let filters: Vec<UserFilter> = match by {
        Provisioner::Agent(id) => {
            let agent = store.agents().get(tenant.id, id).await?;
            agent.into_iter().flat_map(|agent| agent.forests).map(UserFilter::Forest).collect()
        }
        Provisioner::Token(_) => vec![UserFilter::CloudDomains(tenant.cloud_domains.clone())],
    };
    let mut people = 0_u32;
    for filter in &filters {
        let total = store.users().list(tenant.id, filter, 1, 0).await?.total;
        people = people.saturating_add(u32::try_from(total).unwrap_or(u32::MAX));
    }
    Ok(people)
}

/// How a removal came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// It was counted.
    Counted,
    /// An administrator had approved it.
    Approved,
}

/// Lets one removal through before it is made, or writes down that it is held.
///
/// # Errors
/// [`ScimError::Guard`] if it is held; [`ScimError::Store`].
pub async fn pass(
    state: &AppState,
    by: impl Into<Provisioner>,
    removal: Removal,
) -> Result<Passed, ScimError> {
    let by = by.into();
    let (removals, now) = (state.store.removals(), state.clock.now());
    let id = std::slice::from_ref(&removal.id);
    if !removals.approved(state.tenant, by, removal.kind, id, now).await?.is_empty() {
        return Ok(Passed::Approved);
    }
    let counted = count(state, by).await;
    if let Err(ScimError::Guard(_)) = counted {
        removals.hold(state.tenant, by, &[removal], now).await?;
    }
    counted.map(|()| Passed::Counted)
}

/// Ends a removal that was let through: one that was not made is not counted, one that was made waits for nothing any more.
///
/// # Errors
/// [`ScimError::Store`].
pub async fn end(
    state: &AppState,
    by: impl Into<Provisioner>,
    kind: RemovalKind,
    id: String,
    passed: Passed,
    made: bool,
) -> Result<(), ScimError> {
    let by = by.into();
    // What is counted is what was made, whoever has the lease by now.
    fence::unfenced(async {
        match (made, passed) {
            (true, _) => state.store.removals().done(state.tenant, by, kind, &[id]).await,
            (false, Passed::Counted) => {
                state.store.limits().give_back(state.tenant, &REMOVALS, &subject(by)).await
            }
            (false, Passed::Approved) => Ok(()),
        }
    })
    .await?;
    Ok(())
}

/// Stores what a person is changed to; the new version. Who is disabled by it counts before it is done, and waits for nothing afterwards.
///
/// # Errors
/// [`ScimError::Guard`] if it is held, [`ScimError::Version`] if the person changed meanwhile, and what the store answers.
pub async fn update(
    state: &AppState,
    by: impl Into<Provisioner>,
    user: &User,
    changed: &User,
) -> Result<i64, ScimError> {
    stored(state, by.into(), user, changed, state.store.users().update(changed, user.version)).await
}

/// The same for somebody of the tenant's own who comes from a directory from now on, with what follows from that
/// ([`Users::join`](ritorno_storage::Users::join)).
///
/// # Errors
/// As [`update`].
pub async fn join(
    state: &AppState,
    by: impl Into<Provisioner>,
    user: &User,
    joined: &User,
) -> Result<i64, ScimError> {
    let users = state.store.users();
    let joining = users.join(joined, user.version, state.clock.now());
    stored(state, by.into(), user, joined, joining).await
}

async fn stored(
    state: &AppState,
    by: Provisioner,
    user: &User,
    changed: &User,
    storing: impl Future<Output = Result<Updated, StoreError>>,
) -> Result<i64, ScimError> {
    let (kind, id) = (RemovalKind::DisableUser, user.id.to_string());
    let passed = if user.enabled && !changed.enabled {
        let removal = Removal { kind, id: id.clone(), name: user.user_principal_name.clone() };
        Some(pass(state, by, removal).await?)
    } else {
        None
    };
    let updated = storing.await;
    if let Some(passed) = passed {
        let made = matches!(updated, Ok(Updated::Done { .. }));
        end(state, by, kind, id, passed, made).await?;
    }
    match updated? {
        Updated::Done { version } => Ok(version),
        Updated::Conflict => Err(ScimError::Version),
    }
}

/// Lets members through before they leave a group, or writes down that they are held. How many were counted.
///
/// # Errors
/// [`ScimError::GuardMembers`] if some are held, with their ids, so that the others can be asked for without them; [`ScimError::Store`].
pub async fn pass_members(
    state: &AppState,
    by: impl Into<Provisioner>,
    group: &Group,
    leaving: &[String],
) -> Result<u64, ScimError> {
    let by = by.into();
    let (removals, now) = (state.store.removals(), state.clock.now());
    let ids = left(group, leaving);
    let approved: HashSet<String> = match ids.is_empty() {
        true => HashSet::new(),
        false => {
            let kind = RemovalKind::LeaveGroup;
            removals.approved(state.tenant, by, kind, &ids, now).await?.into_iter().collect()
        }
    };
    let waiting: Vec<_> = ids.into_iter().zip(leaving).filter(|(id, _)| !approved.contains(id)).collect();
    let number = waiting.len() as u64;
    let mut counted = count_members(state, by, number).await;
    if let Err(ScimError::GuardMembers { held, .. }) = &mut counted {
        if waiting.len() <= NAMED {
            held.extend(waiting.iter().map(|(_, member)| (*member).clone()));
        }
        let names = state.store.users().principal_names(state.tenant, leaving).await?;
        let list: Vec<Removal> = waiting
            .into_iter()
            .map(|(id, member)| {
                // One that is no person's is a group's.
                let name = format!("{}  ({})", names.get(member).unwrap_or(member), group.full_name());
                Removal { kind: RemovalKind::LeaveGroup, id, name }
            })
            .collect();
        removals.hold(state.tenant, by, &list, now).await?;
    }
    counted.map(|()| number)
}

/// Members who were counted stayed, since what they were to leave by was not made.
///
/// # Errors
/// [`ScimError::Store`].
pub async fn members_stayed(
    state: &AppState,
    by: impl Into<Provisioner>,
    counted: u64,
) -> Result<(), ScimError> {
    let number = u32::try_from(counted).unwrap_or(u32::MAX);
    if number > 0 {
        let given = state.store.limits();
        fence::unfenced(given.give_many_back(state.tenant, &MEMBERS, &subject(by.into()), number)).await?;
    }
    Ok(())
}

/// Members left a group.
///
/// # Errors
/// [`ScimError::Store`].
pub async fn members_left(
    state: &AppState,
    by: impl Into<Provisioner>,
    group: &Group,
    leaving: &[String],
) -> Result<(), ScimError> {
    let by = by.into();
    if leaving.is_empty() {
        return Ok(());
    }
    let (removals, ids) = (state.store.removals(), left(group, leaving));
    Ok(fence::unfenced(removals.done(state.tenant, by, RemovalKind::LeaveGroup, &ids)).await?)
}

/// What removals of these members from a group are called.
fn left(group: &Group, members: &[String]) -> Vec<String> {
    members.iter().map(|member| format!("{} {member}", group.id)).collect()
}

/// The removals of a provisioner that wait for an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What an approval names.
    pub digest: String,
    /// The list.
    pub list: Vec<Removal>,
}

/// What of a provisioner waits for an approval.
///
/// # Errors
/// [`StoreError`].
pub async fn held(
    store: &Store,
    tenant: TenantId,
    by: impl Into<Provisioner>,
    now: Timestamp,
) -> Result<Held, StoreError> {
    let by = by.into();
    let list = store.removals().waiting(tenant, by, now).await?;
    Ok(Held { digest: removal::digest(&list), list })
}

/// Lets the list of this digest through for a while, and keeps with it the fact that `told` makes of what was approved; how many that are.
/// None, and nothing is let through, if that is not the list that waits now.
///
/// # Errors
/// [`StoreError`].
pub async fn approve(
    store: &Store,
    tenant: TenantId,
    by: impl Into<Provisioner>,
    digest: &str,
    now: Timestamp,
    told: impl FnOnce(String) -> Fact,
) -> Result<Option<usize>, StoreError> {
    let by = by.into();
    let held = held(store, tenant, by, now).await?;
    if held.list.is_empty() || !held.digest.eq_ignore_ascii_case(digest.trim()) {
        return Ok(None);
    }
    let (number, until) = (held.list.len(), now.plus(APPROVED_FOR));
    let fact = told(format!("{by}: {number} removals, {}", held.digest));
    let approved = store.removals().approve(tenant, by, &held.list, until, &fact).await?;
    Ok(approved.then_some(number))
}

/// Counts members before they leave a group.
///
/// # Errors
/// [`ScimError::GuardMembers`] if they are more than the limit leaves; [`ScimError::Store`].
pub async fn count_members(
    state: &AppState,
    by: impl Into<Provisioner>,
    leaving: u64,
) -> Result<(), ScimError> {
    let by = by.into();
    let (number, now) = (u32::try_from(leaving).unwrap_or(u32::MAX), state.clock.now());
    if number == 0 {
        return Ok(());
    }
    let most = access::tenant(state).await?.removal_guard.memberships;
    let limit = Limit { most, ..MEMBERS };
    if state.store.limits().count_many(state.tenant, &limit, &subject(by), number, now).await? {
        return Ok(());
    }
    if let Some(untold) = state.held_told.due(by, &MEMBERS, now) {
        tracing::error!(%by, leaving, most, untold, "the deletion guard holds members of groups");
    }
    Err(ScimError::GuardMembers { most, held: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_of_an_agent_is_one_line_a_minute_and_hides_no_other() {
        let (told, now) = (HeldTold::default(), Timestamp::from_unix_ms(1_000_000));
        let [one, other] = [1, 2]
            .map(|number| Provisioner::Agent(ritorno_protocol::ids::AgentId(uuid::Uuid::from_u128(number))));
        assert_eq!([MEMBERS; 3].map(|limit| told.due(one, &limit, now)), [Some(0), None, None]);
        assert_eq!((told.due(one, &REMOVALS, now), told.due(other, &MEMBERS, now)), (Some(0), Some(0)));
        assert_eq!(told.due(one, &MEMBERS, now.plus(Duration::from_secs(59))), None);
        assert_eq!(told.due(one, &MEMBERS, now.plus(TOLD_EVERY)), Some(3));
    }
}
