//! Confirming import: what the tenant has against what was exported.

use ritorno_sync::{ObjectFault, Profile, Run, RunOutcome, RunReport, SyncError};

use crate::world::{World, object};

async fn confirm(world: &World) -> Result<RunReport, SyncError> {
    world.run(Run::ConfirmingImport { target: &world.target, lease_epoch: 1 }).await
}

async fn five_people() -> World {
    let world = World::new().await;
    world.cycle((0..5).map(|number| object(number, &[("mail", "a@contoso.test")])).collect()).await;
    world
}

#[tokio::test]
async fn what_was_exported_is_confirmed_over_several_pages() {
    let world = five_people().await;
    let report = confirm(&world).await.unwrap();
    assert_eq!((report.counts.unchanged, report.counts.done()), (5, 5));
    assert_eq!(world.export().await.unwrap().counts.done(), 0, "nothing is left to do");
}

#[tokio::test]
async fn who_was_changed_or_removed_over_there_is_sent_again() {
    let world = five_people().await;
    {
        let mut tenant = world.service.tenant();
        let ids: Vec<u64> = tenant.users.keys().copied().collect();
        tenant.users.remove(&ids[0]);
        tenant.users.get_mut(&ids[1]).unwrap().active = false;
        tenant.users.get_mut(&ids[2]).unwrap().emails.clear();
    }
    assert_eq!(world.export().await.unwrap().counts.done(), 0, "the export alone does not see it");
    let report = confirm(&world).await.unwrap();
    assert_eq!((report.counts.updates, report.counts.deletes, report.counts.unchanged), (2, 1, 2));
    let export = world.export().await.unwrap();
    assert_eq!((export.counts.adds, export.counts.updates), (1, 2));
    assert_eq!(confirm(&world).await.unwrap().counts.unchanged, 5);
    assert!(world.service.tenant().users.values().all(|user| user.active && user.emails.len() == 1));
}

#[tokio::test]
async fn a_delta_reads_who_changed_since_the_tenant_was_read_and_the_first_one_everybody() {
    let world = five_people().await;
    let delta = || world.run(Run::ConfirmingDeltaImport { target: &world.target, lease_epoch: 1 });
    // Somebody else changes one of them, and it is later by far: than what a delta reads once more to be sure.
    let alter = |number: usize, active: bool| {
        let mut tenant = world.service.tenant();
        tenant.now += 1_000_000;
        let (id, meta) = (*tenant.users.keys().nth(number).unwrap(), tenant.changed());
        let user = tenant.users.get_mut(&id).unwrap();
        (user.active, user.meta) = (active, meta);
    };
    alter(0, true);
    let report = delta().await.unwrap();
    assert_eq!((report.profile, report.counts.unchanged), (Profile::ConfirmingImport, 5));
    alter(1, false);
    world.service.tenant().users.pop_last();
    let report = delta().await.unwrap();
    assert_eq!((report.profile, report.counts.updates), (Profile::ConfirmingDeltaImport, 1));
    assert_eq!(report.counts.done(), 2, "of the others only the latest of before is read");
    assert_eq!(world.export().await.unwrap().counts.updates, 1);
    // What was exported is confirmed; that one person was removed over there only the whole list tells.
    let report = delta().await.unwrap();
    assert_eq!((report.counts.unchanged, report.counts.done()), (1, 1));
    let report = confirm(&world).await.unwrap();
    assert_eq!((report.counts.deletes, report.counts.unchanged), (1, 4));
}

#[tokio::test]
async fn when_a_password_expires_is_compared_where_the_tenant_keeps_it() {
    // 2025-12-12T08:00:00Z, as a FILETIME.
    const EXPIRES: (&str, &str) = ("msDS-UserPasswordExpiryTimeComputed", "134100000000000000");
    let world = World::new().await;
    world.cycle((0..5).map(|number| object(number, &[EXPIRES])).collect()).await;
    assert_eq!(confirm(&world).await.unwrap().counts.unchanged, 5);
    let expires = |alter: &dyn Fn(u64) -> Option<Option<&'static str>>| {
        let mut tenant = world.service.tenant();
        for (number, user) in (0..).zip(tenant.users.values_mut()) {
            if let Some(expires) = alter(number) {
                user.ritorno.as_mut().unwrap().password_expires = expires.map(str::to_owned);
            }
        }
    };
    // Another moment, none, and the same one written otherwise.
    expires(&|number| match number {
        0 => Some(Some("2026-01-01T08:00:00Z")),
        1 => Some(None),
        2 => Some(Some("2025-12-12T09:00:00+01:00")),
        _ => None,
    });
    let report = confirm(&world).await.unwrap();
    assert_eq!((report.counts.updates, report.counts.unchanged), (2, 3));
    assert_eq!(world.export().await.unwrap().counts.updates, 2);
    assert_eq!(confirm(&world).await.unwrap().counts.unchanged, 5);
    // It was lost of all but one of the last page, which the pages before don't know of yet.
    expires(&|number| (number < 4).then_some(None));
    let report = confirm(&world).await.unwrap();
    assert_eq!((report.counts.updates, report.counts.unchanged), (4, 1));
    assert_eq!(world.export().await.unwrap().counts.updates, 4);
    assert_eq!(confirm(&world).await.unwrap().counts.unchanged, 5);
    // A tenant of the version before has it of nobody, and is not asked to take it again and again.
    expires(&|_| Some(None));
    assert_eq!(confirm(&world).await.unwrap().counts.unchanged, 5);
}

#[tokio::test]
async fn whom_nobody_exported_is_reported_and_stays() {
    let world = five_people().await;
    {
        let mut tenant = world.service.tenant();
        let mut stranger = tenant.users.values().next().unwrap().clone();
        stranger.user_name = "stranger@contoso.test".into();
        stranger.external_id = Some("AAAAAAAAAAAAAAAAAAAAAA==".into());
        stranger.ritorno.as_mut().unwrap().anchor = "AAAAAAAAAAAAAAAAAAAAAA==".into();
        stranger.id = Some("900".into());
        let mut elsewhere = stranger.clone();
        elsewhere.ritorno.as_mut().unwrap().forest = "fabrikam.test".into();
        tenant.users.insert(900, stranger);
        tenant.users.insert(901, elsewhere);
    }
    let report = confirm(&world).await.unwrap();
    assert_eq!(report.outcome, RunOutcome::CompletedWithErrors);
    let errors = world.engine.errors(report.id, 9).await.unwrap();
    assert_eq!(errors.len(), 1, "people of other forests are no concern of this connector");
    assert_eq!(errors[0].object, "stranger@contoso.test");
    assert_eq!(errors[0].fault, ObjectFault::NotExported { id: "900".into() });
    assert_eq!(world.export().await.unwrap().counts.done(), 0);
    assert_eq!(world.names().len(), 7);
}

#[tokio::test]
async fn a_list_that_breaks_off_changes_nothing() {
    let world = five_people().await;
    {
        let mut tenant = world.service.tenant();
        let first = *tenant.users.keys().next().unwrap();
        tenant.users.remove(&first);
        tenant.refuse.extend([(400, None)]);
    }
    assert!(matches!(confirm(&world).await, Err(SyncError::Target(_))));
    assert_eq!(world.export().await.unwrap().counts.done(), 0);
}
