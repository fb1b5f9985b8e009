//! What an agent says about a request, signed, and bound to the request and the attempt.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::{AgentId, EpochId, RequestId};
use crate::outcome::{Fault, Operator, Outcome};
use crate::settle::DatabaseId;
use crate::signed::Signable;

/// One statement about one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The agent that speaks.
    pub agent: AgentId,
    /// Its journal.
    pub epoch: EpochId,
    /// The request.
    pub request: RequestId,
    /// The attempt.
    pub attempt: u32,
    /// When it was made, by the agent's clock.
    pub at: Timestamp,
    /// What it says.
    pub says: Says,
}

impl Signable for Statement {
    const PURPOSE: &'static str = "statement";
}

/// What a statement says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "says", rename_all = "snake_case")]
pub enum Says {
    /// The intent is durable; from here on nobody else may write.
    Started {
        /// The password's version before the write, to settle by.
        version_before: Option<PasswordVersion>,
        /// The database that it was read from, and that is written to now. Earlier agents keep it to themselves: then nobody
        /// else can settle.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        database: Option<DatabaseId>,
    },
    /// Provably nothing was begun: another attempt may be made elsewhere.
    NotStarted {
        /// Why.
        fault: Fault,
        /// For operators.
        operator: Operator,
    },
    /// It ended.
    Ended {
        /// How.
        outcome: Outcome,
    },
    /// What was unknown could be proved later.
    Settled {
        /// How it ended, in truth.
        outcome: Outcome,
    },
}

/// Which password an account has, told without knowing it: grows with each write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PasswordVersion {
    /// `dwVersion` of `unicodePwd` in `msDS-ReplAttributeMetaData` (MS-ADTS 3.1.1.4.5.13).
    Replicated {
        /// Counts every write to the attribute.
        version: u32,
    },
    /// `pwdLastSet`, where the metadata can't be read.
    LastSet {
        /// The raw FILETIME.
        filetime: i64,
    },
}
