//! What was handed to pages to seal for, until it is used. Each is used once, by the flow that it was made for, one at a time.
//!
//! It lives in this node's memory: after a restart, or on another node, the page is told that its context was not handed
//! out, and loads a new one. Public keys and ids only.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use ritorno_identity::ids::FlowId;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::Operation;
use ritorno_protocol::ids::RequestId;
use ritorno_relay::offer::Offer;

use crate::portal::refusal::Refusal;

/// Most offers kept for one flow: reloads and second tabs.
const MOST_OF_A_FLOW: usize = 4;

#[derive(Default)]
struct Kept {
    offers: HashMap<RequestId, (FlowId, Offer)>,
    sending: HashMap<FlowId, RequestId>,
    refusals: HashMap<FlowId, (Timestamp, Operation, Refusal)>,
}

/// The offers that are out, what is being sent, and the refusals that never became a request.
#[derive(Default)]
pub(super) struct Offers(Mutex<Kept>);

/// A submission that may not have become a request yet. When it is dropped, the flow's state tells again how far it is.
pub(super) struct Sending {
    offers: Arc<Offers>,
    flow: FlowId,
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.offers.lock().sending.remove(&self.flow);
    }
}

impl Offers {
    /// Keeps `offer` for `flow`, in the place of the oldest if there are too many.
    pub(super) fn keep(&self, flow: FlowId, offer: Offer, now: Timestamp) {
        let mut kept = self.lock();
        kept.offers.retain(|_, (_, offer)| now < offer.context.expires_at);
        let mut own: Vec<_> = kept
            .offers
            .iter()
            .filter(|(_, (of, _))| *of == flow)
            .map(|(id, (_, offer))| (offer.context.expires_at, *id))
            .collect();
        own.sort_unstable();
        for (_, id) in own.iter().rev().skip(MOST_OF_A_FLOW - 1) {
            kept.offers.remove(id);
        }
        kept.offers.insert(offer.context.request, (flow, offer));
    }

    /// The offer of this request, if it was made for this flow. It can't be taken again.
    pub(super) fn take(&self, flow: FlowId, request: RequestId) -> Option<Offer> {
        let mut kept = self.lock();
        kept.offers.get(&request).filter(|(of, _)| *of == flow)?;
        kept.offers.remove(&request).map(|(_, offer)| offer)
    }

    /// Whether the offer of this request was made for another flow: the page that seals for it was opened before this one began.
    pub(super) fn is_anothers(&self, flow: FlowId, request: RequestId) -> bool {
        self.lock().offers.get(&request).is_some_and(|(of, _)| *of != flow)
    }

    /// Notes that a flow sends this request: until it has a row, only this tells. `None` if the flow is sending one already.
    pub(super) fn sends(self: &Arc<Self>, flow: FlowId, request: RequestId) -> Option<Sending> {
        let mut kept = self.lock();
        match kept.sending.entry(flow) {
            Entry::Occupied(_) => None,
            Entry::Vacant(place) => {
                place.insert(request);
                // What the one before came to is not told of this one.
                kept.refusals.remove(&flow);
                Some(Sending { offers: self.clone(), flow })
            }
        }
    }

    /// The request that a flow is sending.
    pub(super) fn sent_by(&self, flow: FlowId) -> Option<RequestId> {
        self.lock().sending.get(&flow).copied()
    }

    /// Remembers why a flow's last submission came to nothing, for the outcome page.
    pub(super) fn refused(
        &self,
        flow: FlowId,
        (operation, refusal): (Operation, Refusal),
        until: Timestamp,
        now: Timestamp,
    ) {
        let mut kept = self.lock();
        kept.refusals.retain(|_, (until, ..)| now < *until);
        kept.refusals.insert(flow, (until, operation, refusal));
    }

    /// Why a flow's last submission came to nothing, as often as it is asked.
    pub(super) fn refusal(&self, flow: FlowId) -> Option<(Operation, Refusal)> {
        self.lock().refusals.get(&flow).map(|(_, operation, refusal)| (*operation, refusal.clone()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Nothing here is half done between two statements, so a panic elsewhere leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ritorno_protocol::envelope::Context;
    use ritorno_protocol::ids::{SourceAnchor, TenantId};
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn offer(request: u128) -> Offer {
        let age = Duration::from_secs(u64::try_from(request).unwrap());
        let context = Context {
            tenant: TenantId(Uuid::nil()),
            operation: Operation::Reset,
            anchor: SourceAnchor("AAAAAAAAAAAAAAAAAAAAAA==".into()),
            request: RequestId(Uuid::from_u128(request)),
            expires_at: NOW.plus(Duration::from_secs(900) + age),
        };
        Offer { context, recipients: Vec::new(), keys: Vec::new() }
    }

    #[test]
    fn offer_is_used_once_and_by_its_own_flow() {
        let (own, other) = (FlowId(Uuid::from_u128(1)), FlowId(Uuid::from_u128(2)));
        let request = RequestId(Uuid::from_u128(7));
        let offers = Offers::default();
        offers.keep(own, offer(7), NOW);
        assert_eq!(offers.take(other, request), None);
        assert_eq!([other, own].map(|flow| offers.is_anothers(flow, request)), [true, false]);
        assert_eq!(offers.take(own, request), Some(offer(7)));
        assert_eq!(offers.take(own, request), None);
        assert!(!offers.is_anothers(other, request), "nobody's any more");
    }

    #[test]
    fn flow_sends_one_request_at_a_time() {
        let (own, other) = (FlowId(Uuid::from_u128(1)), FlowId(Uuid::from_u128(2)));
        let [first, second] = [7, 8].map(|id| RequestId(Uuid::from_u128(id)));
        let offers = Arc::new(Offers::default());
        let sending = offers.sends(own, first);
        assert!(sending.is_some() && offers.sends(own, second).is_none());
        assert!(offers.sends(other, second).is_some());
        assert_eq!(offers.sent_by(own), Some(first));
        drop(sending);
        assert_eq!((offers.sent_by(own), offers.sent_by(other)), (None, None));
        assert!(offers.sends(own, second).is_some());
    }

    #[test]
    fn oldest_gives_way_and_the_expired_go() {
        let flow = FlowId(Uuid::from_u128(1));
        let offers = Offers::default();
        for request in 1..=6 {
            offers.keep(flow, offer(request), NOW);
        }
        let there = |request| offers.lock().offers.contains_key(&RequestId(Uuid::from_u128(request)));
        assert_eq!([1, 2, 3, 4, 5, 6].map(there), [false, false, true, true, true, true]);
        offers.keep(flow, offer(5_000), NOW.plus(Duration::from_secs(3_600)));
        assert!(!there(6) && there(5_000));
    }
}
