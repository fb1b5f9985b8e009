//! The policy of self-service by the API: what it shows, what it takes, and what it says of what it does not take.

use ritorno_identity::administrator::Role;
use ritorno_identity::gates::GatePolicy;
use ritorno_identity::method::Method;
use ritorno_identity::tenant::Tenant;
use serde_json::{Value, json};

use crate::agent_api::on_both;
use crate::api_world::{Call, Told, call, every_scope};
use crate::sspr_policy::{changes, group, stored};
use crate::world::World;

const HERE: &str = "/api/v1/sspr-policy";

on_both!(
    the_whole_policy_is_read_and_set_and_what_stays_is_not_written_down,
    what_nobody_could_fulfil_is_refused_by_the_member_that_says_it,
    a_group_gets_gates_of_its_own_and_loses_them,
);

async fn root(world: &World) -> String {
    world.administrator("root", Role::Global, true).await;
    world.token("root", every_scope()).await.1
}

pub(crate) async fn ask(world: &World, token: &str, method: &str, path: &str, body: Option<&Value>) -> Told {
    let body = body.map(Value::to_string);
    let asked = Call { token: Some(token), body: body.as_deref(), ..Call::default() };
    call(&world.app, method, path, &asked).await
}

async fn the_whole_policy_is_read_and_set_and_what_stays_is_not_written_down(world: &World) {
    let root = root(world).await;
    let (board, pilot) = (group(world, "board", &[]).await, group(world, "pilot", &[]).await);
    let seen = ask(world, &root, "GET", HERE, None).await;
    assert_eq!(seen.json()["only_groups"], Value::Null, "{}", seen.text);
    // What was read is sent back, and nothing is written down.
    let same = ask(world, &root, "PUT", HERE, Some(&seen.json())).await;
    assert_eq!((same.status.as_u16(), same.header("etag")), (200, seen.header("etag")), "{same:?}");
    assert!(changes(world).await.is_empty());

    let wanted = json!({
        "only_groups": [{ "name": "board", "id": null }, { "id": pilot.id.to_string(), "name": null }],
        "proofs": { "gates": 2, "methods": ["mail", "app"], "to_register": 2, "must_differ": true },
        "questions": { "to_register": 4, "to_ask": 3, "own": ["What is on your badge?"] },
        "reconfirm_days": 90,
        "expiry_mail_days": [1, 30, 7, 7],
    });
    let made = ask(world, &root, "PUT", HERE, Some(&wanted)).await;
    assert_eq!(made.status, 200, "{made:?}");
    let told = made.json();
    assert_eq!(told["only_groups"][0], json!({ "id": board.id.to_string(), "name": "board" }));
    assert_eq!(told["only_groups"][1]["name"], "pilot");
    assert_eq!(told["expiry_mail_days"], json!([30, 7, 1]));
    assert_eq!(ask(world, &root, "GET", HERE, None).await.text, made.text);
    let tenant = stored(world).await;
    assert_eq!(tenant.gate_policy, GatePolicy::new(2, vec![Method::Mail, Method::App], 2, true).unwrap());
    assert_eq!(
        (tenant.sspr_groups.as_slice(), tenant.reconfirm_after.days()),
        ([board.id, pilot.id].as_slice(), 90)
    );
    let mut written = changes(world).await;
    for (reason, expected) in written.iter_mut().zip([
        "expiry mails: [30, 7, 1] days before",
        "confirmed again after 90 days",
        "security questions: ",
        "gates: 2 of mail, app, 2 to register",
        "sspr for: board, ",
    ]) {
        assert!(reason.starts_with(expected) && reason.contains("by the token"), "{reason}");
    }
    assert_eq!(written.len(), 5);

    // One part: the others stay, and are not told of again. A group that is gone stays named until somebody takes it out.
    assert!(world.state.store.groups().delete(world.tenant.id, pilot.id, tenant.created_at).await.unwrap());
    let mut next = ask(world, &root, "GET", HERE, None).await.json();
    assert_eq!(next["only_groups"][1], json!({ "id": pilot.id.to_string(), "name": null }));
    next["reconfirm_days"] = json!(0);
    assert_eq!(ask(world, &root, "PUT", HERE, Some(&next)).await.status, 200);
    written = changes(world).await;
    assert_eq!(written.len(), 6);
    assert!(written[0].starts_with("confirmed again after 0 days"), "{}", written[0]);
    assert_eq!(stored(world).await.sspr_groups, [board.id, pilot.id]);
    // Somebody else was faster.
    let late = Call { token: Some(&root), body: Some(&next.to_string()), ..Call::default() };
    let late = Call { headers: [("if-match", made.header("etag"))].into(), ..late };
    let late = call(&world.app, "PUT", HERE, &late).await;
    assert_eq!((late.status.as_u16(), late.kind().as_str()), (412, "changed"));
    next["only_groups"] = Value::Null;
    assert_eq!(ask(world, &root, "PUT", HERE, Some(&next)).await.status, 200);
    assert!(stored(world).await.sspr_groups.is_empty());
}

async fn what_nobody_could_fulfil_is_refused_by_the_member_that_says_it(world: &World) {
    let root = root(world).await;
    group(world, "board", &[]).await;
    let strict = json!({
        "proofs": { "gates": 2, "methods": ["mail", "app"], "to_register": 2, "must_differ": true },
        "reconfirm_days": 30,
    });
    let board = format!("{HERE}/groups/board");
    assert_eq!(ask(world, &root, "PUT", &board, Some(&strict)).await.status, 200);
    let (seen, before) = (ask(world, &root, "GET", HERE, None).await.json(), stored(world).await);
    let proofs = |gates: u8, methods: &[&str], to_register: u8| json!({ "gates": gates, "methods": methods, "to_register": to_register, "must_differ": true });
    let many = Value::from(vec![json!({ "id": null, "name": "board" }); 21]);
    for (member, pointer, value, words) in [
        ("proofs", "/proofs", proofs(3, &["mail"], 1), "one or two gates"),
        ("proofs", "/proofs", proofs(1, &[], 1), "at least one"),
        ("proofs", "/proofs", proofs(2, &["mail"], 2), "as many methods"),
        ("proofs", "/proofs", proofs(1, &["mail", "questions"], 1), "second of two gates"),
        ("proofs", "/proofs", proofs(1, &["recovery-code"], 1), "the group board"),
        ("questions", "/questions", json!({ "to_register": 2, "to_ask": 3, "own": [] }), "3 to 5"),
        ("reconfirm_days", "/reconfirm_days", json!(731), "from 0 to 730"),
        ("expiry_mail_days", "/expiry_mail_days", json!([7, 91]), "91 is no number"),
        ("only_groups", "/only_groups", json!([]), "null for everybody"),
        ("only_groups", "/only_groups", many, "at most 20"),
        (
            "only_groups",
            "/only_groups/1",
            json!([{ "id": null, "name": "board" }, { "id": null, "name": "nobody" }]),
            "no group 'nobody'",
        ),
    ] {
        let mut wanted = seen.clone();
        wanted[member] = value;
        let told = ask(world, &root, "PUT", HERE, Some(&wanted)).await;
        assert_eq!((told.status.as_u16(), told.kind().as_str()), (422, "policy"), "{told:?}");
        assert_eq!(told.json()["member"], pointer, "{told:?}");
        assert!(told.text.contains(words), "{words} is not in {}", told.text);
    }
    let mut wanted = seen.clone();
    wanted["proofs"]["methods"] = json!(["carrier-pigeon"]);
    let told = ask(world, &root, "PUT", HERE, Some(&wanted)).await;
    assert_eq!((told.status.as_u16(), told.kind().as_str()), (422, "malformed"));
    assert!(told.text.contains("proofs.methods[0]"), "{}", told.text);
    assert_eq!(stored(world).await, before);

    for (body, pointer, words) in [
        (json!({ "proofs": proofs(1, &["recovery-code"], 1), "reconfirm_days": null }), "/proofs", ""),
        (
            json!({ "proofs": proofs(2, &["mail", "app"], 2), "reconfirm_days": 900 }),
            "/reconfirm_days",
            "730",
        ),
    ] {
        let two = Tenant {
            gate_policy: GatePolicy::new(1, vec![Method::Mail, Method::App], 1, true).unwrap(),
            ..before.clone()
        };
        world.state.store.tenants().update(&two).await.unwrap();
        let told = ask(world, &root, "PUT", &board, Some(&body)).await;
        assert_eq!((told.kind().as_str(), &told.json()["member"]), ("policy", &json!(pointer)), "{told:?}");
        assert!(told.text.contains(words), "{}", told.text);
    }
}

async fn a_group_gets_gates_of_its_own_and_loses_them(world: &World) {
    let root = root(world).await;
    let board = group(world, "The board", &[]).await;
    let list = format!("{HERE}/groups");
    let (by_name, by_id) = (format!("{list}/The%20board"), format!("{list}/{}", board.id));
    assert_eq!(ask(world, &root, "GET", &list, None).await.json(), json!([]));
    assert_eq!(ask(world, &root, "GET", &by_id, None).await.kind(), "not-found", "it has none");
    let wanted = json!({
        "proofs": { "gates": 2, "methods": ["mail", "app"], "to_register": 2, "must_differ": true },
        "reconfirm_days": null,
    });
    let with = |method: &'static str, tag: String| {
        let (app, token, body, path) = (world.app.clone(), root.clone(), wanted.to_string(), by_name.clone());
        async move {
            let headers = [("if-match", tag.as_str())].into();
            call(&app, method, &path, &Call { token: Some(&token), body: Some(&body), headers }).await
        }
    };
    assert_eq!(with("PUT", "*".into()).await.kind(), "changed", "there is nothing that was seen");
    let made = ask(world, &root, "PUT", &by_name, Some(&wanted)).await;
    assert_eq!(made.status, 200, "{made:?}");
    assert_eq!(made.json()["group"], json!({ "id": board.id.to_string(), "name": "The board" }));
    let seen = ask(world, &root, "GET", &by_id, None).await;
    assert_eq!((&seen.text, seen.header("etag")), (&made.text, made.header("etag")));
    assert_eq!(ask(world, &root, "GET", &list, None).await.json(), json!([seen.json()]));
    assert!(changes(world).await[0].starts_with("gates of the group The board: 2 of mail, app"));
    assert_eq!(with("PUT", "\"other\"".into()).await.kind(), "changed");
    assert_eq!(with("DELETE", "\"other\"".into()).await.kind(), "changed");
    assert_eq!(with("DELETE", seen.header("etag").to_owned()).await.status, 204);
    assert!(changes(world).await[0].starts_with("gates of the group The board: those of the tenant"));
    assert_eq!(ask(world, &root, "DELETE", &by_id, None).await.kind(), "not-found");
    assert_eq!(ask(world, &root, "PUT", &format!("{list}/nobody"), Some(&wanted)).await.kind(), "not-found");
    // What is behind a group that is gone can be taken away all the same.
    assert_eq!(ask(world, &root, "PUT", &by_id, Some(&wanted)).await.status, 200);
    assert!(
        world.state.store.groups().delete(world.tenant.id, board.id, world.tenant.created_at).await.unwrap()
    );
    assert_eq!(ask(world, &root, "GET", &list, None).await.json()[0]["group"]["name"], Value::Null);
    assert_eq!(ask(world, &root, "PUT", &by_id, Some(&wanted)).await.kind(), "not-found");
    assert_eq!(ask(world, &root, "DELETE", &by_id, None).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_says_what_it_lacks_here() {
    let world = World::new().await;
    let root = root(&world).await;
    let told = ask(&world, &root, "GET", "/api/v1/sspr-policy/methods", None).await.json();
    let of = |name: &str| told.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone();
    assert_eq!(told.as_array().unwrap().len(), Method::ALL.len());
    assert_eq!(of("mail")["available"], true);
    assert_eq!(of("sms")["available"], world.state.settings.sms);
    assert_eq!(of("sms")["lacks"].is_string(), !world.state.settings.sms);
    assert_eq!(
        (&of("questions")["opens_first"], &of("questions")["for_administrators"]),
        (&json!(false), &json!(false))
    );
}
