//! Repositories for the values of `ritorno-identity`, over SQLite and PostgreSQL, with one SQL text for both.
//!
//! [`Store::connect`] chooses by the address and applies the migrations. Each repository is one file and a borrowed view of
//! the store: `store.users().get(tenant, id)`. Everything that may happen once (a code, a try, a token, an outcome) is one
//! conditional statement, so that any number of servers on one database agree. Rules live in `ritorno-identity`.

mod administrator_apps;
mod administrators;
mod agent_tokens;
mod agents;
mod audit;
mod audit_chain;
mod authenticators;
mod backup;
mod codes;
mod db;
mod device_codes;
mod doctor_reports;
mod enrolment_tokens;
mod error;
mod flows;
mod gate_tries;
mod groups;
mod help_desk;
mod licences;
mod limits;
mod links;
mod mail_outbox;
mod node_key;
mod passkeys;
mod purge;
mod recovery_codes;
mod registrations;
mod removals;
mod requests;
mod row;
mod sessions;
mod signing_keys;
mod store;
mod tenants;
mod user_pages;
mod users;
mod value;
mod writer;

pub use administrator_apps::AdministratorApps;
pub use administrators::Administrators;
pub use agent_tokens::AgentTokens;
pub use agents::{Agents, Hello};
pub use audit::{Audit, AuditFilter};
pub use audit_chain::{AuditChain, Linked};
pub use authenticators::Authenticators;
pub use backup::sqlite_file;
pub use codes::{Attempt, Codes};
pub use device_codes::DeviceCodes;
pub use doctor_reports::{DoctorReports, Told};
pub use enrolment_tokens::EnrolmentTokens;
pub use error::{ConnectError, StoreError};
pub use flows::Flows;
pub use gate_tries::{GateTried, GateTry};
pub use groups::{GroupPage, Groups};
pub use help_desk::HelpDesk;
pub use licences::{Assigned, Assignment, Holder, Licences, Listed, Subscribed};
pub use limits::Limits;
pub use links::{HeldLink, Links};
pub use mail_outbox::MailOutbox;
pub use node_key::NodeKey;
pub use passkeys::{PASSKEYS_AT_MOST, Passkeys, StoredPasskey};
pub use recovery_codes::RecoveryCodes;
pub use registrations::Registrations;
pub use removals::Removals;
pub use requests::{Committed, Requests};
pub use sessions::Sessions;
pub use signing_keys::SigningKeys;
pub use store::Store;
pub use tenants::Tenants;
pub use user_pages::{UserFilter, UserPage};
pub use users::{Updated, Users};
