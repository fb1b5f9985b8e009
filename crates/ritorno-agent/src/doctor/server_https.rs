//! Is the server reached, step by step: its name, a connection, its certificate, its health?

use std::time::Duration;

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
use rustls_pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use url::Url;

use super::{Context, Server};

/// Longest wait for one step.
const WITHIN: Duration = Duration::from_secs(5);

/// The check.
pub(super) struct ServerHttps;

#[async_trait]
impl Check<Context> for ServerHttps {
    fn description(&self) -> &'static Description {
        &Description {
            id: "server-https",
            title: "The server is reached over HTTPS, and is well",
            proves: "Its name resolves, a TCP connection comes up, its certificate chains to a trusted authority and carries its \
                     name, and it answers that it is ready.",
            article: Some("Outbound HTTPS to every host in use is allowed"),
            rows: &["N1", "N2", "N8", "N11"],
            fault_test: const { FaultTest::real("doctor::each_fault_fails_its_check_and_the_fix_mends_it") },
            manual: "troubleshooting.html#server-https",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        match &context.server {
            Some(server) => look(server).await.unwrap_or_else(|finding| finding),
            None => Finding::fail("the agent is not enrolled", "no server is known to it").fix(
                System::Agent,
                [
                    "# a token comes from the console, Agents, or from `ritorno agent token` on the server",
                    "ritorno-agent enrol TOKEN",
                ],
            ),
        }
    }

    fn examples(&self) -> Vec<Finding> {
        let host = "ritorno.example.org";
        vec![
            no_name(host, "no such host is known"),
            no_connection(host, 443, "connection refused"),
            no_trust(host, 443, "the certificate's issuer is not known"),
            no_way_through("proxy.example.org:3128", host, 443, "the proxy answers with status 407"),
        ]
    }
}

/// Goes step by step; the first that fails is the finding.
pub(super) async fn look(server: &Server) -> Result<Finding, Finding> {
    let address = &server.address;
    let url = Url::parse(address)
        .map_err(|error| Finding::fail(format!("{address}: {error}"), "the enrolment holds no address"))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let socket = match server.outbound.proxy_before(&host, port) {
        // The name is the proxy's to resolve then.
        Some(proxy) => server
            .outbound
            .connect(&host, port)
            .await
            .map_err(|error| no_way_through(&proxy, &host, port, &format!("{error:#}")))?,
        None => straight(&host, port).await?,
    };
    let name = ServerName::try_from(host.clone()).map_err(|error| no_name(&host, &error.to_string()))?;
    let connector = tokio_rustls::TlsConnector::from(server.outbound.tls().clone());
    match timeout(WITHIN, connector.connect(name, socket)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Err(no_trust(&host, port, &error.to_string())),
        Err(_) => return Err(no_trust(&host, port, &late())),
    }
    let health = format!("{address}/health/ready");
    let client = crate::client::plain(&server.outbound)
        .map_err(|error| Finding::could_not_tell(format!("{error:#}")))?;
    match client.get(&health).timeout(WITHIN).send().await {
        Ok(answer) if answer.status().is_success() => {
            Ok(Finding::pass(format!("{host}: resolved, connected, certificate trusted, ready")))
        }
        Ok(answer) => Err(Finding::fail(
            format!("{health} answers with status {}", answer.status()),
            "the server runs but can't serve, or something in between answers in its place",
        )
        .fix(System::Cloud, ["systemctl status ritorno", "journalctl --unit ritorno --lines 50"])),
        Err(error) => Err(Finding::fail(format!("{health}: {error}"), "the server does not answer HTTP")
            .fix(System::Cloud, ["systemctl restart ritorno"])),
    }
}

fn late() -> String {
    format!("nothing within {} s", WITHIN.as_secs())
}

/// Resolves the name, and connects to its addresses in turn.
async fn straight(host: &str, port: u16) -> Result<TcpStream, Finding> {
    let addresses: Vec<_> = match timeout(WITHIN, lookup_host((host, port))).await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => return Err(no_name(host, &error.to_string())),
        Err(_) => return Err(no_name(host, &late())),
    };
    let mut refused = "the name has no address".to_owned();
    for target in addresses {
        match timeout(WITHIN, TcpStream::connect(target)).await {
            Ok(Ok(connected)) => return Ok(connected),
            Ok(Err(error)) => refused = format!("{target}: {error}"),
            Err(_) => refused = format!("{target}: {}", late()),
        }
    }
    Err(no_connection(host, port, &refused))
}

fn no_way_through(proxy: &str, host: &str, port: u16, why: &str) -> Finding {
    Finding::fail(
        why,
        "the proxy does not answer, wants another user name and password, or does not let this host out",
    )
    .fix(
        System::Agent,
        [
            format!("curl --verbose --proxy http://{proxy} https://{host}:{port}/health/ready"),
            "# user, password_file and no_proxy are in the [proxy] table of the agent's configuration"
                .to_owned(),
        ],
    )
}

fn no_name(host: &str, why: &str) -> Finding {
    Finding::fail(format!("{host} can't be resolved: {why}"), "DNS on this host does not know the server")
        .fix(System::Agent, [format!("getent hosts {host}"), "resolvectl status".to_owned()])
}

fn no_connection(host: &str, port: u16, why: &str) -> Finding {
    Finding::fail(
        format!("no connection to {host} port {port}: {why}"),
        "a firewall is in between, or the server does not run",
    )
    .fix(
        System::Agent,
        [
            format!("curl --verbose https://{host}:{port}/health/ready"),
            format!("# let this host out to {host}, TCP port {port}"),
        ],
    )
    .fix(System::Cloud, ["systemctl status ritorno"])
}

fn no_trust(host: &str, port: u16, why: &str) -> Finding {
    Finding::fail(
        format!("TLS with {host} fails: {why}"),
        "the certificate is not from an authority that this host trusts, or a device in between replaces it",
    )
    .fix(
        System::Agent,
        [
            format!("openssl s_client -connect {host}:{port} -servername {host} -showcerts </dev/null"),
            "# the issuer is your own authority: name its PEM file as ca_file in the agent's configuration"
                .to_owned(),
            format!("# the issuer is an inspecting device: exempt {host} from inspection"),
        ],
    )
}
