//! Administrators are told when the password of another one is reset.

use ritorno_http::portal::follow_up::once;
use ritorno_identity::administrator::Role;
use ritorno_identity::mail::Template;
use ritorno_identity::tenant::Tenant;

use crate::agent::{TestAgent, done};
use crate::browser::Browser;
use crate::follow_up::{AFTER, dispatched, finish};
use crate::portal::past_the_gate;
use crate::register::ANNA;
use crate::world::World;

/// Where they are told, and of whom, of the letters that are there now.
async fn told(world: &World) -> Vec<(String, String)> {
    let mut told = Vec::new();
    for letter in world.letters().await {
        if let Template::AdministratorReset { name, console: false, .. } = letter.template {
            told.push((letter.to.unwrap(), name));
        }
    }
    told.sort();
    told
}

async fn world() -> World {
    let world = World::new().await;
    world.person("chiara.ricci", None).await;
    for (name, mail) in [("root", Some("root@posta.test")), ("chiara", None), ("unreached", None)] {
        world.administrator(name, Role::Global, true).await;
        let administrators = world.state.store.administrators();
        let account = administrators.by_name(world.tenant.id, name).await.unwrap().unwrap();
        administrators.set_mail(world.tenant.id, account.id, mail).await.unwrap();
        if name == "chiara" {
            let person = crate::give_password::user(&world, "chiara.ricci@contoso.test").await;
            administrators.set_person(world.tenant.id, account.id, Some(person.id)).await.unwrap();
        }
    }
    world
}

/// Whoever is told of Anna.
fn of_anna() -> Vec<(String, String)> {
    let anna = "anna rossi (anna.rossi@contoso.test)".to_owned();
    ["chiara.ricci@contoso.test", "root@posta.test"].map(|to| (to.to_owned(), anna.clone())).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_administers_the_tenant_and_resets_is_told_of_to_the_others() {
    let world = world().await;
    let _agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "en");
    let reset = async |browser: &mut Browser, administers: bool| {
        let page = past_the_gate(&world, browser).await;
        if administers {
            // By her name; her own address is on file, and she is told that her password was changed.
            world.administrator(ANNA, Role::Global, true).await;
        }
        let envelope = page.seal(&world, &page.context(), "Nuova-Passw0rd!");
        assert!(browser.post_json("/reset/submit", &envelope).await.body.contains("done"));
        // They are told a moment after she is.
        world.clock.advance(AFTER);
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        once(&world.state).await.unwrap();
    };
    reset(&mut browser, false).await;
    assert_eq!(told(&world).await, [], "she is no administrator");
    reset(&mut browser, true).await;
    assert_eq!(told(&world).await, of_anna());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_nobody_waited_for_is_told_too_unless_the_tenant_says_no() {
    let world = world().await;
    world.administrator(ANNA, Role::HelpDesk, true).await;
    let anna = crate::give_password::user(&world, ANNA).await;
    for notify_administrators in [true, false] {
        let tenant = Tenant { notify_administrators, ..world.tenant.clone() };
        world.state.store.tenants().update(&tenant).await.unwrap();
        let request = dispatched(&world, &anna);
        world.state.store.requests().begin(&request, None).await.unwrap();
        finish(&world, &request, &done()).await;
        world.clock.advance(AFTER);
        assert_eq!(once(&world.state).await.unwrap(), 1);
        assert_eq!(told(&world).await, if notify_administrators { of_anna() } else { Vec::new() });
    }
}
