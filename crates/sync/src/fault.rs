//! What can be wrong with one object.

use serde::{Deserialize, Serialize};

/// Why one object was not carried on. It is recorded; the run goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ObjectFault {
    /// The anchor of an object that is joined to a person differs from what it was; anchors are immutable.
    #[error("its source anchor was {from} and is now {to}; restore mS-DS-ConsistencyGuid to the first value")]
    AnchorChanged {
        /// What the person was joined by.
        from: String,
        /// What the directory says now.
        to: String,
    },
    /// `mS-DS-ConsistencyGuid` is not 16 bytes long.
    #[error("mS-DS-ConsistencyGuid has {bytes} bytes; a source anchor has 16")]
    AnchorMalformed {
        /// Its length.
        bytes: usize,
    },
    /// Several objects have this anchor; those that are not joined already are held back.
    #[error("another object has the same source anchor {anchor}: {other}")]
    AnchorDuplicate {
        /// The anchor.
        anchor: String,
        /// DN of one of the others.
        other: String,
    },
    /// An attribute cannot be read as what it should be.
    #[error("attribute {attribute} cannot be read")]
    AttributeMalformed {
        /// Its name.
        attribute: String,
    },
    /// A rule could not be applied to it.
    #[error("the rule {rule} can't be applied: {reason}")]
    RuleFailed {
        /// Its name.
        rule: String,
        /// Why.
        reason: String,
    },
    /// A unique value, such as the userPrincipalName, belongs to somebody else in the tenant.
    #[error("the tenant already has somebody with one of its unique values: {detail}")]
    Conflict {
        /// The tenant's words.
        detail: String,
    },
    /// The tenant refused the object.
    #[error("the tenant refused it with status {status}: {detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The tenant's words.
        detail: String,
    },
    /// The tenant has a person of this connector's forest whom the connector never exported.
    #[error(
        "the tenant has this person (id {id}) and no object that this connector exported stands for them; if they \
         are not to be there, remove them in the console"
    )]
    NotExported {
        /// The tenant's id.
        id: String,
    },
}
