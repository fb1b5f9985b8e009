//! Administrators and their passkeys, with the authenticator that makes what it is told to make.

use axum::http::StatusCode;
use ritorno_identity::administrator::{Administrator, Role};
use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::ids::AdministratorId;
use ritorno_identity::limit::{PASSKEYS_ASKED_FOR, SIGN_INS_BY_NETWORK};
use ritorno_identity::mail::Template;
use ritorno_identity::registration::AddressChange;
use ritorno_identity::tenant::Tenant;
use ritorno_storage::{AdministratorPasskey, Beside};
use serde_json::Value;

use crate::agent::TestAgent;
use crate::agent_api::on_both;
use crate::browser::{Answer, Browser};
use crate::methods::App;
use crate::passkeys::{Device, PRESENT, options, text};
use crate::register::ANNA;
use crate::second_factor::{MINUTE, STEP, asking, by_password, facts, set_up};
use crate::world::{PASSWORD, World};

on_both!(
    a_passkey_is_registered_told_used_and_removed,
    the_first_sign_in_sets_a_passkey_up_in_the_place_of_an_app,
    a_passkey_alone_signs_in_once_for_each_challenge,
    a_passkey_is_a_second_factor_and_a_fresh_proof,
);

async fn account(world: &World, name: &str) -> Administrator {
    world.state.store.administrators().by_name(world.tenant.id, name).await.unwrap().unwrap()
}

/// Registers it on the page of an administrator's own passkeys.
async fn registered(world: &World, browser: &mut Browser, name: &str) -> Device {
    let mut device = Device::new(world);
    let made = device.create(&options(&browser.get("/console/passkeys").await));
    let done = browser.post("/console/passkeys", &[("name", name), ("credential", &made)]).await;
    assert_eq!(done.location(), "/console/passkeys", "{}", done.body);
    device
}

/// What a browser asks a device for once the button of the sign-in page is pressed.
async fn begun(browser: &mut Browser) -> Value {
    let answer = browser.post("/console/passkey/begin", &[]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

/// Signs in with it alone.
async fn by_passkey(browser: &mut Browser, device: &mut Device) -> Answer {
    let asked = begun(browser).await;
    device.counter += 1;
    browser.post("/console/passkey", &[("credential", &device.get(&asked))]).await
}

/// The same device, a use later, as something that is not right makes of it.
fn of(device: &Device) -> Device {
    Device { key: device.key.clone(), owner: device.owner.clone(), counter: device.counter + 1, ..*device }
}

/// What was told of passkeys, and where.
async fn told(world: &World) -> Vec<(String, String, AddressChange)> {
    let letters = world.letters().await.into_iter();
    let of = letters.map(|letter| match letter.template {
        Template::AdministratorPasskey { passkey, change, .. } => (letter.to.unwrap(), passkey, change),
        _ => panic!("{letter:?}"),
    });
    of.collect()
}

async fn a_passkey_is_registered_told_used_and_removed(world: &World) {
    asking(world).await;
    let (mut root, _) = set_up(world, "root").await;
    let id = account(world, "root").await.id;
    let address = "root@posta.test";
    world.state.store.administrators().set_mail(world.tenant.id, id, Some(address)).await.unwrap();
    let mut laptop = registered(world, &mut root, "  The\tlaptop ").await;
    assert_eq!(told(world).await, [(address.to_owned(), "The laptop".into(), AddressChange::Registered)]);
    let page = root.get("/console/passkeys").await;
    assert!(page.body.contains("The laptop") && page.body.contains("Never used."), "{}", page.body);
    assert_eq!(options(&page)["excludeCredentials"][0]["id"], text(&laptop.id));
    assert_eq!(options(&page)["authenticatorSelection"]["userVerification"], "required");
    registered(world, &mut root, "Phone").await;
    // What has no name, or was made without its owner, is none.
    let made = Device::new(world).create(&options(&root.get("/console/passkeys").await));
    let form = [("name", " "), ("credential", made.as_str())];
    assert_eq!(root.post("/console/passkeys", &form).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let page = options(&root.get("/console/passkeys").await);
    let made = Device { flags: PRESENT, ..Device::new(world) }.create(&page);
    let form = [("name", "x"), ("credential", made.as_str())];
    assert_eq!(root.post("/console/passkeys", &form).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(account(world, "root").await.passkeys, 2);
    // A session that was left open on a desk neither registers nor removes one.
    world.clock.advance(10 * MINUTE);
    let id = text(&laptop.id);
    for (path, form) in [("", vec![("name", "x"), ("credential", "{}")]), ("/remove", vec![("id", &*id)])] {
        let asked = root.post(&format!("/console/passkeys{path}"), &form).await;
        assert_eq!(asked.location(), "/console/second?then=%2Fconsole%2Fhome", "{}", asked.body);
    }
    let asked = root.get("/console/passkeys").await;
    assert_eq!(asked.location(), "/console/second?then=%2Fconsole%2Fpasskeys");
    world.letters().await;

    let mut browser = Browser::new(&world.app, "en");
    assert_eq!(by_passkey(&mut browser, &mut laptop).await.location(), "/console");
    let page = browser.get("/console/passkeys").await;
    assert!(page.body.contains("Used last "), "{}", page.body);
    // Nobody removes another one's.
    world.administrator("other", Role::Global, true).await;
    let (mut other, _) = set_up(world, "other").await;
    assert_eq!(
        other.post("/console/passkeys/remove", &[("id", &id)]).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let removed = browser.post("/console/passkeys/remove", &[("id", &id)]).await;
    assert_eq!(removed.location(), "/console/passkeys", "{}", removed.body);
    assert_eq!(told(world).await, [(address.to_owned(), "The laptop".into(), AddressChange::Removed)]);
    let mut gone = Browser::new(&world.app, "en");
    let refused = by_passkey(&mut gone, &mut laptop).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let noted: Vec<String> =
        facts(world, Activity::AdministratorPasskey).await.into_iter().map(|(_, reason)| reason).collect();
    assert_eq!(
        noted,
        ["root: 'The laptop' removed", "root: 'Phone' registered", "root: 'The laptop' registered"]
    );
}

async fn the_first_sign_in_sets_a_passkey_up_in_the_place_of_an_app(world: &World) {
    asking(world).await;
    let (mut root, _) = by_password(world, "root").await;
    let (mut thief, _) = by_password(world, "root").await;
    assert!(root.get("/console/second/app").await.body.contains("/console/second/passkey"));
    let theirs = App::of(&thief.get("/console/second/app").await);
    let page = options(&thief.get("/console/second/passkey").await);
    let stolen = Device::new(world).create(&page);
    let mut device = Device::new(world);
    let made = device.create(&options(&root.get("/console/second/passkey").await));
    let form = [("name", "Laptop"), ("credential", made.as_str())];
    let done = root.post("/console/second/passkey", &form).await;
    assert_eq!(done.location(), "/console", "{}", done.body);
    assert_eq!(root.get("/console").await.status, StatusCode::OK);
    // Whoever has nothing but the password sets up nothing any more: neither what they began before, nor anew.
    for path in ["app", "passkey", "picture"] {
        let shown = thief.get(&format!("/console/second/{path}")).await;
        assert!(shown.location().starts_with("/console/second"), "{path}: {}", shown.body);
        assert!(!shown.body.contains("data-options"), "{path}");
    }
    let code = theirs.code(world);
    let adopted = thief.post("/console/second/app", &[("code", &code)]).await;
    assert!(adopted.location().starts_with("/console/second"), "{}", adopted.body);
    let form = [("name", "Mine"), ("credential", stolen.as_str())];
    assert_eq!(thief.post("/console/second/passkey", &form).await.location(), "/console/second");
    let account = account(world, "root").await;
    assert_eq!((account.app, account.passkeys), (false, 1));
    assert!(thief.get("/console").await.location().starts_with("/console/second?then="));
    // The last factor stays. With an app beside it, it may go.
    let id = text(&device.id);
    assert!(!root.get("/console/passkeys").await.body.contains("/console/passkeys/remove"));
    let kept = root.post("/console/passkeys/remove", &[("id", &id)]).await;
    assert_eq!(kept.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(kept.body.contains("your last second factor"), "{}", kept.body);
    world.clock.advance(10 * MINUTE);
    let asked = root.get("/console/second/app").await;
    assert_eq!(asked.location(), "/console/second?then=%2Fconsole%2Fsecond%2Fapp");
    let page = root.get(asked.location()).await;
    assert!(!page.body.contains("id=\"code\""), "there is no app to take a code from: {}", page.body);
    device.counter += 1;
    let answer = device.get(&options(&page));
    let form = [("credential", &*answer), ("then", "/console/second/app")];
    let shown = root.post("/console/second/use", &form).await;
    assert_eq!(shown.location(), "/console/second/app", "{}", shown.body);
    let app = App::of(&root.get("/console/second/app").await);
    assert_eq!(root.post("/console/second/app", &[("code", &app.code(world))]).await.location(), "/console");
    let removed = root.post("/console/passkeys/remove", &[("id", &id)]).await;
    assert_eq!(removed.location(), "/console/passkeys", "{}", removed.body);
    assert!(by_password(world, "root").await.0.get("/console/second").await.body.contains("id=\"code\""));
}

async fn a_passkey_alone_signs_in_once_for_each_challenge(world: &World) {
    asking(world).await;
    let (mut root, _) = set_up(world, "root").await;
    let mut device = registered(world, &mut root, "Laptop").await;
    let mut browser = Browser::new(&world.app, "en");
    // A stranger is told no name and no passkey.
    let asked = begun(&mut browser).await;
    assert_eq!(
        (&asked["userVerification"], &asked["rpId"]),
        (&"required".into(), &"reset.contoso.test".into())
    );
    assert!(asked["allowCredentials"].as_array().is_none_or(Vec::is_empty), "{asked}");
    let page = browser.get("/console/sign-in").await;
    assert!(page.body.contains("Sign in with a passkey") && !page.body.contains("data-options"));
    let wrong = async |browser: &mut Browser, device: &Device| {
        let asked = begun(browser).await;
        let answer = browser.post("/console/passkey", &[("credential", &device.get(&asked))]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.location());
        answer.body
    };
    let refused = wrong(&mut browser, &Device { flags: PRESENT, ..of(&device) }).await;
    for one in [
        Device { origin: "https://reset.contoso.example", ..of(&device) },
        Device { counter: device.counter, ..of(&device) },
        Device { key: Device::new(world).key, ..of(&device) },
        Device { owner: vec![7; 16], ..of(&device) },
        Device { id: [9; 16], ..of(&device) },
    ] {
        assert_eq!(wrong(&mut browser, &one).await, refused, "the same words, whatever was wrong");
    }
    // An answer is for one challenge, and for the browser in which that was asked for.
    let asked = begun(&mut browser).await;
    let answer = of(&device).get(&asked);
    let mut other = Browser::new(&world.app, "en");
    begun(&mut other).await;
    let form = [("credential", answer.as_str())];
    assert_eq!(other.post("/console/passkey", &form).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let mut bare = Browser::new(&world.app, "en");
    assert_eq!(bare.post("/console/passkey", &form).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    world.clock.advance(5 * MINUTE);
    assert_eq!(browser.post("/console/passkey", &form).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let asked = begun(&mut browser).await;
    let answer = of(&device).get(&asked);
    let form = [("credential", answer.as_str())];
    let mut copied = browser.copied_to(crate::world::ORIGIN);
    assert_eq!(browser.post("/console/passkey", &form).await.location(), "/console");
    assert_eq!(copied.post("/console/passkey", &form).await.status, StatusCode::UNPROCESSABLE_ENTITY, "once");
    assert_eq!(browser.get("/console").await.status, StatusCode::OK);
    // It is two factors: what asks for a fresh one goes on.
    assert!(browser.post("/console/enrolment-tokens", &[]).await.body.contains("It holds until"));
    device.counter += 1;
    let signed_in = facts(world, Activity::AdministratorSignIn).await;
    assert!(signed_in.contains(&(Success::Success, "passkey".into())), "{signed_in:?}");
    let failed = |(success, reason): &&(Success, String)| {
        *success == Success::Failure && reason.starts_with("a passkey that is not registered here")
    };
    assert_eq!(signed_in.iter().filter(failed).count(), 10);
}

async fn a_passkey_is_a_second_factor_and_a_fresh_proof(world: &World) {
    asking(world).await;
    let (mut root, app) = set_up(world, "root").await;
    let mut device = registered(world, &mut root, "Laptop").await;
    world.administrator("other", Role::Global, true).await;
    let (mut other, _) = set_up(world, "other").await;
    let theirs = registered(world, &mut other, "Phone").await;
    let (mut browser, answer) = by_password(world, "root").await;
    assert_eq!(answer.location(), "/console/second");
    let page = browser.get("/console/second").await;
    assert!(page.body.contains("id=\"code\"") && page.body.contains("id=\"use-passkey\""), "{}", page.body);
    // Another administrator's passkey is no factor of this one's.
    let wrong =
        browser.post("/console/second/use", &[("credential", &of(&theirs).get(&options(&page)))]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    // What was asked for at the door is not answered here, nor here what is at the door.
    let here = options(&wrong);
    let door = begun(&mut browser).await;
    let mixed = [("credential", of(&device).get(&door)), ("credential", of(&device).get(&here))];
    let answer = browser.post("/console/second/use", &[(mixed[0].0, &mixed[0].1)]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let answer = browser.post("/console/passkey", &[(mixed[1].0, &mixed[1].1)]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let page = browser.get("/console/second").await;
    device.counter += 1;
    let answer = device.get(&options(&page));
    let of_the_half = browser.cookie("__Host-console");
    let form = [("credential", &*answer), ("then", "/console/audit")];
    assert_eq!(browser.post("/console/second/use", &form).await.location(), "/console/audit");
    assert_ne!(browser.cookie("__Host-console"), of_the_half, "a new token");
    // Anew, before what a session left open must not do.
    world.clock.advance(10 * MINUTE);
    let asked = browser.get("/console/onboarding").await;
    let page = browser.get(asked.location()).await;
    device.counter += 1;
    let answer = device.get(&options(&page));
    let form = [("credential", &*answer), ("then", "/console/onboarding")];
    assert_eq!(browser.post("/console/second/use", &form).await.location(), "/console/onboarding");
    assert_eq!(browser.get("/console/onboarding").await.status, StatusCode::OK);
    let reasons: Vec<String> =
        facts(world, Activity::AdministratorSignIn).await.into_iter().map(|(_, reason)| reason).collect();
    for reason in
        ["password and passkey", "shown anew: passkey", "the password was right, the passkey was not"]
    {
        assert!(reasons.iter().any(|one| one == reason), "{reason}: {reasons:?}");
    }
    // The app goes on beside it, and both count against one limit.
    world.clock.advance(STEP);
    let (mut browser, _) = by_password(world, "root").await;
    for tried in 0..5 {
        let page = browser.get("/console/second").await;
        let answer = Device { key: theirs.key.clone(), ..of(&device) }.get(&options(&page));
        let wrong = browser.post("/console/second/use", &[("credential", &answer)]).await;
        let stopped = tried >= 3;
        let expected = if stopped { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::UNPROCESSABLE_ENTITY };
        // Two were wrong above, in the same quarter of an hour.
        assert_eq!(wrong.status, expected, "{tried}");
    }
    let stopped = browser.post("/console/second", &[("code", &app.code(world))]).await;
    assert_eq!(stopped.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_break_glass_account_has_its_password_alone() {
    let world = World::new().await;
    asking(&world).await;
    let (store, tenant) = (&world.state.store, world.tenant.id);
    let (mut root, _) = set_up(&world, "root").await;
    let device = registered(&world, &mut root, "Laptop").await;
    let glass = Administrator {
        id: AdministratorId::random(&*world.state.random),
        name: "glass".into(),
        break_glass: true,
        ..account(&world, "root").await
    };
    store.administrators().insert(&glass).await.unwrap();
    let (mut browser, answer) = by_password(&world, "glass").await;
    assert_eq!(answer.location(), "/console");
    let page = browser.get("/console/passkeys").await;
    assert!(page.body.contains("its password alone") && !page.body.contains("data-options"), "{}", page.body);
    let form = [("name", "x"), ("credential", "{}")];
    assert_eq!(browser.post("/console/passkeys", &form).await.location(), "/console/passkeys");
    assert_eq!(account(&world, "glass").await.passkeys, 0);
    // Nor does one that is in the database, by whichever way.
    let (passkeys, root) = (store.administrator_passkeys(), account(&world, "root").await.id);
    let kept = passkeys.list(tenant, root).await.unwrap().remove(0);
    assert!(passkeys.take_away(tenant, root, &kept.id).await.unwrap().is_some());
    let moved = AdministratorPasskey { administrator: glass.id, ..kept };
    assert!(passkeys.insert(tenant, &moved, Beside::Others).await.unwrap());
    let mut device = Device { owner: glass.id.0.as_bytes().to_vec(), ..of(&device) };
    let refused = by_passkey(&mut Browser::new(&world.app, "en"), &mut device).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.location());
}

#[tokio::test(flavor = "multi_thread")]
async fn passkeys_of_people_and_of_other_tenants_open_nothing_here() {
    let world = World::new().await;
    asking(&world).await;
    let _agent = TestAgent::link(&world).await;
    let (mut root, _) = set_up(&world, "root").await;
    let mut device = registered(&world, &mut root, "Laptop").await;
    // Of a person, at the console.
    let mut owner = Browser::new(&world.app, "en");
    crate::register::proven(&world, &mut owner).await;
    let mut persons = Device::new(&world);
    let made = persons.create(&options(&owner.get("/register/passkey").await));
    owner.post("/register/passkey", &[("credential", &made)]).await;
    let refused = by_passkey(&mut Browser::new(&world.app, "en"), &mut persons).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    // Of an administrator, at a gate.
    let mut person = Browser::new(&world.app, "en");
    person.post("/reset/start", &[("name", ANNA)]).await;
    device.counter += 1;
    let answer = device.get(&options(&person.get("/reset/passkey").await));
    let refused = person.post("/reset/passkey", &[("credential", &answer)]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    // Of this tenant, at another one on the same server: for its host, and for the other one's.
    let fabrikam = world.beside("Fabrikam", "https://reset.fabrikam.test").await;
    fabrikam.administrator("root", Role::Global, true).await;
    let mut browser = Browser::at(&fabrikam.app, "https://reset.fabrikam.test", "en");
    assert_eq!(begun(&mut browser).await["rpId"], "reset.fabrikam.test");
    for origin in [crate::world::ORIGIN, "https://reset.fabrikam.test"] {
        let mut there = Device { origin, ..of(&device) };
        let refused = by_passkey(&mut browser, &mut there).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{origin}");
    }
    device.counter += 2;
    let mut browser = Browser::new(&world.app, "en");
    assert_eq!(by_passkey(&mut browser, &mut device).await.location(), "/console");
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_with_a_passkey_are_counted_by_network_and_what_is_asked_for_too() {
    let world = World::new().await;
    asking(&world).await;
    let (mut root, _) = set_up(&world, "root").await;
    let mut device = registered(&world, &mut root, "Laptop").await;
    let mut browser = Browser::new(&world.app, "en");
    for _ in 0..SIGN_INS_BY_NETWORK.most {
        let wrong = browser.post("/console/passkey", &[("credential", "{}")]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let stopped = by_passkey(&mut browser, &mut device).await;
    assert_eq!(stopped.status, StatusCode::TOO_MANY_REQUESTS, "{}", stopped.location());
    for _ in 1..PASSKEYS_ASKED_FOR.most {
        begun(&mut browser).await;
    }
    let stopped = browser.post("/console/passkey/begin", &[]).await;
    assert_eq!(stopped.status, StatusCode::TOO_MANY_REQUESTS);
    // Another site can't begin it in somebody's browser.
    let elsewhere = browser.post_from("https://evil.test", "/console/passkey/begin").await;
    assert_eq!(elsewhere.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_second_factor_is_asked_for_a_passkey_signs_in_as_well() {
    let world = World::new().await;
    world.administrator("root", Role::Global, true).await;
    let mut root = crate::console::signed_in(&world, "root").await;
    let mut device = registered(&world, &mut root, "Laptop").await;
    let mut browser = Browser::new(&world.app, "en");
    assert_eq!(by_passkey(&mut browser, &mut device).await.location(), "/console");
    // Once one is asked for, the password asks for it.
    let tenant = Tenant { second_factor: true, ..world.tenant.clone() };
    world.state.store.tenants().update(&tenant).await.unwrap();
    let mut half = Browser::new(&world.app, "en");
    let answer = half.post("/console/sign-in", &[("name", "root"), ("password", PASSWORD)]).await;
    assert_eq!(answer.location(), "/console/second");
    assert!(half.get("/console/second").await.body.contains("id=\"use-passkey\""));
}
