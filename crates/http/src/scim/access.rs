//! What a client may touch, by whom and under which name; versions; and what nobody may send.

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use ritorno_identity::name::SignInName;
use ritorno_identity::realm::Realm;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use ritorno_protocol::ids::UserId;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use zeroize::Zeroize as _;

use super::client::ScimClient;
use super::error::ScimError;
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

/// The version that `If-Match` names (RFC 7644 section 3.14); `None` if it names none, or any.
///
/// # Errors
/// [`ScimError::Version`] if it is none that this service gives out.
pub fn if_match(headers: &HeaderMap) -> Result<Option<i64>, ScimError> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().map_err(|_| ScimError::Version)?.trim();
    if text == "*" {
        return Ok(None);
    }
    let number = text.trim_start_matches("W/").trim_matches('"');
    number.parse().map(Some).map_err(|_| ScimError::Version)
}

/// Whether `If-None-Match` names this version (RFC 7644 section 3.14): who asks has it already.
pub fn has_it(headers: &HeaderMap, version: i64) -> bool {
    let Some(value) = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let named = |one: &str| one.trim().trim_start_matches("W/").trim_matches('"').parse() == Ok(version);
    value.trim() == "*" || value.split(',').any(named)
}

/// What no client may send, whatever else the body holds.
#[derive(Default, Deserialize)]
struct Probe {
    #[serde(alias = "Password")]
    password: Option<IgnoredAny>,
    #[serde(alias = "Roles", default)]
    roles: Something,
    #[serde(alias = "Entitlements", default)]
    entitlements: Something,
    #[serde(alias = "Groups", default)]
    groups: Something,
}

/// Whether an attribute says anything. An empty list is as good as none (RFC 7643 section 2.5), and some provisioners always send one.
#[derive(Default)]
struct Something(bool);

impl<'de> Deserialize<'de> for Something {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|said| Self(!is_nothing(&said)))
    }
}

/// Whether an attribute of that value is as good as absent.
pub(super) fn is_nothing(said: &Value) -> bool {
    said.is_null() || said.as_array().is_some_and(Vec::is_empty)
}

/// Reads a body that says what a person is to be. The bytes are wiped: they may hold a password, which is refused by name.
///
/// # Errors
/// [`ScimError::Syntax`], [`ScimError::Forbidden`].
pub fn read<T: serde::de::DeserializeOwned>(body: Bytes) -> Result<T, ScimError> {
    let refused = serde_json::from_slice::<Probe>(&body).ok().and_then(|probe| {
        [
            (probe.password.is_some(), "password"),
            (probe.roles.0, "roles"),
            (probe.entitlements.0, "entitlements"),
            (probe.groups.0, "groups"),
        ]
        .into_iter()
        .find_map(|(sent, name)| sent.then_some(name))
    });
    let parsed = match refused {
        Some(name) => Err(ScimError::Forbidden(name)),
        // The reader's own message may quote what was sent: it is not passed on.
        None => serde_json::from_slice(&body).map_err(|error| {
            ScimError::Syntax(format!(
                "line {}, column {}: not the expected body",
                error.line(),
                error.column()
            ))
        }),
    };
    if let Ok(mut bytes) = body.try_into_mut() {
        bytes.as_mut().zeroize();
    }
    parsed
}

/// The same of what is parsed already.
///
/// # Errors
/// [`ScimError::Syntax`], [`ScimError::Forbidden`].
pub fn taken<T: serde::de::DeserializeOwned>(said: Value) -> Result<T, ScimError> {
    const FORBIDDEN: [&str; 4] = ["password", "roles", "entitlements", "groups"];
    let said_of = |name: &str| {
        said.as_object().is_some_and(|map| {
            map.iter().any(|(key, said)| key.eq_ignore_ascii_case(name) && !is_nothing(said))
        })
    };
    if let Some(name) = FORBIDDEN.into_iter().find(|name| said_of(name)) {
        return Err(ScimError::Forbidden(name));
    }
    serde_json::from_value(said).map_err(|_| ScimError::Syntax("not the expected body".to_owned()))
}
