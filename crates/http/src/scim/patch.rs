//! `PATCH /scim/v2/Users/{id}` (RFC 7644 section 3.5.2): the operations are applied to the resource as it stands, all or
//! nothing, and the result is stored like a replacement.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use ritorno_protocol::scim::{self, Operation, OperationKind, PatchOp, RITORNO_USER_SCHEMA};
use serde_json::{Map, Value};

use super::access::{ScimAgent, if_match, person, read};
use super::error::ScimError;
use super::replace::store;
use super::resource::resource;
use crate::state::AppState;

/// Attributes of the core schema that an export changes.
const CORE: [&str; 7] =
    ["userName", "externalId", "displayName", "preferredLanguage", "active", "emails", "name"];
/// Attributes of the extension.
const EXTENSION: [&str; 9] = [
    "anchor",
    "objectGuid",
    "objectSid",
    "accountName",
    "domain",
    "forest",
    "alternateMail",
    "mobile",
    "passwordExpires",
];
/// Attributes that an agent may never set.
const FORBIDDEN: [&str; 4] = ["password", "roles", "entitlements", "groups"];

/// Changes some attributes of a person.
///
/// # Errors
/// [`ScimError`].
pub async fn handle(
    State(state): State<AppState>,
    ScimAgent(agent): ScimAgent,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ScimError> {
    let expected = if_match(&headers)?;
    let patch: PatchOp = read(body)?;
    let user = person(&state, &agent, &id).await?;
    let standing = resource(&user, state.settings.public_address());
    store(&state, &agent, &user, &apply(&standing, &patch.operations)?, expected).await
}

fn apply(standing: &scim::User, operations: &[Operation]) -> Result<scim::User, ScimError> {
    let Ok(Value::Object(mut attributes)) = serde_json::to_value(standing) else {
        return Err(ScimError::Syntax("the resource is no object".into()));
    };
    for operation in operations {
        match (&operation.path, &operation.value) {
            (Some(path), value) => set(&mut attributes, path, operation.op, value.as_ref())?,
            (None, Some(Value::Object(values))) if operation.op != OperationKind::Remove => {
                for (name, value) in values {
                    set(&mut attributes, name, operation.op, Some(value))?;
                }
            }
            _ => return Err(ScimError::Path(String::new())),
        }
    }
    serde_json::from_value(Value::Object(attributes))
        .map_err(|_| ScimError::Value("a value is missing or of the wrong kind".into()))
}

fn set(
    attributes: &mut Map<String, Value>,
    path: &str,
    op: OperationKind,
    value: Option<&Value>,
) -> Result<(), ScimError> {
    let schema = path.get(..RITORNO_USER_SCHEMA.len());
    if schema.is_some_and(|schema| schema.eq_ignore_ascii_case(RITORNO_USER_SCHEMA)) {
        let extension = attributes.entry(RITORNO_USER_SCHEMA).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(extension) = extension else { return Err(ScimError::Path(path.into())) };
        return match (path.get(RITORNO_USER_SCHEMA.len()..).unwrap_or_default().strip_prefix(':'), value) {
            (Some(name), value) => put(extension, known(&EXTENSION, name)?, op, value),
            (None, Some(Value::Object(values))) => values
                .iter()
                .try_for_each(|(name, value)| put(extension, known(&EXTENSION, name)?, op, Some(value))),
            (None, _) => Err(ScimError::Path(path.into())),
        };
    }
    let bare = path.strip_prefix(scim::USER_SCHEMA).and_then(|rest| rest.strip_prefix(':')).unwrap_or(path);
    put(attributes, known(&CORE, bare)?, op, value)
}

/// The attribute's name as the schema writes it; names are compared without case (RFC 7643 section 2.1).
fn known(names: &[&'static str], name: &str) -> Result<&'static str, ScimError> {
    let find = |names: &[&'static str]| names.iter().find(|known| known.eq_ignore_ascii_case(name)).copied();
    match (find(names), find(&FORBIDDEN)) {
        (Some(known), _) => Ok(known),
        (None, Some(forbidden)) => Err(ScimError::Forbidden(forbidden)),
        (None, None) => Err(ScimError::Path(name.chars().take(100).collect())),
    }
}

fn put(
    attributes: &mut Map<String, Value>,
    name: &'static str,
    op: OperationKind,
    value: Option<&Value>,
) -> Result<(), ScimError> {
    match (op, value) {
        (OperationKind::Remove, _) => {
            attributes.remove(name);
        }
        (OperationKind::Add, Some(Value::Array(more))) => {
            let standing = attributes.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            let Value::Array(standing) = standing else { return Err(ScimError::Path(name.into())) };
            standing.extend(more.iter().cloned());
        }
        (OperationKind::Add | OperationKind::Replace, Some(value)) => {
            attributes.insert(name.to_owned(), value.clone());
        }
        (OperationKind::Add | OperationKind::Replace, None) => {
            return Err(ScimError::Value(format!("'{name}' has no value")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn anna() -> scim::User {
        serde_json::from_value(json!({
            "schemas": [scim::USER_SCHEMA, RITORNO_USER_SCHEMA],
            "userName": "anna@contoso.test",
            "displayName": "Anna",
            RITORNO_USER_SCHEMA: {
                "anchor": "AAECAwQFBgcICQoLDA0ODw==",
                "objectGuid": "03020100-0504-0706-0809-0a0b0c0d0e0f",
                "accountName": "anna", "domain": "CONTOSO", "forest": "contoso.test"
            }
        }))
        .unwrap()
    }

    fn patched(operations: Value) -> Result<scim::User, ScimError> {
        let operations: Vec<Operation> = serde_json::from_value(operations).unwrap();
        apply(&anna(), &operations)
    }

    #[test]
    fn paths_in_every_form_reach_their_attribute() {
        let changed = patched(json!([
            {"op": "replace", "path": "ACTIVE", "value": false},
            {"op": "Remove", "path": "displayName"},
            {"op": "add", "path": format!("{RITORNO_USER_SCHEMA}:alternateMail"), "value": "a@x.test"},
            {"op": "replace", "value": {"preferredLanguage": "it", RITORNO_USER_SCHEMA: {"domain": "C"}}},
        ]))
        .unwrap();
        assert!(!changed.active && changed.display_name.is_none());
        assert_eq!(changed.preferred_language.as_deref(), Some("it"));
        let extension = changed.ritorno.unwrap();
        assert_eq!((extension.alternate_mail.as_deref(), &*extension.domain), (Some("a@x.test"), "C"));
    }

    #[test]
    fn unknown_and_forbidden_paths_are_told_apart() {
        let error = patched(json!([{"op": "add", "path": "shoeSize", "value": 43}])).unwrap_err();
        assert!(matches!(error, ScimError::Path(_)), "{error}");
        for name in ["password", "Roles"] {
            let error = patched(json!([{"op": "add", "path": name, "value": "x"}])).unwrap_err();
            assert!(matches!(error, ScimError::Forbidden(_)), "{error}");
            let error = patched(json!([{"op": "add", "value": {name: "x"}}])).unwrap_err();
            assert!(matches!(error, ScimError::Forbidden(_)), "{error}");
        }
        let error = patched(json!([{"op": "replace", "path": "active", "value": "maybe"}])).unwrap_err();
        assert!(matches!(error, ScimError::Value(_)), "{error}");
    }
}
