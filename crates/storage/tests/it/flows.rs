//! Flows.

use anyhow::{Result, ensure};
use ritorno_identity::flow::{Flow, FlowState, Former, Person};
use ritorno_identity::method::Method;
use ritorno_identity::token::TokenDigest;
use ritorno_protocol::ids::{RequestId, UserId};
use ritorno_protocol::outcome::SsprCode;

use crate::fixture::{Fixture, NOW, on_both, parallel};

on_both!(comes_back_as_it_was_stored, one_step_at_a_time, two_clicks_are_one_step, a_gate_changes_the_token,);

async fn comes_back_as_it_was_stored(f: &Fixture) -> Result<()> {
    let user = UserId::random(&f.random);
    let request = RequestId::random(&f.random);
    let people = [
        Person::Known(user),
        Person::Withheld { user, code: SsprCode::NotProperlyConfigured },
        Person::Stranger,
    ];
    let states = [
        FlowState::Started,
        FlowState::CodeSent,
        FlowState::GatePassed,
        FlowState::Kept,
        FlowState::Submitted(request),
        FlowState::Finished(request),
    ];
    let other = f.other_tenant().await?;
    for person in people {
        for state in states {
            let flow = Flow { state, ..f.flow(person) };
            f.store.flows().insert(&flow).await?;
            assert_eq!(f.store.flows().get(f.tenant.id, flow.id).await?.as_ref(), Some(&flow));
            assert_eq!(f.store.flows().get(other, flow.id).await?, None);
            let found = f.store.flows().by_support_code(f.tenant.id, &flow.support_code).await?;
            assert_eq!(found, Some(flow));
        }
    }
    Ok(())
}

async fn a_gate_changes_the_token(f: &Fixture) -> Result<()> {
    let flows = f.store.flows();
    let sent = Flow { state: FlowState::CodeSent, ..f.flow(Person::Known(UserId::random(&f.random))) };
    flows.insert(&sent).await?;
    let former = Former { browser: sent.browser, replaced_at: NOW };
    let passed = sent.gate_passed(Method::Mail, NOW)?;
    let behind = Flow { browser: TokenDigest([9; 32]), former: Some(former), ..passed };
    ensure!(flows.advance(&sent, &behind).await?);
    assert_eq!(flows.get(f.tenant.id, sent.id).await?.as_ref(), Some(&behind));
    flows.forget_former(&sent).await?;
    assert_eq!(
        flows.get(f.tenant.id, sent.id).await?.as_ref(),
        Some(&behind),
        "that token is not the flow's"
    );
    flows.forget_former(&behind).await?;
    assert_eq!(flows.get(f.tenant.id, sent.id).await?, Some(Flow { former: None, ..behind }));
    Ok(())
}

async fn one_step_at_a_time(f: &Fixture) -> Result<()> {
    let flows = f.store.flows();
    let started = f.flow(Person::Known(UserId::random(&f.random)));
    flows.insert(&started).await?;
    let sent = started.code_sent(NOW)?;
    let passed = sent.gate_passed(Method::Mail, NOW)?;
    ensure!(!flows.advance(&sent, &passed).await?, "nothing was sent yet");
    ensure!(flows.advance(&started, &sent).await?);
    ensure!(flows.advance(&sent, &sent.code_sent(NOW)?).await?, "a resend is a step");
    ensure!(flows.advance(&sent, &passed).await?);
    ensure!(!flows.advance(&sent, &passed).await?, "a gate is passed once");

    let submitted = passed.submitted(RequestId::random(&f.random), NOW)?;
    ensure!(flows.advance(&passed, &submitted).await?);
    let another = Flow { state: FlowState::Submitted(RequestId::random(&f.random)), ..submitted.clone() };
    ensure!(!flows.advance(&another, &passed).await?, "another request was on its way");
    ensure!(flows.advance(&submitted, &passed).await?);
    assert_eq!(flows.get(f.tenant.id, started.id).await?, Some(passed));
    Ok(())
}

async fn two_clicks_are_one_step(f: &Fixture) -> Result<()> {
    let passed = Flow { state: FlowState::GatePassed, ..f.flow(Person::Known(UserId::random(&f.random))) };
    f.store.flows().insert(&passed).await?;
    let stores = [f.store.clone(), f.second().await?];
    let advanced = parallel(20, |number| {
        let (store, before) = (stores[number % 2].clone(), passed.clone());
        let after = Flow { state: FlowState::Submitted(RequestId::random(&f.random)), ..passed.clone() };
        async move { store.flows().advance(&before, &after).await }
    })
    .await?;
    assert_eq!(advanced.into_iter().filter(|won| *won).count(), 1);
    Ok(())
}
