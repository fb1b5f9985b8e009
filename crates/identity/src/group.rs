//! A group of a directory, as the tenant keeps it.

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, Forest, GroupId, SourceAnchor, TenantId};

/// A group that an agent exported. Who is in it is kept beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// The tenant.
    pub tenant: TenantId,
    /// The name to show.
    pub display_name: String,
    /// What ties it to the directory object. Immutable.
    pub source_anchor: SourceAnchor,
    /// Its forest.
    pub forest: Forest,
    /// NetBIOS name of its domain.
    pub domain: String,
    /// `sAMAccountName`.
    pub account_name: String,
    /// The agent that exported it last.
    pub exported_by: AgentId,
    /// Grows with each change of the group itself; its members' changes leave it.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}
