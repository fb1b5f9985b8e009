//! Mails to people who have something to register, or to look through.

use std::time::Duration;

use ritorno_http::registration_mails::once;
use ritorno_identity::mail::Template;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;

use crate::agent_api::on_both;
use crate::world::World;

on_both!(people_are_told_what_is_due_and_not_again_for_a_month);

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Who was told by the letters that are there, and whether they have something to look through.
async fn told(world: &World) -> Vec<(String, bool)> {
    let mut told = Vec::new();
    for letter in world.letters().await {
        let Template::RegistrationDue { confirm, page, .. } = &letter.template else { panic!("{letter:?}") };
        assert!(page.ends_with("/register"), "{page}");
        told.push((letter.to.unwrap(), *confirm));
    }
    told.sort();
    told
}

async fn people_are_told_what_is_due_and_not_again_for_a_month(world: &World) {
    let tenants = world.state.store.tenants();
    let without = world.person("nuova.persona", None).await;
    let mut disabled = world.person("disabled", None).await;
    disabled.enabled = false;
    world.state.store.users().update(&disabled, 1).await.unwrap();
    assert_eq!(once(&world.state, None).await.unwrap().0, 0, "as it is at first");
    let tenant = Tenant { registration_mails: true, ..world.tenant.clone() };
    assert!(tenants.update(&tenant).await.unwrap());
    // Those whom no code can reach; who has an address could reset.
    let lacking =
        [("nuova.persona@contoso.test".to_owned(), false), ("senza.posta@contoso.test".to_owned(), false)];
    assert_eq!(once(&world.state, None).await.unwrap().0, 2);
    assert_eq!(told(world).await, lacking);
    world.clock.advance(DAY.saturating_mul(29));
    assert_eq!(once(&world.state, None).await.unwrap().0, 0, "not again for a month");
    // What is registered meanwhile is not asked for.
    let registered = User { alternate_mail: Some("nuova@mail.test".into()), ..without };
    world.state.store.users().update(&registered, 1).await.unwrap();
    world.clock.advance(DAY);
    assert_eq!(once(&world.state, None).await.unwrap().0, 1);
    assert_eq!(told(world).await, lacking[1..]);
    // After 180 days it is time to look through it, for everybody who can reset.
    world.clock.advance(DAY.saturating_mul(150));
    assert_eq!(once(&world.state, None).await.unwrap().0, 4);
    let all = told(world).await;
    let confirm: Vec<&str> = all.iter().filter(|(_, confirm)| *confirm).map(|(to, _)| to.as_str()).collect();
    let three = ["anna.rossi@contoso.test", "nuova.persona@contoso.test", "paolo.bianchi@contoso.test"];
    assert_eq!(confirm, three);
    let off = Tenant { sspr_enabled: false, ..tenant };
    assert!(tenants.update(&off).await.unwrap());
    world.clock.advance(DAY.saturating_mul(40));
    assert_eq!(once(&world.state, None).await.unwrap().0, 0);
}
