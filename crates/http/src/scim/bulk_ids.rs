//! `bulkId:...` in a bulk request: what stands for something that another operation of the request makes (RFC 7644 section 3.7.2).

use std::collections::HashMap;

use serde_json::Value;

use super::error::ScimError;

/// How a reference begins.
const PREFIX: &str = "bulkId:";

/// What became of the operation that has a bulkId.
#[derive(Clone, Debug)]
enum Named {
    /// It is not carried out yet.
    Waiting,
    /// It made what has this id.
    Made(String),
    /// It made nothing.
    Failed,
}

/// What the bulkIds of a request stand for.
#[derive(Debug, Default)]
pub(super) struct BulkIds(HashMap<String, Named>);

/// Whether what an operation refers to is known.
#[derive(Debug)]
pub(super) enum Known {
    /// All of it.
    All,
    /// Some of it is to be made yet.
    NotYet,
    /// Some of it will never be.
    Never(ScimError),
}

impl BulkIds {
    /// An operation will make something under this name. `false` if another one does already.
    pub(super) fn expect(&mut self, name: &str) -> bool {
        self.0.insert(name.to_owned(), Named::Waiting).is_none()
    }

    /// It made what has this id, or nothing.
    pub(super) fn set(&mut self, name: &str, id: Option<String>) {
        self.0.insert(name.to_owned(), id.map_or(Named::Failed, Named::Made));
    }

    /// Whether everything is known that an operation refers to.
    pub(super) fn known(&self, path: &str, data: Option<&Value>) -> Known {
        let mut names: Vec<&str> = path.split('/').filter_map(|part| part.strip_prefix(PREFIX)).collect();
        data.into_iter().for_each(|data| collect(data, &mut names));
        let mut known = Known::All;
        for name in names {
            match self.0.get(name) {
                Some(Named::Made(_)) => {}
                Some(Named::Waiting) => known = Known::NotYet,
                Some(Named::Failed) => return Known::Never(ScimError::Unresolved(short(name))),
                None => {
                    let text = format!(
                        "no operation of this request that adds something has the bulkId '{}'",
                        short(name)
                    );
                    return Known::Never(ScimError::Value(text));
                }
            }
        }
        known
    }

    /// Puts ids in the place of names, in a path.
    pub(super) fn in_path(&self, path: &str) -> String {
        let put = |part: &str| match part.strip_prefix(PREFIX).map(|name| self.0.get(name)) {
            Some(Some(Named::Made(id))) => id.clone(),
            _ => part.to_owned(),
        };
        path.split('/').map(put).collect::<Vec<_>>().join("/")
    }

    /// The same in a body.
    pub(super) fn in_data(&self, data: &mut Value) {
        match data {
            Value::String(text) => {
                if let Some(Named::Made(id)) = text.strip_prefix(PREFIX).and_then(|name| self.0.get(name)) {
                    text.clone_from(id);
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|value| self.in_data(value)),
            Value::Object(map) => map.values_mut().for_each(|value| self.in_data(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Takes out of a group those members that are to be made yet.
    pub(super) fn set_aside(&self, group: &mut Value) -> Vec<Value> {
        let Some(members) = group.get_mut("members").and_then(Value::as_array_mut) else { return Vec::new() };
        let waits = |member: &Value| matches!(self.known("", Some(member)), Known::NotYet);
        let (aside, stay) = std::mem::take(members).into_iter().partition(waits);
        *members = stay;
        aside
    }
}

fn collect<'a>(data: &'a Value, names: &mut Vec<&'a str>) {
    match data {
        Value::String(text) => names.extend(text.strip_prefix(PREFIX)),
        Value::Array(list) => list.iter().for_each(|value| collect(value, names)),
        Value::Object(map) => map.values().for_each(|value| collect(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn short(name: &str) -> String {
    name.chars().take(100).collect()
}
