//! One signed question to a live agent: the policy that holds for one person.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use ritorno_identity::user::{OnPremises, User};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::key::SigningKey;
use ritorno_protocol::link::ToAgent;
use ritorno_protocol::query::{Asks, Found, Query};
use ritorno_protocol::random::array;
use ritorno_protocol::signed::Signed;

use crate::dispatch_error::DispatchError;
use crate::link::Link;
use crate::relay::Relay;
use crate::statement::of_the_agent;

/// How long the agents may take to answer.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// An agent that has not answered by then may hang: the next one is asked too, and the first answer counts. Long enough that
/// a directory under load is not asked everything twice.
pub const OTHER_AFTER: Duration = Duration::from_secs(2);

/// Why there is no answer of an agent.
pub(crate) struct LinkLost;

impl Relay {
    /// Asks a live agent of the person's forest what policy holds for them: the one that answers best first, and the next
    /// one if that one can't tell, or lets us wait for [`OTHER_AFTER`]. Nothing is changed by it.
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
        let mut able = self.able(user.tenant, &object.forest, &standing);
        able.sort_by_key(|link| link.unanswered());
        let mut able = able.into_iter();
        let mut asked = FuturesUnordered::new();
        let mut declined = None;
        let mut next_at = now;
        loop {
            if self.timer.now() >= next_at {
                match able.next() {
                    Some(link) => {
                        let query = self.query(user, object, &link, forbid_names, until);
                        asked.push(put(link, query, &keys.signing));
                        next_at = self.timer.now().plus(OTHER_AFTER);
                    }
                    None if asked.is_empty() => break,
                    None => next_at = until,
                }
            }
            tokio::select! {
                Some(answer) = asked.next() => match answer {
                    Ok(Found::Nothing { fault, operator }) if of_the_agent(&fault) => {
                        declined = Some(Found::Nothing { fault, operator });
                        next_at = self.timer.now();
                    }
                    Ok(found) => return Ok(found),
                    Err(LinkLost) => next_at = self.timer.now(),
                },
                () = self.timer.sleep_until(next_at.min(until)) => {
                    if self.timer.now() >= until {
                        return Err(DispatchError::TimedOut);
                    }
                }
            }
        }
        match declined {
            Some(found) => Ok(found),
            None => Err(DispatchError::Unavailable(self.state_of(user.tenant, &standing))),
        }
    }

    fn query(
        &self,
        user: &User,
        object: &OnPremises,
        link: &Link,
        forbid_names: bool,
        expires_at: Timestamp,
    ) -> Query {
        Query {
            id: uuid::Builder::from_random_bytes(array(&*self.random)).into_uuid(),
            tenant: user.tenant,
            agent: link.agent,
            anchor: object.source_anchor.clone(),
            forest: object.forest.clone(),
            object_guid: object.object_guid.clone(),
            object_sid: object.object_sid.clone(),
            forbid_names,
            asks: Asks::Policy,
            expires_at,
        }
    }
}

/// Waits for room on the link, asks, and waits for the answer, as long as it is let.
pub(crate) async fn put(link: Arc<Link>, query: Query, signing: &SigningKey) -> Result<Found, LinkLost> {
    let _room = link.asked.acquire().await.map_err(|_| LinkLost)?;
    let answered = link.expect_answer(query.id);
    link.send(ToAgent::Ask { query: Signed::sign(&query, signing) }).map_err(|_| LinkLost)?;
    answered.await.map_err(|_| LinkLost)
}
