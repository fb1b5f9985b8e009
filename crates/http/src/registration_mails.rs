//! Mails to people who lack something of what opens their gates, or whose time to look through it has come. Any number of servers look, and one of
//! them tells, nobody more often than every 30 days.

use std::time::Duration;

use ritorno_identity::expiry::address;
use ritorno_identity::mail::{Letter, Mail, Template};
use ritorno_identity::name::SignInName;
use ritorno_identity::sspr::{Due, TOLD_AGAIN_AFTER, due, tenant_allows};
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use ritorno_protocol::ids::UserId;
use ritorno_storage::StoreError;

use crate::state::AppState;

/// How often everybody is looked at, and the pause where a look goes on.
const LOOK_EVERY: Duration = Duration::from_secs(24 * 3_600);
const GOES_ON_AFTER: Duration = Duration::from_secs(3_600);
/// After about so many mails a look pauses: whatever else is to be sent goes out beside them.
const MOST: usize = 300;
/// How long one is of use: it may wait for others.
const VALID: Duration = Duration::from_secs(7 * 24 * 3_600);
/// How long a server that has just come up has other things to do.
const FIRST_AFTER: Duration = Duration::from_secs(10 * 60);
/// People of one look at the database.
const AT_ONCE: u32 = 200;
/// The page on which it is done.
const PAGE: &str = "/register";

/// Tells whoever is due, for as long as it is let.
pub async fn work(state: AppState) {
    let (mut pause, mut place) = (FIRST_AFTER, None);
    loop {
        tokio::time::sleep(pause).await;
        (pause, place) = match once(&state, place).await {
            Ok((told, next)) => {
                if told > 0 {
                    tracing::info!(told, "people are told what is due of their registration");
                }
                (if next.is_some() { GOES_ON_AFTER } else { LOOK_EVERY }, next)
            }
            Err(error) => {
                tracing::error!(%error, "nobody can be told what is due of their registration");
                (GOES_ON_AFTER, place)
            }
        };
    }
}

/// Looks once, at everybody behind `last` in the order of their ids; how many mails were queued, and behind whom it goes on after a pause if
/// they were so many.
///
/// # Errors
/// [`StoreError`]; whoever was not told is told by the next look.
pub async fn once(state: &AppState, mut last: Option<UserId>) -> Result<(usize, Option<UserId>), StoreError> {
    let Some(tenant) = state.store.tenants().get(state.tenant).await? else { return Ok((0, None)) };
    if !tenant.registration_mails || tenant_allows(&tenant).is_err() {
        return Ok((0, None));
    }
    let (notices, now) = (state.store.registration_notices(), state.clock.now());
    let before = now.minus(TOLD_AGAIN_AFTER);
    let mut told = 0;
    while told < MOST {
        let people = notices.untold(tenant.id, before, last, AT_ONCE).await?;
        last = people.last().map(|user| user.id);
        if last.is_none() {
            break;
        }
        for user in &people {
            let name = SignInName::of_principal(&user.user_principal_name);
            let standing = state.store.users().standing(tenant.id, Some(user.id), &name, now).await?;
            let Some(due) = due(&tenant, user, &standing, now) else { continue };
            let Some(mail) = letter(state, &tenant, user, due) else { continue };
            let (key, random) = (&state.node_key, &*state.random);
            told += usize::from(notices.tell(user.id, before, &mail, key, random).await?);
        }
    }
    if told > 0 {
        state.mail_wake.notify_one();
    }
    Ok((told, last))
}

/// The mail; none for whoever has no address.
fn letter(state: &AppState, tenant: &Tenant, user: &User, due: Due) -> Option<Mail> {
    let template = Template::RegistrationDue {
        display_name: user.display_name.clone(),
        confirm: matches!(due, Due::Confirm { .. }),
        page: format!("{}{PAGE}", state.settings.public_address()),
    };
    let to = Some(address(user)?.to_owned());
    let letter = Letter { to, language: tenant.language_of(user), template };
    Some(Mail::new(tenant.id, letter, VALID, state.clock.now(), &*state.random))
}
