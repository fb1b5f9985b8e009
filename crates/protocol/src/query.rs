//! What the server asks an agent that changes nothing: the policy that holds for one person, or the version of their password.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bytes::Bytes;
use crate::clock::Timestamp;
use crate::ids::{AgentId, Forest, SourceAnchor, TenantId};
use crate::outcome::{Fault, Operator};
use crate::policy::EffectivePolicy;
use crate::settle::SeenVersion;
use crate::signed::Signable;

/// A signed question about one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// Ties the answer to it.
    pub id: Uuid,
    /// The tenant.
    pub tenant: TenantId,
    /// The agent that is asked.
    pub agent: AgentId,
    /// The person.
    pub anchor: SourceAnchor,
    /// The forest that the person lives in.
    pub forest: Forest,
    /// `objectGUID`, as in the authorisation.
    pub object_guid: Bytes,
    /// `objectSid`, as in the authorisation.
    pub object_sid: Bytes,
    /// Whether the tenant forbids account and display name in passwords.
    pub forbid_names: bool,
    /// What is asked.
    #[serde(default, skip_serializing_if = "Asks::is_policy")]
    pub asks: Asks,
    /// Not to be answered after this.
    pub expires_at: Timestamp,
}

impl Signable for Query {
    const PURPOSE: &'static str = "query";
}

/// What is asked about a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asks {
    /// Their policy. The one thing that agents of earlier versions tell, whatever is asked.
    #[default]
    Policy,
    /// The version of their password, as the PDC emulator has it now: what a write of unknown outcome is settled by when the agent
    /// that began it stays away.
    PasswordVersion,
}

impl Asks {
    const fn is_policy(&self) -> bool {
        matches!(self, Self::Policy)
    }
}

/// The agent's signed answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The question.
    pub id: Uuid,
    /// The agent that answers.
    pub agent: AgentId,
    /// What it found.
    pub found: Found,
}

impl Signable for Answer {
    const PURPOSE: &'static str = "answer";
}

/// What a query found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum Found {
    /// The person, and what holds for them.
    Person {
        /// The effective policy.
        policy: EffectivePolicy,
        /// Whether the account is locked now.
        locked: bool,
        /// Whether the account is disabled.
        disabled: bool,
    },
    /// The version of their password.
    Password {
        /// What the PDC emulator has now.
        seen: SeenVersion,
        /// Whether the account is locked now.
        locked: bool,
    },
    /// Why a request for them would fail.
    Nothing {
        /// The reason.
        fault: Fault,
        /// For operators.
        operator: Operator,
    },
}
