//! The last step before a write: the intent is said, and the server's signed word awaited that it is written down there. So an
//! order of whose beginning the server has not heard had no effect, whatever happens to this agent and its journal.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ritorno_protocol::authorisation::Authorisation;
use ritorno_protocol::ids::RequestId;
use ritorno_protocol::link::GoAhead;
use ritorno_protocol::outcome::Fault;
use ritorno_protocol::signed::Signed;
use ritorno_protocol::statement::Statement;
use tokio::sync::oneshot;

use crate::authorise::NotBelieved;
use crate::directory::Directory;
use crate::handle::Handler;
use crate::report::Reporter;

/// Who waits for a go-ahead, each with the attempt that it is for. A person's turn lets one attempt of a request in at a time.
#[derive(Debug, Default)]
pub(crate) struct Awaited(Mutex<HashMap<RequestId, (u32, oneshot::Sender<()>)>>);

impl Awaited {
    fn waiting(&self) -> MutexGuard<'_, HashMap<RequestId, (u32, oneshot::Sender<()>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn expect(&self, request: RequestId, attempt: u32) -> oneshot::Receiver<()> {
        let (given, go_ahead) = oneshot::channel();
        let mut waiting = self.waiting();
        waiting.retain(|_, (_, given)| !given.is_closed());
        waiting.insert(request, (attempt, given));
        go_ahead
    }

    fn give(&self, request: RequestId, attempt: u32) {
        let mut waiting = self.waiting();
        if waiting.get(&request).is_some_and(|(awaited, _)| *awaited == attempt)
            && let Some((_, given)) = waiting.remove(&request)
        {
            // Whoever waited may have given up; then it has said so.
            let _ = given.send(());
        }
    }
}

impl<D: Directory> Handler<D> {
    /// Takes a go-ahead. One that nobody waits for changes nothing.
    ///
    /// # Errors
    /// [`NotBelieved`], if the server did not sign it.
    pub fn go_ahead(&self, signed: &Signed<GoAhead>) -> Result<(), NotBelieved> {
        let content = self.trusted(|trust| trust.verify(signed, self.server_now()))?;
        let ours = content.tenant == self.tenant
            && content.agent == self.agent
            && content.epoch == self.journal.epoch();
        if ours {
            self.awaited.give(content.request, content.attempt);
        }
        Ok(())
    }

    /// Says that it begins, and waits until it may.
    ///
    /// # Errors
    /// Why it must not: nothing is written then.
    pub(crate) async fn may_begin(
        &self,
        order: &Authorisation,
        started: &Statement,
        reporter: &dyn Reporter,
    ) -> Result<(), (Fault, String)> {
        let go_ahead = order.go_ahead.then(|| self.awaited.expect(order.request, order.attempt));
        if let Err(down) = reporter.say(self.sign(started)) {
            return Err((Fault::DirectoryUnavailable, down.to_string()));
        }
        if let Some(go_ahead) = go_ahead {
            let left = order.start_by.since(self.server_now());
            if !matches!(tokio::time::timeout(left, go_ahead).await, Ok(Ok(()))) {
                let why = "the server did not say in time that the beginning is written down";
                return Err((Fault::Expired, why.to_owned()));
            }
        }
        if self.server_now() >= order.start_by {
            return Err((Fault::Expired, "the time to start had passed before the write".to_owned()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ritorno_protocol::ids::{AgentId, EpochId, TenantId};
    use ritorno_protocol::key::SigningKey;
    use ritorno_protocol::outcome::Outcome;
    use ritorno_protocol::statement::Says;

    use super::*;
    use crate::handle::Handled;
    use crate::testing::{FakeDirectory, Fixed, Folder, NOW, Rig, Steps};

    /// What the server says of that order.
    fn word(order: &Authorisation) -> GoAhead {
        let Authorisation { tenant, agent, epoch, request, attempt, .. } = *order;
        GoAhead { tenant, agent, epoch, request, attempt }
    }

    /// Until the agent has said that it begins.
    async fn until_started(steps: &Steps) {
        while !steps.taken().contains(&"say started".to_owned()) {
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Handles an order that needs a go-ahead and may be started for 300 ms, and says meanwhile what `says` makes of it.
    async fn handled_while(
        name: &str,
        says: impl Fn(&Handler<FakeDirectory>, &Rig, &Authorisation),
    ) -> (Handled, u64) {
        let (rig, steps, folder) = (Rig::new(), Steps::new(), Folder::new(name));
        let handler = rig.handler(&folder, &steps).await;
        let (order, envelope) = rig.order(|order| {
            order.go_ahead = true;
            order.start_by = NOW.plus(Duration::from_millis(300));
        });
        let signed = Signed::sign(&order, &rig.server);
        let saying = async {
            until_started(&steps).await;
            assert_eq!(steps.writes(), 0, "it begins before it may");
            says(&handler, &rig, &order);
        };
        let (handled, ()) = tokio::join!(handler.handle(&signed, &envelope, &steps), saying);
        (handled.unwrap(), steps.writes())
    }

    #[tokio::test]
    async fn nothing_is_written_before_the_go_ahead_and_it_is_written_after_it() {
        let (handled, writes) = handled_while("go-ahead", |handler, rig, order| {
            handler.go_ahead(&Signed::sign(&word(order), &rig.server)).unwrap();
        })
        .await;
        assert!(matches!(handled.statement().says, Says::Ended { outcome: Outcome::Done(_) }), "{handled:?}");
        assert_eq!(writes, 1);
    }

    #[tokio::test]
    async fn without_it_nothing_is_written_and_that_is_said() {
        let (handled, writes) = handled_while("no-go-ahead", |_, _, _| {}).await;
        let Says::Ended { outcome: Outcome::NotApplied { fault: Fault::Expired, .. } } =
            handled.statement().says
        else {
            panic!("{handled:?}")
        };
        assert_eq!(writes, 0);
    }

    #[tokio::test]
    async fn one_for_something_else_or_of_somebody_else_is_none() {
        type Change = fn(&mut GoAhead);
        let changes: [Change; 5] = [
            |word| word.attempt = 2,
            |word| word.request = RequestId::random(&Fixed(90)),
            |word| word.agent = AgentId::random(&Fixed(91)),
            |word| word.epoch = EpochId::random(&Fixed(92)),
            |word| word.tenant = TenantId::random(&Fixed(93)),
        ];
        let (_, writes) = handled_while("other-go-ahead", |handler, rig, order| {
            for change in changes {
                let mut other = word(order);
                change(&mut other);
                handler.go_ahead(&Signed::sign(&other, &rig.server)).unwrap();
            }
            let forged = Signed::sign(&word(order), &SigningKey::generate(&Fixed(94)));
            assert_eq!(handler.go_ahead(&forged), Err(NotBelieved::Signature));
        })
        .await;
        assert_eq!(writes, 0);
    }
}
