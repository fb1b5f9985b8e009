//! The `[mail]` table of the configuration.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;

/// Where mail goes out. There is no way to send it unencrypted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// The submission server's name or address; its certificate must name it.
    pub host: String,
    /// The port; 587 with STARTTLS, 465 with TLS if left out.
    pub port: Option<u16>,
    /// How the connection is encrypted.
    #[serde(default)]
    pub tls: MailTls,
    /// A PEM file of authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// The user name for AUTH, if the server wants one.
    pub user: Option<String>,
    /// A file whose only line is the password for AUTH.
    pub password_file: Option<PathBuf>,
    /// The sender's address. What can't be delivered comes back to it.
    pub from: String,
    /// By which selector the mail server signs (DKIM, RFC 6376); without it the key can't be looked up.
    pub dkim_selector: Option<String>,
    /// The addresses that mail leaves from to other servers, for SPF; those of `host` if there are none.
    #[serde(default)]
    pub sends_from: Vec<IpAddr>,
    /// The DNS servers that are asked about the sender's domain, with their ports; the machine's if there are none.
    #[serde(default)]
    pub dns_servers: Vec<SocketAddr>,
}

/// How the connection to the mail server is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// STARTTLS (RFC 3207), and nothing is sent unless it succeeds.
    #[default]
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Tls,
}

impl MailConfig {
    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            MailTls::Starttls => 587,
            MailTls::Tls => 465,
        })
    }
}
