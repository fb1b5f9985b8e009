//! `PATCH /scim/v2/Users/{id}` (RFC 7644 section 3.5.2): the operations are applied to the resource as it stands, all or
//! nothing, and the result is stored like a replacement.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use ritorno_protocol::scim::{self, Operation, OperationKind, PatchOp, RITORNO_USER_SCHEMA};
use scim_v2::filter::{AttrExp, AttrPath, CompValue, CompareOp, PatchPath, PatchValuePath, ValFilter};
use serde_json::{Map, Value};

use super::access::{if_match, is_nothing, person, read};
use super::client::ScimClient;
use super::error::ScimError;
use super::filter::element_has;
use super::replace::store;
use super::resource::resource;
use crate::state::AppState;

/// Attributes of the core schema that are kept.
const CORE: [&str; 8] = [
    "userName",
    "externalId",
    "displayName",
    "preferredLanguage",
    "active",
    "emails",
    "phoneNumbers",
    "name",
];
/// Those of them that have several values, and the parts of one.
const SEVERAL: [&str; 2] = ["emails", "phoneNumbers"];
const OF_SEVERAL: [&str; 3] = ["value", "type", "primary"];
/// The parts of a name that are kept.
const OF_NAME: [&str; 3] = ["formatted", "givenName", "familyName"];
/// What RFC 7643 section 4.1 has besides: it is not kept, here as in a new person (RFC 7644 section 3.3).
const NOT_KEPT: [&str; 11] = [
    "nickName",
    "profileUrl",
    "title",
    "userType",
    "locale",
    "timezone",
    "ims",
    "photos",
    "addresses",
    "x509Certificates",
    "schemas",
];
const OF_NAME_NOT_KEPT: [&str; 3] = ["middleName", "honorificPrefix", "honorificSuffix"];
const OF_SEVERAL_NOT_KEPT: [&str; 1] = ["display"];
/// The extension of RFC 7643 section 4.3, of which nothing is kept.
const ENTERPRISE_SCHEMA: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
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
/// Attributes that nobody may set.
const FORBIDDEN: [&str; 4] = ["password", "roles", "entitlements", "groups"];

/// Changes some attributes of a person.
///
/// # Errors
/// [`ScimError`].
pub async fn handle(
    State(state): State<AppState>,
    client: ScimClient,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ScimError> {
    let expected = if_match(&headers)?;
    let patch: PatchOp = read(body)?;
    let user = person(&state, &client, &id).await?;
    let standing = resource(&user, state.settings.public_address());
    store(&state, &client, &user, &apply(&standing, &patch.operations)?, expected).await
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
    if below(path, ENTERPRISE_SCHEMA).is_some() {
        return Ok(());
    }
    if let Some(rest) = below(path, RITORNO_USER_SCHEMA) {
        let extension = attributes.entry(RITORNO_USER_SCHEMA).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(extension) = extension else { return Err(unknown(path)) };
        let mut each = |name: &str, value| match known(&EXTENSION, &[], name)? {
            Some(name) => put(extension, name, op, value),
            None => Ok(()),
        };
        return match (rest.strip_prefix(':'), value) {
            (Some(name), value) => each(name, value),
            (None, Some(Value::Object(values))) => {
                values.iter().try_for_each(|(name, value)| each(name, Some(value)))
            }
            (None, _) => Err(unknown(path)),
        };
    }
    let bare = below(path, scim::USER_SCHEMA).and_then(|rest| rest.strip_prefix(':')).unwrap_or(path);
    match bare.parse().map_err(|_| unknown(path))? {
        PatchPath::Attr(AttrPath { uri: None, name, sub_attr: None }) => {
            if FORBIDDEN[1..].iter().any(|forbidden| forbidden.eq_ignore_ascii_case(&name))
                && value.is_some_and(is_nothing)
            {
                return Ok(());
            }
            known(&CORE, &NOT_KEPT, &name)?.map_or(Ok(()), |name| put(attributes, name, op, value))
        }
        PatchPath::Attr(AttrPath { uri: None, name, sub_attr: Some(part) }) => {
            if known(&CORE, &NOT_KEPT, &name)?.is_none() {
                return Ok(());
            }
            if !name.eq_ignore_ascii_case("name") {
                return Err(unknown(path));
            }
            let Some(part) = known(&OF_NAME, &OF_NAME_NOT_KEPT, &part)? else { return Ok(()) };
            let whole = attributes.entry("name").or_insert_with(|| Value::Object(Map::new()));
            whole.as_object_mut().map_or(Ok(()), |whole| put(whole, part, op, value))
        }
        PatchPath::Value(PatchValuePath {
            attr: AttrPath { uri: None, name, sub_attr: None },
            filter,
            sub_attr,
        }) => match known(&SEVERAL, &NOT_KEPT, &name)? {
            Some(name) => {
                within(attributes, name, &Within { path, filter: &filter, part: sub_attr }, op, value)
            }
            None => Ok(()),
        },
        PatchPath::Attr(_) | PatchPath::Value(_) => Err(unknown(path)),
    }
}

/// What follows the name of a schema, which is compared without case.
fn below<'a>(path: &'a str, schema: &str) -> Option<&'a str> {
    let begins = path.get(..schema.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(schema));
    path.get(schema.len()..).filter(|rest| begins && (rest.is_empty() || rest.starts_with(':')))
}

fn unknown(path: &str) -> ScimError {
    ScimError::Path(path.chars().take(100).collect())
}

/// The attribute's name as the schema writes it; names are compared without case (RFC 7643 section 2.1). None if it is one that is not
/// kept.
fn known(
    names: &[&'static str],
    not_kept: &[&'static str],
    name: &str,
) -> Result<Option<&'static str>, ScimError> {
    let find = |names: &[&'static str]| names.iter().find(|known| known.eq_ignore_ascii_case(name)).copied();
    if let Some(known) = find(names) {
        return Ok(Some(known));
    }
    match (find(&FORBIDDEN), find(not_kept), find(&["id", "meta"])) {
        (Some(forbidden), ..) => Err(ScimError::Forbidden(forbidden)),
        (_, Some(_), _) => Ok(None),
        (.., Some(fixed)) => Err(ScimError::Mutability(fixed)),
        (None, None, None) => Err(unknown(name)),
    }
}

fn put(
    attributes: &mut Map<String, Value>,
    name: &'static str,
    op: OperationKind,
    value: Option<&Value>,
) -> Result<(), ScimError> {
    if op == OperationKind::Remove {
        attributes.remove(name);
        return Ok(());
    }
    let value = value.ok_or_else(|| ScimError::Value(format!("'{name}' has no value")))?;
    if SEVERAL.contains(&name) {
        let more = match value {
            Value::Array(values) => values.clone(),
            Value::Null => Vec::new(),
            one => vec![one.clone()],
        };
        let standing = attributes.entry(name).or_insert_with(|| Value::Array(Vec::new()));
        let Value::Array(standing) = standing else { return Err(unknown(name)) };
        if op == OperationKind::Replace {
            standing.clear();
        }
        for one in more {
            add(standing, one);
        }
        return Ok(());
    }
    // Of a value with parts those change that are named.
    match (attributes.get_mut(name), value) {
        (Some(Value::Object(standing)), Value::Object(parts)) => standing.extend(parts.clone()),
        _ => drop(attributes.insert(name.to_owned(), value.clone())),
    }
    Ok(())
}

/// Adds one of several values, once. Of those that are the preferred one the last is.
fn add(standing: &mut Vec<Value>, one: Value) {
    if standing.contains(&one) {
        return;
    }
    if is_primary(&one) {
        for other in standing.iter_mut().filter_map(Value::as_object_mut) {
            other.remove("primary");
        }
    }
    standing.push(one);
}

fn is_primary(value: &Value) -> bool {
    match &value["primary"] {
        Value::Bool(primary) => *primary,
        Value::String(primary) => primary.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

/// Some of several values, or a part of each of them.
struct Within<'a> {
    path: &'a str,
    filter: &'a ValFilter,
    part: Option<String>,
}

fn within(
    attributes: &mut Map<String, Value>,
    name: &'static str,
    Within { path, filter, part }: &Within<'_>,
    op: OperationKind,
    value: Option<&Value>,
) -> Result<(), ScimError> {
    let part = match part {
        Some(part) => match known(&OF_SEVERAL, &OF_SEVERAL_NOT_KEPT, part)? {
            Some(part) => Some(part),
            None => return Ok(()),
        },
        None => None,
    };
    let standing = attributes.entry(name).or_insert_with(|| Value::Array(Vec::new()));
    let Value::Array(standing) = standing else { return Err(unknown(path)) };
    if op == OperationKind::Remove && part.is_none() {
        standing.retain(|one| !element_has(filter, one));
        return Ok(());
    }
    let mut found = false;
    for one in standing.iter_mut().filter(|one| element_has(filter, one)) {
        found = true;
        change(one, part, op, value)?;
    }
    if found || op == OperationKind::Remove {
        return Ok(());
    }
    // What is not there is added with what the filter says of it, as some provisioners have it; a replacement has nothing to replace.
    let made = (op == OperationKind::Add).then(|| described(filter)).flatten();
    let mut made = Value::Object(made.ok_or_else(|| ScimError::NoTarget(path.chars().take(100).collect()))?);
    change(&mut made, part, op, value)?;
    add(standing, made);
    Ok(())
}

fn change(
    one: &mut Value,
    part: Option<&'static str>,
    op: OperationKind,
    value: Option<&Value>,
) -> Result<(), ScimError> {
    let Some(parts) = one.as_object_mut() else { return Ok(()) };
    match (part, value) {
        (Some(part), value) => put(parts, part, op, value),
        (None, Some(Value::Object(more))) => {
            parts.extend(more.clone());
            Ok(())
        }
        (None, _) => {
            Err(ScimError::Value("one of several values has parts, such as 'value' and 'type'".into()))
        }
    }
}

/// The value that a filter describes whole; none if it leaves something open.
fn described(filter: &ValFilter) -> Option<Map<String, Value>> {
    match filter {
        ValFilter::Attr(AttrExp::Comparison(path, CompareOp::Eq, is)) if path.sub_attr.is_none() => {
            let is = match is {
                CompValue::Str(text) => Value::from(text.as_str()),
                CompValue::True => Value::Bool(true),
                CompValue::False => Value::Bool(false),
                CompValue::Null | CompValue::Number(_) => return None,
            };
            let name = OF_SEVERAL.iter().find(|name| name.eq_ignore_ascii_case(&path.name))?;
            Some(Map::from_iter([((*name).to_owned(), is)]))
        }
        ValFilter::And(all) => all.iter().map(described).try_fold(Map::new(), |mut whole, one| {
            whole.extend(one?);
            Some(whole)
        }),
        ValFilter::Attr(_) | ValFilter::Or(_) | ValFilter::Not(_) => None,
    }
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
    fn some_of_several_values_are_reached_by_a_filter() {
        let mails = |operations: Value| {
            let changed = patched(operations).unwrap();
            let told = |mail: &scim::Email| {
                let kind = mail.kind.clone().unwrap_or_default();
                format!("{kind} {}{}", mail.value, if mail.primary { "!" } else { "" })
            };
            changed.emails.iter().map(told).collect::<Vec<_>>()
        };
        let two = json!([
            {"value": "a@work.test", "type": "work", "primary": true},
            {"value": "a@home.test", "type": "home"},
        ]);
        let after =
            |operation: Value| mails(json!([{"op": "add", "path": "emails", "value": two}, operation]));
        let (work, home) = ("work a@work.test!", "home a@home.test");
        for (operation, expected) in [
            (json!({"op": "remove", "path": "emails[type eq \"home\"]"}), vec![work]),
            (json!({"op": "remove", "path": "emails[type eq \"other\"]"}), vec![work, home]),
            (
                json!({"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "b@work.test"}),
                vec!["work b@work.test!", home],
            ),
            (
                json!({"op": "Add", "path": "emails[type eq \"other\" and primary eq true].value", "value": "o@x.test"}),
                vec!["work a@work.test", home, "other o@x.test!"],
            ),
            (
                json!({"op": "add", "path": "emails", "value": {"value": "n@x.test", "primary": "True"}}),
                vec!["work a@work.test", home, " n@x.test!"],
            ),
            (json!({"op": "add", "value": {"emails": [two[1]]}}), vec![work, home]),
            (json!({"op": "replace", "path": "emails", "value": [two[1]]}), vec![home]),
            (json!({"op": "remove", "path": "emails"}), vec![]),
        ] {
            assert_eq!(after(operation.clone()), expected, "{operation}");
        }
        let path = "emails[type eq \"other\"].value";
        let error = patched(json!([{"op": "replace", "path": path, "value": "x@y.test"}])).unwrap_err();
        assert!(matches!(error, ScimError::NoTarget(_)), "{error}");
        let added = patched(
            json!([{"op": "add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+39 333 1234567"}]),
        );
        assert_eq!(added.unwrap().phone_numbers[0].kind.as_deref(), Some("mobile"));
    }

    #[test]
    fn parts_of_a_name_change_alone() {
        let changed = patched(json!([
            {"op": "add", "value": {"name": {"givenName": "Anna", "familyName": "Rossi"}}},
            {"op": "replace", "path": "name.familyName", "value": "Bianchi"},
            {"op": "replace", "path": "NAME", "value": {"formatted": "Anna Bianchi"}},
            {"op": "remove", "path": format!("{}:name.givenName", scim::USER_SCHEMA)},
        ]));
        let name = changed.unwrap().name.unwrap();
        let parts = [name.formatted.as_deref(), name.given_name.as_deref(), name.family_name.as_deref()];
        assert_eq!(parts, [Some("Anna Bianchi"), None, Some("Bianchi")]);
    }

    #[test]
    fn what_is_not_kept_changes_nothing_and_texts_are_switches() {
        let changed = patched(json!([
            {"op": "Replace", "path": "active", "value": "False"},
            {"op": "add", "path": "title", "value": "Boss"},
            {"op": "add", "path": "addresses[type eq \"work\"].locality", "value": "Pisa"},
            {"op": "add", "path": format!("{ENTERPRISE_SCHEMA}:department"), "value": "Sales"},
            {"op": "replace", "value": {"groups": [], "nickName": "A", "name.honorificPrefix": "Dr"}},
        ]));
        assert_eq!(changed.unwrap(), scim::User { active: false, ..anna() });
        for path in ["id", "meta"] {
            let error = patched(json!([{"op": "replace", "path": path, "value": "x"}])).unwrap_err();
            assert!(matches!(error, ScimError::Mutability(_)), "{error}");
        }
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
