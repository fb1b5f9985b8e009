//! What a client may touch, by whom and under which name; and what nobody may send.

use axum::body::Bytes;
use ritorno_identity::name::SignInName;
use ritorno_identity::realm::Realm;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use ritorno_protocol::ids::UserId;
use serde_json::Value;
use zeroize::Zeroize as _;

use super::client::ScimClient;
use super::error::ScimError;
use super::names;
use crate::state::AppState;

/// The tenant, as it stands now.
///
/// # Errors
/// [`ScimError::Store`]; [`ScimError::NotFound`] if it is gone.
pub(super) async fn tenant(state: &AppState) -> Result<Tenant, ScimError> {
    state.store.tenants().get(state.tenant).await?.ok_or(ScimError::NotFound)
}

/// Whether a client's people may have that name. Nobody of a directory gets one of a domain whose people are the tenant's own: their
/// password, which is the directory's, would be typed here in the clear. And a program's people have no others.
///
/// # Errors
/// [`ScimError::CloudDomain`], [`ScimError::DirectoryDomain`], [`ScimError::Value`].
pub(super) fn may_be_called(client: &ScimClient, tenant: &Tenant, name: &str) -> Result<(), ScimError> {
    let domain = name.rsplit_once('@').map(|(_, domain)| domain);
    if client.program_in().is_none() {
        return match domain.map(|domain| (domain, Realm::of_domain(tenant, domain))) {
            Some((domain, Realm::Cloud)) => Err(ScimError::CloudDomain(domain.to_owned())),
            _ => Ok(()),
        };
    }
    let parsed = SignInName::parse(name).ok().filter(SignInName::is_principal);
    let parsed = parsed.ok_or_else(|| ScimError::Value("userName looks like anna@contoso.com".into()))?;
    match Realm::of(tenant, &parsed) {
        Realm::Cloud => Ok(()),
        Realm::Directory => Err(ScimError::DirectoryDomain(domain.unwrap_or_default().to_owned())),
    }
}

/// The person of that id, if this client may touch them.
///
/// # Errors
/// [`ScimError::NotFound`], what [`ScimClient::reaches`] answers, [`ScimError::Store`].
pub async fn person(state: &AppState, client: &ScimClient, id: &str) -> Result<User, ScimError> {
    let id: UserId = id.parse().map_err(|_| ScimError::NotFound)?;
    let user = state.store.users().get(state.tenant, id).await?.ok_or(ScimError::NotFound)?;
    client.reaches(state, &user).await?;
    Ok(user)
}

/// What no client may set, whatever else a body holds.
pub(super) const FORBIDDEN: [&str; 3] = ["password", "roles", "entitlements"];

/// Reads a body that says what a person is to be. The bytes are wiped: they may hold a password, which is refused by name.
///
/// # Errors
/// [`ScimError::Syntax`], [`ScimError::Forbidden`].
pub fn read<T: serde::de::DeserializeOwned>(body: Bytes) -> Result<T, ScimError> {
    taken(json(body)?)
}

/// Reads a body as it is. The bytes are wiped.
///
/// # Errors
/// [`ScimError::Syntax`].
pub(super) fn json(body: Bytes) -> Result<Value, ScimError> {
    // The reader's own message may quote what was sent: it is not passed on.
    let read = serde_json::from_slice(&body).map_err(|error| {
        ScimError::Syntax(format!("line {}, column {}: not the expected body", error.line(), error.column()))
    });
    if let Ok(mut bytes) = body.try_into_mut() {
        bytes.as_mut().zeroize();
    }
    read
}

/// The same of what is parsed already. Names count in any case; what the service alone says of a resource, such as `id` and `groups`, is
/// passed over (RFC 7644 section 3.3).
///
/// # Errors
/// [`ScimError::Syntax`], [`ScimError::Forbidden`].
pub fn taken<T: serde::de::DeserializeOwned>(mut said: Value) -> Result<T, ScimError> {
    if let Some(name) = forbidden(&said) {
        wipe(&mut said);
        return Err(ScimError::Forbidden(name));
    }
    names::canonical(&mut said)?;
    serde_json::from_value(said).map_err(|_| ScimError::Syntax("not the expected body".to_owned()))
}

/// What of [`FORBIDDEN`] is in a body, by itself or behind the URN of its schema; a password wherever it stands.
fn forbidden(said: &Value) -> Option<&'static str> {
    if holds_password(said) {
        return Some("password");
    }
    let said = said.as_object()?.iter().filter(|(_, value)| !is_nothing(value));
    let mut names = said.map(|(key, _)| key.rsplit(':').next().unwrap_or(key));
    names.find_map(|name| FORBIDDEN.into_iter().find(|known| known.eq_ignore_ascii_case(name)))
}

/// Whether an attribute of that value is as good as absent (RFC 7643 section 2.5): some provisioners always send one.
pub(super) fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// Whether a password is anywhere in it: as an attribute, or as the path of a PATCH, whose value it is then.
pub(super) fn holds_password(value: &Value) -> bool {
    let is_it = |name: &str| {
        let bare = name.rsplit(':').next().unwrap_or(name).split(['[', '.']).next().unwrap_or(name);
        bare.trim().eq_ignore_ascii_case("password")
    };
    match value {
        Value::Object(map) => map.iter().any(|(name, value)| {
            let path = value.as_str().filter(|_| name.eq_ignore_ascii_case("path"));
            is_it(name) || path.is_some_and(is_it) || holds_password(value)
        }),
        Value::Array(list) => list.iter().any(holds_password),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Wipes every text in it.
pub(super) fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(list) => list.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
