//! The server's time, which orders are judged by, whatever this machine's clock says.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::link::ServerTime;
use ritorno_protocol::signed::Signed;

use crate::authorise::NotBelieved;
use crate::directory::Directory;
use crate::handle::Handler;

impl<D: Directory> Handler<D> {
    /// The server's time: our clock, corrected by what [`Handler::trust_time`] learned.
    pub fn server_now(&self) -> Timestamp {
        let ahead = self.server_ahead_ms.load(Ordering::Relaxed);
        Timestamp::from_unix_ms(self.clock.now().unix_ms().saturating_add(ahead))
    }

    /// Takes the server's time as it was signed in answer to `nonce`, which was sent at `asked_at` by our clock. The keys
    /// have to be trusted before. What the answer took counts as passed, so that whoever holds it up makes orders expire
    /// earlier and never later. Returns by how much our clock differs.
    ///
    /// # Errors
    /// [`NotBelieved`]: not signed by the server, or in answer to something else.
    pub fn trust_time(
        &self,
        time: &Signed<ServerTime>,
        nonce: &Bytes,
        asked_at: Timestamp,
    ) -> Result<Duration, NotBelieved> {
        let told = self.trusted(|trust| trust.verify(time, self.server_now()))?;
        let for_us = told.tenant == self.tenant && told.agent == self.agent;
        if !for_us || told.agent_nonce != *nonce {
            return Err(NotBelieved::Time);
        }
        let ahead = told.now.unix_ms().saturating_sub(asked_at.unix_ms());
        self.server_ahead_ms.store(ahead, Ordering::Relaxed);
        Ok(Duration::from_millis(ahead.unsigned_abs()))
    }
}

#[cfg(test)]
mod tests {
    use ritorno_protocol::ids::AgentId;

    use super::*;
    use crate::testing::{Fixed, Folder, NOW, Rig, Steps};

    #[tokio::test]
    async fn it_is_believed_once_from_the_server_alone_and_a_delay_counts_as_passed() {
        let (rig, steps, folder) = (Rig::new(), Steps::new(), Folder::new("server-time"));
        let handler = rig.handler(&folder, &steps).await;
        let nonce = Bytes(vec![4; 32]);
        let time = |now| ServerTime { tenant: rig.tenant, agent: rig.agent, agent_nonce: nonce.clone(), now };
        let ahead = Duration::from_secs(30);
        // It was signed 30 s ahead of our clock, and its answer was held up for 5 s.
        let signed = Signed::sign(&time(NOW.plus(ahead)), &rig.server);
        steps.0.clock.advance(Duration::from_secs(5));
        assert_eq!(handler.trust_time(&signed, &nonce, NOW), Ok(ahead));
        assert_eq!(handler.server_now(), NOW.plus(ahead + Duration::from_secs(5)));

        let other_nonce = Bytes(vec![5; 32]);
        assert_eq!(handler.trust_time(&signed, &other_nonce, NOW), Err(NotBelieved::Time));
        let elsewhere = ServerTime { agent: AgentId::random(&Fixed(77)), ..time(NOW) };
        let elsewhere = Signed::sign(&elsewhere, &rig.server);
        assert_eq!(handler.trust_time(&elsewhere, &nonce, NOW), Err(NotBelieved::Time));
        let own = Signed::sign(&time(NOW), &rig.identity);
        assert_eq!(handler.trust_time(&own, &nonce, NOW), Err(NotBelieved::Signature));
        assert_eq!(handler.server_now(), NOW.plus(ahead + Duration::from_secs(5)), "what was believed stays");
    }
}
