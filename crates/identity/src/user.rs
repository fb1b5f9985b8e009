//! One person of a tenant.

use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, Forest, SourceAnchor, TenantId, UserId};
use serde::{Deserialize, Serialize};

use crate::language::Language;
use crate::licence::Grant;
use crate::phone::Phone;

/// One person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The person's id; SCIM's `id` (RFC 7643 section 3.1).
    pub id: UserId,
    /// The tenant.
    pub tenant: TenantId,
    /// The user principal name; SCIM's `userName`. Compared without regard to case.
    pub user_principal_name: String,
    /// The name that others see.
    pub display_name: String,
    /// The address at work.
    pub mail: Option<String>,
    /// An address outside of work that came from the directory.
    pub alternate_mail: Option<String>,
    /// An address that the person registered.
    pub registered_mail: Option<String>,
    /// A mobile number that came from the directory, as it is written there.
    pub mobile: Option<String>,
    /// A mobile number that the person registered.
    pub registered_mobile: Option<String>,
    /// The preferred language, if one is known.
    pub language: Option<Language>,
    /// Whether the person may sign in; SCIM's `active`.
    pub enabled: bool,
    /// Where the person is mastered.
    pub mastered: Mastered,
    /// What a provisioner other than an agent keeps with a cloud-only person; nothing of a hybrid one.
    pub provisioned: Provisioned,
    /// When the password expires, as the directory computed it when it was read last; `None` if it never does.
    pub password_expires_at: Option<Timestamp>,
    /// What the licences grant that were assigned to the person, or to a group that the person is in. It is read with the person and
    /// never stored with them.
    pub licence: Grant,
    /// Whether the person is among those who may reset ([`crate::tenant::Tenant::sspr_groups`]). It is read with the person, and never
    /// written.
    pub selected: bool,
    /// Grows with each change; SCIM's `meta.version` (RFC 7644 section 3.14).
    pub version: i64,
    /// When the row was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The kinds of address that a one-time code can go to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressKind {
    /// What the person registered: theirs to keep right, so it comes first.
    #[default]
    Registered,
    /// The alternate address that came from the directory.
    Directory,
}

/// What a provisioner keeps with a person whom the tenant itself keeps, to have it back as it was said. Nothing here reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provisioned {
    /// The provisioner's own id; SCIM's `externalId` (RFC 7643 section 3.1). One person's in the tenant, compared exactly.
    pub external_id: Option<String>,
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
}

/// Where a person is mastered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mastered {
    /// In the tenant.
    CloudOnly,
    /// On premises, and synchronised.
    Hybrid(OnPremises),
}

/// The directory object behind a hybrid person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnPremises {
    /// The immutable value that ties the object to this person; SCIM's `externalId`.
    pub source_anchor: SourceAnchor,
    /// `objectGUID`, 16 bytes as the directory stores them.
    pub object_guid: Bytes,
    /// `objectSid` as the directory stores it.
    pub object_sid: Bytes,
    /// The forest that the object lives in.
    pub forest: Forest,
    /// The domain's NetBIOS name, such as `CONTOSO`.
    pub domain: String,
    /// `sAMAccountName`.
    pub account_name: String,
    /// The agent whose connector exported the object last.
    pub exported_by: AgentId,
}

impl User {
    /// The directory object, if the person has one.
    pub const fn on_premises(&self) -> Option<&OnPremises> {
        match &self.mastered {
            Mastered::CloudOnly => None,
            Mastered::Hybrid(object) => Some(object),
        }
    }

    /// Where a one-time code goes: to the address of the kind that is wanted, or to the other one if there is none of that
    /// kind. Never to the address at work, which the forgotten password locks.
    pub fn code_address(&self, wanted: AddressKind) -> Option<&str> {
        let kinds = match wanted {
            AddressKind::Registered => [&self.registered_mail, &self.alternate_mail],
            AddressKind::Directory => [&self.alternate_mail, &self.registered_mail],
        };
        kinds.into_iter().flatten().map(String::as_str).find(|address| !address.is_empty())
    }

    /// Where a code by text message goes: to the number that the person registered, else to the directory's. `None` as well for one that
    /// is not international.
    pub fn code_mobile(&self) -> Option<Phone> {
        [&self.registered_mobile, &self.mobile].into_iter().flatten().find_map(|number| Phone::parse(number))
    }

    /// Every address on file, each once: where 'your password was changed' goes.
    pub fn addresses(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        for address in [&self.mail, &self.alternate_mail, &self.registered_mail].into_iter().flatten() {
            if !address.is_empty() && !all.iter().any(|known| known.eq_ignore_ascii_case(address)) {
                all.push(address);
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::tests::person;

    #[test]
    fn code_goes_to_the_kind_that_is_wanted_if_there_is_one() {
        let both = User { registered_mail: Some("anna@posta.test".into()), ..person() };
        let empty = User { registered_mail: Some(String::new()), ..person() };
        let own = User { alternate_mail: None, ..both.clone() };
        let none = User { alternate_mail: None, ..person() };
        for (user, registered, directory) in [
            (&both, Some("anna@posta.test"), Some("anna.rossi@mail.test")),
            (&empty, Some("anna.rossi@mail.test"), Some("anna.rossi@mail.test")),
            (&own, Some("anna@posta.test"), Some("anna@posta.test")),
            (&none, None, None),
        ] {
            assert_eq!(user.code_address(AddressKind::Registered), registered);
            assert_eq!(user.code_address(AddressKind::Directory), directory);
        }
        assert_eq!(both.addresses().len(), 3, "work, directory and own");
    }

    #[test]
    fn a_text_message_goes_to_the_registered_number_first() {
        let mobile = Some("+39 333 1234567".to_owned());
        let directorys = User { mobile, ..person() };
        let both = User { registered_mobile: Some("+447700900123".into()), ..directorys.clone() };
        let local = User { mobile: Some("333 1234567".into()), ..person() };
        for (user, number) in [
            (&person(), None),
            (&local, None),
            (&directorys, Some("+393331234567")),
            (&both, Some("+447700900123")),
        ] {
            assert_eq!(user.code_mobile().as_ref().map(Phone::as_str), number);
        }
    }
}
