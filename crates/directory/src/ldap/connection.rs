//! One connection: one exchange at a time.

use std::net::IpAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_util::bytes::BytesMut;

use super::ber::Encoded;
use super::binding::tls_server_end_point;
use super::error::LdapError;
use super::policy::PolicyError;
use super::reply::{Answer, Entry, MAXIMUM_REPLY, Numbered, Reply, take_reply};
use super::request::{
    Control, Modify, Search, gssapi_bind, message, password_modify, simple_bind, start_tls, unbind,
};
use super::sasl::choose_layer;
use super::stream::{Sealed, Stream};
use crate::kerberos::{Kerberos, KerberosError, KerberosFault, Proof, Service, realm_of};

/// Most bytes of values that one page of a search may hold.
const MAXIMUM_PAGE: usize = 4 * MAXIMUM_REPLY;

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
    stream: Stream,
    host: String,
    address: IpAddr,
    incoming: BytesMut,
    next_id: i32,
    usable: bool,
    last_used: Instant,
    policy: Option<PolicyError>,
    lacks_binding: bool,
}

/// `saslBindInProgress` (RFC 4511 section 4.1.9).
const IN_PROGRESS: u32 = 14;
/// Steps of a bind by Kerberos, the layer included; it takes three.
const STEPS: usize = 6;
/// Longest wait for a controller's sign of life.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

impl Connection {
    pub(super) fn new(stream: Stream, host: &str, address: IpAddr) -> Self {
        Self {
            stream,
            host: host.to_owned(),
            address,
            incoming: BytesMut::new(),
            next_id: 1,
            usable: true,
            last_used: Instant::now(),
            policy: None,
            lacks_binding: false,
        }
    }

    /// The address that it goes to.
    pub(crate) const fn address(&self) -> IpAddr {
        self.address
    }

    /// The host that it goes to.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What the password policy said to the last exchange, if it was asked and said anything.
    pub(crate) const fn policy_error(&self) -> Option<PolicyError> {
        self.policy
    }

    /// Whether a sign-in by Kerberos under TLS was tried that could not be bound to the certificate.
    pub(crate) const fn lacks_binding(&self) -> bool {
        self.lacks_binding
    }

    /// When the other side answered the last time.
    pub(crate) const fn last_used(&self) -> Instant {
        self.last_used
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
        let silent = self.stream.is_silent().await;
        self.usable = silent;
        silent
    }

    /// Binds with a name and a password (RFC 4513 section 5.1.3). An empty password would be an anonymous bind that
    /// succeeds, so it is refused before anything is sent; and so is any on a connection that everybody can read.
    ///
    /// # Errors
    /// [`LdapError`].
    pub async fn bind(&mut self, name: &str, password: &str, limit: Duration) -> Result<(), LdapError> {
        self.bind_with(name, password, &[], limit).await
    }

    /// As [`Connection::bind`], with controls.
    pub(crate) async fn bind_with(
        &mut self,
        name: &str,
        password: &str,
        controls: &[Control],
        limit: Duration,
    ) -> Result<(), LdapError> {
        if password.is_empty() || name.is_empty() {
            let detail = "an empty name or password is never sent".to_owned();
            return Err(LdapError::NotSent { host: self.host.clone(), detail });
        }
        if !matches!(self.stream, Stream::Tls(_)) {
            let detail = "a password is sent under TLS only".to_owned();
            return Err(LdapError::NotSent { host: self.host.clone(), detail });
        }
        let (_, more) = self.exchange(simple_bind(name, password), controls, limit, |_| Ok(())).await?;
        // A simple bind has no second step.
        if more {
            Err(LdapError::refused(&self.host, IN_PROGRESS, "the bind came to no end"))
        } else {
            Ok(())
        }
    }

    /// Signs in by Kerberos as `account` (`name@REALM`), with SASL's GSSAPI (RFC 4752). Without TLS the connection is sealed from then on;
    /// under TLS the sign-in is bound to the server's certificate instead. Either way the host has to prove that it is
    /// `ldap/host` of the realm.
    ///
    /// # Errors
    /// [`LdapError`].
    pub(crate) async fn bind_by_kerberos(
        &mut self,
        kerberos: &Kerberos,
        account: &str,
        proof: Proof,
        limit: Duration,
    ) -> Result<(), LdapError> {
        let host = self.host.clone();
        let binding = match &self.stream {
            Stream::Plain(_) => None,
            Stream::Tls(stream) => {
                let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                shown.and_then(|certificate| tls_server_end_point(certificate))
            }
            Stream::Sealed(_) | Stream::Gone => {
                return Err(LdapError::NotSent { host, detail: "it is sealed already".to_owned() });
            }
        };
        let sealed = !self.stream.is_protected();
        self.lacks_binding = !sealed && binding.is_none();
        let fail = |error: KerberosError| LdapError::Kerberos {
            host: host.clone(),
            fault: error.fault,
            detail: error.words,
        };
        let wrong = |words: &str| fail(KerberosError::new(KerberosFault::NotTrusted, words));
        let realm = realm_of(account);
        let principal = format!("ldap/{}@{realm}", host.to_ascii_lowercase());
        let service = Service { principal, address: self.address };
        let account = account.to_owned();
        let began = kerberos.begin(account, proof, service, sealed, binding.clone(), limit).await;
        let (mut context, mut out) = match began {
            Ok(began) => began,
            Err(error) => return Err(fail(self.told_apart(error).await)),
        };
        let deadline = Instant::now() + limit;
        for _ in 0..STEPS {
            let left = deadline.saturating_duration_since(Instant::now());
            let token = out.take().unwrap_or_default();
            let (received, more) = self.exchange(gssapi_bind(&token), &[], left, |_| Ok(())).await?;
            if !more {
                return Err(wrong("the controller let us in without proving what it is"));
            }
            if !context.is_complete() {
                let step = kerberos.step(realm, context, received, binding.clone(), deadline);
                (context, out) = step.await.map_err(fail)?;
                continue;
            }
            let offer = context.unwrap(false, &received).map_err(fail)?;
            let layer = choose_layer(&offer, sealed).map_err(|error| wrong(&error.to_string()))?;
            if sealed && !context.can_seal() {
                return Err(wrong("the ticket can't seal, or proves no controller"));
            }
            let answer = context.wrap(false, &layer.answer).map_err(fail)?;
            let left = deadline.saturating_duration_since(Instant::now());
            let (_, more) = self.exchange(gssapi_bind(&answer), &[], left, |_| Ok(())).await?;
            if more || !self.incoming.is_empty() {
                return Err(wrong("the sign-in came to no end"));
            }
            if sealed {
                // A stream that is given up in the middle is of no use to anybody.
                self.usable = false;
                let Stream::Plain(socket) = std::mem::replace(&mut self.stream, Stream::Gone) else {
                    return Err(wrong("the connection is not what it was"));
                };
                self.stream = Stream::Sealed(Box::new(Sealed::new(socket, context, layer.largest)));
                self.usable = true;
            }
            return Ok(());
        }
        Err(wrong("the sign-in came to no end"))
    }

    /// That no ticket came proves nothing about the controller, which need not be the centre that was asked: it is asked for what it tells
    /// anybody (MS-ADTS 3.1.1.3.2).
    async fn told_apart(&mut self, error: KerberosError) -> KerberosError {
        let KerberosError { fault: KerberosFault::Unreachable | KerberosFault::NoTicket, words } = error
        else {
            return error;
        };
        let asked = Search::entry("", &["dsServiceName"]);
        match self.search(&asked, &[], ANSWERS_WITHIN).await {
            Ok(_) | Err(LdapError::Refused { .. }) => {
                let words = format!("the controller answers, and no ticket was to be had: {words}");
                KerberosError::new(KerberosFault::NoTicket, words)
            }
            Err(_) => {
                let words = format!("neither a ticket nor an answer over LDAP: {words}");
                KerberosError::new(KerberosFault::Unreachable, words)
            }
        }
    }

    /// Asks for TLS on a plain connection, and gives the socket back (RFC 4511 section 4.14).
    pub(super) async fn into_start_tls(mut self, limit: Duration) -> Result<TcpStream, LdapError> {
        self.exchange(start_tls(), &[], limit, |_| Ok(())).await?;
        match self.stream {
            // What came before TLS began was said by anybody.
            Stream::Plain(socket) if self.incoming.is_empty() => Ok(socket),
            _ => {
                let detail = "more was said than an answer to StartTLS".to_owned();
                Err(LdapError::NoAnswer { host: self.host, detail, ended: true })
            }
        }
    }

    /// Sets a new password by the Password Modify extended operation (RFC 3062), and asks for the policy's words. Sent once;
    /// [`LdapError::NoAnswer`] means that the directory may have applied it.
    ///
    /// # Errors
    /// [`LdapError`].
    pub(crate) async fn modify_password(
        &mut self,
        dn: &str,
        old: Option<&str>,
        new: &str,
        limit: Duration,
    ) -> Result<(), LdapError> {
        if !self.stream.is_protected() {
            let detail = "nothing is written over a connection that everybody can read".to_owned();
            return Err(LdapError::NotSent { host: self.host.clone(), detail });
        }
        let controls = [Control::password_policy()];
        self.exchange(password_modify(dn, old, new), &controls, limit, |_| Ok(())).await.map(|_| ())
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
        if !self.stream.is_protected() {
            let detail = "nothing is written over a connection that everybody can read".to_owned();
            return Err(LdapError::NotSent { host: self.host.clone(), detail });
        }
        self.exchange(modify.encode(), controls, limit, |_| Ok(())).await.map(|_| ())
    }

    /// Says good-bye and closes. What goes wrong here harms nobody.
    pub async fn close(mut self) {
        let bytes = message(self.next_id, unbind(), &[]);
        let farewell = async {
            self.stream.send(&bytes).await?;
            self.stream.shutdown().await
        };
        let _ = timeout_at(Instant::now() + Duration::from_millis(200), farewell).await;
    }

    /// Sends one request and takes its replies up to the last. Returns the last one's cookie or token, and whether there is more, or
    /// another step to make.
    async fn exchange(
        &mut self,
        operation: Encoded,
        controls: &[Control],
        limit: Duration,
        mut entry: impl FnMut(Entry) -> Result<(), &'static str>,
    ) -> Result<(Vec<u8>, bool), LdapError> {
        let deadline = Instant::now() + limit;
        let id = self.ask(operation, controls, deadline, limit).await?;
        loop {
            match self.reply(id, deadline, limit).await? {
                Reply::Entry(found) => entry(found).map_err(|detail| self.no_answer(detail))?,
                Reply::Bound { answer, token, .. } => {
                    return match answer.code {
                        0 => Ok((token, false)),
                        IN_PROGRESS => Ok((token, true)),
                        _ => Err(LdapError::Refused { host: self.host.clone(), answer }),
                    };
                }
                Reply::Done { answer, cookie, more, .. } => {
                    return if answer.code == 0 {
                        Ok((cookie, more))
                    } else {
                        Err(LdapError::Refused { host: self.host.clone(), answer })
                    };
                }
                Reply::Synced { .. } | Reply::Sync(_) | Reply::Reference | Reply::Other => {}
            }
        }
    }

    /// Sends one request; the number by which its replies are known.
    pub(super) async fn ask(
        &mut self,
        operation: Encoded,
        controls: &[Control],
        deadline: Instant,
        limit: Duration,
    ) -> Result<i32, LdapError> {
        if !self.is_usable().await {
            let detail = "closed by the other side".to_owned();
            return Err(LdapError::NotSent { host: self.host.clone(), detail });
        }
        let id = self.next_id;
        self.next_id = id.checked_add(1).unwrap_or(1);
        let bytes = message(id, operation, controls);
        // Until the end is known to be good, the connection is not.
        self.usable = false;
        self.policy = None;
        match timeout_at(deadline, self.stream.send(&bytes)).await {
            Ok(Ok(())) => Ok(id),
            // Once the first byte is on its way, the whole request may have arrived: from here on no error is 'not sent'.
            Ok(Err(error)) => Err(self.no_answer(&error.to_string())),
            Err(_) => Err(self.late(limit)),
        }
    }

    /// The next reply to request `id`. After the last one the connection is good for another request.
    pub(super) async fn reply(
        &mut self,
        id: i32,
        deadline: Instant,
        limit: Duration,
    ) -> Result<Reply, LdapError> {
        loop {
            while let Some(Numbered { id: about, reply }) =
                take_reply(&mut self.incoming).map_err(|error| self.no_answer(&error.to_string()))?
            {
                if about == 0 {
                    return Err(self.no_answer("the directory closes the connection"));
                }
                if about != id {
                    continue;
                }
                if let Reply::Bound { policy, .. } | Reply::Done { policy, .. } = &reply {
                    self.policy = *policy;
                    self.usable = true;
                    self.last_used = Instant::now();
                }
                return Ok(reply);
            }
            match timeout_at(deadline, self.stream.receive(&mut self.incoming)).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => return Err(self.no_answer("the directory closed the connection")),
                Ok(Err(error)) => return Err(self.no_answer(&error.to_string())),
                Err(_) => return Err(self.late(limit)),
            }
        }
    }

    pub(super) fn no_answer(&self, detail: &str) -> LdapError {
        LdapError::NoAnswer { host: self.host.clone(), detail: detail.to_owned(), ended: true }
    }

    fn late(&self, limit: Duration) -> LdapError {
        let detail = format!("nothing came within {} ms", limit.as_millis());
        LdapError::NoAnswer { host: self.host.clone(), detail, ended: false }
    }
}

impl LdapError {
    /// The answer 'refused' with this code and text, as if `host` had given it. For rules that turn on an answer.
    pub(crate) fn refused(host: &str, code: u32, text: &str) -> Self {
        Self::Refused { host: host.to_owned(), answer: Answer { code, text: text.to_owned() } }
    }
}
