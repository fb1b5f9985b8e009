//! `attributes` and `excludedAttributes` (RFC 7644 section 3.9): how much of a resource is answered, of whichever operation, alone or in a list.

use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request};
use axum::http::{Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use ritorno_protocol::scim::MEDIA_TYPE;
use scim_v2::filter::PatchPath;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::ScimError;

/// What is answered whatever is asked for (RFC 7643 section 7, `returned`). `schemas` says how to read the rest.
const ALWAYS: [&str; 2] = ["schemas", "id"];
/// Most attributes that a request names.
const MOST: usize = 64;
/// Largest answer that is looked through, in bytes: the members of the largest group that the agent reads, and more.
pub(super) const LARGEST: usize = 64 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    attributes: Option<String>,
    excluded_attributes: Option<String>,
}

/// Which attributes are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Selected {
    Only(Vec<Named>),
    AllBut(Vec<Named>),
}

/// An attribute by its path: `emails.value`, behind the URN of an extension if it is one of its. The URN alone is all of the extension.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    urn: Option<String>,
    name: String,
    part: Option<String>,
}

/// Answers as much as is asked for.
pub(super) async fn selected(request: Request, next: Next) -> Response {
    let selected = match read(request.uri()) {
        Ok(None) => return next.run(request).await,
        Ok(Some(selected)) => selected,
        // Before anything is done.
        Err(error) => return error.into_response(),
    };
    let response = next.run(request).await;
    let is_scim = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == MEDIA_TYPE);
    if !response.status().is_success() || !is_scim {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let read = to_bytes(body, LARGEST).await.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Some(Value::Object(mut whole)) = read else {
        return ScimError::Value("the answer is too large for a selection of attributes".into())
            .into_response();
    };
    match whole.get_mut("Resources") {
        Some(Value::Array(all)) => {
            all.iter_mut().filter_map(Value::as_object_mut).for_each(|one| selected.apply(one));
        }
        _ => selected.apply(&mut whole),
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(Value::Object(whole).to_string()))
}

fn read(uri: &Uri) -> Result<Option<Selected>, ScimError> {
    let wrong = |text: &str| ScimError::Value(text.to_owned());
    let Query(asked) = Query::<Asked>::try_from_uri(uri)
        .map_err(|_| wrong("the address can't be read: each of its parts is there once"))?;
    let names = |text: &str| -> Result<Vec<Named>, ScimError> {
        let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        if names.len() > MOST {
            return Err(ScimError::Value(format!("more than {MOST} attributes are named")));
        }
        let read = |name: &&str| {
            Named::read(name).ok_or_else(|| wrong("an attribute is named as in RFC 7644 section 3.10"))
        };
        names.iter().map(read).collect()
    };
    match (asked.attributes.as_deref(), asked.excluded_attributes.as_deref()) {
        (None, None) => Ok(None),
        (Some(only), None) => Ok(Some(Selected::Only(names(only)?))),
        (None, Some(but)) => Ok(Some(Selected::AllBut(names(but)?))),
        (Some(_), Some(_)) => Err(wrong("attributes and excludedAttributes exclude each other")),
    }
}

impl Named {
    fn read(text: &str) -> Option<Self> {
        match text.parse().ok()? {
            PatchPath::Attr(attr) => Some(Self { urn: attr.uri, name: attr.name, part: attr.sub_attr }),
            PatchPath::Value(_) => None,
        }
    }

    /// Whether it is an attribute of the core schema, whose attributes are not behind a URN.
    fn is_core(&self) -> bool {
        self.urn
            .as_deref()
            .is_none_or(|urn| urn.to_ascii_lowercase().starts_with("urn:ietf:params:scim:schemas:core:"))
    }

    /// Whether it names all of the extension that `key` is the URN of.
    fn is_whole(&self, key: &str) -> bool {
        let urn = self.urn.as_deref().map(|urn| format!("{urn}:{}", self.name));
        self.part.is_none() && urn.is_some_and(|urn| urn.eq_ignore_ascii_case(key))
    }

    /// Whether it is an attribute of the extension that `key` is the URN of.
    fn is_of(&self, key: &str) -> bool {
        self.urn.as_deref().is_some_and(|urn| urn.eq_ignore_ascii_case(key))
    }
}

impl Selected {
    fn apply(&self, resource: &mut Map<String, Value>) {
        match self {
            Self::Only(names) => resource.retain(|key, value| {
                let is_always = ALWAYS.contains(&key.as_str()) || names.iter().any(|name| name.is_whole(key));
                if is_always {
                    return true;
                }
                let inside: Vec<&Named> = names.iter().filter(|name| name.is_of(key)).collect();
                if let (false, Value::Object(extension)) = (inside.is_empty(), &mut *value) {
                    extension.retain(|key, value| keep(&inside, key, value));
                    return !extension.is_empty();
                }
                let core: Vec<&Named> = names.iter().filter(|name| name.is_core()).collect();
                keep(&core, key, value)
            }),
            Self::AllBut(names) => resource.retain(|key, value| {
                if ALWAYS.contains(&key.as_str()) {
                    return true;
                }
                if names.iter().any(|name| name.is_whole(key)) {
                    return false;
                }
                let inside: Vec<&Named> = names.iter().filter(|name| name.is_of(key)).collect();
                if let (false, Value::Object(extension)) = (inside.is_empty(), &mut *value) {
                    extension.retain(|key, value| stay(&inside, key, value));
                    return !extension.is_empty();
                }
                let core: Vec<&Named> = names.iter().filter(|name| name.is_core()).collect();
                stay(&core, key, value)
            }),
        }
    }
}

fn parts<'a>(names: &[&'a Named], key: &str) -> Vec<Option<&'a str>> {
    names.iter().filter(|name| name.name.eq_ignore_ascii_case(key)).map(|name| name.part.as_deref()).collect()
}

/// Keeps what is named of an attribute; whether anything is left.
fn keep(names: &[&Named], key: &str, value: &mut Value) -> bool {
    let parts = parts(names, key);
    if parts.is_empty() || parts.contains(&None) {
        return !parts.is_empty();
    }
    each(value, |one| one.retain(|key, _| parts.iter().flatten().any(|part| part.eq_ignore_ascii_case(key))));
    true
}

/// Takes away what is named of an attribute; whether anything is left.
fn stay(names: &[&Named], key: &str, value: &mut Value) -> bool {
    let parts = parts(names, key);
    each(value, |one| {
        one.retain(|key, _| !parts.iter().flatten().any(|part| part.eq_ignore_ascii_case(key)))
    });
    !parts.contains(&None)
}

fn each(value: &mut Value, change: impl Fn(&mut Map<String, Value>)) {
    match value {
        Value::Object(one) => change(one),
        Value::Array(all) => all.iter_mut().filter_map(Value::as_object_mut).for_each(change),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use ritorno_protocol::scim::{RITORNO_USER_SCHEMA, USER_SCHEMA};
    use serde_json::json;

    use super::*;

    fn shown(query: &str) -> Result<Value, ScimError> {
        let Value::Object(mut resource) = json!({
            "schemas": [USER_SCHEMA], "id": "7", "userName": "a", "active": true,
            "emails": [{"value": "a@x", "type": "work"}, {"value": "b@x"}],
            RITORNO_USER_SCHEMA: {"domain": "D", "forest": "f"},
            "meta": {"version": "1", "location": "l"},
        }) else {
            unreachable!()
        };
        let uri = format!("/scim/v2/Users?{query}").parse().unwrap();
        read(&uri)?.expect("a selection").apply(&mut resource);
        resource.remove("schemas").expect("always there");
        resource.remove("id").expect("always there");
        Ok(Value::Object(resource))
    }

    #[test]
    fn what_is_named_is_shown() {
        for (query, expected) in [
            (
                "attributes=USERNAME,%20emails.value",
                json!({"userName": "a", "emails": [{"value": "a@x"}, {"value": "b@x"}]}),
            ),
            ("attributes=shoeSize", json!({})),
            ("attributes=", json!({})),
            (
                "attributes=urn:ietf:params:scim:schemas:core:2.0:User:active,meta.version",
                json!({"active": true, "meta": {"version": "1"}}),
            ),
            (
                "excludedAttributes=emails,meta,id,schemas,active",
                json!({"userName": "a", RITORNO_USER_SCHEMA: {"domain": "D", "forest": "f"}}),
            ),
            (
                "excludedAttributes=emails.value,meta.version,userName,active",
                json!({"emails": [{"type": "work"}, {}], "meta": {"location": "l"}, RITORNO_USER_SCHEMA: {"domain": "D", "forest": "f"}}),
            ),
        ] {
            assert_eq!(shown(query).unwrap(), expected, "{query}");
        }
        let urn = RITORNO_USER_SCHEMA;
        assert_eq!(
            shown(&format!("attributes={urn}")).unwrap(),
            json!({urn: {"domain": "D", "forest": "f"}})
        );
        assert_eq!(shown(&format!("attributes={urn}:forest")).unwrap(), json!({urn: {"forest": "f"}}));
        let but = shown(&format!("excludedAttributes={urn}:forest,emails,meta,active,userName")).unwrap();
        assert_eq!(but, json!({urn: {"domain": "D"}}));
        for wrong in [
            "attributes=a&excludedAttributes=b",
            "attributes=a&attributes=b",
            "attributes=a[b%20pr]",
            "attributes=1",
        ] {
            assert!(matches!(shown(wrong), Err(ScimError::Value(_))), "{wrong}");
        }
    }
}
