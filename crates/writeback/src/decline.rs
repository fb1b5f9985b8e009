//! Declining an order: the agent has no room for it, or stops. Said at once and signed, so that another agent may be asked;
//! an order that is dropped in silence would leave the server in doubt.

use ritorno_protocol::authorisation::Authorisation;
use ritorno_protocol::outcome::Fault;
use ritorno_protocol::signed::Signed;
use ritorno_protocol::statement::Says;

use crate::directory::Directory;
use crate::handle::{HandleError, Handled, Handler, words};
use crate::report::Reporter;

impl<D: Directory> Handler<D> {
    /// Says of an order that it is not begun, and never will be. An order that is known already keeps the statement that it
    /// has; one of the same person that is under way is waited for.
    ///
    /// # Errors
    /// [`HandleError`], as in handling an order.
    pub async fn decline(
        &self,
        order: &Signed<Authorisation>,
        fault: Fault,
        detail: &str,
        reporter: &dyn Reporter,
    ) -> Result<Handled, HandleError> {
        let arrived = self.clock.now();
        let order = self.believe(order, arrived, reporter)?;
        let _turn = self.turn(&order).await;
        if let Some(repeated) = self.repeat(&order, reporter).await? {
            return Ok(repeated);
        }
        let says = Says::NotStarted { fault, operator: words(detail) };
        Ok(Handled::Answered(self.conclude(self.entry(&order, arrived), says, reporter).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Folder, Rig, Steps};

    #[tokio::test]
    async fn a_declined_order_stays_declined_and_the_next_attempt_is_free() {
        let (rig, steps, folder) = (Rig::new(), Steps::new(), Folder::new("decline"));
        let handler = rig.handler(&folder, &steps).await;
        let (order, envelope) = rig.order(|_| {});
        let signed = Signed::sign(&order, &rig.server);
        let declined = handler.decline(&signed, Fault::LimitReached, "no room", &steps).await.unwrap();
        let Says::NotStarted { fault: Fault::LimitReached, .. } = &declined.statement().says else {
            panic!("{declined:?}")
        };
        let late = handler.handle(&signed, &envelope, &steps).await.unwrap();
        assert_eq!(late, Handled::Repeated(declined.statement().clone()));
        assert_eq!(steps.writes(), 0);
        let (second, envelope) = rig.order(|order| order.attempt = 2);
        handler.handle(&Signed::sign(&second, &rig.server), &envelope, &steps).await.unwrap();
        assert_eq!(steps.writes(), 1);
    }

    #[tokio::test]
    async fn an_order_that_is_handled_is_not_declined() {
        let (rig, steps, folder) = (Rig::new(), Steps::new(), Folder::new("decline-known"));
        let handler = rig.handler(&folder, &steps).await;
        let (order, envelope) = rig.order(|_| {});
        let signed = Signed::sign(&order, &rig.server);
        let (handled, declined) = tokio::join!(
            handler.handle(&signed, &envelope, &steps),
            handler.decline(&signed, Fault::LimitReached, "no room", &steps),
        );
        let handled = handled.unwrap();
        assert!(matches!(handled.statement().says, Says::Ended { .. }), "{handled:?}");
        assert_eq!(declined.unwrap(), Handled::Repeated(handled.statement().clone()));
        assert_eq!(steps.writes(), 1);
    }
}
