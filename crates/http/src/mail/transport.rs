//! One mail over SMTP submission (RFC 6409), always encrypted.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use ritorno_identity::ids::MailId;
use ritorno_protocol::clock::Timestamp;
use zeroize::Zeroizing;

use crate::mail::compose::Written;
use crate::mail::config::{MailConfig, MailTls};

/// How long the server may take for one command.
const COMMAND_WITHIN: Duration = Duration::from_secs(20);

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
    /// The server refused this mail for good (a 5xx reply, RFC 5321 section 4.2.1).
    #[error("refused for good: {0}")]
    Refused(lettre::transport::smtp::Error),
    /// The server can't be reached, or asks to try later.
    #[error("not taken now: {0}")]
    Later(lettre::transport::smtp::Error),
}

impl SendError {
    /// Whether another try can help.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Unsendable(_) | Self::Refused(_))
    }

    /// What whoever runs the server can do about it.
    pub fn todo(&self) -> &'static str {
        /// Replies to a wrong or missing sign-in (RFC 4954 section 6).
        const SIGN_IN: [u16; 4] = [530, 534, 535, 538];
        let error = match self {
            Self::Unsendable(_) => return "An address looks like name@domain",
            Self::Refused(error) | Self::Later(error) => error,
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
#[derive(Clone, Debug)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
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
        let tls = match config.tls {
            MailTls::Starttls => Tls::Required(parameters),
            MailTls::Tls => Tls::Wrapper(parameters),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
            .port(config.port())
            .tls(tls)
            .timeout(Some(COMMAND_WITHIN));
        match (&config.user, &config.password_file) {
            (Some(user), Some(path)) => {
                let text = std::fs::read_to_string(path).map_err(|error| MailConfigError::File {
                    key: "password_file",
                    path: path.clone(),
                    error,
                })?;
                let text = Zeroizing::new(text);
                let password = text.trim_end_matches(['\r', '\n']);
                builder = builder.credentials(Credentials::new(user.clone(), password.to_owned()));
            }
            (None, None) => {}
            _ => return Err(MailConfigError::HalfCredentials),
        }
        Ok(Self { transport: builder.build(), from: sender(config)? })
    }

    fn sender(&self, organisation: &str) -> Mailbox {
        let own = self.from.name.clone();
        let name = own.or_else(|| Some(organisation.to_owned()).filter(|name| !name.is_empty()));
        Mailbox { name, email: self.from.email.clone() }
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
            .from(self.sender(organisation))
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
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => Err(SendError::Refused(error)),
            Err(error) => Err(SendError::Later(error)),
        }
    }
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

    #[tokio::test]
    async fn mails_come_in_the_tenants_name_unless_the_configuration_has_one() {
        let sender = |from: &str, organisation: &str| {
            let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("mail.test").build();
            Mailer { transport, from: from.parse().unwrap() }.sender(organisation).to_string()
        };
        assert_eq!(sender("no-reply@contoso.test", "Contoso"), "Contoso <no-reply@contoso.test>");
        assert_eq!(sender("IT <no-reply@contoso.test>", "Contoso"), "IT <no-reply@contoso.test>");
        assert_eq!(sender("no-reply@contoso.test", ""), "no-reply@contoso.test");
    }
}
