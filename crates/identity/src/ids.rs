//! Names of things that only the cloud side knows, each its own type.

use ritorno_protocol::random::{Random, array};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id from the random source (UUID version 4, RFC 9562).
            pub fn random(random: &dyn Random) -> Self {
                Self(uuid::Builder::from_random_bytes(array(random)).into_uuid())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    };
}

uuid_id!(
    /// One administrator of a tenant.
    AdministratorId
);
uuid_id!(
    /// One token for a program.
    ApiTokenId
);
uuid_id!(
    /// One way of one person through the reset pages.
    FlowId
);
uuid_id!(
    /// One caller whom the help desk helps.
    CaseId
);
uuid_id!(
    /// One audit fact.
    FactId
);
uuid_id!(
    /// One mail in the outbox.
    MailId
);
uuid_id!(
    /// One process of the cloud side, from its start to its end.
    NodeId
);
uuid_id!(
    /// One link of one agent.
    LinkId
);
uuid_id!(
    /// Ties the audit facts of one way through the pages together.
    CorrelationId
);
