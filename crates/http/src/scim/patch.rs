//! `PATCH /scim/v2/Users/{id}` (RFC 7644 section 3.5.2): the operations are applied to the resource as it stands, all or
//! nothing, and the result is stored like a replacement.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use ritorno_protocol::scim::{self, Operation, PatchOp, RITORNO_USER_SCHEMA};
use serde_json::Value;

use super::access::{person, read};
use super::change::{self, Kind, Parts, Shape};
use super::client::ScimClient;
use super::error::ScimError;
use super::replace::store;
use super::resource::resource;
use super::version::if_match;
use crate::state::AppState;

const TEXT: Kind = Kind::Text;
/// The parts of a value of an attribute that has several.
const VALUE: Parts = &[("value", TEXT), ("type", TEXT), ("primary", Kind::Boolean)];
/// What an export, or another provisioner, changes. Of a directory's people `name` is taken, and not kept.
const USER: Shape = Shape {
    core: (
        scim::USER_SCHEMA,
        &[
            ("userName", TEXT),
            ("externalId", TEXT),
            ("displayName", TEXT),
            ("preferredLanguage", TEXT),
            ("active", Kind::Boolean),
            ("emails", Kind::Many(VALUE)),
            ("phoneNumbers", Kind::Many(VALUE)),
            ("name", Kind::One(&[("formatted", TEXT), ("givenName", TEXT), ("familyName", TEXT)])),
        ],
    ),
    extension: (
        RITORNO_USER_SCHEMA,
        &[
            ("anchor", TEXT),
            ("objectGuid", TEXT),
            ("objectSid", TEXT),
            ("accountName", TEXT),
            ("domain", TEXT),
            ("forest", TEXT),
            ("alternateMail", TEXT),
            ("mobile", TEXT),
            ("passwordExpires", TEXT),
        ],
    ),
};

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
    let expected = if_match(&headers);
    let patch: PatchOp = read(body)?;
    let user = person(&state, &client, &id).await?;
    let standing = resource(&user, state.settings.public_address());
    store(&state, &client, &user, &apply(&standing, &patch.operations)?, &expected).await
}

/// What the operations make of a person.
///
/// # Errors
/// [`ScimError`], by what can't be done: then nothing is.
pub fn apply(standing: &scim::User, operations: &[Operation]) -> Result<scim::User, ScimError> {
    let Ok(Value::Object(mut attributes)) = serde_json::to_value(standing) else {
        return Err(ScimError::Syntax("the resource is no object".into()));
    };
    change::apply(&mut attributes, &USER, operations)?;
    serde_json::from_value(Value::Object(attributes))
        .map_err(|_| ScimError::Value("a value is missing or of the wrong kind".into()))
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

    #[test]
    fn values_of_several_are_reached_by_what_they_are() {
        let emails = |operations: Value| -> Vec<(String, Option<String>, bool)> {
            let changed = patched(operations).unwrap();
            changed.emails.into_iter().map(|mail| (mail.value, mail.kind, mail.primary)).collect()
        };
        let mail =
            |value: &str, kind: &str, primary: bool| (value.to_owned(), Some(kind.to_owned()), primary);
        let two = json!({"op": "add", "path": "emails", "value": [
            {"value": "a@w.test", "type": "work", "primary": true}, {"value": "a@h.test", "type": "home"}]});
        let one = json!({"op": "add", "path": "emails", "value": {"value": "a@o.test", "type": "other", "PRIMARY": "True"}});
        let all = [
            mail("a@w.test", "work", false),
            mail("a@h.test", "home", false),
            mail("a@o.test", "other", true),
        ];
        assert_eq!(emails(json!([two, one])), all, "one value is added, and there is one primary");
        assert_eq!(emails(json!([two, one, one])), all, "what is there is not added again");
        for (path, expected) in [
            (r#"emails[type eq "work"].value"#, ["x", "a@h.test"]),
            ("emails[primary eq true].value", ["x", "a@h.test"]),
            (r#"emails[not (type eq "work")].value"#, ["a@w.test", "x"]),
            ("emails.value", ["x", "x"]),
            (r#"urn:ietf:params:scim:schemas:core:2.0:User:emails[type eq "home"].value"#, ["a@w.test", "x"]),
        ] {
            let changed = emails(json!([two, {"op": "replace", "path": path, "value": "x"}]));
            assert_eq!(changed.into_iter().map(|mail| mail.0).collect::<Vec<_>>(), expected, "{path}");
        }
        let gone = json!({"op": "remove", "path": "emails[type eq \"work\"]"});
        assert_eq!(emails(json!([two, gone])), [mail("a@h.test", "home", false)]);
        let made = json!({"op": "Add", "path": "emails[type eq \"work\"].value", "value": "new@w.test"});
        assert_eq!(emails(json!([made])), [mail("new@w.test", "work", false)]);
        let turned = json!({"op": "replace", "path": "emails[type eq \"home\"].primary", "value": "true"});
        assert_eq!(
            emails(json!([two, turned])),
            [mail("a@w.test", "work", false), mail("a@h.test", "home", true)]
        );
    }

    #[test]
    fn what_is_not_there_or_not_to_be_changed_is_said_so() {
        let refused = |operation: Value| patched(json!([operation])).unwrap_err();
        for operation in [
            json!({"op": "remove"}),
            json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": "x"}),
            json!({"op": "remove", "path": "emails[type eq \"work\"]"}),
        ] {
            let error = refused(operation.clone());
            assert!(matches!(error, ScimError::NoTarget(_)), "{operation}: {error}");
        }
        for path in [
            "emails[",
            "userName[value eq \"a\"]",
            "active.value",
            "urn:other:2.0:User:active",
            "name.nick",
            "",
        ] {
            let error = refused(json!({"op": "add", "path": path, "value": "x"}));
            assert!(matches!(error, ScimError::Path(_)), "{path}: {error}");
        }
        for path in ["id", "meta", "Groups", RITORNO_USER_SCHEMA] {
            let error = refused(json!({"op": "remove", "path": path}));
            assert!(matches!(error, ScimError::Mutability(_)), "{path}: {error}");
        }
        let error = refused(json!({"op": "remove", "path": "emails[primary gt true]"}));
        assert!(matches!(error, ScimError::Filter), "{error}");
        let passed =
            patched(json!([{"op": "replace", "value": {"id": "7", "groups": [], "displayName": "A"}}]));
        assert_eq!(passed.unwrap().display_name.as_deref(), Some("A"));
        let named = patched(json!([{"op": "replace", "path": "name.givenName", "value": "A"},
            {"op": "add", "path": "name", "value": {"familyName": "R"}}]));
        let name = named.unwrap().name.unwrap();
        assert_eq!((name.given_name.as_deref(), name.family_name.as_deref()), (Some("A"), Some("R")));
    }
}
