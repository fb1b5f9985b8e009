//! Mail to administrators when the password of another one is reset: by the person at the portal, or that of the console on the server's command
//! line. Nobody resets an administrator's in the console. And mail to one about the passkeys of their own account.

use std::collections::BTreeSet;

use ritorno_identity::administrator::Administrator;
use ritorno_identity::help_desk::{NotHelped, may_help};
use ritorno_identity::language::Language;
use ritorno_identity::mail::{Letter, Mail, NOTICE_VALID, Template};
use ritorno_identity::name::SignInName;
use ritorno_identity::registration::AddressChange;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::SupportCode;
use ritorno_protocol::random::Random;
use ritorno_storage::{NodeKey, Store, StoreError};

use crate::state::AppState;

/// Whose password it is.
#[derive(Clone, Copy)]
pub enum Whose<'a> {
    /// A person's, who reset it at the portal; it is told only of who administers the tenant.
    Person(&'a User, &'a SupportCode),
    /// The one of an account in the console.
    Account(&'a Administrator),
}

/// What mails are queued with.
#[derive(Clone, Copy)]
pub struct Outbox<'a> {
    /// The database.
    pub store: &'a Store,
    /// What letters are encrypted with there.
    pub node_key: &'a NodeKey,
    /// The random source.
    pub random: &'a dyn Random,
    /// The time.
    pub now: Timestamp,
}

/// Tells whoever else administers the whole tenant and can be reached, if the tenant wants it; how many mails were queued.
///
/// # Errors
/// [`StoreError`]: some are not queued.
pub async fn tell(outbox: Outbox<'_>, tenant: &Tenant, whose: Whose<'_>) -> Result<usize, StoreError> {
    if !tenant.notify_administrators {
        return Ok(0);
    }
    let Outbox { store, node_key, random, now } = outbox;
    let (name, console, support_code) = match whose {
        Whose::Person(user, code) => {
            let whose = SignInName::of_principal(&user.user_principal_name);
            let standing = store.users().standing(tenant.id, Some(user.id), &whose, now).await?;
            if !standing.administrator {
                return Ok(0);
            }
            (format!("{} ({})", user.display_name, user.user_principal_name), false, Some(code.0.clone()))
        }
        Whose::Account(account) => (account.name.clone(), true, None),
    };
    let template = Template::AdministratorReset { name, console, at_ms: now.unix_ms(), support_code };
    let mut told = BTreeSet::new();
    for other in store.administrators().list(tenant.id).await? {
        if !other.scope.is_everybody() || is_theirs(&other, whose) {
            continue;
        }
        let Some((to, language)) = address_of(store, tenant, &other).await? else { continue };
        if !told.insert(to.to_lowercase()) {
            continue;
        }
        let letter = Letter { to: Some(to), language, template: template.clone() };
        let mail = Mail::new(tenant.id, letter, NOTICE_VALID, now, random);
        store.mail_outbox().queue(&mail, node_key, random).await?;
    }
    Ok(told.len())
}

/// Where an administrator is reached, and in which language; `None` if no address is known.
async fn address_of(
    store: &Store,
    tenant: &Tenant,
    account: &Administrator,
) -> Result<Option<(String, Language)>, StoreError> {
    let person = match account.person {
        Some(id) => store.users().get(tenant.id, id).await?,
        None => None,
    };
    let of_person = person.as_ref().and_then(|person| person.addresses().first().map(|to| (*to).to_owned()));
    let Some(to) = account.mail.clone().or(of_person) else { return Ok(None) };
    let language = person.as_ref().map_or_else(|| tenant.language_for([]), |one| tenant.language_of(one));
    Ok(Some((to, language)))
}

/// Tells an administrator of a passkey of their own account, whether or not the tenant wants others to be told of something; whether they
/// can be reached.
///
/// # Errors
/// [`StoreError`]: it is not queued.
pub async fn passkey_changed(
    outbox: Outbox<'_>,
    tenant: &Tenant,
    account: &Administrator,
    passkey: &str,
    change: AddressChange,
) -> Result<bool, StoreError> {
    let Outbox { store, node_key, random, now } = outbox;
    let Some((to, language)) = address_of(store, tenant, account).await? else { return Ok(false) };
    let (name, passkey) = (account.name.clone(), passkey.to_owned());
    let template = Template::AdministratorPasskey { name, passkey, change, at_ms: now.unix_ms() };
    let letter = Letter { to: Some(to), language, template };
    let mail = Mail::new(tenant.id, letter, NOTICE_VALID, now, random);
    store.mail_outbox().queue(&mail, node_key, random).await?;
    Ok(true)
}

/// The same from a page: what can't be queued is in the log, and keeps nobody from their password.
pub(crate) async fn person_reset(state: &AppState, tenant: &Tenant, user: &User, support_code: &SupportCode) {
    let (store, node_key, random) = (&state.store, &state.node_key, &*state.random);
    let outbox = Outbox { store, node_key, random, now: state.clock.now() };
    match tell(outbox, tenant, Whose::Person(user, support_code)).await {
        Ok(0) => {}
        Ok(_) => state.mail_wake.notify_one(),
        Err(error) => tracing::error!(%error, "administrators could not be told of another one's reset"),
    }
}

/// Whether mail can be addressed to it.
pub fn is_address(typed: &str) -> bool {
    typed.parse::<lettre::Address>().is_ok()
}

/// Whether an account is of the person, or of the same person as the other account.
fn is_theirs(other: &Administrator, whose: Whose<'_>) -> bool {
    match whose {
        Whose::Person(user, _) => may_help(other, user, false) == Err(NotHelped::Oneself),
        Whose::Account(account) => {
            other.id == account.id || (other.person.is_some() && other.person == account.person)
        }
    }
}
