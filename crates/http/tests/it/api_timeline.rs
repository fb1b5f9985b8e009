//! What happened around one person, and what is under a support code, by the API.

use std::collections::BTreeSet;

use ritorno_identity::administrator::{Action, Role, Scope};
use ritorno_protocol::outcome::{Operator, Outcome};
use ritorno_protocol::policy::Rule;
use serde_json::Value;

use crate::agent::TestAgent;
use crate::agent_api::on_both;
use crate::api_sspr_policy::ask;
use crate::api_world::every_scope;
use crate::browser::Browser;
use crate::portal::past_the_gate;
use crate::register::anna;
use crate::world::World;

on_both!(a_reset_is_told_whole_from_the_person_and_from_the_code, a_timeline_is_read_to_its_end_page_by_page,);

/// Anna's reset, which the directory refuses; its support code.
async fn refused_reset(world: &World) -> (TestAgent, String) {
    let agent = TestAgent::link(world).await;
    let operator =
        Operator { dc: Some("dc1.contoso.test".into()), detail: "too soon".into(), ..Operator::default() };
    agent.script.lock().unwrap().outcome =
        Outcome::Refused { rule: Rule::MinimumAge { not_before: None }, operator };
    let mut browser = Browser::new(&world.app, "en");
    let page = past_the_gate(world, &mut browser).await;
    let code = browser.get("/reset/password").await.support_code();
    browser.post_json("/reset/submit", &page.seal(world, &page.context(), "Nuova-Passw0rd!")).await;
    (agent, code)
}

fn kinds(items: &Value) -> Vec<&str> {
    items.as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap()).collect()
}

async fn a_reset_is_told_whole_from_the_person_and_from_the_code(world: &World) {
    for role in Role::ALL {
        world.administrator(role.as_str(), role, true).await;
    }
    let (_agent, code) = refused_reset(world).await;
    let person = anna(world).await.id;
    let (_, desk) = world.token("help-desk", every_scope()).await;
    let (_, reports) = world.token("reports-reader", every_scope()).await;

    // As it is heard on the telephone.
    let heard = code.to_lowercase().replace('-', "");
    let told = ask(world, &desk, "GET", &format!("/api/v1/support-codes/{heard}"), None).await;
    assert_eq!(told.status, 200, "{told:?}");
    let told = told.json();
    assert_eq!(told["code"], code.as_str());
    assert_eq!(told["person"]["user_principal_name"], "anna.rossi@contoso.test");
    assert_eq!(told["flow"]["purpose"], "reset");
    assert_eq!(told["flow"]["passed"], serde_json::json!(["mail"]));
    let request = &told["requests"][0];
    assert_eq!((&request["state"], &request["outcome"]["result"]), (&"finished".into(), &"refused".into()));
    assert_eq!(request["outcome"]["reason"], "minimum_age");
    assert_eq!(request["outcome"]["dc"], "dc1.contoso.test");
    assert!(request["agent"].is_string(), "{request}");
    let facts = told["facts"].as_array().unwrap();
    assert!(facts.len() >= 3, "{facts:?}");
    assert!(facts.iter().all(|fact| fact["support_code"] == code.as_str()), "{facts:?}");

    // Who may not look up people learns what happened, and of nobody's account in particular.
    let read = ask(world, &reports, "GET", &format!("/api/v1/support-codes/{code}"), None).await.json();
    assert_eq!((&read["person"], read["requests"].as_array().unwrap().len()), (&Value::Null, 1));
    for wrong in ["ZZZZZ-99999", "x", "%20"] {
        let told = ask(world, &desk, "GET", &format!("/api/v1/support-codes/{wrong}"), None).await;
        assert_eq!(told.kind(), "not-found", "{wrong}");
    }

    let here = format!("/api/v1/people/{person}/timeline");
    let timeline = ask(world, &desk, "GET", &here, None).await.json();
    let items = &timeline["items"];
    assert_eq!(kinds(items).iter().filter(|kind| **kind == "request").count(), 1, "{items}");
    let times: Vec<&str> =
        items.as_array().unwrap().iter().map(|item| item["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|one, next| one >= next), "{times:?}");
    let latest = items.as_array().unwrap().iter().find(|item| item["kind"] == "fact").unwrap();
    assert_eq!(latest["activity"], "Reset password (self-service)", "{items}");
    let told = ask(world, &reports, "GET", &here, None).await;
    assert_eq!((told.status.as_u16(), told.kind().as_str()), (403, "forbidden"));

    // Who is for some people only is told of those.
    let scoped = world.named("authentication").await;
    let (_, token) = world.token("authentication", every_scope()).await;
    for (domain, kind) in [("fabrikam.test", "not-found"), ("contoso.test", "")] {
        let scope = Scope { domain: Some(domain.into()), group: None };
        assert!(
            world.state.store.administrators().set_scope(world.tenant.id, scoped.id, &scope).await.unwrap()
        );
        for path in [here.clone(), format!("/api/v1/support-codes/{code}")] {
            let told = ask(world, &token, "GET", &path, None).await;
            assert_eq!(told.kind(), kind, "{domain} {path}");
        }
    }
    // A stranger's way through the pages is nobody's whom they are for.
    let mut stranger = Browser::new(&world.app, "en");
    stranger.post("/reset/start", &[("name", "no.body@contoso.test")]).await;
    let code = stranger.get("/reset/code").await.support_code();
    let path = format!("/api/v1/support-codes/{code}");
    assert_eq!(ask(world, &token, "GET", &path, None).await.kind(), "not-found");
    let told = ask(world, &desk, "GET", &path, None).await.json();
    assert_eq!((&told["flow"]["state"], &told["person"]), (&"code-sent".into(), &Value::Null), "{told}");

    // A token that was made for the audit as a list reads no timeline.
    let (_, other) = world.token("help-desk", vec![Action::ReadAudit, Action::ReadUsers]).await;
    assert_eq!(ask(world, &other, "GET", &here, None).await.kind(), "token-scope");
}

async fn a_timeline_is_read_to_its_end_page_by_page(world: &World) {
    world.administrator("desk", Role::HelpDesk, true).await;
    let (_, desk) = world.token("desk", every_scope()).await;
    let person = anna(world).await.id;
    let (_agent, _) = refused_reset(world).await;
    // Many of one moment.
    for _ in 0..7 {
        ask(world, &desk, "POST", &format!("/api/v1/people/{person}/lift"), None).await;
    }
    let here = format!("/api/v1/people/{person}/timeline");
    let whole = ask(world, &desk, "GET", &format!("{here}?limit=200"), None).await.json();
    assert_eq!(whole["next"], Value::Null);
    let whole: Vec<String> = ids(&whole["items"]);
    assert!(whole.len() > 10, "{whole:?}");
    for limit in [1, 2, 3] {
        let (mut seen, mut next) = (Vec::new(), String::new());
        loop {
            let page = ask(world, &desk, "GET", &format!("{here}?limit={limit}{next}"), None).await.json();
            seen.extend(ids(&page["items"]));
            let Some(cursor) = page["next"].as_str() else { break };
            next = format!("&cursor={cursor}");
        }
        assert_eq!(seen, whole, "{limit}");
    }
    assert_eq!(whole.iter().collect::<BTreeSet<_>>().len(), whole.len());
    assert_eq!(ask(world, &desk, "GET", &format!("{here}?cursor=eA"), None).await.kind(), "cursor");
}

fn ids(items: &Value) -> Vec<String> {
    items.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}
