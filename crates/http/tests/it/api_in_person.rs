//! What an administrator does over the API in person, with the console's session, and no token does; on both databases.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::Method;
use ritorno_http::time_text::rfc3339;
use ritorno_identity::administrator::Role;
use ritorno_identity::audit::{Activity, Actor};
use ritorno_identity::limit::API_REQUESTS;
use ritorno_identity::mail::Template;
use ritorno_identity::removal::{Removal, RemovalKind};
use ritorno_identity::session::FRESH;
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::enrolment::{EnrolmentToken, OnboardingCode};
use ritorno_protocol::outcome::{Operator, Outcome};
use ritorno_protocol::policy::Rule;
use serde_json::{Value, json};

use crate::agent::{TestAgent, done};
use crate::agent_api::{access, on_both};
use crate::api_world::{Call, Told, call, every_scope, of_ours};
use crate::cloud::{self, CARLA, CARLAS_MAIL};
use crate::give_password::user;
use crate::portal::PageContext;
use crate::sync_reports::{SINCE, report, tell};
use crate::world::World;

on_both!(
    an_agent_is_renamed_given_a_forest_and_revoked,
    an_enrolment_token_is_shown_once,
    a_code_that_an_agent_shows_switches_writeback_on,
    exactly_the_list_that_was_shown_is_let_through,
    exactly_what_an_agent_holds_is_approved,
    a_colleague_approves_in_person,
    no_session_reads_anothers_answer,
    whoever_asks_is_told_who_they_are,
);

const GIVEN: &str = "Kmbra-tzdew-pvnhg-47293";

async fn send(world: &World, cookie: &str, method: &str, path: &str, body: &str) -> Told {
    let body = (!body.is_empty()).then_some(body);
    call(&world.app, method, path, &Call { token: None, body, headers: of_ours(cookie) }).await
}

/// The same with an idempotency key.
async fn once(world: &World, cookie: &str, path: &str, body: &str) -> Told {
    let headers = of_ours(cookie).into_iter().chain([("idempotency-key", "one")]).collect();
    let body = (!body.is_empty()).then_some(body);
    call(&world.app, "POST", path, &Call { token: None, body, headers }).await
}

/// A global administrator's session.
async fn root(world: &World) -> String {
    world.administrator("root", Role::Global, true).await;
    world.session("root").await
}

/// Whether root did that last, in person.
async fn was_root(world: &World, activity: Activity, reason: &str) {
    let fact = world.facts().await.remove(0);
    let id = world.named("root").await.id;
    assert_eq!(
        (fact.activity, fact.actor, fact.reason.as_str()),
        (activity, Actor::Administrator(id), reason)
    );
}

async fn an_agent_is_renamed_given_a_forest_and_revoked(world: &World) {
    let root = root(world).await;
    let agent = world.enrolled("one").await.0.id;
    let at = |rest: &str| format!("/api/v1/agents/{agent}{rest}");
    let agents = world.state.store.agents();
    let named = send(world, &root, "PUT", &at("/name"), r#"{"name":" Verona 1 "}"#).await;
    assert_eq!(named.status, 204, "{named:?}");
    assert_eq!(agents.get(world.tenant.id, agent).await.unwrap().unwrap().name, "Verona 1");
    was_root(world, Activity::AgentRenamed, &format!("agent {agent}: Verona 1")).await;
    for (rest, body, status, kind) in
        [("/name", r#"{"name":" "}"#, 422, "agent-name"), ("/name", r#"{"called":"x"}"#, 422, "malformed")]
    {
        let told = send(world, &root, "PUT", &at(rest), body).await;
        assert_eq!((told.status.as_u16(), told.kind().as_str()), (status, kind), "{rest} {body}");
    }
    let forest = r#"{"forest":"fabrikam.test"}"#;
    assert_eq!(send(world, &root, "POST", &at("/forests"), forest).await.status, 204);
    was_root(world, Activity::AgentForestAllowed, &format!("agent {agent}: fabrikam.test")).await;
    assert_eq!(send(world, &root, "POST", &at("/forests"), forest).await.kind(), "not-found", "it has it");
    let upper = send(world, &root, "POST", &at("/forests"), r#"{"forest":"Fabrikam"}"#).await;
    assert_eq!((upper.status.as_u16(), upper.kind().as_str()), (422, "forest"));
    assert_eq!(send(world, &root, "DELETE", &at(""), "").await.status, 204);
    assert!(agents.get(world.tenant.id, agent).await.unwrap().unwrap().revoked_at.is_some());
    was_root(world, Activity::AgentRevoked, &format!("agent {agent}")).await;
    assert_eq!(send(world, &root, "DELETE", &at(""), "").await.kind(), "not-found", "once");
}

async fn an_enrolment_token_is_shown_once(world: &World) {
    let root = root(world).await;
    let path = "/api/v1/enrolment-tokens";
    let made = once(world, &root, path, "").await;
    assert_eq!(made.status, 201, "{made:?}");
    let text = made.json()["token"].as_str().unwrap().to_owned();
    let token: EnrolmentToken = EnrolmentToken::from_text(&text).unwrap();
    let again = once(world, &root, path, "").await;
    assert_eq!((again.status.as_u16(), again.kind().as_str()), (409, "shown-once"));
    assert!(!again.text.contains(&text));
    let tokens = world.state.store.enrolment_tokens();
    let kept = tokens.consume(world.tenant.id, &token.secret_digest(), world.clock.now()).await.unwrap();
    assert!(kept.is_some(), "it enrols");
    assert_eq!(world.facts().await.len(), 1, "one was made");
}

async fn a_code_that_an_agent_shows_switches_writeback_on(world: &World) {
    let root = root(world).await;
    let (agent, key) = world.enrolled("one").await;
    let tenants = world.state.store.tenants();
    tenants.turn(world.tenant.id, ritorno_storage::TenantSwitch::Writeback, false).await.unwrap();
    let token = access(world, agent.id, &key).await;
    let begun =
        crate::agent_api::call(world, Method::POST, "/agent/v1/onboarding", Some(&token), &[], None).await;
    let code: OnboardingCode = serde_json::from_value(begun.body).unwrap();
    let path = "/api/v1/onboarding/confirmations";
    let body = json!({ "code": code.code }).to_string();
    let confirmed = send(world, &root, "POST", path, &body).await;
    assert_eq!((confirmed.status.as_u16(), &confirmed.json()["agent"]), (200, &json!(agent.id)));
    assert!(tenants.get(world.tenant.id).await.unwrap().unwrap().writeback_enabled);
    was_root(world, Activity::WritebackEnabled, &format!("device code of agent {} confirmed", agent.id))
        .await;
    let again = send(world, &root, "POST", path, &body).await;
    assert_eq!((again.status.as_u16(), again.kind().as_str()), (422, "code"), "once");
    let mut tries = 2;
    loop {
        let told = send(world, &root, "POST", path, r#"{"code":"BCDF-GHJK"}"#).await;
        tries += 1;
        if told.status == 429 {
            break;
        }
        assert_eq!(told.kind(), "code");
    }
    assert_eq!(tries, 11, "ten an hour");
}

async fn exactly_the_list_that_was_shown_is_let_through(world: &World) {
    let root = root(world).await;
    let agent = world.enrolled("one").await.0.id;
    let (removals, now) = (world.state.store.removals(), world.clock.now());
    let removal = |name: &str| Removal {
        kind: RemovalKind::DeleteUser,
        id: format!("id of {name}"),
        name: format!("{name}@contoso.test"),
    };
    removals.hold(world.tenant.id, agent, &[removal("luca"), removal("marta")], now).await.unwrap();
    let path = format!("/api/v1/agents/{agent}/removals");
    let seen = send(world, &root, "GET", &path, "").await.json();
    assert_eq!(seen["number"], 2);
    removals.hold(world.tenant.id, agent, &[removal("nino")], now).await.unwrap();
    let approve = |digest: &Value| json!({ "digest": digest }).to_string();
    let approvals = format!("{path}/approvals");
    let other = send(world, &root, "POST", &approvals, &approve(&seen["digest"])).await;
    assert_eq!((other.status.as_u16(), other.kind().as_str()), (409, "another-list"), "one more waits");
    let now = send(world, &root, "GET", &path, "").await.json();
    let approved = send(world, &root, "POST", &approvals, &approve(&now["digest"])).await;
    assert_eq!((approved.status.as_u16(), &approved.json()["number"]), (200, &json!(3)));
    let digest = now["digest"].as_str().unwrap();
    was_root(world, Activity::RemovalsApproved, &format!("agent {agent}: 3 removals, {digest}")).await;
    assert_eq!(send(world, &root, "GET", &path, "").await.json()["number"], 0, "nothing waits");
    let nobody = send(world, &root, "POST", &approvals, &approve(&now["digest"])).await;
    assert_eq!(nobody.kind(), "another-list", "nothing is no list");
}

async fn exactly_what_an_agent_holds_is_approved(world: &World) {
    let root = root(world).await;
    let (agent, key) = world.enrolled("one").await;
    let twin = world.enrolled("two").await.0.id;
    let token = access(world, agent.id, &key).await;
    let digest = "0a".repeat(32);
    assert!(tell(world, &token, &report(world, Some(&digest))).await.is_empty());
    let path = format!("/api/v1/agents/{}/held-exports", agent.id);
    let held = async || send(world, &root, "GET", &path, "").await.json();
    let since = rfc3339(SINCE);
    let names =
        ["anna", "luca"].map(|name| json!({"kind": "remove", "name": format!("{name}@contoso.test")}));
    let list = |approved: bool| {
        json!([{
            "connector": "contoso.test", "digest": digest, "since": since, "because": "the threshold is 1",
            "number": 2, "whole": true, "approved": approved, "items": names,
        }])
    };
    assert_eq!(held().await, list(false));
    let approve = async |at: &str, digest: &str, since: &str| {
        let body = json!({ "digest": digest, "since": since }).to_string();
        send(world, &root, "POST", &format!("{at}/approvals"), &body).await
    };
    let twins = format!("/api/v1/agents/{twin}/held-exports");
    let other = "0b".repeat(32);
    for (at, digest, since) in [
        (&path, other.as_str(), since.as_str()),
        (&path, &digest, "2026-01-01T00:00:00Z"),
        (&twins, &digest, &since),
    ] {
        let told = approve(at, digest, since).await;
        assert_eq!((told.status.as_u16(), told.kind().as_str()), (409, "another-list"), "{digest} {since}");
    }
    assert_eq!(held().await, list(false));
    assert_eq!(approve(&path, &digest, &since).await.status, 204);
    let reason = format!("agent {}: 2 removals of contoso.test, {digest}", agent.id);
    was_root(world, Activity::RemovalsApproved, &reason).await;
    assert_eq!(held().await, list(true));
    let taken = tell(world, &token, &report(world, Some(&digest))).await;
    assert_eq!((taken.len(), &taken[0]["digest"]), (1, &json!(digest)), "the agent takes it up");
}

async fn a_colleague_approves_in_person(world: &World) {
    world.administrator("desk", Role::HelpDesk, true).await;
    let (root, desk) = (root(world).await, world.session("desk").await);
    let person = user(world, "senza.posta@contoso.test").await.id;
    let at = |rest: &str| format!("/api/v1/people/{person}/help-desk/{rest}");
    let case = send(world, &desk, "POST", &at("approvals"), r#"{"reason":"ticket 4711"}"#).await.json();
    let approval = at(&format!("cases/{}/approval", case["id"].as_str().unwrap()));
    let own = send(world, &desk, "POST", &approval, "").await;
    assert_eq!((own.status.as_u16(), own.kind().as_str()), (409, "case-closed"), "nobody approves their own");
    assert_eq!(send(world, &root, "POST", &approval, "").await.status, 204);
    was_root(world, Activity::HelpDeskCase, "approved: ticket 4711").await;
    let pass = at(&format!("cases/{}/pass", case["id"].as_str().unwrap()));
    let made = send(world, &desk, "POST", &pass, "").await;
    assert_eq!(made.status, 201, "{made:?}");
}

/// A key is the session's own: another session of the same administrator does its own request, and reads no answer.
async fn no_session_reads_anothers_answer(world: &World) {
    let (one, other) = (root(world).await, world.session("root").await);
    world.administrator("desk", Role::HelpDesk, true).await;
    let desk = world.session("desk").await;
    let path = format!("/api/v1/people/{}/help-desk/codes", user(world, "anna.rossi@contoso.test").await.id);
    let body = r#"{"reason":"lost her telephone"}"#;
    let first = once(world, &one, &path, body).await;
    assert_eq!(first.status, 201, "{first:?}");
    let again = once(world, &one, &path, body).await;
    assert_eq!((again.text.as_str(), again.header("idempotency-replayed")), (first.text.as_str(), "true"));
    let changed = once(world, &one, &path, r#"{"reason":"something else"}"#).await;
    assert_eq!(changed.kind(), "idempotency-key-reused");
    for session in [&other, &desk] {
        let theirs = once(world, session, &path, body).await;
        assert_eq!((theirs.status.as_u16(), theirs.header("idempotency-replayed")), (201, ""));
        assert_ne!(theirs.json()["id"], first.json()["id"]);
    }
    // Nor does a token of the same administrator.
    let (_, token) = world.token("root", every_scope()).await;
    let headers = BTreeMap::from([("idempotency-key", "one")]);
    let by_token = Call { token: Some(&token), body: Some(body), headers };
    let theirs = call(&world.app, "POST", &path, &by_token).await;
    assert_eq!((theirs.status.as_u16(), theirs.header("idempotency-replayed")), (429, ""), "{theirs:?}");
    // The answers go with the session.
    let digest = ritorno_identity::token::Token::from_text(one.split_once('=').unwrap().1).unwrap().digest();
    assert!(world.state.store.sessions().delete(world.tenant.id, &digest).await.unwrap());
    assert_eq!(once(world, &one, &path, body).await.kind(), "sign-in");
}

async fn whoever_asks_is_told_who_they_are(world: &World) {
    world.administrator("desk", Role::HelpDesk, true).await;
    world.asks_for_apps(&["desk"]).await;
    let desk = world.named("desk").await;
    let cookie = world.session_of(&desk, Duration::from_secs(60)).await;
    let me = |cookie: String, language: &'static str| async move {
        let mut headers = of_ours(&cookie);
        headers.insert("accept-language", language);
        call(&world.app, "GET", "/api/v1/me", &Call { token: None, body: None, headers }).await.json()
    };
    let told = me(cookie.clone(), "it").await;
    let until = rfc3339(world.clock.now().plus(FRESH).minus(Duration::from_secs(60)));
    let expected = json!({
        "name": "desk",
        "role": "help-desk",
        "scope": null,
        "tenant": { "id": world.tenant.id, "name": "Contoso" },
        "language": "it",
        "may": ["read-audit", "read-timeline", "read-users", "lift-stop", "help-person", "approve-case", "reset-password"],
        "fresh": true,
        "fresh_until": until,
        "token": null,
    });
    assert_eq!(told, expected);
    let stale = me(world.session_of(&desk, FRESH).await, "en").await;
    assert_eq!(
        (&stale["fresh"], &stale["fresh_until"], &stale["language"]),
        (&json!(false), &json!(null), &json!("en"))
    );
    assert_eq!(stale["may"], expected["may"], "what they may after a fresh code");
    let scope = ritorno_identity::administrator::Scope { domain: Some("contoso.test".into()), group: None };
    world.state.store.administrators().set_scope(world.tenant.id, desk.id, &scope).await.unwrap();
    let scoped = me(cookie, "en").await;
    assert_eq!(scoped["scope"], json!({ "domain": "contoso.test", "group": null }));
    assert_eq!(
        scoped["may"],
        json!(["read-timeline", "read-users", "lift-stop", "help-person", "approve-case", "reset-password"])
    );
    let (_, token) = world.token("desk", every_scope()).await;
    let asked = Call { token: Some(&token), ..Call::default() };
    let by_token = call(&world.app, "GET", "/api/v1/me", &asked).await.json();
    assert_eq!(by_token["may"], json!(["read-timeline", "read-users", "lift-stop", "help-person"]));
    assert_eq!((&by_token["fresh"], &by_token["token"]["name"]), (&json!(false), &json!("token of desk")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_asks_so_often_a_minute_and_no_other_waits_for_it() {
    let world = World::new().await;
    let (one, other) = (root(&world).await, world.session("root").await);
    for _ in 0..API_REQUESTS.most {
        assert_eq!(send(&world, &one, "GET", "/api/v1/me", "").await.status, 200);
    }
    let told = send(&world, &one, "GET", "/api/v1/me", "").await;
    assert_eq!((told.status.as_u16(), told.kind().as_str()), (429, "too-many"));
    assert!(!told.header("retry-after").is_empty());
    assert_eq!(send(&world, &other, "GET", "/api/v1/me", "").await.status, 200);
}

/// A case of this person's that is cleared by a code that they read out.
async fn cleared(world: &World, cookie: &str, name: &str) -> (String, String) {
    let person = user(world, name).await.id;
    let at = |rest: &str| format!("/api/v1/people/{person}/help-desk/{rest}");
    let case = send(world, cookie, "POST", &at("codes"), r#"{"reason":"her first day"}"#).await.json();
    let case = case["id"].as_str().unwrap().to_owned();
    let code = world.letters().await.into_iter().find_map(|letter| match letter.template {
        Template::HelpDeskCode { code, .. } => Some(code),
        _ => None,
    });
    let body = json!({ "code": code.unwrap() }).to_string();
    let checked = send(world, cookie, "POST", &at(&format!("cases/{case}/check")), &body).await;
    assert_eq!(checked.json()["right"], true);
    (format!("/api/v1/people/{person}/password"), case)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_password_is_given_once_by_who_it_was_handed_out_to() {
    let world = World::new().await;
    let agent = TestAgent::link(&world).await;
    world.administrator("colleague", Role::HelpDesk, true).await;
    let (root, colleague) = (root(&world).await, world.session("colleague").await);
    let (path, case) = cleared(&world, &root, "paolo.bianchi@contoso.test").await;
    let asked = format!("{path}?case={case}");
    assert_eq!(send(&world, &colleague, "GET", &asked, "").await.kind(), "case-closed", "it is another's");
    let shown = send(&world, &root, "GET", &asked, "").await.json();
    assert_eq!((&shown["sealed"], &shown["submit"]), (&json!(true), &json!(format!("{path}/sealed"))));
    let context = PageContext::from(shown.clone());
    let envelope = context.seal(&world, &context.context(), GIVEN);
    // Whom it was not handed out to, and under another person's name, it is nothing.
    let sealed = format!("{path}/sealed");
    let theirs = send(&world, &colleague, "POST", &sealed, &envelope).await.json();
    assert_eq!(theirs["state"], "failed", "{theirs}");
    let anna = user(&world, "anna.rossi@contoso.test").await.id;
    let of_anna =
        send(&world, &root, "POST", &format!("/api/v1/people/{anna}/password/sealed"), &envelope).await;
    assert_eq!(of_anna.json()["state"], "failed", "{of_anna:?}");
    agent.script.lock().unwrap().outcome =
        Outcome::Refused { rule: Rule::History { remembered: None }, operator: Operator::default() };
    let refused = send(&world, &root, "POST", &sealed, &envelope).await.json();
    assert_eq!(refused["state"], "refused", "{refused}");
    agent.script.lock().unwrap().outcome = done();
    let next = serde_json::from_value(refused["context"].clone()).unwrap();
    let given = send(&world, &root, "POST", &sealed, &context.seal(&world, &next, GIVEN)).await.json();
    assert_eq!(given["state"], "done", "{given}");
    assert_eq!(agent.script.lock().unwrap().opened, [GIVEN, GIVEN]);
    assert_eq!(send(&world, &root, "GET", &asked, "").await.kind(), "case-closed", "it has served");
    let fact = &world.facts().await[0];
    assert_eq!(fact.activity, Activity::ResetByAdministrator);
    assert_eq!(fact.support_code.as_ref().map(|code| code.0.as_str()), shown["support_code"].as_str());
    assert!(fact.reason.ends_with("her first day"), "in person: {}", fact.reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn why_nobody_can_be_given_a_password_now_is_told() {
    let world = World::new().await;
    let root = root(&world).await;
    let (path, case) = cleared(&world, &root, "paolo.bianchi@contoso.test").await;
    let told = send(&world, &root, "GET", &format!("{path}?case={case}"), "").await;
    assert_eq!((told.status.as_u16(), told.kind().as_str()), (409, "not-now"), "no agent is there");
    assert!(told.text.contains("SSPR_0030"), "{}", told.text);
}

/// No key keeps so much as a digest of a body that has a password in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_of_the_tenants_own_is_kept_and_no_digest_of_it() {
    let world = World::new().await;
    cloud::with_domain(&world, |_| ()).await;
    cloud::person(&world, CARLA, CARLAS_MAIL).await;
    let root = root(&world).await;
    let (path, case) = cleared(&world, &root, CARLA).await;
    let shown = send(&world, &root, "GET", &format!("{path}?case={case}"), "").await.json();
    assert_eq!((&shown["sealed"], shown.get("recipients")), (&json!(false), None), "{shown}");
    let kept = shown["submit"].as_str().unwrap();
    assert_eq!(kept, format!("{path}/kept"));
    let body = |request: &Value, new: &str| json!({ "request": request, "new": new }).to_string();
    let refused = once(&world, &root, kept, &body(&shown["request"], "kurz")).await.json();
    assert_eq!(refused["state"], "refused", "{refused}");
    let given = once(&world, &root, kept, &body(&refused["request"], GIVEN)).await.json();
    assert_eq!(given["state"], "done", "{given}");
    let again = once(&world, &root, kept, &body(&refused["request"], GIVEN)).await.json();
    assert_eq!(again["state"], "unknown", "{again}");
    let pool = sqlx::SqlitePool::connect(&world.address()).await.unwrap();
    let rows: i64 =
        sqlx::query_scalar("select count(*) from session_answers").fetch_one(&pool).await.unwrap();
    pool.close().await;
    assert_eq!(rows, 0);
}

/// What is no path or no method is told so, to a stranger as to everybody.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_told_alike_to_everybody() {
    let world = World::new().await;
    let root = root(&world).await;
    let (_, token) = world.token("root", every_scope()).await;
    let id = uuid::Uuid::nil();
    for (method, path, status, kind, allow) in [
        ("GET", "/api/v1".to_owned(), 404, "no-such-path", ""),
        ("GET", "/api/v1/".to_owned(), 404, "no-such-path", ""),
        ("GET", "/api/v1/nothing".to_owned(), 404, "no-such-path", ""),
        ("POST", format!("/api/v1/people/{id}/nothing/at/all"), 404, "no-such-path", ""),
        ("DELETE", "/api/v1/switches".to_owned(), 405, "no-such-method", "GET,HEAD"),
        ("POST", "/api/v1/me".to_owned(), 405, "no-such-method", "GET,HEAD"),
        ("PUT", format!("/api/v1/people/{id}/lift"), 405, "no-such-method", "POST"),
        ("OPTIONS", "/api/v1/me".to_owned(), 405, "no-such-method", "GET,HEAD"),
    ] {
        let key = ("idempotency-key", "one");
        let told = [
            Call { headers: BTreeMap::from([key]), ..Call::default() },
            Call { token: Some(&token), headers: BTreeMap::from([key]), ..Call::default() },
            Call { headers: of_ours(&root).into_iter().chain([key]).collect(), ..Call::default() },
            Call { headers: BTreeMap::from([("origin", "https://evil.test")]), ..Call::default() },
        ];
        let mut first = None;
        for asked in &told {
            let told = call(&world.app, method, &path, asked).await;
            assert_eq!((told.status.as_u16(), told.kind().as_str()), (status, kind), "{method} {path}");
            assert_eq!(told.header("allow"), allow, "{method} {path}");
            assert_eq!(told.header("cache-control"), "no-store");
            assert_eq!(*first.get_or_insert(told.text.clone()), told.text, "{method} {path}");
        }
    }
}
