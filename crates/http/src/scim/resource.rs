//! A person as a SCIM resource, and back.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_identity::agent::Agent;
use ritorno_identity::language::Language;
use ritorno_identity::licence::Grant;
use ritorno_identity::user::{Mastered, OnPremises, User};
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{Forest, SourceAnchor};
use ritorno_protocol::scim;
use uuid::Uuid;

use super::error::ScimError;
use super::version;
use crate::state::AppState;
use crate::time_text::rfc3339;

/// What a SCIM resource says of a person, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    user_principal_name: String,
    display_name: String,
    mail: Option<String>,
    alternate_mail: Option<String>,
    mobile: Option<String>,
    language: Option<Language>,
    enabled: bool,
    password_expires_at: Option<Timestamp>,
    object: OnPremises,
}

impl Said {
    /// Checks what `resource` says, as exported by `agent`.
    ///
    /// # Errors
    /// [`ScimError::Value`], by what is missing or does not fit; [`ScimError::NotYours`] for another forest.
    pub fn read(resource: &scim::User, agent: &Agent) -> Result<Self, ScimError> {
        if resource.password.is_some() {
            return Err(ScimError::Forbidden("password"));
        }
        let value = |reason: String| ScimError::Value(reason);
        let user_name = resource.user_name.trim();
        if user_name.is_empty() || !user_name.contains('@') {
            return Err(value("userName is a user principal name".into()));
        }
        let extension = resource
            .ritorno
            .as_ref()
            .ok_or_else(|| value(format!("the extension {} is missing", scim::RITORNO_USER_SCHEMA)))?;
        if resource.external_id.as_deref().is_some_and(|id| id != extension.anchor) {
            return Err(value("externalId is not the anchor".into()));
        }
        if STANDARD.decode(&extension.anchor).map(|bytes| bytes.len()) != Ok(16) {
            return Err(value("the anchor is standard base64 of 16 bytes".into()));
        }
        let guid = Uuid::parse_str(&extension.object_guid)
            .map_err(|_| value("objectGuid is a GUID in its hyphenated form".into()))?;
        let sid = extension.object_sid.as_deref().map(sid_bytes).transpose()?.unwrap_or_default();
        let forest = Forest(extension.forest.clone());
        if !agent.forests.contains(&forest) {
            return Err(ScimError::NotYours);
        }
        let expires = extension.password_expires.as_deref().map(|text| {
            Timestamp::from_rfc3339(text)
                .ok_or_else(|| value("passwordExpires is a moment as in RFC 3339".into()))
        });
        let primary = resource.emails.iter().find(|mail| mail.primary).or(resource.emails.first());
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        Ok(Self {
            user_principal_name: user_name.to_owned(),
            display_name: filled(&resource.display_name).unwrap_or_else(|| user_name.to_owned()),
            mail: primary.map(|mail| mail.value.clone()),
            alternate_mail: filled(&extension.alternate_mail),
            mobile: filled(&extension.mobile),
            language: resource.preferred_language.as_deref().and_then(Language::from_tag),
            enabled: resource.active,
            password_expires_at: expires.transpose()?,
            object: OnPremises {
                source_anchor: SourceAnchor(extension.anchor.clone()),
                object_guid: Bytes(guid.to_bytes_le().to_vec()),
                object_sid: Bytes(sid),
                forest,
                domain: extension.domain.clone(),
                account_name: extension.account_name.clone(),
                exported_by: agent.id,
            },
        })
    }

    /// A new person who is what was said.
    pub fn create(self, state: &AppState) -> User {
        let now = state.clock.now();
        User {
            id: ritorno_protocol::ids::UserId::random(&*state.random),
            tenant: state.tenant,
            user_principal_name: self.user_principal_name,
            display_name: self.display_name,
            mail: self.mail,
            alternate_mail: self.alternate_mail,
            registered_mail: None,
            mobile: self.mobile,
            registered_mobile: None,
            language: self.language,
            enabled: self.enabled,
            mastered: Mastered::Hybrid(self.object),
            password_expires_at: self.password_expires_at,
            licence: Grant::Free,
            selected: true,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// `user`, changed to what was said. What the person registered stays.
    ///
    /// # Errors
    /// [`ScimError::Mutability`] if the anchor is another one.
    pub fn apply(self, user: &User, state: &AppState) -> Result<User, ScimError> {
        if user.on_premises().is_none_or(|object| object.source_anchor != self.object.source_anchor) {
            return Err(ScimError::Mutability("externalId"));
        }
        Ok(User {
            user_principal_name: self.user_principal_name,
            display_name: self.display_name,
            mail: self.mail,
            alternate_mail: self.alternate_mail,
            mobile: self.mobile,
            language: self.language,
            enabled: self.enabled,
            mastered: Mastered::Hybrid(self.object),
            password_expires_at: self.password_expires_at,
            updated_at: state.clock.now(),
            ..user.clone()
        })
    }
}

/// `user` as a resource.
pub fn resource(user: &User, public_address: &str) -> scim::User {
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
        password: None,
        meta: Some(scim::Meta {
            resource_type: Some("User".into()),
            created: Some(rfc3339(user.created_at)),
            last_modified: Some(rfc3339(user.updated_at)),
            location: Some(location(user, public_address)),
            version: Some(etag(user)),
        }),
        ritorno,
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

/// The bytes (MS-DTYP 2.4.2.2) of a SID's text form (2.4.2.1).
fn sid_bytes(text: &str) -> Result<Vec<u8>, ScimError> {
    let refused = || ScimError::Value("objectSid looks like S-1-5-21-...".into());
    let mut parts = text.strip_prefix("S-1-").ok_or_else(refused)?.split('-');
    let authority: u64 = parts.next().and_then(|part| part.parse().ok()).ok_or_else(refused)?;
    let numbers: Vec<u32> = parts.map(str::parse).collect::<Result<_, _>>().map_err(|_| refused())?;
    let count = u8::try_from(numbers.len()).ok().filter(|count| *count <= 15).ok_or_else(refused)?;
    let authority = authority.to_be_bytes();
    if authority[..2] != [0, 0] {
        return Err(refused());
    }
    let mut bytes = vec![1, count];
    bytes.extend_from_slice(&authority[2..]);
    numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
    Ok(bytes)
}

fn sid_text(bytes: &[u8]) -> Option<String> {
    let (head, numbers) = bytes.split_at_checked(8)?;
    let whole = head[0] == 1 && numbers.len() == 4 * usize::from(head[1]);
    let authority = head[2..].iter().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
    let mut text = format!("S-1-{authority}");
    for number in numbers.chunks_exact(4) {
        let number = u32::from_le_bytes([number[0], number[1], number[2], number[3]]);
        text.push_str(&format!("-{number}"));
    }
    whole.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_sid_survives_the_way() {
        let bytes = [1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0xf4, 1, 0, 0];
        assert_eq!(sid_text(&bytes).as_deref(), Some("S-1-5-21-1-2-3-500"));
        assert_eq!(sid_bytes("S-1-5-21-1-2-3-500").unwrap(), bytes);
    }

    #[test]
    fn what_is_no_sid_is_refused() {
        for text in ["", "S-1-", "S-2-5-21", "S-1-5-x", "S-1-281474976710656-1", "S-1-5-4294967296"] {
            assert!(sid_bytes(text).is_err(), "{text}");
        }
        assert_eq!(sid_text(&[]), None);
        assert_eq!(sid_text(&[1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0]), None);
    }
}
