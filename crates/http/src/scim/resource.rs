//! A person as a SCIM resource.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ritorno_identity::user::{Mastered, Provisioned, User};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::scim;
use uuid::Uuid;

use super::sid::sid_text;
use super::version;
use crate::state::AppState;
use crate::time_text::rfc3339;

/// What the address at work is called (RFC 7643 section 4.1.2).
pub(super) const WORK: &str = "work";
/// What the address outside of work is called, to which codes go.
pub(super) const HOME: &str = "home";
/// What the number is called to which codes by text message go.
pub(super) const MOBILE: &str = "mobile";

/// `user` as a resource.
pub fn resource(user: &User, public_address: &str) -> scim::User {
    if user.mastered == Mastered::CloudOnly {
        return cloud_only(user, public_address);
    }
    let ritorno = user.on_premises().map(|object| scim::RitornoUser {
        anchor: object.source_anchor.0.clone(),
        object_guid: Uuid::from_slice_le(&object.object_guid.0).unwrap_or_default().to_string(),
        object_sid: sid_text(&object.object_sid.0),
        account_name: object.account_name.clone(),
        domain: object.domain.clone(),
        forest: object.forest.0.clone(),
        alternate_mail: user.alternate_mail.clone(),
        mobile: user.mobile.clone(),
        password_expires: user.password_expires_at.and_then(Timestamp::to_rfc3339),
    });
    let work = |mail: &String| scim::Email { value: mail.clone(), kind: Some("work".into()), primary: true };
    scim::User {
        schemas: vec![scim::USER_SCHEMA.into(), scim::RITORNO_USER_SCHEMA.into()],
        id: Some(user.id.to_string()),
        external_id: user.on_premises().map(|object| object.source_anchor.0.clone()),
        user_name: user.user_principal_name.clone(),
        name: None,
        display_name: Some(user.display_name.clone()),
        preferred_language: user.language.map(|language| language.tag().to_owned()),
        active: user.enabled,
        emails: user.mail.iter().map(work).collect(),
        phone_numbers: Vec::new(),
        password: None,
        meta: Some(meta(user, public_address)),
        ritorno,
    }
}

/// Somebody whom the tenant itself keeps: the core schema alone.
fn cloud_only(user: &User, public_address: &str) -> scim::User {
    let Provisioned { external_id, given_name, family_name } = user.provisioned.clone();
    let name = scim::Name { formatted: None, given_name, family_name };
    let mail = |value: &String, kind: &str| scim::Email {
        value: value.clone(),
        kind: Some(kind.to_owned()),
        primary: kind == WORK,
    };
    let work = user.mail.iter().map(|value| mail(value, WORK));
    let home = user.alternate_mail.iter().map(|value| mail(value, HOME));
    let mobile = |value: &String| scim::PhoneNumber {
        value: value.clone(),
        kind: Some(MOBILE.into()),
        primary: false,
    };
    scim::User {
        schemas: vec![scim::USER_SCHEMA.into()],
        id: Some(user.id.to_string()),
        external_id,
        user_name: user.user_principal_name.clone(),
        name: (name != scim::Name::default()).then_some(name),
        display_name: Some(user.display_name.clone()),
        preferred_language: user.language.map(|language| language.tag().to_owned()),
        active: user.enabled,
        emails: work.chain(home).collect(),
        phone_numbers: user.mobile.iter().map(mobile).collect(),
        password: None,
        meta: Some(meta(user, public_address)),
        ritorno: None,
    }
}

fn meta(user: &User, public_address: &str) -> scim::Meta {
    scim::Meta {
        resource_type: Some("User".into()),
        created: Some(rfc3339(user.created_at)),
        last_modified: Some(rfc3339(user.updated_at)),
        location: Some(location(user, public_address)),
        version: Some(etag(user)),
    }
}

/// Where a person's resource is.
pub(super) fn location(user: &User, public_address: &str) -> String {
    format!("{public_address}/scim/v2/Users/{}", user.id)
}

/// The version of a person's resource.
pub(super) fn etag(user: &User) -> String {
    version::etag(user.version)
}

/// An answer that holds `user`, with its ETag.
pub fn answer(status: StatusCode, user: &User, state: &AppState) -> Response {
    let resource = resource(user, state.settings.public_address());
    let mut response = body(status, &resource);
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&etag(user)) {
        headers.insert(header::ETAG, value);
    }
    let location = resource.meta.and_then(|meta| meta.location);
    if let Some(Ok(value)) = location.map(|location| HeaderValue::from_str(&location)) {
        headers.insert(header::LOCATION, value);
    }
    response
}

/// A SCIM body.
pub fn body(status: StatusCode, value: &impl serde::Serialize) -> Response {
    let bytes = serde_json::to_vec(value).expect("SCIM resources always serialise");
    let mut response = (status, bytes).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(scim::MEDIA_TYPE));
    response
}
