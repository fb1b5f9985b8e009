//! Licences: the matrix through the pages, and the console's page.

use axum::http::StatusCode;
use ritorno_identity::administrator::Role;
use ritorno_identity::audit::Activity;
use ritorno_identity::group::{DirectoryGroup, Group, GroupOrigin};
use ritorno_identity::licence::{Licensing, SKUS};
use ritorno_identity::mail::{Letter, Template};
use ritorno_identity::name::SignInName;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::ids::{Forest, GroupId, SourceAnchor};
use ritorno_protocol::query::Found;

use crate::agent::TestAgent;
use crate::browser::Browser;
use crate::change::{prove, submit};
use crate::console::signed_in;
use crate::portal::{PageContext, past_the_gate};
use crate::world::World;

const ANNA: &str = "anna.rossi@contoso.test";
const HERE: &str = "/console/licences";

/// A tenant in which people need a licence, and may unlock.
async fn world() -> (World, TestAgent) {
    let world = World::new().await;
    let mut tenant = world.tenant.clone();
    (tenant.licensing, tenant.unlock_enabled) = (Licensing::Assigned, true);
    tenant.usage_location = Some("IT".into());
    assert!(world.state.store.tenants().update(&tenant).await.unwrap());
    world.administrator("root", Role::Global, true).await;
    let agent = TestAgent::link(&world).await;
    if let Found::Person { locked, .. } = &mut agent.script.lock().unwrap().found {
        *locked = true;
    }
    (world, agent)
}

/// Buys it, and assigns it to Anna, in the console.
async fn assign(root: &mut Browser, product: &str) {
    for (path, form) in [
        ("/console/licences/buy", vec![("product", product), ("units", "5")]),
        ("/console/licences/assign", vec![("product", product), ("person", ANNA)]),
    ] {
        let answer = root.post(path, &form).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, HERE), "{}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_licence_a_mail_tells_the_code_and_no_gate_opens() {
    let (world, agent) = world().await;
    let mut browser = Browser::new(&world.app, "en");
    // The same first answer as for everybody.
    let start = browser.post("/reset/start", &[("name", ANNA)]).await;
    assert_eq!(start.location(), "/reset/code");
    let letters = world.letters().await;
    let code = letters.iter().find_map(|letter| match &letter.template {
        Template::Withheld { sspr_code, .. } => Some(sspr_code.as_str()),
        _ => None,
    });
    assert_eq!(code, Some("SSPR_0012"), "{letters:?}");
    assert!(agent.script.lock().unwrap().opened.is_empty());
    assert!(!letters.iter().any(|letter| matches!(letter.template, Template::Code { .. })));
}

/// Whether the pages let Anna change the password that she knows.
async fn may_change(world: &World) -> bool {
    let mut browser = Browser::new(&world.app, "en");
    browser.post("/register/start", &[("name", ANNA), ("then", "change")]).await;
    let page = PageContext::of(&browser.get("/register/password?then=change").await);
    let told = prove(world, &mut browser, &page, "/register/verify?then=change").await;
    told["state"] == "done" && submit(world, &mut browser).await.body.contains("\"done\"")
}

/// Whether they let her reset one that she forgot, and whether they unlock her account.
async fn may_reset_and_unlock(world: &World) -> (bool, bool) {
    let mut browser = Browser::new(&world.app, "en");
    browser.post("/reset/start", &[("name", ANNA)]).await;
    let sent = world.letters().await;
    let code = |letter: &Letter| match &letter.template {
        Template::Code { code, .. } => Some(code.clone()),
        _ => None,
    };
    let code = sent.iter().find_map(code);
    let opens = code.is_some();
    if let Some(code) = code {
        assert_eq!(browser.post("/reset/code", &[("code", &code)]).await.location(), "/reset/password");
    }
    browser.post("/reset/unlock", &[]).await;
    let unlocked = browser.get("/reset/outcome").await.body.contains("Your account is unlocked");
    if !opens {
        return (browser.get("/reset/password").await.status == StatusCode::OK, unlocked);
    }
    let mut browser = Browser::new(&world.app, "en");
    let page = past_the_gate(world, &mut browser).await;
    let envelope = page.seal(world, &page.context(), "Nuova-Passw0rd!");
    (browser.post_json("/reset/submit", &envelope).await.body.contains("\"done\""), unlocked)
}

/// Every product, through the pages: what it grants a hybrid person.
#[tokio::test(flavor = "multi_thread")]
async fn each_product_grants_a_hybrid_person_what_the_matrix_says() {
    for sku in &SKUS {
        let (world, _agent) = world().await;
        assign(&mut signed_in(&world, "root").await, sku.name).await;
        let expected = !["AAD_BASIC", "ENTERPRISEPACK", "O365_BUSINESS_PREMIUM"].contains(&sku.name);
        let (reset, unlocked) = may_reset_and_unlock(&world).await;
        let changed = may_change(&world).await;
        assert_eq!((changed, reset, unlocked), (expected, expected, expected), "{}", sku.name);
    }
}

/// Where only a group may reset: the same first answer for everybody, a mail that tells the code, and the desk sees it too.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_in_the_group_that_may_reset_hears_so_by_mail() {
    let world = World::new().await;
    let agent = TestAgent::link(&world).await;
    world.administrator("root", Role::Global, true).await;
    let (store, now) = (&world.state.store, world.clock.now());
    let anna = store.users().by_sign_in_name(world.tenant.id, &SignInName::of_principal(ANNA)).await;
    let anna = anna.unwrap().unwrap();
    let group = Group {
        id: GroupId::random(&*world.state.random),
        tenant: world.tenant.id,
        display_name: "Pilota".into(),
        origin: GroupOrigin::Directory(DirectoryGroup {
            source_anchor: SourceAnchor("anchor of the pilot".into()),
            forest: Forest("contoso.test".into()),
            domain: "CONTOSO".into(),
            account_name: "Pilota".into(),
            exported_by: anna.on_premises().unwrap().exported_by,
        }),
        version: 1,
        created_at: now,
        updated_at: now,
    };
    store.groups().insert(&group).await.unwrap();
    let tenant = Tenant { sspr_groups: vec![group.id], ..world.tenant.clone() };
    assert!(store.tenants().update(&tenant).await.unwrap());
    let told = async || {
        let start = Browser::new(&world.app, "en").post("/reset/start", &[("name", ANNA)]).await;
        assert_eq!(start.location(), "/reset/code");
        let letters = world.letters().await;
        letters.into_iter().find_map(|letter| match letter.template {
            Template::Withheld { sspr_code, .. } => Some(sspr_code),
            _ => None,
        })
    };
    assert_eq!(told().await.as_deref(), Some("SSPR_0013"));
    let mut root = signed_in(&world, "root").await;
    assert!(root.get("/console").await.body.contains("the group Pilota may"));
    let page = root.get(&format!("/console/people?name={ANNA}")).await;
    assert!(page.body.contains("SSPR_0013"), "{}", page.body);

    let people = [anna.id.to_string()];
    store.groups().add_members(tenant.id, group.id, &people, &[]).await.unwrap();
    assert_eq!(told().await, None);
    let mut browser = Browser::new(&world.app, "en");
    let page = past_the_gate(&world, &mut browser).await;
    // Out of the group while the page is open: nothing is written.
    store.groups().remove_members(tenant.id, group.id, &people).await.unwrap();
    let sealed = page.seal(&world, &page.context(), "Nuova-Passw0rd!");
    let answer = browser.post_json("/reset/submit", &sealed).await;
    assert!(answer.body.contains("not in the group that may reset"), "{}", answer.body);
    assert!(agent.script.lock().unwrap().opened.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_taken_back_while_the_page_is_open_refuses_reset_and_unlock() {
    let (world, agent) = world().await;
    let mut root = signed_in(&world, "root").await;
    assign(&mut root, "AAD_PREMIUM").await;
    let mut browser = Browser::new(&world.app, "en");
    let page = past_the_gate(&world, &mut browser).await;
    let envelope = page.seal(&world, &page.context(), "Nuova-Passw0rd!");
    let (name, users) = (SignInName::of_principal(ANNA), world.state.store.users());
    let anna = users.by_sign_in_name(world.tenant.id, &name).await.unwrap().unwrap().id.to_string();
    let form = [("product", "AAD_PREMIUM"), ("person", anna.as_str())];
    assert_eq!(root.post("/console/licences/revoke", &form).await.location(), HERE);
    browser.post("/reset/unlock", &[]).await;
    let told = browser.get("/reset/outcome").await;
    assert!(told.body.contains("SSPR_0012"), "{}", told.body);
    browser.post_json("/reset/submit", &envelope).await;
    let told = browser.get("/reset/outcome").await;
    assert!(told.body.contains("SSPR_0012"), "{}", told.body);
    assert!(agent.script.lock().unwrap().opened.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_shows_what_is_there_and_says_what_is_wrong() {
    let (world, _agent) = world().await;
    let mut root = signed_in(&world, "root").await;
    let page = root.get(HERE).await.body;
    assert!(page.contains("People need a licence") && page.contains("Nothing was bought"), "{page}");
    assert!(page.contains(&format!("<li>{ANNA}</li>")), "who would be refused is named: {page}");
    let wrong = async |root: &mut Browser, path: &str, form: &[(&str, &str)]| {
        let answer = root.post(path, form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
        answer.body
    };
    let (assign_at, buy_at) = ("/console/licences/assign", "/console/licences/buy");
    let to_anna = [("product", "AAD_PREMIUM"), ("person", ANNA)];
    assert!(wrong(&mut root, assign_at, &to_anna).await.contains("was not bought"));
    assert!(wrong(&mut root, buy_at, &[("product", "X"), ("units", "1")]).await.contains("no such product"));
    root.post(buy_at, &[("product", "AAD_PREMIUM"), ("units", "0")]).await;
    assert!(wrong(&mut root, assign_at, &to_anna).await.contains("Not so many were bought"));
    let nobody = [("product", "AAD_PREMIUM"), ("person", "nobody@contoso.test")];
    assert!(wrong(&mut root, assign_at, &nobody).await.contains("Nobody has this sign-in name"));
    let no_group = [("product", "AAD_PREMIUM"), ("group", "CONTOSO\\Nessuno")];
    assert!(wrong(&mut root, assign_at, &no_group).await.contains("No group is called so"));
    for both_or_none in [&no_group[..1], &[to_anna[0], to_anna[1], no_group[1]]] {
        assert!(wrong(&mut root, assign_at, both_or_none).await.contains("and not both"));
    }
    let location = "/console/licences/location";
    assert!(wrong(&mut root, location, &[("country", "ITA")]).await.contains("two letters of a country"));
    assert_eq!(root.post(location, &[("country", "fr")]).await.location(), HERE);
    assign(&mut root, "AAD_PREMIUM").await;
    let page = root.get(HERE).await.body;
    assert!(!page.contains(&format!("<li>{ANNA}</li>")) && page.contains("<td>FR</td>"), "{page}");
    assert_eq!(root.post("/console/licences/require", &[("on", "false")]).await.location(), HERE);
    assert!(root.get(HERE).await.body.contains("People need no licence (Ritorno Community)"));
    let facts = world.facts().await;
    let count = |activity| facts.iter().filter(|fact| fact.activity == activity).count();
    assert_eq!((count(Activity::LicenceChanged), count(Activity::LicensingChanged)), (1, 4));
}
