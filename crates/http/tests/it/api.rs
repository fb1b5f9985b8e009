//! What the API promises beside who may what: conditions, keys, pages, limits, and its document.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ritorno_identity::administrator::{Action, Role};
use ritorno_identity::audit::Activity;
use ritorno_identity::limit::API_REQUESTS;
use ritorno_identity::removal::{Removal, RemovalKind};
use ritorno_protocol::clock::Clock as _;
use serde_json::{Value, json};

use crate::api_matrix::operations;
use crate::api_world::{Call, Told, call, every_scope};
use crate::world::World;

/// The installation with a global administrator, one of the help desk, and a token of each.
async fn world() -> (World, String, String) {
    let world = World::new().await;
    world.administrator("root", Role::Global, true).await;
    world.administrator("desk", Role::HelpDesk, true).await;
    let (root, desk) =
        (world.token("root", every_scope()).await.1, world.token("desk", every_scope()).await.1);
    (world, root, desk)
}

async fn get(world: &World, token: &str, path: &str) -> Told {
    call(&world.app, "GET", path, &Call { token: Some(token), ..Call::default() }).await
}

async fn send(
    world: &World,
    token: &str,
    method: &str,
    path: &str,
    body: &str,
    headers: &[(&'static str, &str)],
) -> Told {
    let headers: BTreeMap<&'static str, &str> = headers.iter().copied().collect();
    let body = (!body.is_empty()).then_some(body);
    call(&world.app, method, path, &Call { token: Some(token), body, headers }).await
}

async fn anna(world: &World, token: &str) -> String {
    let found = get(world, token, "/api/v1/people?name=anna.rossi@contoso.test").await.json();
    found["items"][0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn the_document_in_the_manual_is_the_one_that_the_handlers_make() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let made = ritorno_http::api::document();
    assert!(&kept == made, "`ritorno api-document > docs/openapi.json` writes it anew");
}

/// Every `$ref` in it.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                found.insert(reference.to_owned());
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(all) => all.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// What adds a route adds it to the document: nothing in there goes around it.
#[test]
fn no_route_goes_around_the_document() {
    let mut seen = 0;
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/api")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for around in [".route(", "route_service(", "nest_service(", ".fallback"] {
            assert!(!text.contains(around), "{around}: use `.routes(routes!(…))`");
        }
        seen += text.matches(".routes(routes!(").count();
    }
    let paths: BTreeSet<String> =
        operations().into_keys().map(|operation| operation.split(' ').nth(1).unwrap().to_owned()).collect();
    assert_eq!(seen, paths.len());
}

#[test]
fn the_document_is_whole() {
    let document = ritorno_http::api::document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."), "{}", document["openapi"]);
    let mut all = BTreeSet::new();
    references(document, &mut all);
    assert!(all.len() > 20, "{all:?}");
    for reference in all {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    let mut ids = BTreeSet::new();
    for (operation, told) in operations() {
        assert!(ids.insert(told["operationId"].as_str().unwrap().to_owned()), "{operation}");
        assert!(told["summary"].as_str().is_some_and(|text| !text.is_empty()), "{operation}");
        let guarded = told["security"].as_array().is_some_and(|all| !all.is_empty());
        assert_eq!(guarded, operation != "GET /api/v1/openapi.json", "{operation}");
        // What stands in the path is told of, and nothing else is said to stand there.
        let declared: BTreeSet<String> = told["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|one| one["in"] == "path")
            .map(|one| format!("{{{}}}", one["name"].as_str().unwrap()))
            .collect();
        let parts: BTreeSet<String> =
            operation.split('/').filter(|part| part.starts_with('{')).map(str::to_owned).collect();
        assert_eq!(declared, parts, "{operation}");
        for scope in told["security"].as_array().into_iter().flatten() {
            for name in scope["token"].as_array().into_iter().flatten() {
                assert!(Action::of_scope(name.as_str().unwrap()).is_some(), "{operation}: {name}");
            }
        }
        let in_person = |one: &Value| one["session"] == json!([]);
        assert_eq!(
            guarded,
            told["security"].as_array().is_some_and(|all| all.iter().any(in_person)),
            "{operation}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_with_a_condition_is_made_only_of_what_was_seen() {
    let (world, root, _) = world().await;
    let cases = [
        ("/api/v1/switches/unlock", r#"{"on":true}"#, r#"{"on":false}"#),
        ("/api/v1/licences", r#"{"required":false,"usage_location":"IT"}"#, r#"{"required":true}"#),
        ("/api/v1/licences/products/AAD_PREMIUM", r#"{"units":3}"#, r#"{"units":4}"#),
    ];
    for (path, first, second) in cases {
        let seen = get(&world, &root, path).await;
        let tag = seen.header("etag").to_owned();
        assert!(tag.starts_with('"') && tag.len() > 20, "{seen:?}");
        let made = send(&world, &root, "PUT", path, first, &[("if-match", &tag)]).await;
        assert_eq!(made.status, 200, "{made:?}");
        let now = get(&world, &root, path).await;
        assert_eq!(
            now.header("etag"),
            made.header("etag"),
            "{path}: the answer to a change is what is there now"
        );
        assert_ne!(now.header("etag"), tag);
        let late = send(&world, &root, "PUT", path, second, &[("if-match", &tag)]).await;
        assert_eq!((late.status.as_u16(), late.kind().as_str()), (412, "changed"), "{path}");
        assert_eq!(get(&world, &root, path).await.text, now.text, "{path}: nothing changed");
        let any = send(&world, &root, "PUT", path, second, &[("if-match", "\"x\", *")]).await;
        assert_eq!(any.status, 200, "{any:?}");
        assert_ne!(get(&world, &root, path).await.text, now.text);
    }
    let wrong =
        send(&world, &root, "PUT", "/api/v1/licences", r#"{"required":true,"usage_location":"Italy"}"#, &[]);
    assert_eq!(wrong.await.kind(), "usage-location");
    let unread = send(&world, &root, "PUT", "/api/v1/switches/unlock", r#"{"on":true,"of":1}"#, &[]).await;
    assert_eq!((unread.status.as_u16(), unread.kind().as_str()), (422, "malformed"));
    assert_eq!(get(&world, &root, "/api/v1/switches/unknown").await.kind(), "not-found");
}

/// A change of one switch leaves alone what somebody else changed since it was read.
#[tokio::test(flavor = "multi_thread")]
async fn a_switch_that_is_turned_puts_nothing_else_back() {
    let (world, root, _) = world().await;
    let (app, token) = (&world.app, root.as_str());
    let one = |switch: &'static str| async move {
        let path = format!("/api/v1/switches/{switch}");
        call(app, "PUT", &path, &Call { token: Some(token), body: Some(r#"{"on":true}"#), ..Call::default() })
            .await
    };
    for round in 0..10 {
        for switch in ["unlock", "forbid-names"] {
            let path = format!("/api/v1/switches/{switch}");
            send(&world, &root, "PUT", &path, r#"{"on":false}"#, &[]).await;
        }
        let (a, b) = tokio::join!(one("unlock"), one("forbid-names"));
        assert!(a.status.is_success() && b.status.is_success());
        let all = get(&world, &root, "/api/v1/switches").await.json();
        let on =
            |name: &str| all.as_array().unwrap().iter().any(|one| one["name"] == name && one["on"] == true);
        assert!(on("unlock") && on("forbid-names"), "{round}: {all}");
    }
}

/// Who says no condition is not told that it does not hold, however many ask at once; who says one, is.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_licensing_changes_without_a_condition_each_is_made() {
    let (world, root, _) = world().await;
    let path = "/api/v1/licences";
    let asked: Vec<_> = (0..20)
        .map(|number| {
            let (app, token) = (world.app.clone(), root.clone());
            let country = ["IT", "DE", "FR"][number % 3];
            tokio::spawn(async move {
                let body = json!({ "required": number % 2 == 0, "usage_location": country }).to_string();
                let asked = Call { token: Some(&token), body: Some(&body), ..Call::default() };
                call(&app, "PUT", path, &asked).await
            })
        })
        .collect();
    for told in asked {
        let told = told.await.unwrap();
        assert_eq!(told.status, 200, "{told:?}");
    }
    let changes = world.facts().await;
    assert_eq!(changes.iter().filter(|fact| fact.activity == Activity::LicensingChanged).count(), 20);
    let body = r#"{"required":true}"#;
    let told = send(&world, &root, "PUT", path, body, &[("if-match", "\"another\"")]).await;
    assert_eq!((told.status.as_u16(), told.kind().as_str()), (412, "changed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_with_a_key_is_done_once() {
    let (world, _, desk) = world().await;
    let path = format!("/api/v1/people/{}/help-desk/codes", anna(&world, &desk).await);
    let (body, key) = (r#"{"reason":"lost her telephone"}"#, [("idempotency-key", "ticket 4711")]);
    let first = send(&world, &desk, "POST", &path, body, &key).await;
    assert_eq!(first.status, 201, "{first:?}");
    assert_eq!(world.letters().await.len(), 1);
    let again = send(&world, &desk, "POST", &path, body, &key).await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!((again.header("idempotency-replayed"), first.header("idempotency-replayed")), ("true", ""));
    assert_eq!(again.header("content-type"), "application/json");
    assert_eq!(world.letters().await.len(), 0, "nothing was sent twice");
    let other = send(&world, &desk, "POST", &path, r#"{"reason":"another"}"#, &key).await;
    assert_eq!((other.status.as_u16(), other.kind().as_str()), (422, "idempotency-key-reused"));
    // A key is the token's own, and is forgotten after a day.
    let (_, second) = world.token("desk", every_scope()).await;
    assert_eq!(send(&world, &second, "POST", &path, r#"{"reason":"another"}"#, &key).await.status, 201);
    world.clock.advance(Duration::from_secs(24 * 3_600));
    assert_eq!(send(&world, &desk, "POST", &path, r#"{"reason":"another"}"#, &key).await.status, 201);
    for wrong in ["", " ", &"k".repeat(256)] {
        let told = send(&world, &desk, "POST", &path, body, &[("idempotency-key", wrong)]).await;
        assert_eq!((told.status.as_u16(), told.kind().as_str()), (400, "idempotency-key"), "{wrong:?}");
    }
    assert_eq!(world.facts().await.iter().filter(|fact| fact.activity == Activity::HelpDeskCase).count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_with_one_key_one_is_done() {
    let (world, root, _) = world().await;
    let path = format!("/api/v1/people/{}/lift", anna(&world, &root).await);
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let (app, token, path) = (world.app.clone(), root.clone(), path.clone());
            tokio::spawn(async move {
                let headers = BTreeMap::from([("idempotency-key", "one")]);
                call(&app, "POST", &path, &Call { token: Some(&token), body: None, headers }).await
            })
        })
        .collect();
    let mut done = 0;
    for told in asked {
        let told = told.await.unwrap();
        match told.status.as_u16() {
            204 => done += 1,
            other => assert_eq!((other, told.kind().as_str()), (409, "idempotency-unanswered")),
        }
    }
    assert!(done >= 1);
    assert_eq!(world.facts().await.iter().filter(|fact| fact.activity == Activity::StopLifted).count(), 1);
}

/// What was refused did nothing, and keeps no key.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_keeps_no_key() {
    let (world, _, _) = world().await;
    let (_, empty) = world.token("desk", vec![Action::ReadUsers]).await;
    let path = format!("/api/v1/people/{}/lift", anna(&world, &empty).await);
    for _ in 0..2 {
        let told = send(&world, &empty, "POST", &path, "", &[("idempotency-key", "k")]).await;
        assert_eq!(told.kind(), "token-scope");
        assert_eq!(told.header("idempotency-replayed"), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_takes_a_code_or_a_colleague_in_person_and_is_shown_once() {
    let (world, root, desk) = world().await;
    let person = anna(&world, &desk).await;
    let at = |rest: &str| format!("/api/v1/people/{person}/help-desk/{rest}");
    let reason = r#"{"reason":"ticket 4711"}"#;
    let case = send(&world, &desk, "POST", &at("codes"), reason, &[]).await.json();
    let case = case["id"].as_str().unwrap();
    let letters = world.letters().await;
    let [letter] = letters.as_slice() else { panic!("{} letters", letters.len()) };
    let ritorno_identity::mail::Template::HelpDeskCode { code, .. } = &letter.template else {
        panic!("{:?}", letter.template)
    };
    let pass = at(&format!("cases/{case}/pass"));
    assert_eq!(
        send(&world, &desk, "POST", &pass, "", &[]).await.kind(),
        "case-closed",
        "nobody read it out yet"
    );
    let check = at(&format!("cases/{case}/check"));
    let typed = |code: &str| json!({ "code": code }).to_string();
    let wrong = send(&world, &desk, "POST", &check, &typed("BCDF-GHJK"), &[]).await;
    assert_eq!(wrong.json()["right"], false);
    // Another operator's token does not clear it.
    assert_eq!(send(&world, &root, "POST", &check, &typed(code), &[]).await.json()["right"], false);
    assert_eq!(send(&world, &desk, "POST", &check, &typed(code), &[]).await.json()["right"], true);
    assert_eq!(get(&world, &desk, &at("case")).await.json()["cleared"], true);
    assert_eq!(send(&world, &root, "POST", &pass, "", &[]).await.kind(), "case-closed");
    let key = [("idempotency-key", "pass")];
    let made = send(&world, &desk, "POST", &pass, "", &key).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.json()["pass"].as_str().unwrap().len(), 9);
    let again = send(&world, &desk, "POST", &pass, "", &key).await;
    assert_eq!((again.status.as_u16(), again.kind().as_str()), (409, "shown-once"));
    assert!(!again.text.contains(made.json()["pass"].as_str().unwrap()));

    // Whom no code reaches, a colleague helps: in the console, by no token.
    let found = get(&world, &desk, "/api/v1/people?name=senza.posta@contoso.test").await.json();
    let person = found["items"][0]["id"].as_str().unwrap().to_owned();
    let at = |rest: &str| format!("/api/v1/people/{person}/help-desk/{rest}");
    assert_eq!(send(&world, &desk, "POST", &at("codes"), reason, &[]).await.kind(), "no-address");
    let case = send(&world, &desk, "POST", &at("approvals"), reason, &[]).await.json();
    let case = case["id"].as_str().unwrap();
    let approval = send(&world, &root, "POST", &at(&format!("cases/{case}/approval")), "", &[]).await;
    assert_eq!(approval.kind(), "in-person");
    let pass = at(&format!("cases/{case}/pass"));
    assert_eq!(send(&world, &desk, "POST", &pass, "", &[]).await.kind(), "case-closed");
    let mut colleague = crate::console::signed_in(&world, "root").await;
    let form = [("name", "senza.posta@contoso.test"), ("case", case)];
    assert!(colleague.post("/console/people/approve", &form).await.location().ends_with("helped=approved"));
    assert_eq!(send(&world, &desk, "POST", &pass, "", &[]).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_read_to_their_end_page_by_page() {
    let (world, root, _) = world().await;
    for number in 0..7 {
        world.person(&format!("person.{number}"), None).await;
    }
    for (path, expected) in
        [("/api/v1/people?", 10), ("/api/v1/people?search=PERSON&", 7), ("/api/v1/audit?", 7)]
    {
        if path.contains("audit") {
            for _ in 0..7 {
                send(&world, &root, "PUT", "/api/v1/switches/unlock", r#"{"on":true}"#, &[]).await;
            }
        }
        let (mut seen, mut next, mut pages) = (BTreeSet::new(), String::new(), 0);
        loop {
            let page = get(&world, &root, &format!("{path}limit=3{next}")).await.json();
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= 3);
            for item in items {
                assert!(seen.insert(item["id"].as_str().unwrap().to_owned()), "{path}: shown twice");
            }
            pages += 1;
            let Some(cursor) = page["next"].as_str() else { break };
            next = format!("&cursor={cursor}");
        }
        assert_eq!(seen.len(), expected, "{path}");
        assert_eq!(pages, expected.div_ceil(3), "{path}");
        assert_eq!(get(&world, &root, &format!("{path}cursor=%21")).await.kind(), "cursor");
    }
    let audit = get(&world, &root, "/api/v1/audit?success=perhaps").await;
    assert_eq!((audit.status.as_u16(), audit.kind().as_str()), (400, "filter"));
    let csv = get(&world, &root, "/api/v1/audit/export?format=csv").await;
    assert!(csv.text.contains("at,activity,actor") && csv.text.contains("unlock: on"), "{}", csv.text);
    assert_eq!(world.facts().await[0].activity, Activity::AuditExported);
}

/// A page begins after what was shown, whatever comes or goes meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_goes_on_after_what_was_shown_while_others_come_and_go() {
    let (world, root, _) = world().await;
    let (tenant, now) = (world.tenant.id, world.clock.now());
    let agent = world.enrolled("one").await.0.id;
    let (store, removals) = (&world.state.store, world.state.store.removals());
    let removal = |name: &str| Removal {
        kind: RemovalKind::DeleteUser,
        id: format!("id of {name}"),
        name: name.to_owned(),
    };
    let names = |page: &Value, member: &str| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|one| one[member].as_str().or(one.as_str()).unwrap().to_owned()).collect()
    };
    let after = |page: &Value| format!("&cursor={}", page["next"].as_str().unwrap());
    removals.hold(tenant, agent, &["b", "c", "d", "e"].map(removal), now).await.unwrap();
    let path = format!("/api/v1/agents/{agent}/removals?limit=2");
    let first = get(&world, &root, &path).await.json();
    assert_eq!(names(&first, "name"), ["b", "c"]);
    removals.hold(tenant, agent, &["a", "aa"].map(removal), now).await.unwrap();
    removals.done(tenant, agent, RemovalKind::DeleteUser, &["id of c".to_owned()]).await.unwrap();
    let second = get(&world, &root, &(path.clone() + &after(&first))).await.json();
    assert_eq!(names(&second, "name"), ["d", "e"]);
    assert!(second.get("next").is_none() && second["number"] == 5, "{second}");

    // Who would be refused, and who has what: people of this tenant, by name.
    let path = "/api/v1/licences/refused?limit=1";
    let first = get(&world, &root, path).await.json();
    assert_eq!(names(&first, ""), ["anna.rossi@contoso.test"]);
    world.person("aaron", None).await;
    let second = get(&world, &root, &format!("{path}{}", after(&first))).await.json();
    assert_eq!(names(&second, ""), ["paolo.bianchi@contoso.test"]);
    let product = ritorno_identity::licence::Sku::find("AAD_PREMIUM_P2").unwrap();
    store.licences().subscribe(tenant, product, 9).await.unwrap();
    for name in ["anna.rossi", "paolo.bianchi", "senza.posta"] {
        let body = json!({"product": product.name, "person": format!("{name}@contoso.test"), "usage_location": "IT"});
        let made = send(&world, &root, "POST", "/api/v1/licences/assignments", &body.to_string(), &[]).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    let path = "/api/v1/licences/assignments?limit=2";
    let first = get(&world, &root, path).await.json();
    assert_eq!(names(&first, "name"), ["anna.rossi@contoso.test", "paolo.bianchi@contoso.test"]);
    let holder = first["items"][0]["holder"].as_str().unwrap();
    let gone = format!("/api/v1/licences/assignments/{}/person/{holder}", product.name);
    assert_eq!(send(&world, &root, "DELETE", &gone, "", &[]).await.status, 204);
    let second = get(&world, &root, &format!("{path}{}", after(&first))).await.json();
    assert_eq!(names(&second, "name"), ["senza.posta@contoso.test"]);
    for path in
        [path, "/api/v1/licences/refused?limit=1", &format!("/api/v1/agents/{agent}/removals?limit=1")]
    {
        let wrong = get(&world, &root, &format!("{path}&cursor=MQ%3D")).await;
        assert_eq!((wrong.status.as_u16(), wrong.kind().as_str()), (400, "cursor"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_asks_so_often_a_minute_and_no_other_waits_for_it() {
    let (world, root, desk) = world().await;
    for _ in 0..API_REQUESTS.most {
        assert_eq!(get(&world, &root, "/api/v1/token").await.status, 200);
    }
    let told = get(&world, &root, "/api/v1/token").await;
    assert_eq!((told.status.as_u16(), told.kind().as_str()), (429, "too-many"));
    let wait: u64 = told.header("retry-after").parse().unwrap();
    assert!((1..=71).contains(&wait), "{wait}");
    assert_eq!(get(&world, &desk, "/api/v1/token").await.status, 200);
    world.clock.advance(Duration::from_secs(wait));
    assert_eq!(get(&world, &root, "/api/v1/token").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_with_its_time_and_with_its_administrator() {
    let (world, root, desk) = world().await;
    let told = get(&world, &desk, "/api/v1/token").await.json();
    assert_eq!(told["administrator"], "desk");
    assert_eq!(
        told["scopes"],
        json!(["audit.read", "timeline.read", "people.read", "people.lift", "people.help"])
    );
    let id = world.named("desk").await.id;
    assert!(world.state.store.administrators().remove(world.tenant.id, id).await.unwrap());
    assert_eq!(get(&world, &desk, "/api/v1/token").await.kind(), "token");
    world.clock.advance(crate::api_world::VALID);
    assert_eq!(get(&world, &root, "/api/v1/token").await.kind(), "token");
}

/// A token is no way into the pages, and beside one a cookie counts for nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_no_page_and_counts_before_a_cookie() {
    let (world, root, desk) = world().await;
    let page = get(&world, &root, "/console").await;
    assert_eq!((page.status.as_u16(), page.header("location")), (303, "/console/sign-in"));
    let cookie = world.session("root").await;
    let headers = [("cookie", cookie.as_str())];
    let me = send(&world, &desk, "GET", "/api/v1/me", "", &headers).await.json();
    assert_eq!((&me["name"], &me["token"]["administrator"]), (&json!("desk"), &json!("desk")), "{me}");
    let refused = send(&world, "rit_wrong", "GET", "/api/v1/me", "", &headers).await;
    assert_eq!((refused.status.as_u16(), refused.kind().as_str()), (401, "token"));
    // No browser sends a token by itself: another site's script that has one may ask.
    let elsewhere = [("origin", "https://tickets.test"), ("sec-fetch-site", "cross-site")];
    let path = "/api/v1/switches/unlock";
    assert_eq!(send(&world, &root, "PUT", path, r#"{"on":true}"#, &elsewhere).await.status, 200);
}

/// Two types of one name would be one schema of the document, and one of them told wrongly.
#[test]
fn each_schema_is_one_types() {
    fn read(folder: &std::path::Path, names: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, names);
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            for derived in source
                .split("#[derive(")
                .skip(1)
                .filter(|derived| derived.split(')').next().is_some_and(|traits| traits.contains("ToSchema")))
            {
                let mut words =
                    derived.split_whitespace().skip_while(|word| !["struct", "enum"].contains(word));
                let name = words.nth(1).expect("what is derived has a name");
                names.push(name.trim_end_matches(|letter: char| !letter.is_alphanumeric()).to_owned());
            }
        }
    }
    let mut names = Vec::new();
    read(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut names);
    assert!(names.len() > 60, "only {} were found", names.len());
    names.sort();
    for pair in names.windows(2) {
        assert_ne!(pair[0], pair[1], "two types of this name have a schema");
    }
}
