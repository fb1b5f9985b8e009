//! The order of the steps, and what each thing that goes wrong leads to.

use std::sync::atomic::Ordering;

use ritorno_protocol::authorisation::Initiator;
use ritorno_protocol::envelope::OpenError;
use ritorno_protocol::statement::PasswordVersion;

use super::*;
use crate::testing::{Fixed, Folder, NOW, Rig, Steps, database};

struct Scene {
    rig: Rig,
    steps: Steps,
    handler: Handler<crate::testing::FakeDirectory>,
    folder: Folder,
}

async fn scene(name: &str) -> Scene {
    let (rig, steps, folder) = (Rig::new(), Steps::new(), Folder::new(name));
    let handler = rig.handler(&folder, &steps).await;
    Scene { rig, steps, handler, folder }
}

impl Scene {
    async fn handle(&self, (order, envelope): (Authorisation, Envelope)) -> Handled {
        let signed = Signed::sign(&order, &self.rig.server);
        self.handler.handle(&signed, &envelope, &self.steps).await.unwrap()
    }

    /// The fault of an order that must not reach the directory's writing side.
    async fn fault(&self, ordered: (Authorisation, Envelope)) -> Fault {
        match self.handle(ordered).await {
            Handled::Answered(Statement { says: Says::NotStarted { fault, .. }, .. }) => {
                assert_eq!(self.steps.writes(), 0);
                fault
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_reset_goes_step_by_step() {
    let scene = scene("steps").await;
    let handled = scene.handle(scene.rig.order(|_| {})).await;
    let Handled::Answered(Statement { says: Says::Ended { outcome: Outcome::Done(done) }, .. }) = handled
    else {
        panic!("{handled:?}");
    };
    assert_eq!(done.operator.dc.as_deref(), Some("dc1.contoso.test"));
    assert_eq!(
        scene.steps.taken(),
        ["locate", "judge", "policy", "version", "say started", "reset", "say ended"]
    );
    assert_eq!(scene.steps.event_numbers(), [31001, 31002]);
}

#[tokio::test]
async fn a_rule_that_no_longer_holds_refuses_nobody() {
    let scene = scene("older-rule").await;
    scene.steps.0.longer_before.store(100, Ordering::SeqCst);
    scene.handle(scene.rig.order(|_| {})).await;
    assert_eq!(scene.steps.writes(), 1);
}

#[tokio::test]
async fn a_replayed_order_gets_the_first_outcome_and_writes_nothing() {
    let scene = scene("replay").await;
    let first = scene.handle(scene.rig.order(|_| {})).await;
    scene.steps.taken();
    let second = scene.handle(scene.rig.order(|_| {})).await;
    assert_eq!(second, Handled::Repeated(first.statement().clone()));
    assert_eq!(scene.steps.taken(), ["say ended"]);
    assert_eq!(scene.steps.writes(), 1);
}

#[tokio::test]
async fn the_same_order_twice_at_once_writes_once() {
    let scene = scene("twice").await;
    let (first, second) =
        tokio::join!(scene.handle(scene.rig.order(|_| {})), scene.handle(scene.rig.order(|_| {})));
    assert_eq!(first.statement(), second.statement());
    assert_eq!(scene.steps.writes(), 1);
}

#[tokio::test]
async fn what_was_declared_not_started_is_not_started_by_a_replay() {
    let scene = scene("declared").await;
    scene.steps.0.off.store(true, Ordering::SeqCst);
    assert_eq!(scene.fault(scene.rig.order(|_| {})).await, Fault::SwitchedOff);
    scene.steps.0.off.store(false, Ordering::SeqCst);
    let replayed = scene.handle(scene.rig.order(|_| {})).await;
    assert!(matches!(replayed, Handled::Repeated(_)), "{replayed:?}");
    assert_eq!(scene.steps.writes(), 0);
    // A new attempt is another matter: the server knows that the first was not started.
    scene.handle(scene.rig.order(|order| order.attempt = 2)).await;
    assert_eq!(scene.steps.writes(), 1);
}

#[tokio::test]
async fn each_order_that_does_not_hold_is_refused_by_its_own_fault() {
    let scene = scene("faults").await;
    let mut number = 100;
    let mut order = |alter: &dyn Fn(&mut Authorisation)| {
        number += 1;
        let request = ritorno_protocol::ids::RequestId::random(&Fixed(number));
        let (mut order, mut envelope) = scene.rig.order(|_| {});
        envelope.context.request = request;
        order.request = request;
        order.envelope = ritorno_protocol::bytes::Bytes(envelope.digest().unwrap().to_vec());
        alter(&mut order);
        (order, envelope)
    };
    let earlier = NOW.minus(Duration::from_secs(1));
    let other_epoch = order(&|order| order.epoch = ritorno_protocol::ids::EpochId::random(&Fixed(90)));
    assert_eq!(scene.fault(other_epoch).await, Fault::AuthorisationRefused);
    let other_agent = order(&|order| order.agent = AgentId::random(&Fixed(90)));
    assert_eq!(scene.fault(other_agent).await, Fault::AuthorisationRefused);
    assert_eq!(scene.fault(order(&|order| order.start_by = earlier)).await, Fault::Expired);
    assert_eq!(scene.fault(order(&|order| order.expires_at = earlier)).await, Fault::Expired);
    let future = order(&|order| order.issued_at = NOW.plus(Duration::from_secs(600)));
    assert_eq!(scene.fault(future).await, Fault::ClockSkew);
    let (held, mut tampered) = order(&|_| {});
    tampered.ciphertext.0[0] ^= 1;
    assert_eq!(scene.fault((held, tampered)).await, Fault::EnvelopeUnreadable);
    // The digest fits, yet it was sealed for another request: the additional data does not hold.
    assert_eq!(scene.fault(order(&|_| {})).await, Fault::EnvelopeUnreadable);
    assert_eq!(scene.steps.taken().iter().filter(|step| *step != "say not started").count(), 0);
}

#[tokio::test]
async fn an_order_that_the_server_did_not_sign_gets_no_answer() {
    let scene = scene("unsigned").await;
    let (order, envelope) = scene.rig.order(|_| {});
    let forged = Signed::sign(&order, &SigningKey::generate(&Fixed(91)));
    let refused = scene.handler.handle(&forged, &envelope, &scene.steps).await;
    assert_eq!(refused, Err(HandleError::NotBelieved(NotBelieved::Signature)));
    assert_eq!(scene.steps.taken(), Vec::<String>::new());
    assert_eq!(scene.steps.event_numbers(), [32008]);
}

#[tokio::test]
async fn an_envelope_for_other_keys_is_not_opened() {
    let scene = scene("recipients").await;
    let stranger = OpeningKey::generate(&Fixed(92)).public().clone();
    let own = scene.rig.chain().check(&scene.rig.root.public(), scene.rig.tenant, NOW).unwrap().key;
    let (_, only_stranger) =
        scene.rig.order_sealed(std::slice::from_ref(&stranger), "Nuova-Passw0rd", |_| {});
    assert_eq!(only_stranger.open(&scene.rig.opening).unwrap_err(), OpenError::NotARecipient);
    let ordered = scene.rig.order_sealed(std::slice::from_ref(&stranger), "Nuova-Passw0rd", |_| {});
    assert_eq!(scene.fault(ordered).await, Fault::EnvelopeUnreadable);
    // Even if we could open it: an unknown key among the recipients means that somebody else can read the password.
    let ordered = scene.rig.order_sealed(&[own, stranger], "Nuova-Passw0rd", |order| order.attempt = 2);
    assert_eq!(scene.fault(ordered).await, Fault::EnvelopeUnreadable);
    assert_eq!(scene.steps.event_numbers(), [31001, 32004, 31003, 31001, 32004, 31003]);
}

#[tokio::test]
async fn a_reset_by_an_administrator_has_numbers_of_its_own() {
    let scene = scene("administrator").await;
    scene.handle(scene.rig.order(|order| order.initiator = Initiator::Administrator)).await;
    let own = scene.rig.opening.public().clone();
    let refused = scene.rig.order_sealed(&[own], "kurz", |order| {
        order.initiator = Initiator::Administrator;
        order.attempt = 2;
    });
    scene.handle(refused).await;
    assert_eq!(scene.steps.event_numbers()[..2], [31009, 31010]);
    assert!(!scene.steps.event_numbers().contains(&31001));
}

#[tokio::test]
async fn a_rule_is_named_before_the_directory_is_asked_to_write() {
    let scene = scene("rule").await;
    let own = scene.rig.opening.public().clone();
    let handled = scene.handle(scene.rig.order_sealed(&[own], "kurz", |_| {})).await;
    let Says::Ended { outcome: Outcome::Refused { rule, .. } } = &handled.statement().says else {
        panic!("{handled:?}");
    };
    assert_eq!(*rule, Rule::MinimumLength { minimum: 8 });
    assert_eq!(scene.steps.writes(), 0);
    assert_eq!(scene.steps.event_numbers(), [31001, 33008, 31003]);
}

#[tokio::test]
async fn the_tenant_may_forbid_names_where_the_directory_does_not() {
    let scene = scene("names").await;
    let own = scene.rig.opening.public().clone();
    let ordered = scene.rig.order_sealed(&[own], "anna.rossi-2027", |order| order.forbid_names = true);
    let handled = scene.handle(ordered).await;
    let refused = matches!(
        &handled.statement().says,
        Says::Ended { outcome: Outcome::Refused { rule: Rule::ContainsName, .. } }
    );
    assert!(refused, "{handled:?}");
}

#[tokio::test]
async fn the_tenants_words_are_refused_whatever_the_directory_says() {
    let scene = scene("words").await;
    let own = scene.rig.opening.public().clone();
    let ordered = scene.rig.order_sealed(&[own], "My-C0nto$o-2027", |order| {
        order.banned_words = vec!["roma".into(), "contoso".into()];
    });
    let handled = scene.handle(ordered).await;
    let Says::Ended { outcome: Outcome::Refused { rule: Rule::BannedWord, operator } } =
        &handled.statement().says
    else {
        panic!("{handled:?}");
    };
    assert!(!operator.detail.contains("contoso"), "a part of the password: {}", operator.detail);
    assert_eq!(scene.steps.writes(), 0);
}

#[tokio::test]
async fn a_breached_password_is_refused_and_a_list_that_can_not_be_read_lets_nothing_through() {
    let mut scene = scene("breached").await;
    let list = scene.folder.path().join("list");
    scene.handler = scene.handler.with_breached(Breached::new(vec![list.clone()]));
    assert_eq!(scene.fault(scene.rig.order(|_| {})).await, Fault::DirectoryUnavailable);
    let lines = crate::breached::build::Lines::Passwords;
    crate::breached::build::build(&b"nuova-password\n"[..], lines, &list, 10, &mut |_| {}).unwrap();
    let handled = scene.handle(scene.rig.order(|order| order.attempt = 2)).await;
    let Says::Ended { outcome: Outcome::Refused { rule: Rule::BreachedPassword, operator } } =
        &handled.statement().says
    else {
        panic!("{handled:?}");
    };
    assert!(operator.detail.contains(&list.display().to_string()), "{operator:?}");
    assert!(!operator.detail.to_lowercase().contains("nuova"), "{operator:?}");
    assert_eq!(scene.steps.writes(), 0);
    assert_eq!(scene.steps.event_numbers(), [31001, 33009, 31003, 31001, 33008, 31003]);
}

#[tokio::test]
async fn too_late_after_reading_is_not_written() {
    let scene = scene("late").await;
    scene.steps.0.reading_ms.store(5_000, Ordering::SeqCst);
    let handled = scene.handle(scene.rig.order(|_| {})).await;
    let late = matches!(
        &handled.statement().says,
        Says::Ended { outcome: Outcome::NotApplied { fault: Fault::Expired, .. } }
    );
    assert!(late, "{handled:?}");
    assert_eq!(scene.steps.writes(), 0);
}

#[tokio::test]
async fn without_a_link_nothing_is_written_and_the_end_is_said_later() {
    let scene = scene("link-down").await;
    scene.steps.0.link_down.store(true, Ordering::SeqCst);
    let handled = scene.handle(scene.rig.order(|_| {})).await;
    assert_eq!(scene.steps.writes(), 0);
    scene.steps.0.link_down.store(false, Ordering::SeqCst);
    scene.steps.taken();
    scene.handler.resend(&scene.steps).await.unwrap();
    assert_eq!(scene.steps.taken(), ["say ended"]);
    let statement = handled.statement();
    scene.handler.journal().acknowledge(statement.request, statement.attempt, statement.at).await.unwrap();
    scene.handler.resend(&scene.steps).await.unwrap();
    assert_eq!(scene.steps.taken(), Vec::<String>::new());
}

#[tokio::test]
async fn the_minute_is_full() {
    let scene = scene("full").await;
    for request in 0..3 {
        scene.handler.limits.admit(&scene.steps, NOW).unwrap_or_else(|fault| panic!("{request}: {fault:?}"));
    }
    assert_eq!(scene.fault(scene.rig.order(|_| {})).await, Fault::LimitReached);
}

#[tokio::test]
async fn a_disabled_account_is_left_alone() {
    let scene = scene("disabled").await;
    scene.steps.0.disabled.store(true, Ordering::SeqCst);
    assert_eq!(scene.fault(scene.rig.order(|_| {})).await, Fault::AccountDisabled);
}

#[tokio::test]
async fn an_unknown_end_is_settled_by_the_version_and_not_by_writing() {
    let scene = scene("settle").await;
    scene.steps.0.answer_lost.store(true, Ordering::SeqCst);
    let handled = scene.handle(scene.rig.order(|_| {})).await;
    let unknown = matches!(&handled.statement().says, Says::Ended { outcome: Outcome::Unknown { .. } });
    assert!(unknown, "{handled:?}");
    scene.handler.settle(handled.statement().request, &scene.steps).await.unwrap();
    let settled = scene.handler.journal().find(handled.statement().request).await.unwrap().unwrap();
    assert!(
        matches!(settled.statement.says, Says::Settled { outcome: Outcome::Done(_) }),
        "{:?}",
        settled.statement.says
    );
    assert_eq!(scene.steps.writes(), 1);
    assert_eq!(scene.steps.event_numbers(), [31001, 33001, 31003, 31002]);
}

/// The process dies at the worst moment: after 'started' was durable. The next one does not write again.
#[tokio::test]
async fn a_crash_after_the_intent_is_unknown_and_settled_without_writing() {
    let scene = scene("crash").await;
    let (order, envelope) = scene.rig.order(|_| {});
    let entry = Entry {
        target: Target::from(&order),
        operation: order.operation,
        initiator: order.initiator,
        must_change: false,
        begun_at: NOW,
        version_before: Some(PasswordVersion::Replicated { version: 0 }),
        database: Some(database()),
        settling: false,
        acknowledged: false,
        statement: Statement {
            agent: order.agent,
            epoch: order.epoch,
            request: order.request,
            attempt: 1,
            at: NOW,
            says: Says::Started { version_before: None, database: None },
        },
    };
    scene.handler.journal().write(entry).await.unwrap();

    let next = scene.rig.handler_in_epoch(&scene.folder, &scene.steps, 10).await;
    assert_eq!(next.recover(&scene.steps).await.unwrap(), [order.request]);
    let signed = Signed::sign(&order, &scene.rig.server);
    let repeated = next.handle(&signed, &envelope, &scene.steps).await.unwrap();
    assert!(
        matches!(
            &repeated,
            Handled::Repeated(Statement { says: Says::Ended { outcome: Outcome::Unknown { .. } }, .. })
        ),
        "{repeated:?}"
    );
    scene.steps.0.clock.advance(2 * DIRECTORY_TIMEOUT);
    next.settle(order.request, &scene.steps).await.unwrap();
    let settled = next.journal().find(order.request).await.unwrap().unwrap();
    assert!(
        matches!(settled.statement.says, Says::Settled { outcome: Outcome::NotApplied { .. } }),
        "{:?}",
        settled.statement.says
    );
    assert_eq!(
        settled.statement.epoch, order.epoch,
        "the server knows the attempt by the epoch that it named"
    );
    assert_eq!(scene.steps.writes(), 0);
}

/// The journal is gone: the epoch is another one, so the order that the old journal knew is refused.
#[tokio::test]
async fn a_lost_journal_refuses_what_it_can_not_remember() {
    let scene = scene("lost").await;
    scene.handle(scene.rig.order(|_| {})).await;
    let elsewhere = Folder::new("lost-elsewhere");
    let next = scene.rig.handler_in_epoch(&elsewhere, &scene.steps, 10).await;
    let (order, envelope) = scene.rig.order(|_| {});
    let answered =
        next.handle(&Signed::sign(&order, &scene.rig.server), &envelope, &scene.steps).await.unwrap();
    let refused =
        matches!(&answered.statement().says, Says::NotStarted { fault: Fault::AuthorisationRefused, .. });
    assert!(refused, "{answered:?}");
    assert_eq!(scene.steps.writes(), 1);
}

#[tokio::test]
async fn what_was_sealed_for_a_replaced_key_is_opened_until_that_is_destroyed() {
    let scene = scene("rolled").await;
    let (former, newest) = (scene.rig.opening.clone(), OpeningKey::generate(&Fixed(93)));
    scene.handler.open_with(vec![newest.clone(), former]);
    let handled = scene.handle(scene.rig.order(|_| {})).await;
    let Says::Ended { outcome } = &handled.statement().says else { panic!("{handled:?}") };
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");

    let scene = self::scene("destroyed").await;
    scene.handler.open_with(vec![newest]);
    assert_eq!(scene.fault(scene.rig.order(|_| {})).await, Fault::EnvelopeUnreadable);
}
