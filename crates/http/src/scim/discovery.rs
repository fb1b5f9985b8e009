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
pub async fn resource_types(asker: Asker) -> Response {
    let all = types(&asker);
    body(StatusCode::OK, &ListResponse::new(all.len() as u64, 1, all))
}

/// One resource type.
///
/// # Errors
/// [`ScimError::NotFound`].
pub async fn resource_type(asker: Asker, Path(name): Path<String>) -> Result<Response, ScimError> {
    one(types(&asker), &name)
}

/// All schemas.
pub async fn schemas(asker: Asker) -> Response {
    let all = all_schemas(&asker);
    body(StatusCode::OK, &ListResponse::new(all.len() as u64, 1, all))
}

/// One schema.
///
/// # Errors
/// [`ScimError::NotFound`].
pub async fn schema(asker: Asker, Path(urn): Path<String>) -> Result<Response, ScimError> {
    one(all_schemas(&asker), &urn)
}

fn one(all: Vec<Value>, id: &str) -> Result<Response, ScimError> {
    let is_it = |one: &Value| one["id"].as_str().is_some_and(|one| one.eq_ignore_ascii_case(id));
    let found = all.into_iter().find(is_it);
    found.map(|one| body(StatusCode::OK, &one)).ok_or(ScimError::NotFound)
}

/// Who asks, and where. A program with a token that holds is told of what there is for programs, people and groups of the core schema; everybody
/// else of everything.
#[derive(Clone, Debug)]
pub struct Asker {
    program: bool,
    address: String,
}

impl FromRequestParts<AppState> for Asker {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let client = ScimClient::let_in(parts, state).await;
        let program = client.is_ok_and(|client| client.program_in().is_some());
        Ok(Self { program, address: state.settings.public_address().to_owned() })
    }
}

fn types(asker: &Asker) -> Vec<Value> {
    let mut all = [("User", USER_SCHEMA, RITORNO_USER_SCHEMA), ("Group", GROUP_SCHEMA, RITORNO_GROUP_SCHEMA)]
        .map(|(name, schema, extension)| {
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
                "id": name,
                "name": name,
                "endpoint": format!("/{name}s"),
                "schema": schema,
                "schemaExtensions": [{"schema": extension, "required": true}],
                "meta": meta(asker, "ResourceType", &format!("ResourceTypes/{name}")),
            })
        })
        .to_vec();
    if asker.program {
        all.iter_mut().for_each(|one| one["schemaExtensions"] = json!([]));
    }
    all
}

fn all_schemas(asker: &Asker) -> Vec<Value> {
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
    let group =
        vec![needed("displayName"), many("members", vec![fixed("value"), text("type", false, "immutable")])];
    if asker.program {
        let mut own = user;
        let mut name = attribute("name", "complex", false, "readWrite");
        name["subAttributes"] = vec![plain("formatted"), plain("givenName"), plain("familyName")].into();
        own.push(name);
        own.push(many("phoneNumbers", vec![needed("value"), plain("type"), switch("primary")]));
        return vec![
            described(asker, USER_SCHEMA, "User", own),
            described(asker, GROUP_SCHEMA, "Group", group),
        ];
    }
    let mut tied = vec![fixed("anchor"), needed("accountName"), needed("domain"), needed("forest")];
    let group_tied =
        tied.iter().cloned().chain([attribute("memberCount", "integer", false, "readOnly")]).collect();
    tied.extend([needed("objectGuid"), plain("objectSid"), plain("alternateMail"), plain("mobile")]);
    tied.push(attribute("passwordExpires", "dateTime", false, "readWrite"));
    vec![
        described(asker, USER_SCHEMA, "User", user),
        described(asker, RITORNO_USER_SCHEMA, "What ties a person to the directory on premises", tied),
        described(asker, GROUP_SCHEMA, "Group", group),
        described(asker, RITORNO_GROUP_SCHEMA, "What ties a group to the directory on premises", group_tied),
    ]
}

/// What every resource tells of itself (RFC 7643 section 3.1).
fn meta(asker: &Asker, kind: &str, path: &str) -> Value {
    json!({"resourceType": kind, "location": format!("{}/scim/v2/{path}", asker.address)})
}

fn described(asker: &Asker, id: &str, name: &str, attributes: Vec<Value>) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": id,
        "name": name,
        "attributes": attributes,
        "meta": meta(asker, "Schema", &format!("Schemas/{id}")),
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
