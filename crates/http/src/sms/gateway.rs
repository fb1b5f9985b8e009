//! One text message over HTTPS to a gateway, as the configuration says.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, StatusCode};
use ritorno_identity::phone::Phone;
use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;
use url::{Host, Url};
use zeroize::Zeroizing;

use crate::sms::config::{BodyIs, SmsConfig, SmsHeader, SmsMethod};
use crate::sms::template::{Parts, address_part, fill, form, has_both, json};

/// What the templates are tried with: everything that has to be escaped somewhere.
const TRIAL: Parts<'_> = Parts { number: "+390000000000", text: "\"quoted\" \\ & = % è\nsecond line" };

/// Why text messages can't be sent with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum SmsConfigError {
    /// The address is none, or would carry codes in the clear.
    #[error("[sms] url: {0}")]
    Url(String),
    /// A part of the message is nowhere.
    #[error("[sms] {{number}} and {{text}} both have to stand in body, or in url")]
    Parts,
    /// The body is not what it is said to be.
    #[error("[sms] body: with a message in it, it is no JSON: {0}. A form is told by body_is = \"form\"")]
    Body(serde_json::Error),
    /// A GET with a body.
    #[error("[sms] body: a GET has none; put {{number}} and {{text}} into url")]
    GetWithBody,
    /// A header can't be sent.
    #[error("[sms] headers: '{0}' is no header that can be sent")]
    Header(String),
    /// A file can't be read.
    #[error("[sms] {key}: {path}: {error}", path = path.display())]
    File {
        /// The key that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: String,
    },
    /// It has to be some seconds.
    #[error(
        "[sms] timeout_seconds: from 1 to 25, within the half minute after which another server would try"
    )]
    Timeout,
    /// Encryption can't be set up.
    #[error("[sms] {0}")]
    Client(String),
}

/// Why a message was not taken. It never holds the number or the text.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The gateway refused this message.
    #[error("refused for good: it answered {0}")]
    Refused(StatusCode),
    /// The gateway can't take it now, or not from us.
    #[error("not taken now: it answered {0}")]
    Later(StatusCode),
    /// The gateway failed, and may have sent it before.
    #[error("not known whether it was taken: it answered {0}")]
    Failed(StatusCode),
    /// The gateway can't be reached.
    #[error("not reached: {0}")]
    Unreachable(String),
    /// There was no answer, and the gateway may have sent it.
    #[error("not known whether it was taken: {0}")]
    Unanswered(String),
}

impl GatewayError {
    /// Whether another try can help.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// Whether it may have been sent all the same.
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Unanswered(_))
    }

    /// What whoever runs the server can do about it.
    pub fn todo(&self) -> &'static str {
        match self {
            Self::Refused(_) => {
                "See [sms] body and url: the gateway understood the request and does not like it"
            }
            Self::Later(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                "See [sms] headers: it wants another secret"
            }
            Self::Later(StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) => "See [sms] url and method",
            Self::Later(status) if status.is_redirection() => {
                "See [sms] url: it sends us elsewhere, and messages are not carried there"
            }
            Self::Later(StatusCode::PAYMENT_REQUIRED) => "The account at the gateway has to be topped up",
            Self::Later(_) | Self::Failed(_) => "See what the gateway's own pages say",
            Self::Unanswered(_) => "See timeout_seconds in [sms], and what the gateway's own pages say",
            Self::Unreachable(_) => {
                "See that [sms] url is right, that this machine may connect there, and that it, or ca_file, trusts the \
                 certificate"
            }
        }
    }
}

/// The way out for text messages.
#[derive(Clone)]
pub struct Gateway {
    client: Client,
    url: String,
    method: Method,
    headers: HeaderMap,
    body: Option<String>,
    body_is: BodyIs,
}

/// Without what may be secret: headers, and what stands in the address.
impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gateway")
    }
}

impl Gateway {
    /// Reads the files that `config` names, and tries its templates. Connects to nothing yet.
    ///
    /// # Errors
    /// [`SmsConfigError`], by the key that is wrong.
    pub fn new(config: &SmsConfig) -> Result<Self, SmsConfigError> {
        let method = match config.method {
            SmsMethod::Post => Method::POST,
            SmsMethod::Put => Method::PUT,
            SmsMethod::Get => Method::GET,
        };
        if method == Method::GET && config.body.is_some() {
            return Err(SmsConfigError::GetWithBody);
        }
        let templates = [config.url.as_str(), config.body.as_deref().unwrap_or_default()];
        if !has_both(&templates) {
            return Err(SmsConfigError::Parts);
        }
        let url = address(&config.url, TRIAL)?;
        if let (Some(body), BodyIs::Json) = (&config.body, config.body_is) {
            serde_json::from_str::<serde_json::Value>(&fill(body, TRIAL, json))
                .map_err(SmsConfigError::Body)?;
        }
        if !(1..=25).contains(&config.timeout_seconds) {
            return Err(SmsConfigError::Timeout);
        }
        let mut builder = Client::builder();
        if url.scheme() == "http" {
            // A proxy would get what must not leave this machine in the clear.
            builder = builder.no_proxy();
        }
        let client = builder
            // A redirect would carry a code to whoever answers there.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(config.timeout_seconds.into()))
            .tls_backend_preconfigured(tls(config.ca_file.as_deref())?)
            .build()
            .map_err(|error| SmsConfigError::Client(error.to_string()))?;
        let (url, body, body_is) = (config.url.clone(), config.body.clone(), config.body_is);
        Ok(Self { client, url, method, headers: headers(config)?, body, body_is })
    }

    /// Where messages go: scheme, host and port, without what may be secret.
    pub fn place(&self) -> String {
        let url = address(&self.url, TRIAL);
        url.map_or_else(|_| String::new(), |url| url.origin().ascii_serialization())
    }

    /// Sends one message.
    ///
    /// # Errors
    /// [`GatewayError`], by whether another try can help.
    pub async fn send(&self, to: &Phone, text: &str) -> Result<(), GatewayError> {
        let parts = Parts { number: to.as_str(), text };
        let url = address(&self.url, parts).map_err(|error| GatewayError::Unreachable(error.to_string()))?;
        let mut request = self.client.request(self.method.clone(), url).headers(self.headers.clone());
        if let Some(body) = &self.body {
            let escape = match self.body_is {
                BodyIs::Json => json,
                BodyIs::Form => form,
            };
            request = request.body(fill(body, parts, escape));
        }
        // An error's words would name the address, and with it the number.
        let unreachable = |error: reqwest::Error| {
            let connected = !error.is_connect();
            let words = with_causes(&error.without_url());
            if connected { GatewayError::Unanswered(words) } else { GatewayError::Unreachable(words) }
        };
        let status = request.send().await.map_err(unreachable)?.status();
        match status.as_u16() {
            200..=299 => Ok(()),
            // What changes with the configuration or with time is no verdict on this message.
            401 | 402 | 403 | 404 | 405 | 408 | 425 | 429 => Err(GatewayError::Later(status)),
            400..=499 => Err(GatewayError::Refused(status)),
            500..=599 => Err(GatewayError::Failed(status)),
            _ => Err(GatewayError::Later(status)),
        }
    }
}

/// The address with a message's parts in it.
fn address(template: &str, parts: Parts<'_>) -> Result<Url, SmsConfigError> {
    let url = Url::parse(&fill(template, parts, address_part))
        .map_err(|error| SmsConfigError::Url(error.to_string()))?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() == "https" || (url.scheme() == "http" && loopback) {
        Ok(url)
    } else {
        Err(SmsConfigError::Url("it begins with https:// (http:// is for loopback addresses only)".into()))
    }
}

fn headers(config: &SmsConfig) -> Result<HeaderMap, SmsConfigError> {
    let mut headers = HeaderMap::new();
    if config.body.is_some() {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static(match config.body_is {
                BodyIs::Json => "application/json",
                BodyIs::Form => "application/x-www-form-urlencoded",
            }),
        );
    }
    for (name, value) in &config.headers {
        let wrong = || SmsConfigError::Header(name.clone());
        let text = Zeroizing::new(match value {
            SmsHeader::Plain(text) => text.clone(),
            SmsHeader::Secret(secret) => {
                let read = std::fs::read_to_string(&secret.file).map_err(|error| SmsConfigError::File {
                    key: "headers",
                    path: secret.file.clone(),
                    error: error.to_string(),
                })?;
                let read = Zeroizing::new(read);
                format!("{}{}", secret.before, read.trim_end_matches(['\r', '\n']))
            }
        });
        let mut value = HeaderValue::from_str(&text).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?, value);
    }
    Ok(headers)
}

/// TLS 1.2 and 1.3 to the gateway: the system's authorities, and those of the file. No check can be switched off.
fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, SmsConfigError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let extra: Vec<CertificateDer<'static>> = match ca_file {
        None => Vec::new(),
        Some(path) => CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|error| {
            SmsConfigError::File { key: "ca_file", path: path.to_owned(), error: error.to_string() }
        })?,
    };
    let unusable = |error: rustls::Error| SmsConfigError::Client(error.to_string());
    let verifier = Verifier::new_with_extra_roots(extra, provider.clone()).map_err(unusable)?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// An error with its causes: the library's own words leave out the one that matters.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(lines: &str) -> Result<Gateway, SmsConfigError> {
        Gateway::new(&toml_free(lines))
    }

    /// The table, from JSON: the same fields.
    fn toml_free(json: &str) -> SmsConfig {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn codes_are_carried_in_the_clear_to_this_machine_only() {
        for (url, taken) in [
            ("https://sms.example.org/send", true),
            ("http://127.0.0.1:9/send", true),
            ("http://localhost:9/send", true),
            ("http://[::1]:9/send", true),
            ("http://sms.example.org/send", false),
            ("ftp://127.0.0.1/send", false),
            ("no address", false),
        ] {
            let made =
                configured(&format!(r#"{{"url": "{url}", "body": "{{\"{{number}}\": \"{{text}}\"}}"}}"#));
            assert_eq!(made.is_ok(), taken, "{url}: {made:?}");
        }
    }

    #[test]
    fn what_can_not_carry_a_message_is_said_before_the_first_one() {
        let wrong = |json: &str| configured(json).unwrap_err().to_string();
        let told = wrong(r#"{"url": "https://x.test/{number}", "body": "{}"}"#);
        assert!(told.contains("{number} and {text}"), "{told}");
        let told = wrong(r#"{"url": "https://x.test/", "body": "to={number}&text={text}"}"#);
        assert!(told.contains("body_is"), "{told}");
        let told = wrong(r#"{"url": "https://x.test/?n={number}", "method": "GET", "body": "{text}"}"#);
        assert!(told.contains("GET has none"), "{told}");
        let told = wrong(r#"{"url": "https://x.test/?n={number}&t={text}", "timeout_seconds": 0}"#);
        assert!(told.contains("from 1 to 25"), "{told}");
        let told = wrong(
            r#"{"url": "https://x.test/?n={number}&t={text}", "headers": {"A": {"file": "/nowhere"}}}"#,
        );
        assert!(told.contains("/nowhere"), "{told}");
        let made =
            configured(r#"{"url": "https://x.test/?n={number}&t={text}", "headers": {"A": "geheim"}}"#);
        let made = made.unwrap();
        assert_eq!(made.place(), "https://x.test");
        assert!(!format!("{made:?}").contains("geheim"));
    }
}
