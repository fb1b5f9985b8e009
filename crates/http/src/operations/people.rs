//! People, as far as an operator is for them: one, those whose names contain something, and the lifting of a stop.

use ritorno_identity::audit::Activity;
use ritorno_identity::limit::{
    CODES_SENT, CODES_SENT_TO_KNOWN_BROWSER, PASSWORDS_LIFTED, SMS_SENT, SMS_SENT_TO_KNOWN_BROWSER,
    wrong_at_a_gate,
};
use ritorno_identity::mask::mask;
use ritorno_identity::method::Method;
use ritorno_identity::name::SignInName;
use ritorno_identity::phone::Phone;
use ritorno_identity::sspr::{self, Standing};
use ritorno_identity::subject::Subject;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use ritorno_protocol::ids::UserId;
use ritorno_protocol::outcome::SsprCode;
use ritorno_storage::StoreError;

use crate::operator::Operator;
use crate::state::AppState;

/// How many are looked through for as many whom the operator is for.
const LOOKED_THROUGH: usize = 1_000;
/// How many are read at once, at least, for an operator who is for some people only: most of them may be somebody else's.
const AT_ONCE: usize = 100;

/// People whose names contain what was typed, in the order of their sign-in names.
pub(crate) struct Found {
    /// Those whom the operator is for.
    pub(crate) people: Vec<User>,
    /// After whom the search goes on, if there may be more.
    pub(crate) next: Option<SignInName>,
}

/// As many as `count` of them after `after`, or fewer if more than a thousand had to be looked through.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn search(
    state: &AppState,
    operator: &Operator,
    typed: &str,
    mut after: Option<SignInName>,
    count: usize,
) -> Result<Found, StoreError> {
    let (mut people, mut seen) = (Vec::new(), 0);
    // One more than is wanted tells whether there is anybody after them.
    let least = if operator.administrator.scope.is_everybody() { 0 } else { AT_ONCE };
    let at_once = count.saturating_add(1).max(least);
    loop {
        let found = state
            .store
            .users()
            .search(operator.tenant.id, typed, after.as_ref(), u32::try_from(at_once).unwrap_or(u32::MAX))
            .await?;
        let whole = found.len() < at_once;
        seen += found.len();
        for user in found {
            after = Some(SignInName::of_principal(&user.user_principal_name));
            if is_theirs(state, operator, &user).await? {
                people.push(user);
            }
            if people.len() > count {
                people.truncate(count);
                let next = people.last().map(|last| SignInName::of_principal(&last.user_principal_name));
                return Ok(Found { people, next });
            }
        }
        if whole {
            return Ok(Found { people, next: None });
        }
        if seen >= LOOKED_THROUGH {
            return Ok(Found { people, next: after });
        }
    }
}

/// Whether the operator is for that person.
async fn is_theirs(state: &AppState, operator: &Operator, user: &User) -> Result<bool, StoreError> {
    let scope = &operator.administrator.scope;
    state.store.administrators().has_in_scope(operator.tenant.id, scope, user).await
}

/// The person of that name, if they are one of those whom the operator is for.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn find(
    state: &AppState,
    operator: &Operator,
    typed: &str,
) -> Result<Option<User>, StoreError> {
    let Ok(name) = SignInName::parse(typed) else { return Ok(None) };
    theirs(state, operator, state.store.users().by_sign_in_name(operator.tenant.id, &name).await?).await
}

/// The person of that id, if they are one of those whom the operator is for.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn get(
    state: &AppState,
    operator: &Operator,
    id: UserId,
) -> Result<Option<User>, StoreError> {
    theirs(state, operator, state.store.users().get(operator.tenant.id, id).await?).await
}

async fn theirs(
    state: &AppState,
    operator: &Operator,
    found: Option<User>,
) -> Result<Option<User>, StoreError> {
    let Some(user) = found else { return Ok(None) };
    Ok(is_theirs(state, operator, &user).await?.then_some(user))
}

/// What a person has beside addresses.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn standing(state: &AppState, user: &User) -> Result<Standing, StoreError> {
    let name = SignInName::of_principal(&user.user_principal_name);
    state.store.users().standing(user.tenant, Some(user.id), &name, state.clock.now()).await
}

/// Why the person could not reset now; nothing if they could.
pub(crate) fn withheld(tenant: &Tenant, user: &User, standing: &Standing) -> Option<SsprCode> {
    sspr::tenant_allows(tenant).and_then(|()| sspr::gates(tenant, user, standing).map(drop)).err()
}

/// Where a code can go to, masked, the registered address first: the help desk asks the person for them, not the other way round.
pub(crate) fn masked_addresses(user: &User) -> Vec<String> {
    let addresses = [&user.registered_mail, &user.alternate_mail].into_iter().flatten();
    let mobile = user.code_mobile().map(|number| number.mask());
    addresses.filter_map(|address| mask(address)).chain(mobile).collect()
}

/// The stop of the day is lifted, and codes can be sent again.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn lift(state: &AppState, operator: &Operator, user: &User) -> Result<(), StoreError> {
    let (limits, tenant) = (state.store.limits(), user.tenant);
    let by_user = Subject::of_user(&state.pepper, tenant, user.id);
    let pass = state.store.help_desk().live_pass(tenant, Some(user.id), state.clock.now()).await?;
    let by_pass = pass.map(|case| Subject::of_case(&state.pepper, tenant, case));
    for method in Method::ALL {
        let counted = if method == Method::TemporaryPass { by_pass } else { Some(by_user) };
        let Some(subject) = counted else { continue };
        for known in [true, false] {
            limits.lift(tenant, wrong_at_a_gate(method, known), &subject).await?;
        }
    }
    let mobile = user.code_mobile();
    let addresses = user.addresses().into_iter().chain(mobile.as_ref().map(Phone::as_str));
    let by_address = addresses.map(|address| Subject::of_address(&state.pepper, tenant, address));
    for subject in by_address.chain([by_user]) {
        for limit in [&CODES_SENT, &CODES_SENT_TO_KNOWN_BROWSER, &SMS_SENT, &SMS_SENT_TO_KNOWN_BROWSER] {
            limits.lift(tenant, limit, &subject).await?;
        }
    }
    // Whatever browsers and networks passwords were tried in: it is counted anew.
    limits.raise(tenant, &PASSWORDS_LIFTED, &by_user, state.clock.now()).await?;
    operator.note(state, Activity::StopLifted, String::new(), Some(user.id)).await
}
