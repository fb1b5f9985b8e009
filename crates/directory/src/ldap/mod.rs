//! An LDAP connection (RFC 4511) over TLS: requests encoded by us, replies decoded by `ldap3_proto`, one exchange at a
//! time. Everything has a time limit, and an error says whether the directory may have acted.

mod ber;
mod connection;
mod error;
mod reply;
mod request;

pub use connection::{Connection, Connector, Page};
pub use error::{ConnectFault, LdapError};
pub use reply::{Answer, DecodeError, Entry, MAXIMUM_REPLY, Numbered, Reply, decode_reply, take_reply};
pub use request::{Change, ChangeKind, Control, Filter, Modify, Scope, Search, unicode_pwd};
