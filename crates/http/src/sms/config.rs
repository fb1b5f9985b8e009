//! The `[sms]` table of the configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// The gateway that takes text messages: one HTTP request for each.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsConfig {
    /// Where the request goes. `{number}` and `{text}` in it stand for the message's, percent-encoded.
    pub url: String,
    /// The request's method.
    #[serde(default)]
    pub method: SmsMethod,
    /// The request's headers.
    #[serde(default)]
    pub headers: BTreeMap<String, SmsHeader>,
    /// The request's body, in which `{number}` and `{text}` stand for the message's.
    pub body: Option<String>,
    /// What the body is, and so how the message's parts are escaped in it.
    #[serde(default)]
    pub body_is: BodyIs,
    /// How long the gateway may take for one message.
    #[serde(default = "ten")]
    pub timeout_seconds: u16,
    /// A PEM file of authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
}

const fn ten() -> u16 {
    10
}

/// A request's method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SmsMethod {
    /// The message is in the body.
    #[default]
    Post,
    /// The same, for gateways that want it.
    Put,
    /// The message is in the address.
    Get,
}

/// What a body is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BodyIs {
    /// JSON (RFC 8259): parts are escaped for the inside of a string.
    #[default]
    Json,
    /// A form (`application/x-www-form-urlencoded`): parts are percent-encoded.
    Form,
}

/// A header's value.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub enum SmsHeader {
    /// As it stands.
    Plain(String),
    /// A secret.
    Secret(SecretHeader),
}

/// A header's value that nobody but this program may read.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretHeader {
    /// A file whose only line is the secret.
    pub file: PathBuf,
    /// What stands before it: `Bearer `.
    #[serde(default)]
    pub before: String,
}

/// Without anything of it: somebody may have put a secret into the address or a header.
impl std::fmt::Debug for SmsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SmsConfig")
    }
}
