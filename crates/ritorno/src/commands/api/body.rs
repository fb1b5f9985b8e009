//! The body of a request, from what was typed.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

use super::arguments::Given;
use super::operation::Body;

/// What is sent along, and what it is.
pub(super) struct Sent {
    pub(super) kind: String,
    pub(super) bytes: Vec<u8>,
}

/// The body; `None` where nothing was given.
///
/// # Errors
/// When it is no JSON where it has to be, names what the body does not have, or its file can't be read.
pub(super) fn of(body: &Body, given: &Given) -> anyhow::Result<Option<Sent>> {
    let Some(kind) = &body.file else {
        let json = json(body, given)?;
        let kind = "application/json".to_owned();
        return Ok(json.map(|json| Sent { kind, bytes: json.to_string().into_bytes() }));
    };
    let Some(file) = &given.body_file else { return Ok(None) };
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).context("standard input")?;
        bytes
    } else {
        std::fs::read(file).with_context(|| file.display().to_string())?
    };
    Ok(Some(Sent { kind: kind.clone(), bytes }))
}

fn json(body: &Body, given: &Given) -> anyhow::Result<Option<Value>> {
    if let Some(text) = &given.body {
        return parsed(text).context("--body").map(Some);
    }
    if let Some(file) = &given.body_file {
        return parsed(&read(file)?).with_context(|| file.display().to_string()).map(Some);
    }
    if given.set.is_empty() {
        return Ok(None);
    }
    let mut object = Map::new();
    for typed in &given.set {
        let (name, value) = typed.split_once('=').with_context(|| format!("--set {typed}: NAME=VALUE"))?;
        let Some(property) = body.properties.iter().find(|one| one.name == name) else {
            let known: Vec<&str> = body.properties.iter().map(|one| one.name.as_str()).collect();
            bail!("--set {typed}: the body has no '{name}'; it has {}", known.join(", "));
        };
        if object.insert(name.to_owned(), value_of(&property.types, value)).is_some() {
            bail!("--set {typed}: '{name}' is there twice");
        }
    }
    Ok(Some(Value::Object(object)))
}

fn parsed(text: &str) -> anyhow::Result<Value> {
    serde_json::from_str(text).context("that is no JSON")
}

fn read(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(file).with_context(|| file.display().to_string())
}

/// What was typed as the type that the body has there: a text stays one, whatever it looks like.
fn value_of(types: &[String], typed: &str) -> Value {
    let may_be = |kind: &str| types.iter().any(|one| one == kind);
    if typed == "null" && (may_be("null") || !may_be("string")) {
        return Value::Null;
    }
    if may_be("string") {
        return Value::String(typed.to_owned());
    }
    serde_json::from_str(typed).unwrap_or_else(|_| Value::String(typed.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::operation::all;
    use super::*;

    fn made(operation: &str, set: &[&str]) -> anyhow::Result<Option<Value>> {
        let operation = all().iter().find(|one| one.name == operation).unwrap();
        let set = set.iter().map(|one| (*one).to_owned()).collect();
        json(operation.body.as_ref().unwrap(), &Given { set, ..Given::default() })
    }

    #[test]
    fn what_is_set_has_the_type_that_the_document_says() {
        assert_eq!(made("put-switch", &["on=true"]).unwrap(), Some(json!({ "on": true })));
        assert_eq!(made("check-code", &["code=12345678"]).unwrap(), Some(json!({ "code": "12345678" })));
        assert_eq!(made("send-code", &["reason=null=x"]).unwrap(), Some(json!({ "reason": "null=x" })));
        let guard = made("put-guard", &["removals=100", "percent=null", "memberships=5"]).unwrap();
        assert_eq!(guard, Some(json!({ "removals": 100, "percent": null, "memberships": 5 })));
        assert_eq!(made("put-switch", &[]).unwrap(), None);
    }

    #[test]
    fn what_the_body_does_not_have_is_told() {
        for (set, told) in [
            (&["of=true"][..], "no 'of'; it has on"),
            (&["on"], "NAME=VALUE"),
            (&["on=true", "on=false"], "there twice"),
        ] {
            let error = format!("{:#}", made("put-switch", set).unwrap_err());
            assert!(error.contains(told), "{error}");
        }
    }
}
