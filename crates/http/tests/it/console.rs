//! The administrators' console.

use std::time::Duration;

use axum::http::StatusCode;
use ritorno_identity::administrator::Role;
use ritorno_identity::agent::Agent;
use ritorno_identity::agent_forests::ForestClaim;
use ritorno_identity::agent_state::{AgentState, Seen};
use ritorno_identity::audit::Activity;
use ritorno_identity::device_code::{DeviceCode, UserCode};
use ritorno_identity::removal::{Removal, RemovalKind};
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::enrolment::EnrolmentToken;
use ritorno_protocol::ids::{AgentId, Forest, SupportCode};

use crate::agent::TestAgent;
use crate::browser::{Answer, Browser};
use crate::world::{PASSWORD, World};

pub(crate) async fn signed_in(world: &World, name: &str) -> Browser {
    let mut browser = Browser::new(&world.app, "en");
    let answer = browser.post("/console/sign-in", &[("name", name), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    browser
}

async fn world() -> World {
    let world = World::new().await;
    world.administrator("root", Role::Global, true).await;
    world.administrator("synced", Role::Global, false).await;
    world.administrator("desk", Role::HelpDesk, true).await;
    world.administrator("hybrid", Role::HybridIdentity, true).await;
    world.administrator("auth", Role::Authentication, true).await;
    world.administrator("reports", Role::ReportsReader, true).await;
    world
}

/// Whether it was forbidden, and why; `None` if it was not.
fn forbidden(answer: &Answer) -> Option<&'static str> {
    if answer.status != StatusCode::FORBIDDEN {
        return None;
    }
    let reasons = [
        ("the role &#39;global&#39;", "global"),
        ("Your role does not include", "role"),
        ("a cloud-only administrator", "cloud-only"),
    ];
    reasons.into_iter().find(|(text, _)| answer.body.contains(text)).map(|(_, reason)| reason)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_may_what_it_may() {
    let world = world().await;
    let agent = world.enrolled("lab-agent").await.0.id.to_string();
    let get = |path| (path, None);
    let switch = |on| ("/console/switches", Some(vec![("switch", "writeback"), ("on", on)]));
    let forbid = ("/console/switches", Some(vec![("switch", "forbid-names"), ("on", "true")]));
    let agent_off = ("/console/agents/writeback", Some(vec![("agent", agent.as_str()), ("on", "false")]));
    let agent_on = ("/console/agents/writeback", Some(vec![("agent", agent.as_str()), ("on", "true")]));
    let token = ("/console/enrolment-tokens", Some(vec![]));
    let confirm = ("/console/onboarding/confirm", Some(vec![("code", "BCDF-GHJK")]));
    let rename = ("/console/agents/rename", Some(vec![("agent", agent.as_str()), ("name", "Milano")]));
    let forest = ("/console/agents/forest", Some(vec![("agent", agent.as_str()), ("forest", "x.test")]));
    let held = format!("/console/agents/removals?agent={agent}");
    let approve = ("/console/agents/removals", Some(vec![("agent", agent.as_str()), ("digest", "0")]));
    let revoke = ("/console/agents/revoke", Some(vec![("agent", agent.as_str())]));
    let lift = ("/console/people/lift", Some(vec![("name", "no.body@contoso.test")]));
    let pass = ("/console/people/pass", Some(vec![("name", "no.body@contoso.test")]));
    let back = ("/console/people/revoke", Some(vec![("name", "no.body@contoso.test"), ("what", "app")]));
    let fields = vec![("agent", agent.as_str()), ("digest", "0"), ("since", "0")];
    let export = ("/console/sync/approve", Some(fields));
    let fields = vec![("removals", "500"), ("percent", ""), ("memberships", "5000")];
    let guard = ("/console/sync/guard", Some(fields));
    let (global, role, soft) = (Some("global"), Some("role"), Some("cloud-only"));
    let only_global = [None, None, global, global, global, global];
    let agents = [None, soft, role, None, role, role];
    // What, and what stops: cloud-only global, synchronised global, help desk, hybrid identity, authentication, reports reader.
    let matrix = [
        (get("/console"), [None, None, role, None, role, None]),
        (get("/console/people?name=anna.rossi@contoso.test"), [None, None, None, None, None, role]),
        (get("/console/audit"), [None; 6]),
        (get("/console/home"), [None; 6]),
        (get("/console/app"), [None; 6]),
        (get("/console/app/agents"), [None; 6]),
        (get("/console/onboarding"), agents),
        (get("/console/licences"), only_global),
        (get("/console/sspr"), [None, None, role, None, role, None]),
        (("/console/sspr/for", Some(vec![("group", "")])), only_global),
        (("/console/sspr/gates", Some(vec![("gates", "1")])), only_global),
        (("/console/sspr/reconfirm", Some(vec![("days", "180")])), only_global),
        (("/console/sspr/questions", Some(vec![("to_register", "5"), ("to_ask", "3")])), only_global),
        (("/console/sspr/group", Some(vec![("group", "nobody's")])), only_global),
        (("/console/sspr/group/remove", Some(vec![("group", agent.as_str())])), only_global),
        (get("/console/sync"), [None, None, role, None, role, None]),
        (export, [None, soft, global, global, global, global]),
        (guard, agents),
        (get("/console/look"), [None, None, role, None, role, None]),
        (get("/console/doctor"), [None, None, role, None, role, None]),
        (get("/console/doctor/manual"), [None, None, role, None, role, None]),
        (("/console/licences/require", Some(vec![("on", "false")])), only_global),
        (("/console/licences/location", Some(vec![("country", "IT")])), only_global),
        (("/console/licences/buy", Some(vec![("product", "EMS"), ("units", "1")])), only_global),
        (("/console/licences/assign", Some(vec![("product", "EMS")])), only_global),
        (("/console/licences/revoke", Some(vec![("product", "EMS")])), only_global),
        (switch("false"), [None, None, role, None, role, role]),
        (switch("true"), agents),
        (forbid, only_global),
        (agent_off, [None, None, role, None, role, role]),
        (agent_on, agents),
        (token, agents),
        (confirm, agents),
        (rename, agents),
        (forest, agents),
        (get(held.as_str()), [None, soft, global, global, global, global]),
        (approve, [None, soft, global, global, global, global]),
        (lift, [None, None, None, role, None, role]),
        (pass, [None, None, None, role, None, role]),
        (back, [None, None, role, role, None, role]),
        (revoke, agents),
    ];
    let mut browsers = Vec::new();
    for name in ["root", "synced", "desk", "hybrid", "auth", "reports"] {
        browsers.push(signed_in(&world, name).await);
    }
    for ((path, form), stopped_by) in matrix {
        for (browser, expected) in browsers.iter_mut().zip(stopped_by) {
            let answer = match &form {
                None => browser.get(path).await,
                Some(fields) => browser.post(path, fields).await,
            };
            assert_eq!(forbidden(&answer), expected, "{path} {form:?}: {}", answer.status);
            assert!(expected.is_some() || answer.status != StatusCode::FORBIDDEN);
        }
        let nobody = Browser::new(&world.app, "en").get(path).await;
        assert!(nobody.status != StatusCode::OK, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_password_and_unknown_name_are_alike_and_limited() {
    let world = world().await;
    let mut browser = Browser::new(&world.app, "en");
    let wrong = browser.post("/console/sign-in", &[("name", "root"), ("password", "not this one")]).await;
    let unknown = browser.post("/console/sign-in", &[("name", "nobody"), ("password", "not this one")]).await;
    assert_eq!((wrong.status, &wrong.body), (StatusCode::UNPROCESSABLE_ENTITY, &unknown.body));
    assert_eq!(wrong.status, unknown.status);
    for _ in 0..9 {
        browser.post("/console/sign-in", &[("name", "root"), ("password", "not this one")]).await;
    }
    let stopped = browser.post("/console/sign-in", &[("name", "root"), ("password", PASSWORD)]).await;
    assert_eq!(stopped.status, StatusCode::TOO_MANY_REQUESTS);
    world.clock.advance(Duration::from_secs(4_200));
    signed_in(&world, "root").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_password_is_not_tried_on_many_names() {
    let world = world().await;
    let mut browser = Browser::new(&world.app, "en");
    for number in 0..60 {
        let name = format!("name-{number}");
        let answer = browser.post("/console/sign-in", &[("name", &name), ("password", "Summer 2026!")]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let stopped = browser.post("/console/sign-in", &[("name", "name-60"), ("password", "x")]).await;
    assert_eq!(stopped.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn session_ends_by_idling_by_age_and_by_signing_out() {
    let world = world().await;
    let to_sign_in = |answer: &Answer| answer.location() == "/console/sign-in";
    let mut idle = signed_in(&world, "root").await;
    assert!(!to_sign_in(&idle.get("/console").await));
    world.clock.advance(Duration::from_secs(30 * 60));
    assert!(to_sign_in(&idle.get("/console").await));

    let mut busy = signed_in(&world, "root").await;
    let mut hours = 0;
    while !to_sign_in(&busy.get("/console").await) {
        world.clock.advance(Duration::from_secs(20 * 60));
        hours += 1;
        assert!(hours <= 24, "no session outlives eight hours");
    }
    let mut leaving = signed_in(&world, "root").await;
    leaving.post("/console/sign-out", &[]).await;
    assert!(to_sign_in(&leaving.get("/console").await));
}

#[tokio::test(flavor = "multi_thread")]
async fn token_is_shown_and_pins_the_root() {
    let world = world().await;
    let mut browser = signed_in(&world, "root").await;
    let page = browser.post("/console/enrolment-tokens", &[]).await;
    let at = page.body.find("ritorno-enrol.").expect("a token");
    let text: String = page.body[at..].chars().take_while(|c| *c != '<').collect();
    let token = EnrolmentToken::from_text(&text).unwrap();
    assert!(token.pins(&world.root.public()));
    let tokens = world.state.store.enrolment_tokens();
    let used = tokens.consume(world.tenant.id, &token.secret_digest(), world.clock.now()).await.unwrap();
    assert!(used.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmed_device_code_switches_the_tenant_on() {
    let world = world().await;
    let mut tenant = world.tenant.clone();
    tenant.writeback_enabled = false;
    world.state.store.tenants().update(&tenant).await.unwrap();
    let (agent, _) = world.enrolled("lab-agent").await;
    let code = UserCode::random(&*world.state.random);
    let digest = code.digest(&world.state.pepper, world.tenant.id);
    let stored = DeviceCode::new(digest, world.tenant.id, agent.id, world.clock.now());
    world.state.store.device_codes().insert(&stored).await.unwrap();
    let mut browser = signed_in(&world, "root").await;
    let wrong = browser.post("/console/onboarding/confirm", &[("code", "nothing")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let typed = code.to_string().to_lowercase();
    let right = browser.post("/console/onboarding/confirm", &[("code", &typed)]).await;
    assert_eq!(right.status, StatusCode::OK);
    assert!(right.body.contains("Confirmed."), "{}", right.body);
    let tenant = world.state.store.tenants().get(world.tenant.id).await.unwrap().unwrap();
    assert!(tenant.writeback_enabled);
    let again = browser.post("/console/onboarding/confirm", &[("code", &typed)]).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test(flavor = "multi_thread")]
async fn help_desk_finds_people_and_support_codes() {
    let world = world().await;
    let front = Browser::new(&world.app, "en").get("/").await;
    let mut desk = signed_in(&world, "desk").await;
    let found = desk.get("/console/people?name=CONTOSO%5CANNA.ROSSI").await;
    assert!(found.body.contains("anna.rossi@contoso.test") && found.body.contains("contoso.test (CONTOSO"));
    assert!(found.body.contains("a•••••i@m•••.test") && !found.body.contains("anna.rossi@mail.test"));
    let withheld = desk.get("/console/people?name=senza.posta@contoso.test").await;
    assert!(withheld.body.contains("SSPR_0014"), "{}", withheld.body);
    let code = front.support_code().to_lowercase().replace('-', "");
    let audit = desk.get(&format!("/console/audit?code={code}")).await;
    assert!(audit.body.contains("no agent is live") && audit.body.contains(&front.support_code()));
    let signed_in = desk.get("/console/audit").await;
    assert!(signed_in.body.contains("<b>desk</b>"), "who acted is named: {}", signed_in.body);
    let facts = world.state.store.audit();
    let code = SupportCode(front.support_code());
    assert_eq!(facts.by_support_code(world.tenant.id, &code).await.unwrap().len(), 1);
    let lifted = desk.post("/console/people/lift", &[("name", "anna.rossi@contoso.test")]).await;
    assert!(lifted.location().contains("lifted=1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_shown_as_it_is_in_all_six_states() {
    let world = world().await;
    let mut browser = signed_in(&world, "root").await;
    let (away, _) = world.enrolled("one-that-is-away").await;
    let shown = browser.get("/console").await.body;
    assert!(shown.contains("perhaps because of this server"), "agents dial again for some seconds: {shown}");

    let agents = world.state.store.agents();
    assert!(agents.revoke(world.tenant.id, away.id, world.clock.now()).await.unwrap());
    let linked = TestAgent::link(&world).await;
    let shown = browser.get("/console").await.body;
    assert!(shown.contains("up and running") && shown.contains("revoked"), "{shown}");

    let row =
        agents.list(world.tenant.id).await.unwrap().into_iter().find(|agent| agent.id != away.id).unwrap();
    let seen = Seen { live: true, tenant_on: true, server_ready: true, version: "0.1.0", latest: "0.1.0" };
    let state = |row: &Agent, seen| AgentState::of(row, seen);
    assert_eq!(state(&row, seen), AgentState::Running);
    assert_eq!(state(&row, Seen { version: "0.2.0", ..seen }), AgentState::OutOfDate);
    assert_eq!(state(&row, Seen { version: "0.3.0", ..seen }), AgentState::TooOld);
    assert_eq!(state(&row, Seen { tenant_on: false, ..seen }), AgentState::NotConfigured);
    assert_eq!(state(&Agent { writeback_on: false, ..row.clone() }, seen), AgentState::NotConfigured);
    let mut silent = row.clone();
    silent.health.as_mut().unwrap().forests[0].reachable = false;
    assert_eq!(state(&silent, seen), AgentState::NotConfigured);
    assert_eq!(state(&row, Seen { live: false, ..seen }), AgentState::Away);
    assert_eq!(state(&row, Seen { live: false, server_ready: false, ..seen }), AgentState::ServerSide);

    let id = row.id.to_string();
    browser.post("/console/agents/rename", &[("agent", &id), ("name", " Milano ")]).await;
    browser.post("/console/agents/rename", &[("agent", &id), ("name", "  ")]).await;
    let named = agents.get(world.tenant.id, row.id).await.unwrap().unwrap();
    assert_eq!(named.name, "Milano");
    drop(linked);

    // A package of a later version is offered for download: whoever is of an earlier one is out of date.
    assert_eq!(state(&row, Seen { latest: "0.1.1", ..seen }), AgentState::OutOfDate);
    assert_eq!(
        state(&row, Seen { latest: "9.0.0", ..seen }),
        AgentState::OutOfDate,
        "it is understood all the same"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forest_that_another_agent_has_is_served_once_it_is_allowed() {
    let world = world().await;
    let mut browser = signed_in(&world, "root").await;
    let (agents, random) = (world.state.store.agents(), &*world.state.random);
    let [contoso, fabrikam] = ["contoso.test", "fabrikam.test"].map(|name| Forest(name.into()));
    let (row, _) = world.enrolled("Torino").await;
    let claim = ForestClaim::enrolled(vec![fabrikam.clone()]);
    agents.insert(&Agent { id: AgentId::random(random), claim, ..row.clone() }).await.unwrap();
    let said = vec![contoso.clone(), fabrikam.clone()];
    let claim = ForestClaim { said, ..ForestClaim::enrolled(vec![contoso.clone()]) };
    let widened = Agent { id: AgentId::random(random), name: "Genova".into(), claim, ..row };
    agents.insert(&widened).await.unwrap();
    let refused = "fabrikam.test: another agent&#39;s; not served by this one";
    let shown = browser.get("/console").await.body;
    assert_eq!(shown.matches(refused).count(), 1, "{shown}");

    let id = widened.id.to_string();
    let form = |forest: &'static str| [("agent", id.clone()), ("forest", forest.to_owned())];
    for forest in ["", "Fabrikam.test", "fabrikam.test", "fabrikam.test"] {
        let form = form(forest);
        let pairs: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post("/console/agents/forest", &pairs).await;
    }
    let row = agents.get(world.tenant.id, widened.id).await.unwrap().unwrap();
    assert_eq!(row.forests, [contoso, fabrikam]);
    assert!(!browser.get("/console").await.body.contains(refused));
    let facts = world.facts().await;
    let allowed = facts.iter().filter(|fact| fact.activity == Activity::AgentForestAllowed).count();
    assert_eq!(allowed, 1, "{facts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn held_removals_are_shown_and_exactly_those_are_approved() {
    let world = world().await;
    let agent = world.enrolled("lab-agent").await.0.id;
    let hold = async |name: &str| {
        let removal = Removal { kind: RemovalKind::DeleteUser, id: name.into(), name: name.into() };
        let now = world.clock.now();
        world.state.store.removals().hold(world.tenant.id, agent, &[removal], now).await.unwrap();
    };
    hold("anna<b>@contoso.test").await;
    let mut browser = signed_in(&world, "root").await;
    let page = format!("/console/agents/removals?agent={agent}");
    assert!(browser.get("/console").await.body.contains(&page), "the overview leads there");
    let shown = browser.get(&page).await;
    assert!(shown.body.contains("anna&#60;b&#62;@contoso.test"), "{}", shown.body);
    let digest = |body: &str| body.split("name=\"digest\" value=\"").nth(1).unwrap()[..64].to_owned();
    let seen = digest(&shown.body);
    // The list grows while somebody looks at it.
    hold("bruno@contoso.test").await;
    let id = agent.to_string();
    let mut send = async |digest: &str| {
        browser.post("/console/agents/removals", &[("agent", &id), ("digest", digest)]).await;
        let shown = browser.get(&page).await;
        (shown.body.contains("bruno@contoso.test"), shown.body)
    };
    let (waits, body) = send(&seen).await;
    assert!(waits, "nothing was approved");
    let (waits, body) = send(&digest(&body)).await;
    assert!(!waits && body.contains("Nothing is held"), "{body}");
    let facts = world.facts().await;
    let told: Vec<_> = facts.iter().filter(|fact| fact.activity == Activity::RemovalsApproved).collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].reason.contains("2 removals") && told[0].reason.contains(&id), "{}", told[0].reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_of_held_removals_is_shown_page_by_page_and_approved_whole() {
    let world = world().await;
    let agent = world.enrolled("lab-agent").await.0.id;
    let one = |number: u32| Removal {
        kind: RemovalKind::LeaveGroup,
        id: format!("group {number}"),
        name: format!("member-{number:05}@contoso.test  (all)"),
    };
    let list: Vec<Removal> = (0..5_501).map(one).collect();
    let removals = world.state.store.removals();
    removals.hold(world.tenant.id, agent, &list, world.clock.now()).await.unwrap();
    let mut browser = signed_in(&world, "root").await;
    let page = |from: &str| format!("/console/agents/removals?agent={agent}{from}");
    let digest_of = |body: &str| body.split("name=\"digest\" value=\"").nth(1).unwrap()[..64].to_owned();
    let first = browser.get(&page("")).await.body;
    assert_eq!(first.matches("@contoso.test").count(), 500);
    let digest = digest_of(&first);
    assert!(
        first.contains("<strong>5501</strong>")
            && first.contains(&format!("&amp;from=500&amp;digest={digest}\""))
    );
    assert!(!first.contains("Previous page"));
    for from in ["&from=5500", "&from=999999"] {
        let last = browser.get(&page(&format!("{from}&digest={digest}"))).await.body;
        assert_eq!(last.matches("@contoso.test").count(), 1, "{from}");
        assert!(last.contains("member-05500") && last.contains("&amp;from=5000&amp;"), "{last}");
        assert!(!last.contains("Next page") && digest_of(&last) == digest);
    }
    assert_eq!(
        browser.get(&page("&from=500")).await.location(),
        page("&other=true"),
        "a page of which list?"
    );
    browser.post("/console/agents/removals", &[("agent", &agent.to_string()), ("digest", &digest)]).await;
    let kind = RemovalKind::LeaveGroup;
    let ids: Vec<String> = list.iter().map(|one| one.id.clone()).collect();
    let approved = removals.approved(world.tenant.id, agent, kind, &ids, world.clock.now()).await.unwrap();
    assert_eq!(approved.len(), list.len());
    assert!(browser.get(&page("")).await.body.contains("Nothing is held"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_to_a_list_while_somebody_pages_through_it_is_not_approved_unseen() {
    let world = world().await;
    let agent = world.enrolled("lab-agent").await.0.id;
    let removals = world.state.store.removals();
    let hold = async |names: &[String]| {
        let one =
            |name: &String| Removal { kind: RemovalKind::DeleteUser, id: name.clone(), name: name.clone() };
        let list: Vec<Removal> = names.iter().map(one).collect();
        removals.hold(world.tenant.id, agent, &list, world.clock.now()).await.unwrap();
    };
    hold(&(0..501).map(|number| format!("member-{number:05}@contoso.test")).collect::<Vec<_>>()).await;
    let mut browser = signed_in(&world, "root").await;
    let page = |rest: &str| format!("/console/agents/removals?agent={agent}{rest}");
    let digest_of = |body: &str| body.split("name=\"digest\" value=\"").nth(1).unwrap()[..64].to_owned();
    let seen = digest_of(&browser.get(&page("")).await.body);
    // It sorts onto the page that was left behind.
    hold(&["anna@contoso.test".to_owned()]).await;
    for from in [0, 500] {
        let led = browser.get(&page(&format!("&from={from}&digest={seen}"))).await;
        assert_eq!(led.location(), page("&other=true"), "{from}");
    }
    let again = browser.get(&page("&other=true")).await.body;
    assert!(
        again.contains("the list has changed since you saw it") && again.contains("anna@contoso.test"),
        "{again}"
    );
    let id = agent.to_string();
    browser.post("/console/agents/removals", &[("agent", &id), ("digest", &seen)]).await;
    let ids = ["anna@contoso.test".to_owned(), "member-00500@contoso.test".to_owned()];
    let approved = async || {
        let kind = RemovalKind::DeleteUser;
        removals.approved(world.tenant.id, agent, kind, &ids, world.clock.now()).await.unwrap().len()
    };
    assert_eq!(approved().await, 0);
    // From the first page on it is one list, to the last one's button.
    let now = digest_of(&again);
    let last = browser.get(&page(&format!("&from=500&digest={now}"))).await.body;
    assert!(last.contains("member-00500") && digest_of(&last) == now, "{last}");
    browser.post("/console/agents/removals", &[("agent", &id), ("digest", &now)]).await;
    assert_eq!(approved().await, 2);
}
