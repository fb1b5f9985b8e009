//! What DNS says of a domain that mail comes from: the machine's servers, or those of the configuration.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData};

/// Records of one name and kind that are looked at. No domain that sends mail has more.
const RECORDS_AT_MOST: usize = 64;

/// A resolver with 2 seconds and 2 tries for each server. It keeps nothing, so that a record that was mended is seen at once.
#[derive(Clone)]
pub struct Names(Arc<TokioResolver>);

/// No answer came: nothing can be said of the name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("DNS does not answer for {name}: {why}")]
pub struct Unanswered {
    /// What was asked for.
    pub name: String,
    /// The resolver's words.
    pub why: String,
}

/// The records of a name; `None` if there is no such name (NXDOMAIN).
pub type Records<T> = Result<Option<Vec<T>>, Unanswered>;

impl Names {
    /// Asks `servers`, or the ones of the machine's own configuration if there are none.
    ///
    /// # Errors
    /// The resolver's words, if the machine's configuration can't be read.
    pub fn new(servers: &[SocketAddr]) -> Result<Self, String> {
        let mut builder = if servers.is_empty() {
            TokioResolver::builder_tokio().map_err(|error| error.to_string())?
        } else {
            let servers = servers.iter().map(|server| {
                let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                    connection.port = server.port();
                    connection
                });
                NameServerConfig::new(server.ip(), true, connections.into())
            });
            let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.timeout = Duration::from_secs(2);
        options.attempts = 2;
        options.cache_size = 0;
        builder.build().map(|resolver| Self(Arc::new(resolver))).map_err(|error| error.to_string())
    }

    /// The TXT records of a name, the strings of each put together (RFC 7208 section 3.3, RFC 6376 section 3.6.2.2).
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn texts(&self, name: &str) -> Records<Vec<u8>> {
        let found = self.0.txt_lookup(absolute(name)?).await;
        records(name, found, |data| match data {
            RData::TXT(text) => Some(text.txt_data.concat()),
            _ => None,
        })
    }

    /// Preference and host of each MX record, the best first; the host of a null MX (RFC 7505) is empty.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn exchanges(&self, name: &str) -> Records<(u16, String)> {
        let found = self.0.mx_lookup(absolute(name)?).await;
        let mut found = records(name, found, |data| match data {
            RData::MX(mx) => {
                let host = mx.exchange.to_ascii();
                Some((mx.preference, host.trim_end_matches('.').to_lowercase()))
            }
            _ => None,
        })?;
        if let Some(found) = &mut found {
            found.sort();
        }
        Ok(found)
    }

    /// The A and AAAA records of a name.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn addresses(&self, name: &str) -> Records<IpAddr> {
        let asked = absolute(name)?;
        let four = records(name, self.0.ipv4_lookup(asked.clone()).await, address)?;
        let six = records(name, self.0.ipv6_lookup(asked).await, address)?;
        Ok(match (four, six) {
            (None, None) => None,
            (four, six) => Some(four.into_iter().chain(six).flatten().collect()),
        })
    }
}

fn address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(address) => Some(IpAddr::V4(address.0)),
        RData::AAAA(address) => Some(IpAddr::V6(address.0)),
        _ => None,
    }
}

/// The trailing dot makes it absolute: the machine's search list must not lead elsewhere.
fn absolute(name: &str) -> Result<Name, Unanswered> {
    Name::from_utf8(format!("{}.", name.trim_end_matches('.')))
        .map_err(|error| Unanswered { name: name.to_owned(), why: error.to_string() })
}

fn records<T>(
    name: &str,
    found: Result<hickory_resolver::lookup::Lookup, hickory_resolver::net::NetError>,
    read: impl Fn(&RData) -> Option<T>,
) -> Records<T> {
    match found {
        Ok(found) => {
            let answers = found.answers().iter().filter_map(|record| read(&record.data));
            Ok(Some(answers.take(RECORDS_AT_MOST).collect()))
        }
        Err(error) if error.is_nx_domain() => Ok(None),
        Err(error) if error.is_no_records_found() => Ok(Some(Vec::new())),
        Err(error) => Err(Unanswered { name: name.to_owned(), why: error.to_string() }),
    }
}
