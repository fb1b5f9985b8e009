//! Mails before a password expires. Any number of servers look, and one of them tells.

use std::time::Duration;

use ritorno_identity::expiry::{address, concerns, due};
use ritorno_identity::mail::{Letter, Mail, NOTICE_VALID, Template};
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use ritorno_storage::StoreError;

use crate::state::AppState;

/// How often it is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);
/// People of one look at the database.
const AT_ONCE: u32 = 200;
/// The page on which a known password is changed.
const PAGE: &str = "/change";

/// Tells whoever is due, for as long as it is let.
pub async fn work(state: AppState) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    loop {
        ticks.tick().await;
        match once(&state).await {
            Ok(0) => {}
            Ok(told) => tracing::info!(told, "people are told that their password expires"),
            Err(error) => tracing::error!(%error, "nobody can be told that their password expires"),
        }
    }
}

/// Looks once; how many mails were queued.
///
/// # Errors
/// [`StoreError`]; whoever was not told is told by the next look.
pub async fn once(state: &AppState) -> Result<usize, StoreError> {
    let Some(tenant) = state.store.tenants().get(state.tenant).await? else { return Ok(0) };
    let (notices, mut told) = (state.store.expiry_notices(), 0);
    for due in due(&tenant.expiry_days, state.clock.now()) {
        let mut last = None;
        loop {
            let people = notices.due(tenant.id, &due, last, AT_ONCE).await?;
            let Some(user) = people.last() else { break };
            last = Some(user.id);
            for user in people.iter().filter(|user| concerns(&tenant, user)) {
                let Some((expires, mail)) = user.password_expires_at.zip(letter(state, &tenant, user)) else {
                    continue;
                };
                let (key, random) = (&state.node_key, &*state.random);
                told += usize::from(notices.tell((user.id, expires), due.days, &mail, key, random).await?);
            }
        }
    }
    if told > 0 {
        state.mail_wake.notify_one();
    }
    Ok(told)
}

/// The mail; none for whoever has no address.
fn letter(state: &AppState, tenant: &Tenant, user: &User) -> Option<Mail> {
    let template = Template::PasswordExpires {
        display_name: user.display_name.clone(),
        at_ms: user.password_expires_at?.unix_ms(),
        page: format!("{}{PAGE}", state.settings.public_address()),
    };
    let language = tenant.language_of(user);
    let letter = Letter { to: Some(address(user)?.to_owned()), language, template };
    let now = state.clock.now();
    // That it expires soon is said before it has, or not at all.
    let valid = NOTICE_VALID.min(user.password_expires_at?.since(now));
    Some(Mail::new(tenant.id, letter, valid, now, &*state.random))
}
