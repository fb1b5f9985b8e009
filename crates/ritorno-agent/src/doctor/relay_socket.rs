//! Does a WebSocket to the relay come up, through whatever is between?

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};

use super::{Context, server_https};
use crate::dial::Socket;

/// The check.
pub(super) struct RelaySocket;

#[async_trait]
impl Check<Context> for RelaySocket {
    fn description(&self) -> &'static Description {
        &Description {
            id: "relay-socket",
            title: "The relay takes a WebSocket",
            proves: "A further connection to the server is upgraded to a WebSocket (RFC 6455), as the link is: no proxy, firewall or load \
                     balancer lets HTTPS through and takes that out of it.",
            article: Some("Outbound HTTPS to every host in use is allowed"),
            rows: &["N2", "N3"],
            fault_test: const { FaultTest::real("doctor_proxy::each_fault_of_a_proxy_fails_its_check") },
            manual: "troubleshooting.html#relay-socket",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        let Some(server) = &context.server else {
            return Finding::could_not_tell("the agent is not enrolled");
        };
        // What is wrong before it has a check of its own.
        if server_https::look(server).await.is_err() {
            return Finding::could_not_tell("the server is not reached over HTTPS");
        }
        match Socket::dial(&server.address, &server.outbound).await {
            Ok(socket) => {
                socket.close().await;
                Finding::pass("upgraded")
            }
            Err(error) => stripped(&server.address, &format!("{error:#}")),
        }
    }

    fn examples(&self) -> Vec<Finding> {
        let why =
            "wss://ritorno.example.org:443/agent/v1/link does not take links: HTTP error: 400 Bad Request";
        vec![stripped("https://ritorno.example.org", why)]
    }
}

fn stripped(address: &str, why: &str) -> Finding {
    Finding::fail(
        why,
        "HTTPS is let through and a WebSocket is not: a proxy that inspects takes the upgrade out, or a load balancer does not pass it on",
    )
    .fix(
        System::Agent,
        [
            format!(
                "curl --include --http1.1 --no-buffer --header 'Connection: Upgrade' --header 'Upgrade: websocket' --header \
                 'Sec-WebSocket-Version: 13' --header 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==' {address}/agent/v1/link"
            ),
            "# the answer has to begin with 101: on the proxy, exempt this host from inspection, or let Upgrade and Connection through".to_owned(),
        ],
    )
}
