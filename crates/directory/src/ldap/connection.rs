//! One connection: TCP, TLS with the server's name checked, then one exchange at a time.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::client::TlsStream;
use tokio_util::bytes::BytesMut;
use zeroize::Zeroizing;

use super::ber::Encoded;
use super::error::{ConnectFault, LdapError};
use super::reply::{Answer, Entry, MAXIMUM_REPLY, Numbered, Reply, take_reply};
use super::request::{Control, Modify, Search, message, simple_bind, unbind};
use crate::resolve::Names;

/// Most bytes of values that one page of a search may hold.
const MAXIMUM_PAGE: usize = 4 * MAXIMUM_REPLY;

/// Makes connections: names, trust and time limits.
#[derive(Clone)]
pub struct Connector {
    names: Names,
    tls: tokio_rustls::TlsConnector,
    port: u16,
    limit: Duration,
}

impl Connector {
    /// A connector to `port` that trusts `tls`'s roots and gives each connection `limit` to come up.
    pub fn new(names: Names, tls: Arc<rustls::ClientConfig>, port: u16, limit: Duration) -> Self {
        Self { names, tls: tls.into(), port, limit }
    }

    /// The resolver.
    pub(crate) const fn names(&self) -> &Names {
        &self.names
    }

    /// Connects to `host`, whose certificate must carry that name.
    ///
    /// # Errors
    /// [`LdapError::Connect`].
    pub async fn connect(&self, host: &str) -> Result<Connection, LdapError> {
        let fail = |fault, detail: String| LdapError::Connect { host: host.to_owned(), fault, detail };
        let late =
            || fail(ConnectFault::TimedOut, format!("no connection within {} ms", self.limit.as_millis()));
        let deadline = Instant::now() + self.limit;
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
            let stream = timeout_at(deadline, self.tls.connect(name, socket))
                .await
                .map_err(|_| late())?
                .map_err(|error| fail(tls_fault(&error), error.to_string()))?;
            return Ok(Connection {
                stream,
                host: host.to_owned(),
                incoming: BytesMut::new(),
                next_id: 1,
                usable: true,
                last_used: Instant::now(),
            });
        }
        Err(last)
    }
}

fn tls_fault(error: &std::io::Error) -> ConnectFault {
    use rustls::{CertificateError, Error};
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => ConnectFault::UnknownAuthority,
        Some(Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => ConnectFault::WrongName,
        _ => ConnectFault::Tls,
    }
}

/// One page of a search.
#[derive(Debug, Default)]
pub struct Page {
    /// Its entries.
    pub entries: Vec<Entry>,
    /// Cookie for the next page; empty after the last. With DirSync, where the next search goes on.
    pub cookie: Vec<u8>,
    /// Whether DirSync has more to give at once.
    pub more: bool,
}

/// A connection. Dropping it closes it, which abandons what is under way.
pub struct Connection {
    stream: TlsStream<TcpStream>,
    host: String,
    incoming: BytesMut,
    next_id: i32,
    usable: bool,
    last_used: Instant,
}

impl Connection {
    /// The host that it goes to.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// How long it has done nothing.
    pub fn idle(&self) -> Duration {
        self.last_used.elapsed()
    }

    /// Whether it can take another exchange, as far as can be seen without sending: not after a fault, nor when the
    /// other side has closed it or said something unasked.
    pub async fn is_usable(&mut self) -> bool {
        if !self.usable || !self.incoming.is_empty() {
            return false;
        }
        let mut byte = [0_u8; 1];
        let mut buffer = ReadBuf::new(&mut byte);
        let silent = poll_fn(|context| {
            Poll::Ready(Pin::new(&mut self.stream).poll_read(context, &mut buffer).is_pending())
        })
        .await;
        self.usable = silent;
        silent
    }

    /// Binds with a name and a password (RFC 4513 section 5.1.3). An empty password would be an anonymous bind that
    /// succeeds, so it is refused before anything is sent.
    ///
    /// # Errors
    /// [`LdapError`].
    pub async fn bind(&mut self, name: &str, password: &str, limit: Duration) -> Result<(), LdapError> {
        if password.is_empty() || name.is_empty() {
            let detail = "an empty name or password is never sent".to_owned();
            return Err(LdapError::NotSent { host: self.host.clone(), detail });
        }
        self.exchange(simple_bind(name, password), &[], limit, |_| Ok(())).await.map(|_| ())
    }

    /// One page of a search, or all of it when `controls` don't ask for pages.
    ///
    /// # Errors
    /// [`LdapError`].
    pub async fn search(
        &mut self,
        search: &Search,
        controls: &[Control],
        limit: Duration,
    ) -> Result<Page, LdapError> {
        let mut page = Page::default();
        let mut size = 0;
        (page.cookie, page.more) = self
            .exchange(search.encode(), controls, limit, |entry| {
                size += entry.dn.len()
                    + entry.attributes.values().flatten().map(|value| value.len() + 32).sum::<usize>();
                if size > MAXIMUM_PAGE {
                    return Err("one page of a search is larger than 64 MiB");
                }
                page.entries.push(entry);
                Ok(())
            })
            .await?;
        Ok(page)
    }

    /// Modifies one entry. Sent once; [`LdapError::NoAnswer`] means that the directory may have applied it.
    ///
    /// # Errors
    /// [`LdapError`].
    pub async fn modify(
        &mut self,
        modify: &Modify,
        controls: &[Control],
        limit: Duration,
    ) -> Result<(), LdapError> {
        self.exchange(modify.encode(), controls, limit, |_| Ok(())).await.map(|_| ())
    }

    /// Says good-bye and closes. What goes wrong here harms nobody.
    pub async fn close(mut self) {
        let bytes = message(self.next_id, unbind(), &[]);
        let farewell = async {
            self.stream.write_all(&bytes).await?;
            self.stream.shutdown().await
        };
        let _ = timeout_at(Instant::now() + Duration::from_millis(200), farewell).await;
    }

    /// Sends one request and takes its replies up to the last. Returns the last one's cookie, and whether there is more.
    async fn exchange(
        &mut self,
        operation: Encoded,
        controls: &[Control],
        limit: Duration,
        mut entry: impl FnMut(Entry) -> Result<(), &'static str>,
    ) -> Result<(Vec<u8>, bool), LdapError> {
        if !self.is_usable().await {
            let detail = "closed by the other side".to_owned();
            return Err(LdapError::NotSent { host: self.host.clone(), detail });
        }
        let id = self.next_id;
        self.next_id = id.checked_add(1).unwrap_or(1);
        let bytes = message(id, operation, controls);
        // Until the end is known to be good, the connection is not.
        self.usable = false;
        let no_answer = |detail: String| LdapError::NoAnswer { host: self.host.clone(), detail, ended: true };
        let deadline = Instant::now() + limit;
        let late = || {
            let detail = format!("nothing came within {} ms", limit.as_millis());
            LdapError::NoAnswer { host: self.host.clone(), detail, ended: false }
        };
        let stream = &mut self.stream;
        let sent = timeout_at(deadline, async {
            stream.write_all(&bytes).await?;
            stream.flush().await
        });
        // Once the first byte is on its way, the whole request may have arrived: from here on no error is 'not sent'.
        sent.await.map_err(|_| late())?.map_err(|error| no_answer(error.to_string()))?;
        drop(bytes);
        let mut chunk = Zeroizing::new(vec![0_u8; 16 << 10]);
        loop {
            while let Some(Numbered { id: about, reply }) =
                take_reply(&mut self.incoming).map_err(|error| no_answer(error.to_string()))?
            {
                match reply {
                    _ if about == 0 => {
                        return Err(no_answer("the directory closes the connection".to_owned()));
                    }
                    _ if about != id => {}
                    Reply::Entry(found) => entry(found).map_err(|detail| no_answer(detail.to_owned()))?,
                    Reply::Done { answer, cookie, more } => {
                        self.usable = true;
                        self.last_used = Instant::now();
                        return if answer.code == 0 {
                            Ok((cookie, more))
                        } else {
                            Err(LdapError::Refused { host: self.host.clone(), answer })
                        };
                    }
                    Reply::Reference | Reply::Other => {}
                }
            }
            let read = timeout_at(deadline, stream.read(&mut chunk))
                .await
                .map_err(|_| late())?
                .map_err(|error| no_answer(error.to_string()))?;
            if read == 0 {
                return Err(no_answer("the directory closed the connection".to_owned()));
            }
            self.incoming.extend_from_slice(&chunk[..read]);
        }
    }
}

impl LdapError {
    /// The answer 'refused' with this code and text, as if `host` had given it. For rules that turn on an answer.
    pub(crate) fn refused(host: &str, code: u32, text: &str) -> Self {
        Self::Refused { host: host.to_owned(), answer: Answer { code, text: text.to_owned() } }
    }
}
