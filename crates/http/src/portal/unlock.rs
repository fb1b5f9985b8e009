//! `POST /reset/unlock`: the account is unlocked and keeps its password. There is nothing secret in it, so the server seals
//! the empty envelope itself, and the step needs no script.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::flow::{FlowState, Purpose};
use ritorno_protocol::envelope::{Envelope, Operation, Passwords, seal};
use ritorno_protocol::ids::RequestId;
use ritorno_protocol::key::PublicKey;
use ritorno_relay::dispatch_error::DispatchError;
use ritorno_relay::offer::Offer;
use tracing::Instrument as _;

use crate::page::PageError;
use crate::portal::code::{elsewhere, ended};
use crate::portal::offers::Offers;
use crate::portal::password::person;
use crate::portal::refusal::Refusal;
use crate::portal::submit::{Ended, OUTCOME, Submission};
use crate::portal::visit::{current, done_here, tenant};
use crate::reader::Reader;
use crate::state::AppState;

/// The handler.
pub(super) async fn unlock(
    State(state): State<AppState>,
    Extension(offers): Extension<Arc<Offers>>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(flow) = current(&state, &jar).await? else { return Ok(ended()) };
    if flow.state != FlowState::GatePassed {
        return Ok(Redirect::to(elsewhere(&flow).unwrap_or("/reset/code")).into_response());
    }
    // The page may have been open since before an administrator switched it off; whoever knows the password was offered none.
    if !tenant.unlock_enabled || flow.purpose != Purpose::Reset {
        return Ok(Redirect::to("/reset/password").into_response());
    }
    let user = person(&state, &flow).await?;
    let request = RequestId::random(&*state.random);
    let (id, until, now) = (flow.id, flow.expires_at, state.clock.now());
    // Clicked twice, or a password is on its way from another tab.
    let Some(sending) = offers.sends(id, request) else { return Ok(Redirect::to(OUTCOME).into_response()) };
    match state.relay.offer(&user, Operation::Unlock, request).await {
        Ok(offer) => {
            let envelope = empty(&state, &tenant.root, &offer)?;
            offers.keep(id, offer, now);
            let t = reader.words(&tenant);
            let operation = Operation::Unlock;
            let known = done_here(&state, jar.clone(), &flow);
            let submission = Submission { state, offers, reader, tenant, flow, t, operation };
            // The browser may go away; the request goes on to its end, and the outcome is there when it comes back.
            let carried =
                tokio::spawn(async move { submission.carry(envelope, sending).await }.in_current_span());
            if carried.await.map_err(PageError::behind)??.state == Ended::Done {
                return Ok((known, Redirect::to(OUTCOME)).into_response());
            }
        }
        Err(DispatchError::Ledger(error)) => return Err(PageError::behind(error)),
        Err(error) => {
            let refusal = Refusal::of_dispatch(&error, flow.support_code.clone());
            offers.refused(id, (Operation::Unlock, refusal), until, now);
        }
    }
    Ok(Redirect::to(OUTCOME).into_response())
}

/// An envelope without passwords for the recipients of `offer`.
fn empty(state: &AppState, root: &PublicKey, offer: &Offer) -> Result<Envelope, PageError> {
    let (tenant, now) = (offer.context.tenant, state.clock.now());
    let keys = offer.recipients.iter().map(|chain| chain.check(root, tenant, now).map(|checked| checked.key));
    let keys: Vec<PublicKey> = keys.collect::<Result<_, _>>().map_err(PageError::behind)?;
    let nothing = Passwords { new: None, old: None };
    seal(&offer.context, &nothing, &keys, &*state.random).map_err(PageError::behind)
}
