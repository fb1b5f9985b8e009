//! `GET /scim/v2/ResourceTypes` and `/Schemas` (RFC 7644 section 4, RFC 7643 sections 6 and 7): what there is, and what it is made of.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use ritorno_protocol::scim::{
    GROUP_SCHEMA, ListResponse, RITORNO_GROUP_SCHEMA, RITORNO_USER_SCHEMA, USER_SCHEMA,
};
use serde_json::{Value, json};

use super::client::ScimClient;
use super::error::ScimError;
use super::resource::body;
use crate::state::AppState;

/// All resource types.
pub async fn resource_types(IsProgram(program): IsProgram) -> Response {
    let all = types(program);
    body(StatusCode::OK, &ListResponse::new(all.len() as u64, 1, all))
}

/// One resource type.
///
/// # Errors
/// [`ScimError::NotFound`].
pub async fn resource_type(
    IsProgram(program): IsProgram,
    Path(name): Path<String>,
) -> Result<Response, ScimError> {
    one(types(program), &name)
}

/// All schemas.
pub async fn schemas(IsProgram(program): IsProgram) -> Response {
    let all = all_schemas(program);
    body(StatusCode::OK, &ListResponse::new(all.len() as u64, 1, all))
}

/// One schema.
///
/// # Errors
/// [`ScimError::NotFound`].
pub async fn schema(IsProgram(program): IsProgram, Path(urn): Path<String>) -> Result<Response, ScimError> {
    one(all_schemas(program), &urn)
}

fn one(all: Vec<Value>, id: &str) -> Result<Response, ScimError> {
    let is_it = |one: &Value| one["id"].as_str().is_some_and(|one| one.eq_ignore_ascii_case(id));
    let found = all.into_iter().find(is_it);
    found.map(|one| body(StatusCode::OK, &one)).ok_or(ScimError::NotFound)
}

/// Whether a program asks, with a token that holds: it is told of what there is for programs, people of the core schema. Everybody else is told
/// of everything.
#[derive(Clone, Copy, Debug)]
pub struct IsProgram(bool);

impl FromRequestParts<AppState> for IsProgram {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let client = ScimClient::let_in(parts, state).await;
        Ok(Self(client.is_ok_and(|client| client.program_in().is_some())))
    }
}

fn types(program: bool) -> Vec<Value> {
    let all = [("User", USER_SCHEMA, RITORNO_USER_SCHEMA), ("Group", GROUP_SCHEMA, RITORNO_GROUP_SCHEMA)]
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
        .to_vec();
    if !program {
        return all;
    }
    let mut people: Vec<Value> = all.into_iter().take(1).collect();
    people.iter_mut().for_each(|one| one["schemaExtensions"] = json!([]));
    people
}

fn all_schemas(program: bool) -> Vec<Value> {
    let text = |name: &str, required, mutability: &str| attribute(name, "string", required, mutability);
    let (fixed, needed, plain) = (
        |name: &str| text(name, true, "immutable"),
        |name: &str| text(name, true, "readWrite"),
        |name: &str| text(name, false, "readWrite"),
    );
    let whole = |name: &str, parts: &[&str], many: bool| {
        let mut whole = attribute(name, "complex", false, "readWrite");
        whole["multiValued"] = many.into();
        let part = |part: &&str| match *part {
            "primary" => attribute(part, "boolean", false, "readWrite"),
            part => plain(part),
        };
        whole["subAttributes"] = parts.iter().map(part).collect();
        whole
    };
    let user = vec![
        needed("userName"),
        whole("name", &["formatted", "givenName", "familyName"], false),
        plain("displayName"),
        plain("preferredLanguage"),
        attribute("active", "boolean", false, "readWrite"),
        whole("emails", &["value", "type", "primary"], true),
        whole("phoneNumbers", &["value", "type", "primary"], true),
    ];
    if program {
        return vec![described(USER_SCHEMA, "User", user)];
    }
    let mut tied = vec![fixed("anchor"), needed("accountName"), needed("domain"), needed("forest")];
    let group_tied =
        tied.iter().cloned().chain([attribute("memberCount", "integer", false, "readOnly")]).collect();
    tied.extend([needed("objectGuid"), plain("objectSid"), plain("alternateMail"), plain("mobile")]);
    tied.push(attribute("passwordExpires", "dateTime", false, "readWrite"));
    let group = vec![needed("displayName"), whole("members", &["value", "type"], true)];
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
