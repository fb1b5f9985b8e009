//! Host names to addresses, by the forest's own DNS servers or the machine's.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;

/// A resolver with 2 seconds and 2 tries for each server.
#[derive(Clone)]
pub struct Names(Arc<TokioResolver>);

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
        // A DC that moved must be found at once; its address is asked for rarely enough.
        options.positive_max_ttl = Some(Duration::from_secs(5));
        options.negative_max_ttl = Some(Duration::from_secs(1));
        builder.build().map(|resolver| Self(Arc::new(resolver))).map_err(|error| error.to_string())
    }

    /// The addresses of `host`; a literal address is its own.
    ///
    /// # Errors
    /// The resolver's words.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        // The trailing dot makes it absolute: the machine's search list must not lead elsewhere.
        let absolute = format!("{}.", host.trim_end_matches('.'));
        let found = self.0.lookup_ip(absolute).await.map_err(|error| error.to_string())?;
        Ok(found.iter().collect())
    }

    /// The hosts that a service has by its SRV records (RFC 2782), in lower case and without order. None if there is no such record.
    ///
    /// # Errors
    /// The resolver's words.
    pub async fn services(&self, name: &str) -> Result<Vec<String>, String> {
        let absolute = format!("{}.", name.trim_end_matches('.'));
        let found = match self.0.srv_lookup(absolute).await {
            Ok(found) => found,
            Err(error) if error.is_no_records_found() => return Ok(Vec::new()),
            Err(error) => return Err(error.to_string()),
        };
        let hosts = found.answers().iter().filter_map(|record| match &record.data {
            RData::SRV(srv) => Some(srv.target.to_ascii().trim_end_matches('.').to_lowercase()),
            _ => None,
        });
        Ok(hosts.collect())
    }
}
