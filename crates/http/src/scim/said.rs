//! What a SCIM resource says of a person, read and checked: of one of a directory, as an agent tells it, or of one whom the tenant itself
//! keeps, as a program does.

use std::str::FromStr as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_identity::agent::Agent;
use ritorno_identity::language::Language;
use ritorno_identity::licence::Grant;
use ritorno_identity::phone::Phone;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::{Mastered, OnPremises, Provisioned, User};
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{Forest, SourceAnchor, UserId};
use ritorno_protocol::scim;
use uuid::Uuid;

use super::client::ScimClient;
use super::error::ScimError;
use super::resource::{HOME, MOBILE, WORK};
use super::sid::sid_bytes;
use crate::portal::read_address;
use crate::state::AppState;

/// Longest name and external id of a program's person or group, in bytes: what they stand in together fits into an index of either database.
const MAXIMUM_TEXT: usize = 1_024;
/// Longest address at work, in bytes (RFC 5321 section 4.5.3.1).
const MAXIMUM_ADDRESS: usize = 320;

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
    mastered: Mastered,
    provisioned: Provisioned,
}

fn value(reason: impl Into<String>) -> ScimError {
    ScimError::Value(reason.into())
}

/// A text, if there is anything in it.
pub(super) fn filled(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty()).cloned()
}

/// Whether names and external ids of a program's people and groups can be kept.
///
/// # Errors
/// [`ScimError::Value`].
pub(super) fn are_kept<const N: usize>(texts: [Option<&String>; N]) -> Result<(), ScimError> {
    let is_none = |text: &&String| text.len() > MAXIMUM_TEXT || text.chars().any(char::is_control);
    match texts.into_iter().flatten().find(is_none) {
        None => Ok(()),
        Some(_) => Err(value(format!(
            "a name, or externalId, has more than {MAXIMUM_TEXT} bytes, or a control character"
        ))),
    }
}

impl Said {
    /// Checks what `resource` says, as `client` sent it.
    ///
    /// # Errors
    /// [`ScimError::Value`], by what is missing or does not fit; [`ScimError::NotYours`] for another forest.
    pub fn read(resource: &scim::User, client: &ScimClient) -> Result<Self, ScimError> {
        if resource.password.is_some() {
            return Err(ScimError::Forbidden("password"));
        }
        let user_name = resource.user_name.trim();
        if user_name.is_empty() || !user_name.contains('@') {
            return Err(value("userName is a user principal name"));
        }
        match client.agent() {
            Some(agent) => Self::of_agent(resource, user_name, agent),
            None => Self::of_program(resource, user_name),
        }
    }

    fn of_agent(resource: &scim::User, user_name: &str, agent: &Agent) -> Result<Self, ScimError> {
        let extension = resource
            .ritorno
            .as_ref()
            .ok_or_else(|| value(format!("the extension {} is missing", scim::RITORNO_USER_SCHEMA)))?;
        if resource.external_id.as_deref().is_some_and(|id| id != extension.anchor) {
            return Err(value("externalId is not the anchor"));
        }
        if STANDARD.decode(&extension.anchor).map(|bytes| bytes.len()) != Ok(16) {
            return Err(value("the anchor is standard base64 of 16 bytes"));
        }
        let guid = Uuid::parse_str(&extension.object_guid)
            .map_err(|_| value("objectGuid is a GUID in its hyphenated form"))?;
        let sid = extension.object_sid.as_deref().map(sid_bytes).transpose()?.unwrap_or_default();
        let forest = Forest(extension.forest.clone());
        if !agent.forests.contains(&forest) {
            return Err(ScimError::NotYours);
        }
        let expires = extension.password_expires.as_deref().map(|text| {
            Timestamp::from_rfc3339(text).ok_or_else(|| value("passwordExpires is a moment as in RFC 3339"))
        });
        let primary = resource.emails.iter().find(|mail| mail.primary).or(resource.emails.first());
        Ok(Self {
            user_principal_name: user_name.to_owned(),
            display_name: filled(resource.display_name.as_ref()).unwrap_or_else(|| user_name.to_owned()),
            mail: primary.map(|mail| mail.value.clone()),
            alternate_mail: filled(extension.alternate_mail.as_ref()),
            mobile: filled(extension.mobile.as_ref()),
            language: resource.preferred_language.as_deref().and_then(Language::from_tag),
            enabled: resource.active,
            password_expires_at: expires.transpose()?,
            mastered: Mastered::Hybrid(OnPremises {
                source_anchor: SourceAnchor(extension.anchor.clone()),
                object_guid: Bytes(guid.to_bytes_le().to_vec()),
                object_sid: Bytes(sid),
                forest,
                domain: extension.domain.clone(),
                account_name: extension.account_name.clone(),
                exported_by: agent.id,
            }),
            provisioned: Provisioned::default(),
        })
    }

    /// What is not modelled is not kept. The address at home and the mobile number are those that codes go to.
    fn of_program(resource: &scim::User, user_name: &str) -> Result<Self, ScimError> {
        if resource.ritorno.is_some() {
            return Err(value(format!(
                "the extension {} is what ties somebody to a directory: agents alone send it",
                scim::RITORNO_USER_SCHEMA
            )));
        }
        let part = |of: fn(&scim::Name) -> &Option<String>| {
            filled(resource.name.as_ref().and_then(|name| of(name).as_ref()))
        };
        let (given_name, family_name) = (part(|name| &name.given_name), part(|name| &name.family_name));
        let both: Vec<&str> = [&given_name, &family_name].into_iter().flatten().map(String::as_str).collect();
        let display_name = filled(resource.display_name.as_ref())
            .or_else(|| part(|name| &name.formatted))
            .or_else(|| (!both.is_empty()).then(|| both.join(" ")))
            .unwrap_or_else(|| user_name.to_owned());
        let external_id = filled(resource.external_id.as_ref());
        are_kept([Some(&display_name), external_id.as_ref(), given_name.as_ref(), family_name.as_ref()])?;
        let mobile = resource.phone_numbers.iter().find(|number| is(number.kind.as_ref(), MOBILE));
        let mobile = filled(mobile.map(|number| &number.value));
        let home = resource.emails.iter().find(|mail| is(mail.kind.as_ref(), HOME));
        let work = |mail: &&scim::Email| mail.kind.is_none() || is(mail.kind.as_ref(), WORK);
        let mut mails = resource.emails.iter().filter(work);
        let mail = mails.clone().find(|mail| mail.primary).or_else(|| mails.next());
        Ok(Self {
            user_principal_name: user_name.to_owned(),
            display_name,
            mail: filled(mail.map(|mail| &mail.value)),
            alternate_mail: filled(home.map(|mail| &mail.value)),
            mobile,
            language: resource.preferred_language.as_deref().and_then(Language::from_tag),
            enabled: resource.active,
            password_expires_at: None,
            mastered: Mastered::CloudOnly,
            provisioned: Provisioned { external_id, given_name, family_name },
        })
    }

    /// A new person who is what was said.
    ///
    /// # Errors
    /// [`ScimError::Value`] if a program's person would have an address or a number that no code may go to.
    pub fn create(self, client: &ScimClient, state: &AppState) -> Result<User, ScimError> {
        let now = state.clock.now();
        let nothing = User {
            id: UserId::random(&*state.random),
            tenant: state.tenant,
            user_principal_name: String::new(),
            display_name: String::new(),
            mail: None,
            alternate_mail: None,
            registered_mail: None,
            mobile: None,
            registered_mobile: None,
            language: None,
            enabled: false,
            mastered: self.mastered.clone(),
            provisioned: Provisioned::default(),
            password_expires_at: None,
            licence: Grant::Free,
            selected: true,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        self.apply(&nothing, client, state)
    }

    /// `user`, changed to what was said. What the person registered stays.
    ///
    /// # Errors
    /// [`ScimError::Mutability`] if the anchor is another one; [`ScimError::Value`] as [`Self::create`].
    pub fn apply(self, user: &User, client: &ScimClient, state: &AppState) -> Result<User, ScimError> {
        let anchor = |mastered: &Mastered| match mastered {
            Mastered::CloudOnly => None,
            Mastered::Hybrid(object) => Some(object.source_anchor.clone()),
        };
        if anchor(&user.mastered) != anchor(&self.mastered) {
            return Err(ScimError::Mutability("externalId"));
        }
        let mut changed = User {
            user_principal_name: self.user_principal_name,
            display_name: self.display_name,
            mail: self.mail,
            alternate_mail: self.alternate_mail,
            mobile: self.mobile,
            language: self.language,
            enabled: self.enabled,
            mastered: self.mastered,
            provisioned: self.provisioned,
            password_expires_at: self.password_expires_at,
            updated_at: state.clock.now(),
            ..user.clone()
        };
        if let Some(tenant) = client.program_in() {
            judge(&mut changed, user, tenant)?;
        }
        Ok(changed)
    }
}

/// Judges to which addresses and which number mails and codes would go from now on, as where an administrator types it (`ritorno person add`): no address that the forgotten password
/// locks or the tenant forbids, no number without its country. What was on file before stays, whatever the rules are now.
fn judge(changed: &mut User, before: &User, tenant: &Tenant) -> Result<(), ScimError> {
    if changed.mobile != before.mobile
        && changed.mobile.as_deref().is_some_and(|number| Phone::parse(number).is_none())
    {
        return Err(value("a mobile number is an international one, such as +39 333 1234567"));
    }
    let is_address = |mail: &str| mail.len() <= MAXIMUM_ADDRESS && lettre::Address::from_str(mail).is_ok();
    if changed.mail != before.mail && changed.mail.as_deref().is_some_and(|mail| !is_address(mail)) {
        return Err(value(format!("the address of type '{WORK}' is no mail address")));
    }
    let Some(typed) = changed.alternate_mail.take() else { return Ok(()) };
    if before.alternate_mail.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(typed.trim())) {
        changed.alternate_mail.clone_from(&before.alternate_mail);
        return Ok(());
    }
    // The same address may be the one that the person registered themselves.
    let unknown = User { registered_mail: None, ..changed.clone() };
    let judged = read_address(tenant, &unknown, typed.trim()).map_err(|fault| {
        value(format!("the address of type '{HOME}' is where codes go, and this is none for them: {fault}"))
    })?;
    changed.alternate_mail = Some(judged.as_str().to_owned());
    Ok(())
}

fn is(kind: Option<&String>, wanted: &str) -> bool {
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case(wanted))
}
