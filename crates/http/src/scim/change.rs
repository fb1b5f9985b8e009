//! What the operations of a PATCH make of a resource (RFC 7644 section 3.5.2). Paths are a library's to read.

use ritorno_protocol::scim::{MAX_VALUES, Operation, OperationKind};
use scim_v2::filter::{AttrExp, AttrPath, CompValue, CompareOp, PatchPath, ValFilter};
use serde_json::{Map, Value};

use super::access::{FORBIDDEN, is_nothing};
use super::error::ScimError;
use super::filter::{element_has, is_ordering_fit};

/// Longest path, in bytes: its filter is compared with every value.
const MAXIMUM_PATH: usize = 1_024;

/// What an attribute is made of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A text.
    Text,
    /// Yes or no.
    Boolean,
    /// Parts.
    One(Parts),
    /// Several values with parts.
    Many(Parts),
}

/// Attributes by their names.
pub(super) type Parts = &'static [(&'static str, Kind)];

/// What of a resource can be changed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// The URN of the core schema, and its attributes.
    pub(super) core: (&'static str, Parts),
    /// The same of the extension.
    pub(super) extension: (&'static str, Parts),
}

/// What the service alone says of a resource.
const READ_ONLY: [&str; 5] = ["schemas", "id", "meta", "groups", "memberCount"];

/// What the core schemas have besides (RFC 7643 section 4.1): it is not kept, here as in a new person (RFC 7644 section 3.3), and the same of
/// parts of what is kept.
const NOT_KEPT: [&str; 10] = [
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
];
const PARTS_NOT_KEPT: [&str; 4] = ["middleName", "honorificPrefix", "honorificSuffix", "display"];
/// The extension of RFC 7643 section 4.3, of which nothing is kept.
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Carries out the operations, in their order. If one fails, `resource` is of no use any more.
///
/// # Errors
/// [`ScimError::Path`], [`ScimError::NoTarget`], [`ScimError::Value`], [`ScimError::Mutability`], [`ScimError::Forbidden`],
/// [`ScimError::Filter`].
pub(super) fn apply(
    resource: &mut Map<String, Value>,
    shape: &Shape,
    operations: &[Operation],
) -> Result<(), ScimError> {
    for operation in operations {
        match (&operation.path, &operation.value) {
            (Some(path), value) => at(resource, shape, path, operation.op, value.as_ref())?,
            (None, _) if operation.op == OperationKind::Remove => {
                return Err(ScimError::NoTarget(String::new()));
            }
            (None, Some(Value::Object(values))) => {
                let is_said = |name: &str, value| !(is_nothing(value) && is_in(&FORBIDDEN[1..], name));
                let said = values.iter().filter(|(name, value)| is_settable(name) && is_said(name, value));
                for (name, value) in said {
                    at(resource, shape, name, operation.op, Some(value))?;
                }
            }
            (None, _) => {
                return Err(ScimError::Value("without a path, the value is an object of attributes".into()));
            }
        }
    }
    Ok(())
}

/// Of what is read-only a body may say what it likes: it is passed over (RFC 7644 section 3.3).
fn is_settable(name: &str) -> bool {
    !is_in(&READ_ONLY, name)
}

fn is_in(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// What follows the URN of a schema, which is compared without case.
fn below<'a>(path: &'a str, urn: &str) -> Option<&'a str> {
    let begins = path.get(..urn.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(urn));
    path.get(urn.len()..).filter(|rest| begins && (rest.is_empty() || rest.starts_with(':')))
}

/// Whether a path is about what is not kept.
fn is_not_kept(path: &str, core: &str) -> bool {
    let bare = below(path, core).and_then(|rest| rest.strip_prefix(':')).unwrap_or(path);
    let mut steps = bare.split(['.', '[']);
    let (name, last) = (steps.next().unwrap_or_default(), bare.rsplit('.').next().unwrap_or_default());
    below(path, ENTERPRISE).is_some()
        || is_in(&NOT_KEPT, name)
        || (name != last && is_in(&PARTS_NOT_KEPT, last))
}

/// One operation at one path.
fn at(
    resource: &mut Map<String, Value>,
    shape: &Shape,
    path: &str,
    op: OperationKind,
    value: Option<&Value>,
) -> Result<(), ScimError> {
    let wrong = || ScimError::Path(path.chars().take(100).collect());
    if path.len() > MAXIMUM_PATH {
        return Err(wrong());
    }
    let (urn, extension) = shape.extension;
    if path.eq_ignore_ascii_case(urn) {
        return match (op, value) {
            (OperationKind::Remove, _) => Err(ScimError::Mutability("the extension")),
            (_, Some(Value::Object(values))) => {
                let whole = object(resource, urn).ok_or_else(wrong)?;
                values.iter().filter(|(name, _)| is_settable(name)).try_for_each(|(name, value)| {
                    let (name, kind) = known(extension, name)?;
                    put(whole, name, kind, op, Some(value))
                })
            }
            _ => Err(ScimError::Value("the value of an extension is an object of its attributes".into())),
        };
    }
    if is_not_kept(path, shape.core.0) {
        return Ok(());
    }
    let parsed: PatchPath = path.parse().map_err(|_| wrong())?;
    let (attr, filter, part) = match &parsed {
        PatchPath::Attr(attr) => (attr, None, attr.sub_attr.as_deref()),
        PatchPath::Value(within) if within.attr.sub_attr.is_some() => return Err(wrong()),
        PatchPath::Value(within) => (&within.attr, Some(&within.filter), within.sub_attr.as_deref()),
    };
    let (home, attributes) = match attr.uri.as_deref() {
        None => (resource, shape.core.1),
        Some(of) if of.eq_ignore_ascii_case(shape.core.0) => (resource, shape.core.1),
        Some(of) if of.eq_ignore_ascii_case(urn) => (object(resource, urn).ok_or_else(wrong)?, extension),
        Some(_) => return Err(wrong()),
    };
    let (name, kind) = known(attributes, &attr.name)?;
    match (kind, filter, part) {
        (Kind::Text | Kind::Boolean | Kind::One(_), None, None) => put(home, name, kind, op, value),
        (Kind::One(parts), None, Some(part)) => {
            let (part, kind) = known(parts, part)?;
            put(object(home, name).ok_or_else(wrong)?, part, kind, op, value)
        }
        (Kind::Many(parts), None, None) => whole_list(home, name, parts, op, value),
        (Kind::Many(parts), filter, part) => {
            let elements = list(home, name).ok_or_else(wrong)?;
            let part = part.map(|part| known(parts, part)).transpose()?;
            let touched = within(elements, parts, filter, part, op, value, path)?;
            one_primary(elements, &touched);
            Ok(())
        }
        _ => Err(wrong()),
    }
}

/// The attribute of that name as the schema writes it, in whatever case it is named (RFC 7643 section 2.1).
fn known(attributes: Parts, name: &str) -> Result<(&'static str, Kind), ScimError> {
    if let Some(known) = attributes.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return Ok(*known);
    }
    let of = |names: &[&'static str]| names.iter().find(|known| known.eq_ignore_ascii_case(name)).copied();
    match (of(&FORBIDDEN), of(&READ_ONLY)) {
        (Some(forbidden), _) => Err(ScimError::Forbidden(forbidden)),
        (None, Some(fixed)) => Err(ScimError::Mutability(fixed)),
        (None, None) => Err(ScimError::Path(name.chars().take(100).collect())),
    }
}

/// Sets or removes one attribute that has one value. Null is no value (RFC 7643 section 2.5).
fn put(
    home: &mut Map<String, Value>,
    name: &'static str,
    kind: Kind,
    op: OperationKind,
    value: Option<&Value>,
) -> Result<(), ScimError> {
    match (op, value) {
        (OperationKind::Remove, _) | (_, Some(Value::Null)) => {
            home.remove(name);
        }
        (_, None) => return Err(ScimError::Value(format!("'{name}' has no value"))),
        (_, Some(value)) => match (kind, read(name, kind, value)?) {
            // Parts that are not named stay (RFC 7644 section 3.5.2.3).
            (Kind::One(_), Value::Object(parts)) => {
                object(home, name).ok_or_else(|| ScimError::Path(name.into()))?.extend(parts);
            }
            (_, value) => {
                home.insert(name.to_owned(), value);
            }
        },
    }
    Ok(())
}

/// A value as its kind wants it. Microsoft's provisioner sends booleans as texts with a capital.
fn read(name: &str, kind: Kind, value: &Value) -> Result<Value, ScimError> {
    match (kind, value) {
        (Kind::Text, Value::String(_)) | (Kind::Boolean, Value::Bool(_)) => Ok(value.clone()),
        (Kind::Boolean, Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true.into()),
        (Kind::Boolean, Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false.into()),
        (Kind::One(parts) | Kind::Many(parts), Value::Object(_)) => {
            element(name, parts, value).map(Value::Object)
        }
        _ => Err(ScimError::Value(format!("the value of '{name}' is of the wrong kind"))),
    }
}

/// A value that has parts, as the schema writes their names. Parts that the schema does not have are passed over.
fn element(name: &str, parts: Parts, value: &Value) -> Result<Map<String, Value>, ScimError> {
    let wrong = || ScimError::Value(format!("a value of '{name}' is an object of its parts"));
    let mut read_parts = Map::new();
    for (part, value) in value.as_object().ok_or_else(wrong)? {
        let Some((part, kind)) = parts.iter().find(|(known, _)| known.eq_ignore_ascii_case(part)) else {
            continue;
        };
        if !value.is_null() {
            read_parts.insert((*part).to_owned(), read(part, *kind, value)?);
        }
    }
    Ok(read_parts)
}

/// An operation on all values of an attribute that has several.
fn whole_list(
    home: &mut Map<String, Value>,
    name: &'static str,
    parts: Parts,
    op: OperationKind,
    value: Option<&Value>,
) -> Result<(), ScimError> {
    // One value may come without a list around it.
    let sent = match value {
        None | Some(Value::Null) => None,
        Some(Value::Array(sent)) => Some(sent.as_slice()),
        Some(one) => Some(std::slice::from_ref(one)),
    };
    // Each is compared with each: more than there may be are not looked at.
    if sent.is_some_and(|sent| sent.len() > MAX_VALUES) {
        return Err(too_many(name));
    }
    let sent: Option<Vec<Value>> = sent
        .map(|sent| sent.iter().map(|one| element(name, parts, one).map(Value::Object)).collect())
        .transpose()?;
    let standing = list(home, name).ok_or_else(|| ScimError::Path(name.into()))?;
    let before = match (op, sent) {
        (OperationKind::Remove, None) => {
            standing.clear();
            return Ok(());
        }
        // As Microsoft's provisioner says which.
        (OperationKind::Remove, Some(sent)) => {
            standing.retain(|one| !sent.iter().any(|gone| gone["value"] == one["value"]));
            return Ok(());
        }
        (_, None) => return Err(ScimError::Value(format!("'{name}' has no value"))),
        (OperationKind::Replace, Some(sent)) => {
            *standing = sent;
            0
        }
        (OperationKind::Add, Some(sent)) => {
            let before = standing.len();
            for one in sent {
                if !standing.contains(&one) {
                    standing.push(one);
                }
            }
            before
        }
    };
    if standing.len() > MAX_VALUES {
        return Err(too_many(name));
    }
    let came: Vec<usize> = (before..standing.len()).collect();
    one_primary(standing, &came);
    Ok(())
}

/// An operation on those values that a filter wants, or on one part of them. Which values were touched.
fn within(
    elements: &mut Vec<Value>,
    parts: Parts,
    filter: Option<&ValFilter>,
    part: Option<(&'static str, Kind)>,
    op: OperationKind,
    value: Option<&Value>,
    path: &str,
) -> Result<Vec<usize>, ScimError> {
    if filter.is_some_and(|filter| !is_ordering_fit(filter)) {
        return Err(ScimError::Filter);
    }
    let wanted = |one: &Value| filter.is_none_or(|filter| element_has(filter, one));
    let mut touched: Vec<usize> = (0..elements.len()).filter(|at| wanted(&elements[*at])).collect();
    if touched.is_empty() {
        // An addition to what a filter describes makes it.
        let made = (op == OperationKind::Add).then(|| described(filter, parts)).flatten();
        let made = made.ok_or_else(|| ScimError::NoTarget(path.chars().take(100).collect()))?;
        if elements.len() >= MAX_VALUES {
            return Err(too_many(path));
        }
        touched.push(elements.len());
        elements.push(Value::Object(made));
    }
    if op == OperationKind::Remove && part.is_none() {
        let mut at = 0;
        elements.retain(|_| {
            at += 1;
            !touched.contains(&(at - 1))
        });
        return Ok(Vec::new());
    }
    for at in &touched {
        let Some(Value::Object(one)) = elements.get_mut(*at) else { continue };
        match (part, value) {
            (Some((part, kind)), value) => put(one, part, kind, op, value)?,
            (None, Some(value)) => one.extend(element(path, parts, value)?),
            (None, None) => return Err(ScimError::Value("there is no value".into())),
        }
    }
    Ok(touched)
}

/// The value that a filter describes, if it says of each of its parts what it is.
fn described(filter: Option<&ValFilter>, parts: Parts) -> Option<Map<String, Value>> {
    let Some(filter) = filter else { return Some(Map::new()) };
    let terms = match filter {
        ValFilter::And(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut made = Map::new();
    for term in terms {
        let ValFilter::Attr(AttrExp::Comparison(
            AttrPath { uri: None, name, sub_attr: None },
            CompareOp::Eq,
            value,
        )) = term
        else {
            return None;
        };
        let (name, kind) = parts.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        let value = match value {
            CompValue::Str(text) => Value::from(text.as_str()),
            CompValue::True => true.into(),
            CompValue::False => false.into(),
            CompValue::Null | CompValue::Number(_) => return None,
        };
        made.insert((*name).to_owned(), read(name, *kind, &value).ok()?);
    }
    Some(made)
}

fn too_many(name: &str) -> ScimError {
    let name: String = name.chars().take(100).collect();
    ScimError::Value(format!("'{name}' has more than {MAX_VALUES} values"))
}

/// Whichever value was made the primary one last is the only one (RFC 7644 section 3.5.2).
fn one_primary(elements: &mut [Value], touched: &[usize]) {
    let Some(first) = touched.iter().rev().find(|at| elements[**at]["primary"] == true).copied() else {
        return;
    };
    for (at, one) in elements.iter_mut().enumerate() {
        if at != first && one["primary"] == true {
            one["primary"] = false.into();
        }
    }
}

fn object<'a>(home: &'a mut Map<String, Value>, name: &str) -> Option<&'a mut Map<String, Value>> {
    home.entry(name).or_insert_with(|| Value::Object(Map::new())).as_object_mut()
}

fn list<'a>(home: &'a mut Map<String, Value>, name: &str) -> Option<&'a mut Vec<Value>> {
    home.entry(name).or_insert_with(|| Value::Array(Vec::new())).as_array_mut()
}
