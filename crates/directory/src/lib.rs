//! The agent's edge to Active Directory: finds the PDC emulator, locates and judges people there, reads the policy that
//! holds for them, writes passwords, checks them, and streams people for the import.
//!
//! [`Directory`] is the way in. The order of one reset: [`Directory::locate`], [`Directory::judge`],
//! [`Directory::effective_policy`], [`Directory::password_version`], [`Directory::reset`].

mod choice;
mod config;
mod descriptor;
mod elsewhere;
mod error;
mod find_pdc;
mod forest;
mod identity;
mod kerberos;
pub mod ldap;
mod nearest;
pub mod openldap;
mod operations;
mod own_password;
mod refusal;
mod resolve;
mod rights;
mod root_dse;
mod sign_in;
mod topology;
mod values;

pub use config::{ConfigError, ForestConfig, PasswordFile, PasswordSource, roots_from_pem_file};
pub use error::DirectoryError;
pub use forest::Directory;
pub use identity::Sid;
pub use kerberos::{KERBEROS_THREADS, Kerberos, KerberosError, KerberosFault};
pub use ldap::Transport;
pub use operations::anchor::AnchorFilled;
pub use operations::attempts::Browser;
pub use operations::changes::{Change, Delta, Since};
pub use operations::health::PdcHealth;
pub use operations::locate::{Identity, Person};
pub use operations::members::Members;
pub use operations::password_version::PasswordVersion;
pub use operations::prepare::{Preparation, PrepareError};
pub use operations::remedy::{Remedy, quoted};
pub use operations::reset::ResetOptions;
pub use operations::rights::Rights;
pub use operations::state::AccountState;
pub use operations::users::ImportedObject;
pub use operations::verify::{REPLACED_STAYS, SignIn};
pub use operations::watermark::{Place, Watermark};
pub use refusal::{BindRefusal, Refusal, classify, classify_bind};
pub use resolve::Names;
pub use rights::Verdict;
pub use root_dse::RootDse;
pub use topology::{Answer, Controller, Domain, PdcRole, Ping, Topology, level_name};
pub use values::decode_values;
