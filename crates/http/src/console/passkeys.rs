//! `GET` and `POST /console/passkeys`: an administrator's own passkeys, and one more. `POST /console/passkeys/remove` removes one, never the
//! last second factor. All of it takes a factor that was shown a moment ago: what a session left open on a desk must not do.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::administrator::Administrator;
use ritorno_identity::audit::{Activity, Actor, Success};
use ritorno_identity::registration::AddressChange;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::token::TokenDigest;
use ritorno_storage::{AdministratorPasskey, Beside, Ceremony};
use serde::Deserialize;
use webauthn_rs::prelude::RegisterPublicKeyCredential;

use super::session::{Menu, SignedIn};
use super::sign_in::note;
use crate::administrator_mails::{Outbox, passkey_changed};
use crate::i18n::{Words, key, moment};
use crate::page::{Frame, PageError, page, to_the_end};
use crate::passkeys::{Owner, RelyingParty, VALID, read};
use crate::reader::Reader;
use crate::state::AppState;

const HERE: &str = "/console/passkeys";
/// Longest name of a passkey, in characters.
const NAME_AT_MOST: usize = 64;

#[derive(Template)]
#[template(path = "console/passkeys.html")]
struct PasskeysPage {
    t: Words,
    frame: Frame,
    menu: Menu,
    /// An account for the day on which everything is lost has none.
    break_glass: bool,
    /// Whether an app is set up, and whether the tenant asks for a second factor at all.
    app: bool,
    asks: bool,
    /// For the browser; none where passkeys can't be used.
    options: Option<String>,
    there: Vec<There>,
    /// Whether one may be removed: it is not the last second factor.
    removable: bool,
    fault: Option<&'static str>,
}

/// A passkey that is registered.
struct There {
    id: String,
    name: String,
    registered: String,
    used: Option<String>,
}

/// What the form sends of a passkey that was made: what it is called, and what the browser said, as JSON.
#[derive(Deserialize)]
pub(super) struct Made {
    name: String,
    credential: String,
}

/// Which one is to go.
#[derive(Deserialize)]
pub(super) struct Which {
    id: String,
}

/// A ceremony begins in which a passkey answers, in the browser of that digest; what the browser is handed, or `None` where passkeys can't be
/// used. Any passkey of this site may answer.
pub(super) async fn begin_use(
    state: &AppState,
    tenant: &Tenant,
    browser: TokenDigest,
) -> Result<Option<String>, PageError> {
    let party = RelyingParty::new(&state.settings.public_url, &tenant.name);
    let Some(begun) = party.ok().and_then(|party| party.begin_gate()) else { return Ok(None) };
    let (passkeys, until) = (state.store.administrator_passkeys(), state.clock.now().plus(VALID));
    let kept = passkeys.begin(tenant.id, (browser, Ceremony::Use), &begun.state, until).await;
    kept.map_err(PageError::behind)?;
    Ok(Some(begun.options))
}

/// The same in which one is made, on a device that has none of those `there`.
pub(super) async fn begin_make(
    state: &AppState,
    t: Words,
    tenant: &Tenant,
    administrator: &Administrator,
    browser: TokenDigest,
    there: &[AdministratorPasskey],
) -> Result<Option<String>, PageError> {
    let party = RelyingParty::new(&state.settings.public_url, &tenant.name);
    // Whoever is also one of the people has two accounts on the device: it shows which is which.
    let shown = format!("{} ({})", administrator.name, t.say("console-title"));
    let owner = Owner { id: administrator.id.0, name: &shown, shown: &shown };
    let ids = there.iter().map(|one| one.id.as_str());
    let begun = party.ok().and_then(|party| party.begin_registration(&owner, ids));
    let Some(begun) = begun else { return Ok(None) };
    let (passkeys, until) = (state.store.administrator_passkeys(), state.clock.now().plus(VALID));
    let kept = passkeys.begin(tenant.id, (browser, Ceremony::Make), &begun.state, until).await;
    kept.map_err(PageError::behind)?;
    Ok(Some(begun.options))
}

/// A passkey that was made becomes theirs; else what to tell. It is written down, and they get a mail.
pub(super) async fn store(
    state: &AppState,
    reader: &Reader,
    (tenant, administrator, browser): (&Tenant, &Administrator, TokenDigest),
    made: &Made,
    beside: Beside,
) -> Result<Result<(), &'static str>, PageError> {
    let (passkeys, now) = (state.store.administrator_passkeys(), state.clock.now());
    let ceremony =
        passkeys.take(tenant.id, (browser, Ceremony::Make), now).await.map_err(PageError::behind)?;
    let Some(name) = named(&made.name) else { return Ok(Err(key("console-passkey-no-name"))) };
    let failed = key("passkey-register-failed");
    let party = RelyingParty::new(&state.settings.public_url, &tenant.name).ok();
    let made = read::<RegisterPublicKeyCredential>(&made.credential)
        .zip(ceremony)
        .zip(party)
        .and_then(|((made, ceremony), party)| party.finish_registration(&made, &ceremony, now));
    let Some(made) = made else { return Ok(Err(failed)) };
    let passkey = AdministratorPasskey {
        id: made.id,
        administrator: administrator.id,
        name,
        credential: made.credential,
        registered_at: now,
        last_used_at: None,
    };
    let (state, reader, tenant, administrator) =
        (state.clone(), reader.clone(), tenant.clone(), administrator.clone());
    to_the_end(async move {
        let stored = state.store.administrator_passkeys().insert(tenant.id, &passkey, beside).await;
        if !stored.map_err(PageError::behind)? {
            return Ok(Err(failed));
        }
        tell(&state, &reader, &tenant, &administrator, &passkey.name, AddressChange::Registered).await?;
        Ok(Ok(()))
    })
    .await
}

/// What a passkey is called, in one line; `None` if that is nothing, or too long.
fn named(typed: &str) -> Option<String> {
    let name = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    let fits = !name.is_empty() && name.chars().count() <= NAME_AT_MOST && !name.contains(char::is_control);
    fits.then_some(name)
}

/// Writes down what came of a passkey, and tells its owner. A mail that can't be queued is in the log, and undoes nothing.
async fn tell(
    state: &AppState,
    reader: &Reader,
    tenant: &Tenant,
    administrator: &Administrator,
    passkey: &str,
    change: AddressChange,
) -> Result<(), PageError> {
    let done = if change == AddressChange::Removed { "removed" } else { "registered" };
    let reason = format!("{}: '{passkey}' {done}", administrator.name);
    let actor = Actor::Administrator(administrator.id);
    note(state, reader, Activity::AdministratorPasskey, actor, Success::Success, &reason).await?;
    let (store, node_key, random) = (&state.store, &state.node_key, &*state.random);
    let outbox = Outbox { store, node_key, random, now: state.clock.now() };
    match passkey_changed(outbox, tenant, administrator, passkey, change).await {
        Ok(true) => state.mail_wake.notify_one(),
        Ok(false) => {}
        Err(error) => tracing::error!(%error, "an administrator could not be told of a passkey of theirs"),
    }
    Ok(())
}

/// The page.
pub(super) async fn show(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    signed_in.require_fresh()?;
    let page = asked(&state, &signed_in, &reader, None).await?;
    Ok((reader.remember(jar), page).into_response())
}

async fn asked(
    state: &AppState,
    signed_in: &SignedIn,
    reader: &Reader,
    fault: Option<&'static str>,
) -> Result<Response, PageError> {
    let SignedIn { administrator, tenant, session, .. } = signed_in;
    let t = reader.words(tenant);
    let passkeys = state.store.administrator_passkeys();
    let there = passkeys.list(tenant.id, administrator.id).await.map_err(PageError::behind)?;
    let options = if administrator.break_glass {
        None
    } else {
        begin_make(state, t, tenant, administrator, *session, &there).await?
    };
    let shown = PasskeysPage {
        t,
        frame: Frame::new(tenant, HERE),
        menu: signed_in.menu(HERE),
        break_glass: administrator.break_glass,
        app: administrator.app,
        asks: tenant.second_factor,
        options,
        removable: administrator.app || there.len() > 1,
        there: there.into_iter().map(There::from).collect(),
        fault,
    };
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(page(status, &shown))
}

impl From<AdministratorPasskey> for There {
    fn from(one: AdministratorPasskey) -> Self {
        let (registered, used) = (moment(one.registered_at), one.last_used_at.map(moment));
        Self { id: one.id, name: one.name, registered, used }
    }
}

/// A passkey was made.
pub(super) async fn register(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(made): Form<Made>,
) -> Result<Response, PageError> {
    signed_in.require_fresh()?;
    if signed_in.administrator.break_glass {
        return Ok(Redirect::to(HERE).into_response());
    }
    let owner = (&signed_in.tenant, &signed_in.administrator, signed_in.session);
    match store(&state, &reader, owner, &made, Beside::Others).await? {
        Ok(()) => Ok(Redirect::to(HERE).into_response()),
        Err(fault) => asked(&state, &signed_in, &reader, Some(fault)).await,
    }
}

/// A passkey is removed.
pub(super) async fn remove(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(which): Form<Which>,
) -> Result<Response, PageError> {
    signed_in.require_fresh()?;
    let (then, again) = (state.clone(), reader.clone());
    let (tenant, administrator) = (signed_in.tenant.clone(), signed_in.administrator.clone());
    let own = signed_in.session;
    let removed = to_the_end(async move {
        let passkeys = then.store.administrator_passkeys();
        let removed = passkeys.remove(tenant.id, administrator.id, &which.id).await;
        let Some(removed) = removed.map_err(PageError::behind)? else { return Ok(false) };
        // Whoever has the device that is given up may be signed in on it.
        let sessions = then.store.sessions();
        sessions.delete_others(tenant.id, administrator.id, &own).await.map_err(PageError::behind)?;
        tell(&then, &again, &tenant, &administrator, &removed.name, AddressChange::Removed).await?;
        Ok(true)
    });
    if removed.await? {
        return Ok(Redirect::to(HERE).into_response());
    }
    asked(&state, &signed_in, &reader, Some(key("console-passkey-last"))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passkey_has_a_name_in_one_line() {
        assert_eq!(named("  my \n laptop ").as_deref(), Some("my laptop"));
        for wrong in ["", " \n", "a\u{7}b", &"x".repeat(65)] {
            assert_eq!(named(wrong), None, "{wrong:?}");
        }
        assert!(named(&"é".repeat(64)).is_some());
    }
}
