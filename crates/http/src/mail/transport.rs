//! One mail over SMTP submission (RFC 6409), always encrypted.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use ritorno_identity::ids::MailId;
use ritorno_protocol::clock::Timestamp;
use zeroize::Zeroizing;

use crate::mail::compose::Written;
use crate::mail::config::{MailConfig, MailTls};

/// How long the server may take until it hears of a mail, and then for that mail: together less than a mail is one sender's.
const CONNECTED_WITHIN: Duration = Duration::from_secs(8);
const SENT_WITHIN: Duration = Duration::from_secs(20);
/// Replies to a wrong or missing sign-in (RFC 4954 section 6).
const SIGN_IN: [u16; 4] = [530, 534, 535, 538];

/// Why mail can't be sent with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum MailConfigError {
    /// A file can't be read.
    #[error("[mail] {key}: {path}: {error}", path = path.display())]
    File {
        /// The key that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The authorities' file holds no certificate.
    #[error("[mail] ca_file: {path}: {error}", path = path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: lettre::transport::smtp::Error,
    },
    /// Encryption can't be set up for this host.
    #[error("[mail] host: {0}")]
    Host(lettre::transport::smtp::Error),
    /// The sender is not an address.
    #[error("[mail] from: '{0}' is not a mail address")]
    From(String),
    /// The selector is none that a name in DNS can have.
    #[error("[mail] dkim_selector: '{0}' is no selector: letters, digits, '-', '_' and dots between")]
    Selector(String),
    /// DNS can't be asked.
    #[error("[mail] dns_servers: none is named, and the machine's can't be read: {0}")]
    Dns(String),
    /// A user without a password, or the other way round.
    #[error("[mail] user and password_file go together")]
    HalfCredentials,
}

/// Why one mail was not taken by the server.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The address is none, or the text can't be one; another try would end the same.
    #[error("the mail can't be built: {0}")]
    Unsendable(String),
    /// The server refused this addressee, or this text, for good (a 5xx reply to RCPT or DATA, RFC 5321 section 4.2.1).
    #[error("refused for good: {0}")]
    Refused(lettre::transport::smtp::Error),
    /// The server asks to try later with this mail.
    #[error("not taken now: {0}")]
    Later(lettre::transport::smtp::Error),
    /// The server can't be reached, or takes no mail of ours, whoever it is for: it did not get as far as the addressee.
    #[error("no mail is taken: {0}")]
    Closed(lettre::transport::smtp::Error),
    /// The server took too long over this mail: looking the addressee up, or its text through.
    #[error("not taken now: there was no answer to it for {} seconds", SENT_WITHIN.as_secs())]
    Slow,
    /// The server fell silent before it heard of any mail.
    #[error("no mail is taken: there was no answer for {} seconds", CONNECTED_WITHIN.as_secs())]
    Silent,
    /// The password for it can't be read any more.
    #[error("no mail is taken: {0}")]
    Credentials(MailConfigError),
}

impl SendError {
    /// Whether another try can help.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Unsendable(_) | Self::Refused(_))
    }

    /// Whether it says nothing of this mail: every other one would have met the same.
    pub const fn is_of_all(&self) -> bool {
        matches!(self, Self::Closed(_) | Self::Silent | Self::Credentials(_))
    }

    /// What whoever runs the server can do about it.
    pub fn todo(&self) -> &'static str {
        let error = match self {
            Self::Unsendable(_) => return "An address looks like name@domain",
            Self::Slow => return "See in that server's own log what it waits for",
            Self::Silent => return "See that [mail] host and port are right, and whether that server works",
            Self::Credentials(_) => return "See [mail] password_file",
            Self::Refused(error) | Self::Later(error) | Self::Closed(error) => error,
        };
        match error.status().map(u16::from) {
            Some(code) if SIGN_IN.contains(&code) => "See [mail] user and password_file",
            Some(_) => {
                "Its words say why; many servers take mail only from senders that they know: see [mail] from and user"
            }
            None if is_tls(error) => {
                "Its certificate has to name [mail] host and be of an authority that this machine, or ca_file, trusts; \
                 and tls has to fit the port"
            }
            None => "See that [mail] host and port are right, and that this machine may connect there",
        }
    }
}

/// The way out for mails.
#[derive(Clone)]
pub struct Mailer {
    host: String,
    port: u16,
    tls: MailTls,
    parameters: TlsParameters,
    hello: ClientId,
    /// The user, and the file that has the password: it is read for each mail, so that a new password needs no restart.
    sign_in: Option<(String, PathBuf)>,
    from: Mailbox,
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mailer({}:{})", self.host, self.port)
    }
}

impl Mailer {
    /// Reads the files that `config` names. Connects to nothing yet.
    ///
    /// # Errors
    /// [`MailConfigError`], by the key that is wrong.
    pub fn new(config: &MailConfig) -> Result<Self, MailConfigError> {
        let mut parameters = TlsParameters::builder(config.host.clone());
        if let Some(path) = &config.ca_file {
            let pem = std::fs::read(path).map_err(|error| MailConfigError::File {
                key: "ca_file",
                path: path.clone(),
                error,
            })?;
            let certificate = Certificate::from_pem(&pem)
                .map_err(|error| MailConfigError::Authority { path: path.clone(), error })?;
            parameters = parameters.add_root_certificate(certificate);
        }
        let parameters = parameters.build_rustls().map_err(MailConfigError::Host)?;
        let sign_in = match (&config.user, &config.password_file) {
            (Some(user), Some(path)) => {
                // Said at the start, and not with the first mail.
                credentials(user, path)?;
                Some((user.clone(), path.clone()))
            }
            (None, None) => None,
            _ => return Err(MailConfigError::HalfCredentials),
        };
        Ok(Self {
            host: config.host.clone(),
            port: config.port(),
            tls: config.tls,
            parameters,
            hello: ClientId::default(),
            sign_in,
            from: sender(config)?,
        })
    }

    /// Sends one mail, in the name of `organisation` unless the configuration has a name for the sender. The same `id` gives the same Message-ID, so that a mail that was sent twice can be seen as one.
    ///
    /// # Errors
    /// [`SendError`], by whether another try can help.
    pub async fn send(
        &self,
        id: MailId,
        organisation: &str,
        to: &str,
        language: &str,
        written: Written,
        now: Timestamp,
    ) -> Result<(), SendError> {
        let unsendable = |error: String| SendError::Unsendable(error);
        let to: Mailbox = to.parse().map_err(|error| unsendable(format!("{error}")))?;
        let date = SystemTime::UNIX_EPOCH + now.since(Timestamp::from_unix_ms(0));
        let domain = self.from.email.domain();
        let message = Message::builder()
            .from(named(&self.from, organisation))
            .to(to)
            .subject(written.subject)
            .date(date)
            .message_id(Some(format!("<{id}@{domain}>")))
            .raw_header(header("Content-Language", language))
            // RFC 3834: no vacation notice answers it.
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .header(ContentType::TEXT_PLAIN)
            .body(written.text)
            .map_err(|error| unsendable(error.to_string()))?;
        let text = message.formatted();
        self.carry(message.envelope(), &text).await
    }

    /// One connection for one mail. What is refused before the addressee is named says nothing of the mail.
    async fn carry(&self, envelope: &lettre::address::Envelope, mail: &[u8]) -> Result<(), SendError> {
        let connected = tokio::time::timeout(CONNECTED_WITHIN, self.connect()).await;
        let mut connection = connected.unwrap_or(Err(SendError::Silent))?;
        let carried = tokio::time::timeout(SENT_WITHIN, hand_over(&mut connection, envelope, mail)).await;
        let carried = carried.unwrap_or(Err(SendError::Slow));
        connection.abort().await;
        carried
    }

    /// A connection that is encrypted, and signed in where there is somebody to sign in.
    async fn connect(&self) -> Result<AsyncSmtpConnection, SendError> {
        let at_once = (self.tls == MailTls::Tls).then(|| self.parameters.clone());
        let server = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(SENT_WITHIN), &self.hello, at_once, None)
                .await
                .map_err(SendError::Closed)?;
        if self.tls == MailTls::Starttls {
            // After a failed one there is no connection that could be told of its end.
            connection.starttls(self.parameters.clone(), &self.hello).await.map_err(SendError::Closed)?;
        }
        if let Some((user, file)) = &self.sign_in {
            let signed_in = match credentials(user, file) {
                Ok(credentials) => {
                    let answer = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
                    answer.map(drop).map_err(SendError::Closed)
                }
                Err(error) => Err(SendError::Credentials(error)),
            };
            if signed_in.is_err() {
                connection.abort().await;
            }
            signed_in?;
        }
        Ok(connection)
    }
}

/// Hands one mail over.
async fn hand_over(
    connection: &mut AsyncSmtpConnection,
    envelope: &lettre::address::Envelope,
    mail: &[u8],
) -> Result<(), SendError> {
    let mut parameters = Vec::new();
    let addresses = envelope.to().iter().chain(envelope.from());
    if !addresses.map(AsRef::<str>::as_ref).all(str::is_ascii) {
        // RFC 6531 section 3.4: such an address is not for a server that does not know them.
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            let why = "the mail server takes no address with such letters (SMTPUTF8)";
            return Err(SendError::Unsendable(why.to_owned()));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !mail.is_ascii() {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let from = envelope.from().cloned();
    connection.command(Mail::new(from, parameters)).await.map_err(SendError::Closed)?;
    for to in envelope.to() {
        connection.command(Rcpt::new(to.clone(), Vec::new())).await.map_err(of_this_mail)?;
    }
    connection.command(Data).await.map_err(of_this_mail)?;
    connection.message(mail).await.map(drop).map_err(of_this_mail)
}

/// What a refusal after the addressee was named means. Some servers ask for a sign-in only there.
fn of_this_mail(error: lettre::transport::smtp::Error) -> SendError {
    match error.status().map(u16::from) {
        Some(code) if SIGN_IN.contains(&code) => SendError::Closed(error),
        Some(_) if error.is_permanent() => SendError::Refused(error),
        _ => SendError::Later(error),
    }
}

/// Reads the password.
fn credentials(user: &str, file: &Path) -> Result<Credentials, MailConfigError> {
    let text = std::fs::read_to_string(file).map_err(|error| MailConfigError::File {
        key: "password_file",
        path: file.to_owned(),
        error,
    })?;
    let text = Zeroizing::new(text);
    let password = text.trim_end_matches(['\r', '\n']);
    Ok(Credentials::new(user.to_owned(), password.to_owned()))
}

/// Who a mail comes from: in the name of `organisation`, unless the configuration has a name.
fn named(from: &Mailbox, organisation: &str) -> Mailbox {
    let name = from.name.clone().or_else(|| Some(organisation.to_owned()).filter(|name| !name.is_empty()));
    Mailbox { name, email: from.email.clone() }
}

/// The sender, and whether what else is said of it can be so.
pub(super) fn sender(config: &MailConfig) -> Result<Mailbox, MailConfigError> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    match &config.dkim_selector {
        Some(selector) if selector.len() > 100 || !selector.split('.').all(label) => {
            Err(MailConfigError::Selector(selector.clone()))
        }
        _ => config.from.parse().map_err(|_| MailConfigError::From(config.from.clone())),
    }
}

/// Whether encryption failed: the library tells a certificate that is not trusted as a broken connection.
fn is_tls(error: &lettre::transport::smtp::Error) -> bool {
    let behind = std::error::Error::source(error).and_then(|behind| behind.downcast_ref::<std::io::Error>());
    error.is_tls()
        || behind.and_then(std::io::Error::get_ref).is_some_and(|cause| cause.is::<rustls::Error>())
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_come_in_the_tenants_name_unless_the_configuration_has_one() {
        let sender = |from: &str, organisation: &str| named(&from.parse().unwrap(), organisation).to_string();
        assert_eq!(sender("no-reply@contoso.test", "Contoso"), "Contoso <no-reply@contoso.test>");
        assert_eq!(sender("IT <no-reply@contoso.test>", "Contoso"), "IT <no-reply@contoso.test>");
        assert_eq!(sender("no-reply@contoso.test", ""), "no-reply@contoso.test");
    }
}
