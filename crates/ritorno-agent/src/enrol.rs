//! `ritorno-agent enrol TOKEN`: makes the agent's keys and has them certified.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::certificate::check_agent_identity;
use ritorno_protocol::enrolment::{EnrolmentProof, EnrolmentRequest, EnrolmentResponse, EnrolmentToken};
use ritorno_protocol::event::EventId;
use ritorno_protocol::key::{OpeningKey, SigningKey};
use ritorno_protocol::signed::Signed;

use crate::config::Config;
use crate::events::EventLog;
use crate::keys::{Enrolment, Keys};
use crate::outbound::Outbound;
use crate::output::say;
use crate::state::State;
use crate::{client, system};

/// Enrols this machine. A token that was used, or pins another root than the server shows, is refused.
///
/// # Errors
/// What went wrong, and what to do.
pub(crate) async fn run(config: &Config, token: &str, again: bool) -> anyhow::Result<()> {
    let mut typed = String::new();
    let token = if token == "-" {
        // No token is longer; what is cut off makes it none.
        std::io::stdin().lock().take(4_096).read_to_string(&mut typed).context("standard input")?;
        typed.as_str()
    } else {
        token
    };
    let state = State::open(&config.state_dir)?;
    if state.is_enrolled() && !again {
        bail!(
            "{} is enrolled already: to make it another agent, run this with --again",
            config.state_dir.display()
        );
    }
    let token = EnrolmentToken::from_text(token)?;
    let (random, clock) = (system::random(), system::clock());
    let events = EventLog::open(&config.log, clock.clone())?;
    let (identity, sealing) = (SigningKey::generate(&*random), OpeningKey::generate(&*random));
    events.note(EventId::KeyPairCreation, "identity and sealing keys were made");
    let proof = EnrolmentProof {
        secret_digest: Bytes(token.secret_digest().to_vec()),
        name: host_name(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        forests: config.forest_names(),
    };
    let request = EnrolmentRequest {
        secret: token.secret.clone(),
        proof: Signed::sign(&proof, &identity),
        identity: identity.public(),
    };
    let server = token.server.trim_end_matches('/').to_owned();
    let http = client::plain(&Outbound::new(config)?)?;
    let response: EnrolmentResponse =
        client::post(&http, &format!("{server}/agent/v1/enrol"), &request).await?;
    let enrolment = accept(&token, &identity, response, server, clock.now())?;
    let (agent, tenant) = (enrolment.agent, enrolment.tenant);
    state.keep(&Keys { enrolment, identity, sealing })?;
    state.switch_writeback(false)?;
    say(format_args!(
        "Enrolled as agent {agent} of tenant {tenant}. Next: `ritorno-agent run`, then `ritorno-agent writeback enable`."
    ))
}

/// Believes the server only as far as the token pins it.
fn accept(
    token: &EnrolmentToken,
    identity: &SigningKey,
    response: EnrolmentResponse,
    server: String,
    now: ritorno_protocol::clock::Timestamp,
) -> anyhow::Result<Enrolment> {
    if !token.pins(&response.root) {
        bail!(
            "the server at {server} shows another root key than the token pins: something stands between, or the token \
             is for another server. Nothing was kept"
        );
    }
    let (agent, certificate) = check_agent_identity(&response.identity, &response.root, response.tenant, now)
        .context("the certificate that the server gave does not hold (is this machine's clock right?)")?;
    if agent != response.agent || certificate.key != identity.public() {
        bail!("the server certified another key than this agent's. Nothing was kept");
    }
    Ok(Enrolment { server, tenant: response.tenant, agent, root: response.root, identity: response.identity })
}

/// The machine's name, for the console.
fn host_name() -> String {
    std::fs::read_to_string(Path::new("/proc/sys/kernel/hostname"))
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "agent".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ritorno_protocol::certificate::{KeyCertificate, KeyRole};
    use ritorno_protocol::clock::Timestamp;
    use ritorno_protocol::ids::{AgentId, TenantId};
    use ritorno_protocol::random::Random;

    use super::*;

    struct Fixed(u8);
    impl Random for Fixed {
        fn fill(&self, out: &mut [u8]) {
            for (index, byte) in out.iter_mut().enumerate() {
                *byte = self.0.wrapping_mul(31).wrapping_add(index as u8);
            }
        }
    }

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn response(root: &SigningKey, key: &SigningKey) -> EnrolmentResponse {
        let (tenant, agent) = (TenantId::random(&Fixed(1)), AgentId::random(&Fixed(2)));
        let certificate = KeyCertificate {
            tenant,
            role: KeyRole::AgentIdentity { agent },
            key: key.public(),
            not_before: NOW,
            not_after: NOW.plus(Duration::from_secs(3600)),
            sequence: 1,
        };
        EnrolmentResponse { tenant, agent, root: root.public(), identity: Signed::sign(&certificate, root) }
    }

    #[test]
    fn only_the_pinned_root_and_our_own_key_are_accepted() {
        let (root, other) = (SigningKey::generate(&Fixed(3)), SigningKey::generate(&Fixed(4)));
        let (mine, theirs) = (SigningKey::generate(&Fixed(5)), SigningKey::generate(&Fixed(6)));
        let token = EnrolmentToken::new("https://ritorno.test".into(), [7; 32], &root.public());
        let accept = |answer| accept(&token, &mine, answer, "https://ritorno.test".into(), NOW);
        assert!(accept(response(&root, &mine)).is_ok());
        let refused = accept(response(&other, &mine)).unwrap_err().to_string();
        assert!(refused.contains("another root key"), "{refused}");
        let refused = accept(response(&root, &theirs)).unwrap_err().to_string();
        assert!(refused.contains("another key"), "{refused}");
    }
}
