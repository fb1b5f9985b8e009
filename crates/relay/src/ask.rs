//! One signed question to a live agent: the policy that holds for one person.

use std::time::Duration;

use ritorno_identity::user::User;
use ritorno_protocol::link::ToAgent;
use ritorno_protocol::query::{Found, Query};
use ritorno_protocol::random::array;
use ritorno_protocol::signed::Signed;

use crate::dispatch_error::DispatchError;
use crate::relay::Relay;
use crate::statement::of_the_agent;

/// How long an agent may take to answer.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(5);

impl Relay {
    /// Asks the healthiest live agent of the person's forest what policy holds for them, and the next one if the answer is
    /// that this agent can't tell. Nothing is changed by it.
    ///
    /// # Errors
    /// [`DispatchError::NotHybrid`], [`DispatchError::Unavailable`], [`DispatchError::TimedOut`] after
    /// [`ANSWER_WITHIN`], [`DispatchError::Keyring`], [`DispatchError::Ledger`].
    pub async fn ask(&self, user: &User, forbid_names: bool) -> Result<Found, DispatchError> {
        let object = user.on_premises().ok_or(DispatchError::NotHybrid)?;
        let now = self.timer.now();
        let standing = self.ledger.standing(user.tenant).await?;
        let keys = self.keyring.keys(user.tenant, now).await?;
        let until = now.plus(ANSWER_WITHIN);
        let mut declined = None;
        for link in self.able(user.tenant, &object.forest, &standing) {
            let _asked = tokio::select! {
                asked = link.asked.acquire() => asked.map_err(|_| DispatchError::Busy)?,
                () = self.timer.sleep_until(until) => return Err(DispatchError::Busy),
            };
            let id = uuid::Builder::from_random_bytes(array(&*self.random)).into_uuid();
            let query = Query {
                id,
                tenant: user.tenant,
                agent: link.agent,
                anchor: object.source_anchor.clone(),
                forest: object.forest.clone(),
                object_guid: object.object_guid.clone(),
                object_sid: object.object_sid.clone(),
                forbid_names,
                expires_at: until,
            };
            let answered = link.expect_answer(id);
            if link.send(ToAgent::Ask { query: Signed::sign(&query, &keys.signing) }).is_err() {
                continue;
            }
            tokio::select! {
                answer = answered => match answer {
                    Ok(Found::Nothing { fault, operator }) if of_the_agent(&fault) => {
                        declined = Some(Found::Nothing { fault, operator });
                    }
                    Ok(found) => return Ok(found),
                    // The link went away with the question; another agent may know.
                    Err(_) => continue,
                },
                () = self.timer.sleep_until(until) => return Err(DispatchError::TimedOut),
            }
        }
        match declined {
            Some(found) => Ok(found),
            None => Err(DispatchError::Unavailable(self.state_of(user.tenant, &standing))),
        }
    }
}
