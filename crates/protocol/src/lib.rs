//! What travels between browser, cloud side and agent: sealed envelope, signed authorisation, statements, outcomes,
//! event numbers, and the password policy with its evaluator. No I/O: bytes in, values out.
//!
//! One reset in types: the page [`envelope::seal`]s for the certified keys of the agents, the server signs an
//! [`authorisation::Authorisation`] that names one agent and the envelope's digest, the agent answers with signed
//! [`statement::Statement`]s, the last of which carries an [`outcome::Outcome`].

pub mod audit;
pub mod authorisation;
pub mod bytes;
pub mod certificate;
pub mod clock;
mod cut;
pub mod doctor;
pub mod enrolment;
pub mod envelope;
pub mod event;
pub mod forwarded;
pub mod ids;
pub mod key;
pub mod link;
pub mod outcome;
pub mod policy;
pub mod problem;
pub mod query;
pub mod random;
pub mod release;
mod samba_letters;
pub mod scim;
pub mod secret;
pub mod settle;
pub mod signed;
pub mod statement;
pub mod status;
pub mod sync_lease;
pub mod sync_report;

/// Version of the protocol, bound into every envelope and signature.
pub const VERSION: &str = "ritorno/1";
