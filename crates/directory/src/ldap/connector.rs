//! Makes connections: TCP, then TLS with the server's name checked, at once or by StartTLS. What Kerberos is to seal stays plain until
//! the sign-in ([`Connection::bind_by_kerberos`]), and carries no credential till then.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::breaker::Breaker;
use super::connection::Connection;
use super::error::{ConnectFault, LdapError};
use super::stream::Stream;
use crate::resolve::Names;

/// A try at a host that failed again and again is no longer than this.
const SHORT: Duration = Duration::from_millis(1_500);

/// How a connection to a domain controller is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// TLS from the first byte.
    #[default]
    Ldaps,
    /// TLS after an LDAP request for it (RFC 4511 section 4.14).
    StartTls,
    /// Sealed by Kerberos (RFC 4752, with confidentiality): the controller needs no certificate.
    Kerberos,
}

impl Transport {
    /// The port that a domain controller has for it.
    pub const fn port(self) -> u16 {
        match self {
            Self::Ldaps => 636,
            Self::StartTls | Self::Kerberos => 389,
        }
    }
}

/// Makes connections: names, trust, protection and time limits. Clones share what is known of hosts that failed.
#[derive(Clone)]
pub struct Connector {
    names: Names,
    tls: tokio_rustls::TlsConnector,
    transport: Transport,
    port: u16,
    limit: Duration,
    breaker: Breaker,
}

impl Connector {
    /// A connector to `port` by LDAPS that trusts `tls`'s roots and gives each connection `limit` to come up.
    pub fn new(names: Names, tls: Arc<rustls::ClientConfig>, port: u16, limit: Duration) -> Self {
        let (transport, breaker) = (Transport::Ldaps, Breaker::default());
        Self { names, tls: tls.into(), transport, port, limit, breaker }
    }

    /// The same with another protection; the port stays.
    #[must_use]
    pub fn over(self, transport: Transport) -> Self {
        Self { transport, ..self }
    }

    /// The resolver.
    pub(crate) const fn names(&self) -> &Names {
        &self.names
    }

    /// Connects to `host`, whose certificate must carry that name. A host that failed three times in a row is not tried for 15 seconds.
    ///
    /// # Errors
    /// [`LdapError::Connect`].
    pub async fn connect(&self, host: &str) -> Result<Connection, LdapError> {
        if let Some(left) = self.breaker.ask(host, Instant::now()) {
            let detail = format!(
                "{} tries in a row failed, so it is left alone for {} s more; the last: {}",
                left.failures, left.seconds, left.words
            );
            return Err(LdapError::Connect { host: host.to_owned(), fault: ConnectFault::LeftAlone, detail });
        }
        self.connect_within(host, None).await
    }

    /// Connects to `host` however often it failed; but where [`Connector::connect`] leaves it alone the try is a short one, so that the
    /// truth is told fast.
    ///
    /// # Errors
    /// [`LdapError::Connect`].
    pub async fn connect_regardless(&self, host: &str) -> Result<Connection, LdapError> {
        let short = self.breaker.ask(host, Instant::now()).map(|_| SHORT.min(self.limit));
        self.connect_within(host, short).await
    }

    /// Whether `host` failed so often that [`Connector::connect`] leaves it alone.
    pub(crate) fn is_doubtful(&self, host: &str) -> bool {
        self.breaker.is_doubtful(host)
    }

    async fn connect_within(&self, host: &str, short: Option<Duration>) -> Result<Connection, LdapError> {
        let began = Instant::now();
        let outcome = self.attempt(host, short.unwrap_or(self.limit)).await;
        self.breaker.note(host, &outcome, short.is_some(), began, Instant::now());
        outcome
    }

    async fn attempt(&self, host: &str, limit: Duration) -> Result<Connection, LdapError> {
        let fail = |fault, detail: String| LdapError::Connect { host: host.to_owned(), fault, detail };
        let late = || fail(ConnectFault::TimedOut, format!("no connection within {} ms", limit.as_millis()));
        let deadline = Instant::now() + limit;
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| fail(ConnectFault::Name, "not a host name".to_owned()))?;
        let addresses = timeout_at(deadline, self.names.addresses(host))
            .await
            .map_err(|_| late())?
            .map_err(|detail| fail(ConnectFault::Name, detail))?;
        let mut last = fail(ConnectFault::Name, "the name has no address".to_owned());
        for address in addresses {
            let socket =
                match timeout_at(deadline, TcpStream::connect(SocketAddr::new(address, self.port))).await {
                    Ok(Ok(socket)) => socket,
                    Ok(Err(error)) => {
                        last = fail(ConnectFault::Tcp, format!("{address} port {}: {error}", self.port));
                        continue;
                    }
                    Err(_) => return Err(late()),
                };
            // A request is one small write; waiting for more would only delay it. Failing to say so costs time, nothing else.
            let _ = socket.set_nodelay(true);
            return match self.transport {
                Transport::Kerberos => Ok(Connection::new(Stream::Plain(socket), host, address)),
                Transport::Ldaps => self.tls(socket, name, host, address, deadline).await,
                Transport::StartTls => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    let plain = Connection::new(Stream::Plain(socket), host, address);
                    let socket = plain.into_start_tls(left).await.map_err(|error| match error {
                        LdapError::NoAnswer { ended: false, .. } => late(),
                        error => fail(ConnectFault::NoStartTls, format!("StartTLS: {error}")),
                    })?;
                    self.tls(socket, name, host, address, deadline).await
                }
            };
        }
        Err(last)
    }

    async fn tls(
        &self,
        socket: TcpStream,
        name: ServerName<'static>,
        host: &str,
        address: IpAddr,
        deadline: Instant,
    ) -> Result<Connection, LdapError> {
        let fail = |fault, detail: String| LdapError::Connect { host: host.to_owned(), fault, detail };
        let stream = timeout_at(deadline, self.tls.connect(name, socket))
            .await
            .map_err(|_| fail(ConnectFault::TimedOut, "no TLS connection in time".to_owned()))?
            .map_err(|error| {
                let fault = tls_fault(&error);
                let hint = if fault == ConnectFault::NothingShared {
                    ": no TLS version or cipher suite that is safe, or no certificate at all; transport = \"kerberos\" \
                     reaches such a controller without TLS"
                } else {
                    ""
                };
                fail(fault, format!("{error}{hint}"))
            })?;
        Ok(Connection::new(Stream::Tls(Box::new(stream)), host, address))
    }
}

fn tls_fault(error: &std::io::Error) -> ConnectFault {
    use rustls::{AlertDescription, CertificateError, Error};
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => ConnectFault::UnknownAuthority,
        Some(Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => ConnectFault::WrongName,
        Some(
            Error::PeerIncompatible(_)
            | Error::AlertReceived(
                AlertDescription::HandshakeFailure
                | AlertDescription::ProtocolVersion
                | AlertDescription::InsufficientSecurity,
            ),
        ) => ConnectFault::NothingShared,
        // Windows hangs up when it has no certificate, or nothing in common.
        None if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof) => {
            ConnectFault::NothingShared
        }
        _ => ConnectFault::Tls,
    }
}
