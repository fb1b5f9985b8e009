//! Answering a question that changes nothing: which policy holds for a person, or which version their password has.

use ritorno_protocol::outcome::{Fault, Operator, Outcome};
use ritorno_protocol::query::{Answer, Asks, Found, Query};
use ritorno_protocol::signed::Signed;

use crate::authorise::NotBelieved;
use crate::directory::{Directory, DirectoryError, Target};
use crate::handle::Handler;

impl<D: Directory> Handler<D> {
    /// Answers one question of the server.
    ///
    /// # Errors
    /// [`NotBelieved`] if the server did not ask it; then nothing is answered.
    pub async fn answer(&self, query: &Signed<Query>) -> Result<Signed<Answer>, NotBelieved> {
        let now = self.server_now();
        let query = self.trusted(|trust| trust.verify(query, now))?;
        let found = if query.tenant != self.tenant || query.agent != self.agent {
            nothing(Fault::AuthorisationRefused, "the question is for another agent")
        } else if now >= query.expires_at {
            nothing(Fault::Expired, "the question has expired")
        } else {
            self.look_up(&query).await.unwrap_or_else(|error| match Outcome::from(error) {
                Outcome::NotApplied { fault, operator } => Found::Nothing { fault, operator },
                other => {
                    Found::Nothing { fault: Fault::DirectoryUnavailable, operator: other.operator().clone() }
                }
            })
        };
        let answer = Answer { id: query.id, agent: self.agent, found };
        Ok(self.sign(&answer))
    }

    /// Says of a question that it is not looked into now, so that another agent may be asked at once.
    ///
    /// # Errors
    /// [`NotBelieved`] if the server did not ask it; then nothing is answered.
    pub fn decline_to_answer(
        &self,
        query: &Signed<Query>,
        fault: Fault,
        detail: &str,
    ) -> Result<Signed<Answer>, NotBelieved> {
        let query = self.trusted(|trust| trust.verify(query, self.server_now()))?;
        let answer = Answer { id: query.id, agent: self.agent, found: nothing(fault, detail) };
        Ok(self.sign(&answer))
    }

    async fn look_up(&self, query: &Query) -> Result<Found, DirectoryError> {
        let person = self.directory.locate(&Target::from(query)).await?;
        if query.asks == Asks::PasswordVersion {
            let (judged, seen, state) = tokio::join!(
                self.directory.judge(&person),
                self.directory.password_version(&person),
                self.directory.state(&person),
            );
            judged?;
            return Ok(Found::Password { seen: seen?, locked: state?.locked });
        }
        let (judged, policy, state) = tokio::join!(
            self.directory.judge(&person),
            self.directory.policy(&person),
            self.directory.state(&person),
        );
        judged?;
        let (mut policy, state) = (policy?, state?);
        policy.forbid_names |= query.forbid_names;
        policy.breached = self.breached.any();
        Ok(Found::Person { policy, locked: state.locked, disabled: state.disabled })
    }
}

fn nothing(fault: Fault, detail: &str) -> Found {
    Found::Nothing { fault, operator: Operator { detail: detail.into(), ..Operator::default() } }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ritorno_protocol::bytes::Bytes;
    use ritorno_protocol::ids::{AgentId, Forest, RequestId, SourceAnchor};
    use ritorno_protocol::statement::PasswordVersion;

    use super::*;
    use crate::testing::{Fixed, Folder, NOW, Rig, Steps};

    #[tokio::test]
    async fn a_version_is_told_to_the_server_alone_and_asking_writes_nothing() {
        let (rig, steps, folder) = (Rig::new(), Steps::new(), Folder::new("answer-version"));
        let handler = rig.handler(&folder, &steps).await;
        let (order, envelope) = rig.order(|_| {});
        handler.handle(&Signed::sign(&order, &rig.server), &envelope, &steps).await.unwrap();
        let query = Query {
            id: RequestId::random(&Fixed(76)).0,
            tenant: order.tenant,
            agent: order.agent,
            anchor: SourceAnchor("AAAA".into()),
            forest: Forest("contoso.test".into()),
            object_guid: Bytes(vec![0; 16]),
            object_sid: Bytes(vec![1; 28]),
            forbid_names: false,
            asks: Asks::PasswordVersion,
            expires_at: NOW.plus(Duration::from_secs(3_600)),
        };
        let found = async |query: &Query| {
            let answer = handler.answer(&Signed::sign(query, &rig.server)).await.unwrap();
            answer.verify(&rig.identity_key()).unwrap().found
        };
        let Found::Password { seen, locked: false } = found(&query).await else { panic!("no version") };
        assert_eq!(seen.version, PasswordVersion::Replicated { version: 1 });
        for (elsewhere, expected) in [
            (Query { agent: AgentId::random(&Fixed(77)), ..query.clone() }, Fault::AuthorisationRefused),
            (Query { expires_at: NOW.minus(Duration::from_secs(1)), ..query.clone() }, Fault::Expired),
        ] {
            let Found::Nothing { fault, .. } = found(&elsewhere).await else { panic!("it is told") };
            assert_eq!(fault, expected);
        }
        let forged = Signed::sign(&query, &ritorno_protocol::key::SigningKey::generate(&Fixed(78)));
        assert!(handler.answer(&forged).await.is_err());
        assert_eq!(steps.writes(), 1);
    }
}
