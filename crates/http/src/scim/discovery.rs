//! `GET /scim/v2/ResourceTypes` and `/Schemas` (RFC 7644 section 4, RFC 7643 sections 6 and 7): what there is, and what it is made of.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use ritorno_protocol::scim::{
    GROUP_SCHEMA, ListResponse, RITORNO_GROUP_SCHEMA, RITORNO_USER_SCHEMA, USER_SCHEMA,
};
use serde_json::{Value, json};

use super::error::ScimError;
use super::resource::body;

/// All resource types.
pub async fn resource_types() -> Response {
    let all = types();
    body(StatusCode::OK, &ListResponse::new(all.len() as u64, 1, all))
}

/// One resource type.
///
/// # Errors
/// [`ScimError::NotFound`].
pub async fn resource_type(Path(name): Path<String>) -> Result<Response, ScimError> {
    one(types(), &name)
}

/// All schemas.
pub async fn schemas() -> Response {
    let all = all_schemas();
    body(StatusCode::OK, &ListResponse::new(all.len() as u64, 1, all))
}

/// One schema.
///
/// # Errors
/// [`ScimError::NotFound`].
pub async fn schema(Path(urn): Path<String>) -> Result<Response, ScimError> {
    one(all_schemas(), &urn)
}

fn one(all: Vec<Value>, id: &str) -> Result<Response, ScimError> {
    let is_it = |one: &Value| one["id"].as_str().is_some_and(|one| one.eq_ignore_ascii_case(id));
    let found = all.into_iter().find(is_it);
    found.map(|one| body(StatusCode::OK, &one)).ok_or(ScimError::NotFound)
}

fn types() -> Vec<Value> {
    [("User", USER_SCHEMA, RITORNO_USER_SCHEMA), ("Group", GROUP_SCHEMA, RITORNO_GROUP_SCHEMA)]
        .map(|(name, schema, extension)| {
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
                "id": name,
                "name": name,
                "endpoint": format!("/{name}s"),
                "schema": schema,
                "schemaExtensions": [{"schema": extension, "required": true}],
            })
        })
        .to_vec()
}

fn all_schemas() -> Vec<Value> {
    let text = |name: &str, required, mutability: &str| attribute(name, "string", required, mutability);
    let (fixed, needed, plain) = (
        |name: &str| text(name, true, "immutable"),
        |name: &str| text(name, true, "readWrite"),
        |name: &str| text(name, false, "readWrite"),
    );
    let many = |name: &str, parts: Vec<Value>| {
        let mut many = attribute(name, "complex", false, "readWrite");
        many["multiValued"] = true.into();
        many["subAttributes"] = parts.into();
        many
    };
    let switch = |name: &str| attribute(name, "boolean", false, "readWrite");
    let user = vec![
        needed("userName"),
        plain("displayName"),
        plain("preferredLanguage"),
        switch("active"),
        many("emails", vec![needed("value"), plain("type"), switch("primary")]),
    ];
    let mut tied = vec![fixed("anchor"), needed("accountName"), needed("domain"), needed("forest")];
    let group_tied =
        tied.iter().cloned().chain([attribute("memberCount", "integer", false, "readOnly")]).collect();
    tied.extend([needed("objectGuid"), plain("objectSid"), plain("alternateMail"), plain("mobile")]);
    tied.push(attribute("passwordExpires", "dateTime", false, "readWrite"));
    let group =
        vec![needed("displayName"), many("members", vec![fixed("value"), text("type", false, "immutable")])];
    vec![
        described(USER_SCHEMA, "User", user),
        described(RITORNO_USER_SCHEMA, "What ties a person to the directory on premises", tied),
        described(GROUP_SCHEMA, "Group", group),
        described(RITORNO_GROUP_SCHEMA, "What ties a group to the directory on premises", group_tied),
    ]
}

fn described(id: &str, name: &str, attributes: Vec<Value>) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": id,
        "name": name,
        "attributes": attributes,
    })
}

fn attribute(name: &str, kind: &str, required: bool, mutability: &str) -> Value {
    let unique = if name == "userName" || name == "anchor" { "server" } else { "none" };
    json!({
        "name": name,
        "type": kind,
        "multiValued": false,
        "required": required,
        "caseExact": name == "anchor",
        "mutability": mutability,
        "returned": "default",
        "uniqueness": unique,
    })
}
