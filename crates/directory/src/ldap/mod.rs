//! An LDAP connection (RFC 4511) under TLS or sealed by Kerberos: requests encoded by us, replies decoded by `ldap3_proto`, one exchange at a
//! time. Everything has a time limit, and an error says whether the directory may have acted.

mod ber;
mod binding;
mod breaker;
mod connection;
mod connector;
mod content;
mod error;
mod policy;
mod reply;
mod request;
mod sasl;
mod stream;

pub use binding::tls_server_end_point;
pub use connection::{Connection, Page};
pub use connector::{Connector, Transport};
pub(crate) use content::{Content, Told};
pub use error::{ConnectFault, LdapError};
pub use policy::PolicyError;
pub use reply::{
    Answer, DecodeError, Entry, MAXIMUM_REPLY, Numbered, Reply, SyncInfo, SyncState, decode_reply, take_reply,
};
pub use request::{Change, ChangeKind, Control, Filter, Modify, Scope, Search, unicode_pwd};
pub use sasl::{FrameError, Layer, MAXIMUM_FRAME, choose_layer, take_frame};
