//! How an exchange with a directory fails, by what may have happened there.

use super::reply::Answer;
use crate::kerberos::KerberosFault;

/// Why a host could not be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectFault {
    /// The name has no address, or no DNS server answered.
    Name,
    /// No TCP connection to any address.
    Tcp,
    /// The certificate was issued by no authority that we trust.
    UnknownAuthority,
    /// The certificate is for another name.
    WrongName,
    /// TLS found no version or cipher suite that both sides know: the controller has none that is safe, or shows no certificate.
    NothingShared,
    /// The controller does not do StartTLS.
    NoStartTls,
    /// TLS failed in another way.
    Tls,
    /// It failed so often that it is left alone for a while.
    LeftAlone,
    /// It took too long.
    TimedOut,
}

/// An LDAP exchange that did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LdapError {
    /// No connection: nothing was sent.
    #[error("{host} can't be reached: {detail}")]
    Connect {
        /// The host that was tried.
        host: String,
        /// Why.
        fault: ConnectFault,
        /// In words.
        detail: String,
    },
    /// Kerberos did not let us in: no request was sent.
    #[error("{host}, by Kerberos: {detail}")]
    Kerberos {
        /// The host.
        host: String,
        /// Why.
        fault: KerberosFault,
        /// In words.
        detail: String,
    },
    /// A connection that was there before has ended: nothing was sent.
    #[error("the connection to {host} had ended: {detail}")]
    NotSent {
        /// The host.
        host: String,
        /// In words.
        detail: String,
    },
    /// The directory answered with a result other than success.
    #[error("{host} answered {}: {}", answer.code, answer.text)]
    Refused {
        /// The host.
        host: String,
        /// Its answer.
        answer: Answer,
    },
    /// Sent, perhaps, but no answer came: what the directory did is not known.
    #[error("no answer from {host}: {detail}")]
    NoAnswer {
        /// The host.
        host: String,
        /// In words.
        detail: String,
        /// Whether the connection ended, in place of the time running out.
        ended: bool,
    },
}

impl LdapError {
    /// The host.
    pub fn host(&self) -> &str {
        match self {
            Self::Connect { host, .. }
            | Self::Kerberos { host, .. }
            | Self::NotSent { host, .. }
            | Self::Refused { host, .. }
            | Self::NoAnswer { host, .. } => host,
        }
    }

    /// Whether a connection that was there before has ended. A read may then be made again on another one.
    pub const fn is_ended(&self) -> bool {
        matches!(self, Self::NotSent { .. } | Self::NoAnswer { ended: true, .. })
    }

    /// The directory's answer, if there was one.
    pub const fn answer(&self) -> Option<&Answer> {
        if let Self::Refused { answer, .. } = self { Some(answer) } else { None }
    }
}
