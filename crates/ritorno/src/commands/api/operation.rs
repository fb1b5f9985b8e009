//! What the document of the API says of each operation, as far as a command line needs it.

use std::sync::OnceLock;

use serde_json::Value;

/// One operation.
pub(crate) struct Operation {
    /// As it is typed: `list-people` for `list_people`.
    pub(super) name: String,
    pub(super) method: String,
    /// With the names of parameters in braces.
    pub(super) path: String,
    pub(super) summary: String,
    pub(super) description: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    pub(super) answer: Answer,
}

/// A parameter of one.
pub(crate) struct Parameter {
    /// As the API has it.
    pub(super) name: String,
    /// As clap tells it from the options that are the same for all.
    pub(super) id: String,
    /// As it is typed as an option, and in the usage.
    pub(super) option: String,
    pub(super) shown: String,
    pub(super) place: Place,
    pub(super) required: bool,
    pub(super) help: String,
}

/// Where a parameter goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Header,
}

/// What is sent along.
pub(crate) struct Body {
    pub(super) required: bool,
    /// Its properties, each with the types that it may have and what it is.
    pub(super) properties: Vec<Property>,
    /// Its media type, if it is no JSON: a file that is sent as it is.
    pub(super) file: Option<String>,
}

/// A part of a body.
pub(crate) struct Property {
    pub(super) name: String,
    pub(super) types: Vec<String>,
    pub(super) help: String,
}

/// What an operation answers with when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A page of a list, which names the next one.
    Page,
    /// A whole list.
    List,
    /// Something else, or nothing.
    Other,
}

/// Every operation, by its name.
pub(crate) fn all() -> &'static [Operation] {
    static ALL: OnceLock<Vec<Operation>> = OnceLock::new();
    ALL.get_or_init(|| {
        let document = serde_json::to_value(ritorno_http::api::document()).unwrap_or_default();
        let mut all = of(&document);
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    })
}

/// The operations of a document.
fn of(document: &Value) -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let Some(id) = operation["operationId"].as_str() else { continue };
            let parameters = operation["parameters"].as_array();
            all.push(Operation {
                name: id.replace('_', "-"),
                method: method.to_uppercase(),
                path: path.clone(),
                summary: text(&operation["summary"]),
                description: text(&operation["description"]),
                parameters: parameters.into_iter().flatten().map(|one| parameter(document, one)).collect(),
                body: body(document, &operation["requestBody"]),
                answer: answer(document, &operation["responses"]["200"]),
            });
        }
    }
    all
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A schema, where it is named in the place of being there.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let named = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    named.and_then(|pointer| document.pointer(pointer)).unwrap_or(schema)
}

fn parameter(document: &Value, one: &Value) -> Parameter {
    let name = text(&one["name"]);
    let choices = resolved(document, &one["schema"])["enum"].as_array();
    let choices: Vec<String> = choices.into_iter().flatten().map(text).collect();
    let mut help = text(&one["description"]);
    if !choices.is_empty() {
        help = format!("{help} One of {}.", choices.join(", "));
    }
    Parameter {
        id: format!("parameter.{name}"),
        option: name.to_lowercase().replace('_', "-"),
        shown: name.to_uppercase(),
        place: match one["in"].as_str() {
            Some("path") => Place::Path,
            Some("header") => Place::Header,
            _ => Place::Query,
        },
        required: one["required"] == true,
        help,
        name,
    }
}

fn body(document: &Value, body: &Value) -> Option<Body> {
    let content = body.get("content")?;
    let required = body["required"] == true;
    let Some(json) = content.get("application/json") else {
        let kind = content.as_object()?.keys().next()?;
        return Some(Body { required, properties: Vec::new(), file: Some(kind.clone()) });
    };
    let schema = resolved(document, json.get("schema")?);
    let properties = schema["properties"].as_object().into_iter().flatten();
    let properties = properties.map(|(name, property)| Property {
        name: name.clone(),
        types: types(document, property),
        help: text(&property["description"]),
    });
    Some(Body { required, properties: properties.collect(), file: None })
}

/// The types that a value may have; none if the schema does not say it in one word.
fn types(document: &Value, schema: &Value) -> Vec<String> {
    match &resolved(document, schema)["type"] {
        Value::String(one) => vec![one.clone()],
        Value::Array(several) => several.iter().map(text).collect(),
        _ => Vec::new(),
    }
}

fn answer(document: &Value, done: &Value) -> Answer {
    let schema = resolved(document, &done["content"]["application/json"]["schema"]);
    if schema["type"] == "array" {
        Answer::List
    } else if schema["properties"].get("items").is_some() && schema["properties"].get("next").is_some() {
        Answer::Page
    } else {
        Answer::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_the_document_is_there_with_all_that_it_takes() {
        let document = serde_json::to_value(ritorno_http::api::document()).unwrap();
        let mut count = 0;
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                count += 1;
                let name = operation["operationId"].as_str().unwrap().replace('_', "-");
                let ours = all().iter().find(|one| one.name == name).unwrap_or_else(|| panic!("{name}"));
                assert_eq!((&ours.path, ours.method.to_lowercase()), (path, method.clone()));
                let asked = operation["parameters"].as_array().map_or(0, Vec::len);
                assert_eq!(ours.parameters.len(), asked, "{name}");
                assert_eq!(ours.body.is_some(), operation.get("requestBody").is_some(), "{name}");
                assert!(!ours.summary.is_empty(), "{name} has one line");
                for parameter in &ours.parameters {
                    let in_path = path.contains(&format!("{{{}}}", parameter.name));
                    assert_eq!(in_path, parameter.place == Place::Path, "{name} {}", parameter.name);
                    let known =
                        ["If-Match", "Idempotency-Key", "Last-Event-ID"].contains(&parameter.name.as_str());
                    assert!(parameter.place != Place::Header || known, "{name} {}", parameter.name);
                }
            }
        }
        assert_eq!(all().len(), count);
        assert!(count > 30);
    }

    #[test]
    fn lists_and_pages_are_known_as_such() {
        let answer = |name: &str| all().iter().find(|one| one.name == name).map(|one| one.answer);
        assert_eq!(answer("list-people"), Some(Answer::Page));
        assert_eq!(answer("list-switches"), Some(Answer::List));
        assert_eq!(answer("get-overview"), Some(Answer::Other));
    }
}
