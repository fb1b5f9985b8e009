//! Where an export goes.

use async_trait::async_trait;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::scim::MemberChanges;

use crate::group::Group;
use crate::object::Kind;
use crate::person::Person;
use crate::resource::Resource;

/// What every request of an export carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportContext {
    /// Name of the connector whose people are exported.
    pub connector: String,
    /// Epoch of the sync lease under which this agent exports; an older one than the target has seen is refused.
    pub lease_epoch: u64,
}

/// The tenant, as an export needs it. Each operation may be repeated: doing one twice leaves what doing it once does.
#[async_trait]
pub trait Target: Send + Sync {
    /// Does several things, in any order; the answer to each, in their order.
    async fn ask(&self, context: &ExportContext, asks: &[Ask<'_>]) -> Vec<Answer>;

    /// The target's id of the person or group with this anchor, if it has it.
    ///
    /// # Errors
    /// [`TargetError`], as it comes.
    async fn find(
        &self,
        context: &ExportContext,
        kind: Kind,
        anchor: &str,
    ) -> Result<Option<String>, TargetError>;

    /// The target's people from number `start` (from 1) on, as many as it gives at once: all, or those who changed at `since` or later.
    ///
    /// # Errors
    /// [`TargetError::Stop`].
    async fn page(
        &self,
        context: &ExportContext,
        since: Option<Timestamp>,
        start: u64,
    ) -> Result<TargetPage, TargetError>;

    /// The target's groups from number `start` (from 1) on, as many as it gives at once: all, or those that changed at `since` or later.
    ///
    /// # Errors
    /// [`TargetError::Stop`].
    async fn groups(
        &self,
        context: &ExportContext,
        since: Option<Timestamp>,
        start: u64,
    ) -> Result<GroupPage, TargetError>;

    /// The ids of all members of the group of this id.
    ///
    /// # Errors
    /// [`TargetError::NotFound`] if the target has no such group.
    async fn members(&self, context: &ExportContext, id: &str) -> Result<Vec<String>, TargetError>;
}

/// One thing that an export asks for.
#[derive(Clone, Copy, Debug)]
pub enum Ask<'a> {
    /// Make a person or a group. [`TargetError::Conflict`] if somebody has the anchor or the name already.
    Create(&'a Resource),
    /// Replace all that the connector says of a person or a group; who is in a group stays. [`TargetError::NotFound`] if the target has
    /// nobody of this id.
    Replace(&'a str, &'a Resource),
    /// Remove a person or a group. [`TargetError::NotFound`] if the target has nobody of this id.
    Delete(Kind, &'a str),
    /// Put members into the group of this id and take others out. [`TargetError::NotFound`] if the target has no such group.
    Members(&'a str, &'a MemberChanges),
}

/// What came of it: the target's id of what was made, if something was.
pub type Answer = Result<Option<String>, TargetError>;

/// Some of the target's groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPage {
    /// How many there are in all.
    pub total: u64,
    /// These ones; none when there is none from that number on.
    pub groups: Vec<TargetGroup>,
}

/// A group as the target has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroup {
    /// The target's id.
    pub id: String,
    /// The source anchor; empty if it has none.
    pub anchor: String,
    /// The forest.
    pub forest: String,
    /// Its name.
    pub name: String,
    /// `sAMAccountName`.
    pub account: String,
    /// How many members it has, if the target says so.
    pub members: Option<u64>,
    /// When it changed last, by the target's clock, if it says so.
    pub changed: Option<Timestamp>,
}

impl TargetGroup {
    /// Whether this is what an export of `group` leaves.
    pub(crate) fn is(&self, group: &Group) -> bool {
        self.anchor == group.anchor.0
            && self.forest == group.forest.0
            && self.name == group.group_name.trim()
            && self.account == group.group_account
    }
}

/// Some of the target's people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetPage {
    /// How many there are in all.
    pub total: u64,
    /// These ones; none when there is nobody from that number on.
    pub people: Vec<TargetPerson>,
}

/// A person as the target has them: what it has to have kept of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetPerson {
    /// The target's id.
    pub id: String,
    /// The source anchor; empty if it has none.
    pub anchor: String,
    /// The forest.
    pub forest: String,
    /// userPrincipalName.
    pub user_principal_name: String,
    /// `sAMAccountName`.
    pub account_name: String,
    /// `objectGUID`, hyphenated, lower case.
    pub object_guid: String,
    /// `displayName`; a target may put another name where there is none.
    pub display_name: Option<String>,
    /// `mail`.
    pub mail: Option<String>,
    /// The address outside of the organisation.
    pub alternate_mail: Option<String>,
    /// The mobile number.
    pub mobile: Option<String>,
    /// When their password expires, by RFC 3339.
    pub password_expires: Option<String>,
    /// Whether they may sign in.
    pub enabled: bool,
    /// When they changed last, by the target's clock, if it says so.
    pub changed: Option<Timestamp>,
}

impl TargetPerson {
    /// Whether this is what an export of `person` leaves. A target need not keep names in parts, nor a language that it
    /// has no texts for, so that those are not compared; nor does a tenant of before keep when a password expires (`keeps_expiry`).
    pub(crate) fn is(&self, person: &Person, keeps_expiry: bool) -> bool {
        self.anchor == person.anchor.0
            && self.forest == person.forest.0
            && self.user_principal_name == person.user_principal_name.trim()
            && self.account_name == person.account_name
            && self.object_guid == person.object_guid
            && (person.display_name.is_none() || self.display_name == person.display_name)
            && self.mail == person.mail
            && self.alternate_mail == person.alternate_mail
            && self.mobile == person.mobile
            && self.enabled == person.enabled
            && (!keeps_expiry || moment(&self.password_expires) == moment(&person.password_expires))
    }
}

/// A moment, however it is written; what is none is none.
fn moment(text: &Option<String>) -> Option<Timestamp> {
    text.as_deref().and_then(Timestamp::from_rfc3339)
}

/// Why the target did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// A unique value is taken by somebody else. Falls on this object only.
    #[error("a unique value is taken: {detail}")]
    Conflict {
        /// The target's words.
        detail: String,
    },
    /// The target has nobody of this id.
    #[error("the target does not know this id")]
    NotFound,
    /// The target refused this object. Falls on this object only.
    #[error("refused with status {status}: {detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The target's words.
        detail: String,
        /// Under [`HELD_STATUS`](ritorno_protocol::scim::HELD_STATUS), the target's ids of the members whom its guard holds, if it names
        /// them.
        held: Vec<String>,
    },
    /// Nothing further can be exported now.
    #[error(transparent)]
    Stop(#[from] Stop),
}

/// Why an export stopped. What was confirmed before stays confirmed; the next export goes on from there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// The target could not be reached, or went on saying that it is busy, through all tries.
    #[error("the tenant cannot be reached: {reason}")]
    Unreachable {
        /// What the last try met.
        reason: String,
    },
    /// The target does not accept this agent's token.
    #[error("the tenant does not accept this agent's token: {reason}; is the agent still enrolled?")]
    Unauthorised {
        /// What was said.
        reason: String,
    },
    /// Another agent has taken the sync lease.
    #[error("another agent has taken over the export (lease epoch {epoch} is outdated)")]
    LeaseLost {
        /// This agent's epoch.
        epoch: u64,
    },
    /// The target answers, but not as RFC 7644 has it.
    #[error("the tenant's answer cannot be read: {reason}")]
    Unreadable {
        /// What is wrong with it.
        reason: String,
    },
}
