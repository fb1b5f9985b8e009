//! How long does an idle connection to the server live?

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};

use super::Context;
use crate::client::without_keep_alive;

/// The silences that are tried, in seconds, all at once and each on a connection of its own.
const SILENCES: [u64; 8] = [15, 30, 45, 60, 90, 120, 150, 180];
/// An answer that is so late does not come, in seconds.
const LATE: u64 = 8;
/// The link's own pings come about as often, in seconds: what is cut later never meets the link.
const PINGS: u64 = 20;

/// The check.
pub(super) struct Idle;

#[async_trait]
impl Check<Context> for Idle {
    fn description(&self) -> &'static Description {
        &Description {
            id: "idle-connections",
            title: "Idle connections to the server live for three minutes (takes as long; --quick leaves it out)",
            proves: "A connection to the server that nothing passes over is still there after 180 seconds, whatever firewall, proxy or \
                     load balancer is between. The agent's link pings every 20 seconds and lives with less.",
            article: Some("Idle connections are kept for two or three minutes at least"),
            rows: &["N6", "N12"],
            fault_test: const {
                FaultTest::real(
                    "middlebox::an_idle_link_outlives_the_middlebox_and_a_cut_one_is_back_at_once",
                )
            },
            manual: "troubleshooting.html#idle-connections",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        let (Some(server), Some(client)) = (&context.server, &context.client) else {
            return Finding::could_not_tell("the agent is not enrolled");
        };
        let token = match client.token().await {
            Ok(token) => token,
            Err(error) => return Finding::could_not_tell(format!("{error:#}")),
        };
        let tries = SILENCES.map(async |seconds| {
            let http = without_keep_alive(&server.outbound).map_err(|error| format!("{error:#}"))?;
            let url = format!("{}/agent/v1/idle?seconds={seconds}", server.address);
            let within = Duration::from_secs(seconds + LATE);
            let answer = http.get(url).bearer_auth(&token).timeout(within).send().await;
            match answer {
                Ok(answer) if answer.status() == reqwest::StatusCode::NO_CONTENT => Ok(true),
                // It was kept, and somebody answers who knows no such question.
                Ok(answer) => Err(format!("the server answers with status {}", answer.status())),
                Err(_) => Ok(false),
            }
        });
        let mut lived = Vec::with_capacity(SILENCES.len());
        for (seconds, tried) in SILENCES.into_iter().zip(join_all(tries).await) {
            match tried {
                Ok(kept) => lived.push((seconds, kept)),
                Err(reason) => return Finding::could_not_tell(reason),
            }
        }
        judge(&lived)
    }

    fn examples(&self) -> Vec<Finding> {
        vec![
            judge(&SILENCES.map(|seconds| (seconds, seconds <= 45))),
            judge(&SILENCES.map(|seconds| (seconds, false))),
        ]
    }
}

/// By each silence, in seconds, and whether the connection was there after it.
fn judge(lived: &[(u64, bool)]) -> Finding {
    let Some((cut, _)) = lived.iter().find(|(_, kept)| !kept) else {
        let longest = lived.last().map_or(0, |(seconds, _)| *seconds);
        return Finding::pass(format!("there after {longest} s without a byte"));
    };
    let kept = lived.iter().take_while(|(_, kept)| *kept).last().map_or(0, |(seconds, _)| *seconds);
    let evidence = format!("there after {kept} s without a byte, gone after {cut} s");
    let finding = if kept < PINGS {
        Finding::fail(
            evidence,
            "something between agent and server forgets connections sooner than the link's pings come",
        )
    } else {
        Finding::warning(
            evidence,
            "something between agent and server forgets idle connections; the link's pings come more often than that",
        )
    };
    finding.fix(
        System::Agent,
        [
            "# on the firewall, proxy or load balancer between this host and the server: keep idle TCP connections for 180 s or more",
            "# a proxy in [proxy] of the agent's configuration has such a time of its own (squid: read_timeout, client_lifetime)",
        ],
    )
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;

    use super::*;

    #[test]
    fn the_cut_is_between_what_lived_and_what_did_not() {
        let upto = |longest| judge(&SILENCES.map(|seconds| (seconds, seconds <= longest)));
        assert_eq!(upto(180).verdict, Verdict::Pass);
        let finding = upto(45);
        assert_eq!(finding.verdict, Verdict::Warning);
        assert_eq!(finding.evidence, ["there after 45 s without a byte, gone after 60 s"]);
        assert_eq!(upto(15).verdict, Verdict::Fail);
        assert_eq!(upto(0).verdict, Verdict::Fail);
    }
}
