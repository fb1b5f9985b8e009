//! One person of a tenant.

use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, Forest, SourceAnchor, TenantId, UserId};

use crate::language::Language;

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
    /// The preferred language, if one is known.
    pub language: Option<Language>,
    /// Whether the person may sign in; SCIM's `active`.
    pub enabled: bool,
    /// Where the person is mastered.
    pub mastered: Mastered,
    /// Grows with each change; SCIM's `meta.version` (RFC 7644 section 3.14).
    pub version: i64,
    /// When the row was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
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

    /// Where a one-time code goes: what the person registered, else the alternate address from the directory. Never the
    /// address at work, which the forgotten password locks.
    pub fn code_address(&self) -> Option<&str> {
        self.registered_mail
            .as_deref()
            .or(self.alternate_mail.as_deref())
            .filter(|address| !address.is_empty())
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
