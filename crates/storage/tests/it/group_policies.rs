//! Gates of groups' own, and when people confirmed what they registered.

use std::time::Duration;

use anyhow::{Result, ensure};
use ritorno_identity::gates::GatePolicy;
use ritorno_identity::method::Method::{App, Mail, RecoveryCode, TemporaryPass};
use ritorno_identity::name::SignInName;
use ritorno_identity::sspr::{ReconfirmAfter, Standing};
use ritorno_identity::user::User;
use ritorno_storage::Updated;

use crate::fixture::{Fixture, NOW, on_both};
use crate::groups::group;

on_both!(
    the_strictest_of_somebodys_groups_holds,
    a_policy_is_replaced_listed_and_taken_away,
    a_confirmation_outlives_the_synchronisation,
);

async fn standing(f: &Fixture, user: &User) -> Standing {
    let name = SignInName::of_principal(&user.user_principal_name);
    f.store.users().standing(f.tenant.id, Some(user.id), &name, NOW).await.unwrap()
}

async fn the_strictest_of_somebodys_groups_holds(f: &Fixture) -> Result<()> {
    let (anna, bruno, carla) = (f.person("anna"), f.person("bruno"), f.person("carla"));
    for user in [&anna, &bruno, &carla] {
        f.store.users().insert(user).await?;
    }
    let (outer, inner) = (group(f, "outer"), group(f, "inner"));
    for one in [&outer, &inner] {
        f.store.groups().insert(one).await?;
    }
    let groups = f.store.groups();
    groups.add_members(f.tenant.id, outer.id, &[anna.id.to_string()], &[inner.id.to_string()]).await?;
    groups.add_members(f.tenant.id, inner.id, &[bruno.id.to_string()], &[]).await?;

    let one = GatePolicy::new(1, vec![App, Mail], 1, true)?;
    let two = GatePolicy::new(2, vec![Mail, App, TemporaryPass], 2, true)?;
    let policies = f.store.group_policies();
    policies.set(f.tenant.id, outer.id, &one, None).await?;
    assert_eq!(standing(f, &anna).await.group_policy.as_ref(), Some(&one));
    assert_eq!(standing(f, &bruno).await.group_policy.as_ref(), Some(&one), "by way of another group");
    assert_eq!(standing(f, &carla).await, Standing::default());
    policies.set(f.tenant.id, inner.id, &two, None).await?;
    assert_eq!(standing(f, &anna).await.group_policy.as_ref(), Some(&one));
    assert_eq!(standing(f, &bruno).await.group_policy.as_ref(), Some(&two), "two gates before one");
    // As many gates: two that differ before one method for both, however much there is to register; then who has more of that.
    let same = GatePolicy::new(2, vec![Mail, App, RecoveryCode], 3, false)?;
    policies.set(f.tenant.id, outer.id, &same, None).await?;
    assert_eq!(standing(f, &bruno).await.group_policy, Some(two));
    let more = GatePolicy::new(2, vec![Mail, App, RecoveryCode], 3, true)?;
    policies.set(f.tenant.id, outer.id, &more, None).await?;
    assert_eq!(standing(f, &bruno).await.group_policy, Some(more));

    // The soonest of those that say after how long people are asked again; never is the latest, and none is the tenant's.
    let asked = async |outer_days: Option<u16>, inner_days: Option<u16>| -> Result<[Option<u16>; 3]> {
        let after = |days: Option<u16>| days.and_then(ReconfirmAfter::from_days);
        policies.set(f.tenant.id, outer.id, &one, after(outer_days)).await?;
        policies.set(f.tenant.id, inner.id, &same, after(inner_days)).await?;
        let mut all = [None; 3];
        for (asked, user) in all.iter_mut().zip([&anna, &bruno, &carla]) {
            *asked = standing(f, user).await.group_reconfirm.map(ReconfirmAfter::days);
        }
        Ok(all)
    };
    assert_eq!(asked(None, None).await?, [None; 3]);
    assert_eq!(asked(Some(30), None).await?, [Some(30), Some(30), None]);
    assert_eq!(asked(Some(30), Some(730)).await?, [Some(30), Some(30), None]);
    assert_eq!(asked(Some(30), Some(7)).await?, [Some(30), Some(7), None]);
    assert_eq!(asked(Some(0), Some(90)).await?, [Some(0), Some(90), None]);
    assert_eq!(asked(Some(0), None).await?, [Some(0), Some(0), None]);
    let listed = policies.list(f.tenant.id).await?;
    let listed: Vec<_> = listed.iter().map(|one| (one.group, one.reconfirm_after)).collect();
    assert_eq!(listed, [(inner.id, None), (outer.id, Some(ReconfirmAfter::NEVER))]);

    // A name that nobody has costs one statement as well.
    let counted = f.store.counted();
    let nobody = SignInName::parse("nobody@contoso.test").unwrap();
    let name = SignInName::of_principal(&bruno.user_principal_name);
    assert_eq!(counted.users().standing(f.tenant.id, None, &nobody, NOW).await?, Standing::default());
    let unknown = counted.statements();
    counted.users().standing(f.tenant.id, Some(bruno.id), &name, NOW).await?;
    assert_eq!(counted.statements(), unknown * 2);
    Ok(())
}

async fn a_policy_is_replaced_listed_and_taken_away(f: &Fixture) -> Result<()> {
    let (sales, board) = (group(f, "sales"), group(f, "board"));
    for one in [&sales, &board] {
        f.store.groups().insert(one).await?;
    }
    let policies = f.store.group_policies();
    let (one, two) = (GatePolicy::by_mail(), GatePolicy::of_administrators());
    policies.set(f.tenant.id, sales.id, &one, None).await?;
    policies.set(f.tenant.id, board.id, &one, None).await?;
    policies.set(f.tenant.id, board.id, &two, None).await?;
    let listed = policies.list(f.tenant.id).await?;
    let shown: Vec<_> = listed.iter().map(|one| (one.name.as_deref(), one.group, &one.policy)).collect();
    assert_eq!(shown, [(Some("board"), board.id, &two), (Some("sales"), sales.id, &one)]);
    // A group that went leaves its policy to be seen, until somebody takes it away.
    f.store.groups().delete(f.tenant.id, board.id, NOW).await?;
    let gone = policies.list(f.tenant.id).await?;
    ensure!(gone.iter().any(|one| one.group == board.id && one.name.is_none()), "{gone:?}");
    ensure!(policies.remove(f.tenant.id, board.id).await? && !policies.remove(f.tenant.id, board.id).await?);
    assert_eq!(policies.list(f.tenant.id).await?.len(), 1);
    Ok(())
}

async fn a_confirmation_outlives_the_synchronisation(f: &Fixture) -> Result<()> {
    let anna = f.person("anna");
    let users = f.store.users();
    users.insert(&anna).await?;
    assert_eq!(standing(f, &anna).await.confirmed_at, None);
    let later = NOW.plus(Duration::from_secs(60));
    users.confirm(f.tenant.id, anna.id, later).await?;
    let renamed = User { display_name: "Anna Bianchi".into(), ..anna.clone() };
    assert_eq!(users.update(&renamed, anna.version).await?, Updated::Done { version: anna.version + 1 });
    assert_eq!(standing(f, &anna).await.confirmed_at, Some(later));
    Ok(())
}
