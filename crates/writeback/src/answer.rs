//! Answering a question that changes nothing: which policy holds for a person.

use ritorno_protocol::outcome::{Fault, Operator, Outcome};
use ritorno_protocol::query::{Answer, Found, Query};
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
        let (judged, policy, state) = tokio::join!(
            self.directory.judge(&person),
            self.directory.policy(&person),
            self.directory.state(&person),
        );
        judged?;
        let (mut policy, state) = (policy?, state?);
        policy.forbid_names |= query.forbid_names;
        Ok(Found::Person { policy, locked: state.locked, disabled: state.disabled })
    }
}

fn nothing(fault: Fault, detail: &str) -> Found {
    Found::Nothing { fault, operator: Operator { detail: detail.into(), ..Operator::default() } }
}
