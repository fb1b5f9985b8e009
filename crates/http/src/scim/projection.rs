//! Which attributes of a resource are answered (RFC 7644 section 3.9): those that `attributes` names, or all but those of
//! `excludedAttributes`; `schemas` and `id` always.

use ritorno_protocol::scim::USER_SCHEMA;
use scim_v2::filter::{AttrPath, PatchPath};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::ScimError;

/// Most attributes in a list.
const MAXIMUM: usize = 64;
/// What is always answered (RFC 7643 sections 3 and 3.1).
const ALWAYS: [&str; 2] = ["schemas", "id"];

/// What the address of a resource, or of a list, asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Named {
    attributes: Option<String>,
    excluded_attributes: Option<String>,
}

/// Which attributes are answered.
#[derive(Debug)]
pub(super) enum Projection {
    All,
    Only(Vec<AttrPath>),
    Without(Vec<AttrPath>),
}

impl Named {
    /// # Errors
    /// [`ScimError::Value`] if a name is none, or both are asked for.
    pub(super) fn projection(&self) -> Result<Projection, ScimError> {
        match (&self.attributes, &self.excluded_attributes) {
            (None, None) => Ok(Projection::All),
            (Some(only), None) => paths(only).map(Projection::Only),
            (None, Some(without)) => paths(without).map(Projection::Without),
            (Some(_), Some(_)) => {
                Err(ScimError::Value("attributes and excludedAttributes are not asked for together".into()))
            }
        }
    }
}

fn paths(list: &str) -> Result<Vec<AttrPath>, ScimError> {
    let names: Vec<&str> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.len() > MAXIMUM {
        return Err(ScimError::Value(format!("more than {MAXIMUM} attributes")));
    }
    let path = |name: &str| match name.parse() {
        // The attributes of the core schema are not below its URN in a resource.
        Ok(PatchPath::Attr(path)) => {
            let core = path.uri.as_deref().is_some_and(|urn| urn.eq_ignore_ascii_case(USER_SCHEMA));
            Ok(if core { AttrPath { uri: None, ..path } } else { path })
        }
        _ => Err(ScimError::Value(format!(
            "'{}' names no attribute",
            name.chars().take(100).collect::<String>()
        ))),
    };
    names.into_iter().map(path).collect()
}

impl Projection {
    /// The resource as it is answered.
    pub(super) fn of(&self, resource: &impl Serialize) -> Value {
        let mut value = serde_json::to_value(resource).expect("SCIM resources always serialise");
        if let Value::Object(attributes) = &mut value {
            match self {
                Self::All => {}
                Self::Only(paths) => *attributes = only(attributes, paths),
                Self::Without(paths) => paths.iter().for_each(|path| without(attributes, path)),
            }
        }
        value
    }
}

/// The name as the resource has it.
fn key(attributes: &Map<String, Value>, name: &str) -> Option<String> {
    attributes.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned()
}

/// The attribute, below its extension if it is one's, and the part of it.
fn steps(path: &AttrPath) -> Vec<&str> {
    path.uri.as_deref().into_iter().chain([path.name.as_str()]).chain(path.sub_attr.as_deref()).collect()
}

fn only(attributes: &Map<String, Value>, paths: &[AttrPath]) -> Map<String, Value> {
    let mut kept = Map::new();
    for name in ALWAYS {
        kept.extend(attributes.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    for path in paths {
        take(attributes, &mut kept, &steps(path));
    }
    kept
}

/// Takes what the steps lead to.
fn take(from: &Map<String, Value>, to: &mut Map<String, Value>, steps: &[&str]) {
    let Some((name, rest)) = steps.split_first() else { return };
    let Some(key) = key(from, name) else { return };
    let value = &from[&key];
    if rest.is_empty() {
        to.insert(key, value.clone());
        return;
    }
    match value {
        Value::Object(parts) => {
            let whole = to.entry(key).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(whole) = whole {
                take(parts, whole, rest);
            }
        }
        Value::Array(values) => {
            let empty = || Value::Array(vec![Value::Object(Map::new()); values.len()]);
            let whole = to.entry(key).or_insert_with(empty);
            for (one, taken) in values.iter().zip(whole.as_array_mut().into_iter().flatten()) {
                if let (Value::Object(one), Value::Object(taken)) = (one, taken) {
                    take(one, taken, rest);
                }
            }
        }
        _ => {}
    }
}

fn without(attributes: &mut Map<String, Value>, path: &AttrPath) {
    let steps = steps(path);
    if !(steps.len() == 1 && ALWAYS.iter().any(|name| name.eq_ignore_ascii_case(steps[0]))) {
        leave_out(attributes, &steps);
    }
}

/// Leaves out what the steps lead to.
fn leave_out(attributes: &mut Map<String, Value>, steps: &[&str]) {
    let Some((name, rest)) = steps.split_first() else { return };
    let Some(key) = key(attributes, name) else { return };
    if rest.is_empty() {
        attributes.remove(&key);
        return;
    }
    match attributes.get_mut(&key) {
        Some(Value::Object(parts)) => leave_out(parts, rest),
        Some(Value::Array(values)) => {
            values.iter_mut().filter_map(Value::as_object_mut).for_each(|one| leave_out(one, rest));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn projected(attributes: Option<&str>, excluded: Option<&str>) -> Result<Value, ScimError> {
        let resource = json!({
            "schemas": [USER_SCHEMA], "id": "7", "userName": "a", "name": {"givenName": "A", "familyName": "B"},
            "emails": [{"value": "a@b", "type": "work"}, {"value": "c@d"}],
            "urn:x:2.0:User": {"forest": "f", "domain": "d"},
        });
        let of = |text: Option<&str>| text.map(str::to_owned);
        let named = Named { attributes: of(attributes), excluded_attributes: of(excluded) };
        Ok(named.projection()?.of(&resource))
    }

    #[test]
    fn what_is_named_is_answered_and_the_id_always() {
        let all = projected(None, None).unwrap();
        let mut only = json!({"schemas": [USER_SCHEMA], "id": "7"});
        assert_eq!(projected(Some("nickName"), None).unwrap(), only);
        only["name"] = json!({"givenName": "A"});
        only["emails"] = json!([{"value": "a@b"}, {"value": "c@d"}]);
        only["urn:x:2.0:User"] = json!({"forest": "f"});
        let named = format!("{USER_SCHEMA}:NAME.givenname, emails.value,urn:x:2.0:User:forest");
        assert_eq!(projected(Some(&named), None).unwrap(), only);
        let mut rest = all.clone();
        rest["name"] = json!({"givenName": "A"});
        rest["emails"] = json!([{"value": "a@b"}, {"value": "c@d"}]);
        rest.as_object_mut().unwrap().remove("userName");
        let without = "id,SCHEMAS,username,name.familyName,emails.type,nickName";
        assert_eq!(projected(None, Some(without)).unwrap(), rest);
    }

    #[test]
    fn what_is_no_attribute_is_refused() {
        let many = vec!["a"; MAXIMUM + 1].join(",");
        for (attributes, excluded) in [
            (Some("a b"), None),
            (None, Some("emails[type eq \"work\"]")),
            (Some("a"), Some("b")),
            (Some(many.as_str()), None),
        ] {
            let refused = projected(attributes, excluded);
            assert!(matches!(refused, Err(ScimError::Value(_))), "{attributes:?} {excluded:?}");
        }
    }
}
