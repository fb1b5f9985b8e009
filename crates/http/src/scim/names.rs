//! Attribute names in bodies, which count in any case (RFC 7643 section 2.1): they become what the models call them.

use serde_json::{Map, Value};

use super::error::ScimError;

/// Every name of a body that is read. What is not among them is nobody's attribute here, and is left as it is.
const NAMES: [&str; 44] = [
    "schemas",
    "id",
    "externalId",
    "meta",
    "userName",
    "name",
    "formatted",
    "givenName",
    "familyName",
    "displayName",
    "preferredLanguage",
    "active",
    "emails",
    "phoneNumbers",
    "value",
    "type",
    "primary",
    "members",
    "anchor",
    "objectGuid",
    "objectSid",
    "accountName",
    "domain",
    "forest",
    "alternateMail",
    "mobile",
    "passwordExpires",
    "memberCount",
    "resourceType",
    "created",
    "lastModified",
    "location",
    "version",
    "op",
    "path",
    "Operations",
    "failOnErrors",
    "method",
    "bulkId",
    "data",
    "groups",
    "display",
    ritorno_protocol::scim::RITORNO_USER_SCHEMA,
    ritorno_protocol::scim::RITORNO_GROUP_SCHEMA,
];

/// Gives every attribute of `body` the name that the models know.
///
/// # Errors
/// [`ScimError::Syntax`] if one is there twice: which of the two would count is nothing to guess.
pub(super) fn canonical(body: &mut Value) -> Result<(), ScimError> {
    match body {
        Value::Array(list) => list.iter_mut().try_for_each(canonical),
        Value::Object(map) => {
            let mut named = Map::with_capacity(map.len());
            for (name, mut value) in std::mem::take(map) {
                canonical(&mut value)?;
                match NAMES.into_iter().find(|known| known.eq_ignore_ascii_case(&name)) {
                    Some(known) if named.contains_key(known) => {
                        return Err(ScimError::Syntax(format!("'{known}' is there twice")));
                    }
                    Some(known) => named.insert(known.to_owned(), value),
                    None => named.insert(name, value),
                };
            }
            *map = named;
            Ok(())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_count_in_any_case_and_once() {
        let mut body = json!({"USERNAME": "a", "Emails": [{"Value": "b", "x": 1}], "shoeSize": 43});
        canonical(&mut body).unwrap();
        assert_eq!(body, json!({"userName": "a", "emails": [{"value": "b", "x": 1}], "shoeSize": 43}));
        let twice = canonical(&mut json!({"userName": "a", "username": "b"}));
        assert!(matches!(twice, Err(ScimError::Syntax(_))));
    }
}
