//! Who provisions people from outside: what they remove is counted, and held, for each by themselves.

use ritorno_protocol::ids::AgentId;
use uuid::Uuid;

use crate::agent::Agent;
use crate::ids::ApiTokenId;

/// An agent, or a program with a token that was made for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provisioner {
    /// An agent: it provisions hybrid people of its forests.
    Agent(AgentId),
    /// A token: a program provisions cloud-only people by it.
    Token(ApiTokenId),
}

impl Provisioner {
    /// The id alone. Both kinds are random, so that no two are one.
    pub const fn id(self) -> Uuid {
        match self {
            Self::Agent(id) => id.0,
            Self::Token(id) => id.0,
        }
    }
}

impl From<AgentId> for Provisioner {
    fn from(id: AgentId) -> Self {
        Self::Agent(id)
    }
}

impl From<&Agent> for Provisioner {
    fn from(agent: &Agent) -> Self {
        Self::Agent(agent.id)
    }
}

impl From<ApiTokenId> for Provisioner {
    fn from(id: ApiTokenId) -> Self {
        Self::Token(id)
    }
}

/// As the log and the audit name it.
impl std::fmt::Display for Provisioner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Agent(id) => write!(f, "agent {id}"),
            Self::Token(id) => write!(f, "token {id}"),
        }
    }
}
