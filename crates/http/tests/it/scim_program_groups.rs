//! Groups of the tenant's own, which programs keep with a token of the API, on both databases. That they are used where groups are, and are taken
//! for no other group, is in `scim_program_reach.rs`.

use axum::http::{Method, StatusCode};
use ritorno_http::scim::guard::{self, MEMBERS, REMOVALS};
use ritorno_identity::audit::{Activity, Actor};
use ritorno_protocol::scim::{GROUP_SCHEMA, PATCH_OP_SCHEMA, RITORNO_GROUP_SCHEMA};
use serde_json::{Value, json};

use crate::agent_api::{Answered, on_both};
use crate::scim::{GROUPS, HELD, USERS};
use crate::scim_provisioner::{BULK, Program, person, refused};
use crate::world::World;

on_both!(
    a_group_is_made_found_changed_and_removed,
    members_come_and_go_as_clients_send_it,
    lists_are_filtered_and_come_in_pages,
    versions_guard_against_lost_updates,
    what_does_not_fit_is_refused,
    a_bulk_request_makes_people_and_their_groups,
    the_deletion_guard_counts_groups_and_members_of_each_token,
    the_audit_tells_of_each_change,
);

/// A group as in RFC 7643 section 8.4, with these members.
pub(crate) fn team(name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
    json!({"schemas": [GROUP_SCHEMA], "externalId": format!("hr-{name}"), "displayName": name, "members": members})
}

pub(crate) fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

/// Makes a group, and where it is.
pub(crate) async fn made(program: &Program<'_>, name: &str, members: &[&str]) -> String {
    let made = program.call(Method::POST, GROUPS, Some(team(name, members))).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    format!("{GROUPS}/{}", made.body["id"].as_str().unwrap())
}

/// The ids of its members, in order.
pub(crate) async fn members(program: &Program<'_>, path: &str) -> Vec<String> {
    let read = program.call(Method::GET, path, None).await;
    assert_eq!(read.status, StatusCode::OK, "{}", read.body);
    let members = read.body["members"].as_array().cloned().unwrap_or_default();
    members.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect()
}

fn sorted(ids: &[&str]) -> Vec<String> {
    let mut ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    ids.sort();
    ids
}

fn query(filter: &str) -> String {
    format!("{GROUPS}?filter={}", url::form_urlencoded::byte_serialize(filter.as_bytes()).collect::<String>())
}

async fn a_group_is_made_found_changed_and_removed(world: &World) {
    let program = Program::new(world).await;
    let luca = program.made("luca").await;
    let made = program.call(Method::POST, GROUPS, Some(team("Sales", &[id(&luca)]))).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let path = format!("{GROUPS}/{}", made.body["id"].as_str().unwrap());
    assert_eq!(
        (&made.body["schemas"], &made.body["externalId"]),
        (&json!([GROUP_SCHEMA]), &json!("hr-Sales"))
    );
    assert_eq!(made.body["meta"]["location"], format!("{}{path}", world.state.settings.public_address()));
    assert_eq!(made.etag.as_deref(), made.body["meta"]["version"].as_str());
    let read = program.call(Method::GET, &path, None).await;
    assert_eq!(read.body["members"], json!([{"value": id(&luca), "type": "User"}]));
    let without = program.call(Method::GET, &format!("{path}?excludedAttributes=members"), None).await;
    assert_eq!((&without.body["members"], &without.body["displayName"]), (&Value::Null, &json!("Sales")));

    // What was read and is sent back is the same group; without members they stay, with an empty list they go.
    let same = program.call(Method::PUT, &path, Some(read.body.clone())).await;
    assert_eq!((same.status, same.etag), (StatusCode::OK, made.etag.clone()), "{}", same.body);
    let mut renamed = team("Vendite", &[]);
    renamed.as_object_mut().unwrap().remove("members");
    renamed.as_object_mut().unwrap().remove("externalId");
    let replaced = program.call(Method::PUT, &path, Some(renamed)).await;
    assert_eq!(replaced.status, StatusCode::OK, "{}", replaced.body);
    assert_eq!(
        (&replaced.body["displayName"], &replaced.body["externalId"]),
        (&json!("Vendite"), &Value::Null)
    );
    assert_ne!(replaced.etag, made.etag);
    assert_eq!(members(&program, &path).await, [id(&luca)]);
    let emptied = program.call(Method::PUT, &path, Some(team("Vendite", &[]))).await;
    assert_eq!(emptied.status, StatusCode::OK, "{}", emptied.body);
    assert_eq!(members(&program, &path).await, [""; 0]);

    assert_eq!(program.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(program.call(method, &path, None).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(program.call(Method::GET, &luca, None).await.status, StatusCode::OK, "who was in it stays");
}

async fn members_come_and_go_as_clients_send_it(world: &World) {
    let program = Program::new(world).await;
    let people = [program.made("luca").await, program.made("marta").await, program.made("nino").await];
    let [luca, marta, nino] = people.each_ref().map(|path| id(path));
    let path = made(&program, "team", &[luca]).await;
    let inner = made(&program, "inner", &[]).await;
    let change = async |operations: Value| -> Vec<String> {
        let answer = program.patch(&path, operations).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.body);
        members(&program, &path).await
    };
    // RFC 7644 section 3.5.2.1; a member whom a group has already changes nothing.
    let both = change(json!([{"op": "add", "path": "members", "value": [{"value": luca}, {"display": "Marta", "value": marta}]}])).await;
    assert_eq!(both, sorted(&[luca, marta]));
    // Entra ID's.
    let one = change(json!([{"op": "Remove", "path": "members", "value": [{"value": luca}]}])).await;
    assert_eq!(one, [marta]);
    // Okta's, which names the group itself along with its new name.
    let renamed = change(json!([{"op": "replace", "value": {"id": id(&path), "displayName": "Team"}}])).await;
    assert_eq!(renamed, [marta]);
    let none = change(json!([{"op": "remove", "path": format!("members[value eq \"{marta}\"]")}])).await;
    assert_eq!(none, [""; 0]);
    let all =
        change(json!([{"op": "replace", "path": "members", "value": [{"value": nino}, {"value": luca}]}]))
            .await;
    assert_eq!(all, sorted(&[nino, luca]));
    // A group in it, with its kind and without; whom nobody has is left out.
    for member in [json!({"value": id(&inner), "type": "Group"}), json!({"value": id(&inner)})] {
        let nested =
            change(json!([{"op": "replace", "path": "members", "value": [member, {"value": "nobody"}]}]))
                .await;
        assert_eq!(nested, [id(&inner)]);
        let read = program.call(Method::GET, &path, None).await;
        assert_eq!(read.body["members"][0]["type"], "Group");
        assert_eq!(change(json!([{"op": "remove", "path": "members"}])).await, [""; 0]);
    }
    // Who is removed is in no group any more, of which it tells.
    change(json!([{"op": "add", "path": "members", "value": [{"value": nino}]}])).await;
    let before = program.call(Method::GET, &path, None).await.etag;
    assert_eq!(program.call(Method::DELETE, &people[2], None).await.status, StatusCode::NO_CONTENT);
    let after = program.call(Method::GET, &path, None).await;
    assert_eq!(after.body["members"], Value::Null);
    assert_ne!(after.etag, before);
}

async fn lists_are_filtered_and_come_in_pages(world: &World) {
    let program = Program::new(world).await;
    let (luca, marta) = (program.made("luca").await, program.made("marta").await);
    for (name, of) in [("one", vec![id(&luca)]), ("two", vec![id(&luca), id(&marta)]), ("three", vec![])] {
        made(&program, name, &of).await;
    }
    let names = async |path: &str| -> Vec<String> {
        let page = program.call(Method::GET, path, None).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.body);
        let all = page.body["Resources"].as_array().unwrap();
        let mut names: Vec<_> =
            all.iter().map(|one| one["displayName"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    for (filter, expected) in [
        ("displayName eq \"ONE\"".to_owned(), ["one"].as_slice()),
        ("externalId eq \"hr-two\"".into(), &["two"]),
        ("externalId eq \"HR-two\"".into(), &[]),
        ("displayName sw \"t\"".into(), &["three", "two"]),
        (format!("members.value eq \"{}\"", id(&luca)), &["one", "two"]),
        (format!("members[value eq \"{}\"] and displayName eq \"two\"", id(&marta)), &["two"]),
        ("not (members pr)".into(), &["three"]),
        (
            "meta.lastModified ge \"2000-01-01T00:00:00Z\" and displayName ne \"one\"".into(),
            &["three", "two"],
        ),
        ("meta.lastModified gt \"2999-01-01T00:00:00Z\"".into(), &[]),
    ] {
        assert_eq!(names(&query(&filter)).await, expected, "{filter}");
    }
    let mut seen = Vec::new();
    for start in 1..=3 {
        let page = program.call(Method::GET, &format!("{GROUPS}?startIndex={start}&count=1"), None).await;
        let paged = (&page.body["totalResults"], &page.body["itemsPerPage"]);
        assert_eq!(paged, (&json!(3), &json!(1)), "{}", page.body);
        assert_eq!(page.body["Resources"][0]["members"], Value::Null, "only where they are asked for");
        seen.push(page.body["Resources"][0]["displayName"].as_str().unwrap().to_owned());
    }
    seen.sort();
    assert_eq!(seen, ["one", "three", "two"]);
    let with = query("displayName eq \"two\"") + "&attributes=members,displayName";
    let with = program.call(Method::GET, &with, None).await;
    assert_eq!(with.body["Resources"][0]["members"].as_array().unwrap().len(), 2);
}

async fn versions_guard_against_lost_updates(world: &World) {
    let program = Program::new(world).await;
    let luca = program.made("luca").await;
    let path = made(&program, "team", &[]).await;
    let add = || {
        Some(
            json!({"schemas": [PATCH_OP_SCHEMA], "Operations": [{"op": "add", "path": "members", "value": [{"value": id(&luca)}]}]}),
        )
    };
    let stale = [("if-match", "W/\"7\"")];
    for (method, body) in
        [(Method::PATCH, add()), (Method::PUT, Some(team("other", &[]))), (Method::DELETE, None)]
    {
        let answer = program.with(method, &path, &stale, body).await;
        assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED, "{}", answer.body);
    }
    let first = [("if-match", "W/\"1\"")];
    let done = program.with(Method::PATCH, &path, &first, add()).await;
    assert_eq!((done.status, done.etag.as_deref()), (StatusCode::NO_CONTENT, Some("W/\"2\"")));
    let known = [("if-none-match", "W/\"2\"")];
    assert_eq!(program.with(Method::GET, &path, &known, None).await.status, StatusCode::NOT_MODIFIED);
    assert_eq!(
        program.with(Method::PATCH, &path, &first, add()).await.status,
        StatusCode::PRECONDITION_FAILED
    );
}

async fn what_does_not_fit_is_refused(world: &World) {
    let program = Program::new(world).await;
    let path = made(&program, "team", &[]).await;
    let mut tied = team("tied", &[]);
    tied[RITORNO_GROUP_SCHEMA] = crate::scim::group("tied", "contoso.test")[RITORNO_GROUP_SCHEMA].clone();
    let mut long = team("long", &[]);
    long["externalId"] = "a".repeat(1_025).into();
    for (body, said) in [
        (tied, "agents alone"),
        (team("  ", &[]), "displayName is empty"),
        (team("a\nb", &[]), "control character"),
        (team(&"a".repeat(1_025), &[]), "more than 1024 bytes"),
        (long, "more than 1024 bytes"),
    ] {
        for (method, at) in [(Method::POST, GROUPS), (Method::PUT, &*path)] {
            refused(&program.call(method, at, Some(body.clone())).await, StatusCode::BAD_REQUEST, said);
        }
    }
    let tie =
        json!([{"op": "add", "path": format!("{RITORNO_GROUP_SCHEMA}:forest"), "value": "contoso.test"}]);
    assert_eq!(program.patch(&path, tie).await.status, StatusCode::BAD_REQUEST);
    let nameless = program.patch(&path, json!([{"op": "remove", "path": "displayName"}])).await;
    assert_eq!(nameless.status, StatusCode::BAD_REQUEST, "{}", nameless.body);
    let other = made(&program, "other", &[]).await;
    let taken = json!([{"op": "replace", "path": "externalId", "value": "hr-team"}]);
    for answer in [
        program.call(Method::POST, GROUPS, Some(team("team", &[]))).await,
        program.patch(&other, taken).await,
    ] {
        assert_eq!((answer.status, &answer.body["scimType"]), (StatusCode::CONFLICT, &json!("uniqueness")));
    }
    // Two may have one name (RFC 7643 section 4.2), and none needs an id of the program's.
    for _ in 0..2 {
        let mut twin = team("team", &[]);
        twin["externalId"] = Value::Null;
        assert_eq!(program.call(Method::POST, GROUPS, Some(twin)).await.status, StatusCode::CREATED);
    }
    let read = program.call(Method::GET, &path, None).await;
    assert_eq!((&read.body["displayName"], read.etag.as_deref()), (&json!("team"), Some("W/\"1\"")));
}

async fn a_bulk_request_makes_people_and_their_groups(world: &World) {
    let program = Program::new(world).await;
    let team = |name: &str, members: Value| json!({"schemas": [GROUP_SCHEMA], "displayName": name, "members": members});
    let rename = json!({"schemas": [PATCH_OP_SCHEMA], "Operations": [{"op": "replace", "path": "displayName", "value": "Uno"}]});
    let bulk = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [
            {"method": "PATCH", "path": "/Groups/bulkId:a", "data": rename},
            {"method": "POST", "path": "/Groups", "bulkId": "a",
             "data": team("a", json!([{"value": "bulkId:luca"}, {"value": "bulkId:b", "type": "Group"}]))},
            {"method": "POST", "path": "/Groups", "bulkId": "b", "data": team("b", json!([{"value": "bulkId:a", "type": "Group"}]))},
            {"method": "POST", "path": "/Users", "bulkId": "luca", "data": person("luca")},
            {"method": "POST", "path": "/Groups", "bulkId": "c", "data": team("c", json!([{"value": "bulkId:nobody"}]))},
        ],
    });
    let done = program.call(Method::POST, BULK, Some(bulk)).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    let done = done.body["Operations"].as_array().unwrap();
    let statuses: Vec<&str> = done.iter().map(|done| done["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["204", "201", "201", "201", "400"], "{done:?}");
    let at = |one: &Value| id(one["location"].as_str().unwrap()).to_owned();
    let (a, b, luca) = (at(&done[1]), at(&done[2]), at(&done[3]));
    assert_eq!(members(&program, &format!("{GROUPS}/{a}")).await, sorted(&[&luca, &b]));
    assert_eq!(members(&program, &format!("{GROUPS}/{b}")).await, [a.as_str()]);
    let read = program.call(Method::GET, &format!("{GROUPS}/{a}"), None).await;
    assert_eq!(read.body["displayName"], "Uno");
}

async fn the_deletion_guard_counts_groups_and_members_of_each_token(world: &World) {
    let program = Program::new(world).await;
    let (luca, marta) = (program.made("luca").await, program.made("marta").await);
    let path = made(&program, "team", &[id(&luca), id(&marta)]).await;
    let gone = made(&program, "gone", &[]).await;
    for _ in 0..REMOVALS.most {
        guard::count(&world.state, program.row.id).await.unwrap();
    }
    guard::count_members(&world.state, program.row.id, u64::from(MEMBERS.most) - 1).await.unwrap();
    refused(&program.call(Method::DELETE, &gone, None).await, HELD, "ritorno token removals");
    let leave = |who: &str| json!([{"op": "remove", "path": format!("members[value eq \"{who}\"]")}]);
    assert_eq!(program.patch(&path, leave(id(&luca))).await.status, StatusCode::NO_CONTENT, "the last one");
    let held = program.patch(&path, leave(id(&marta))).await;
    refused(&held, HELD, "members who leave groups");
    let emptied = program.call(Method::PUT, &path, Some(team("team", &[]))).await;
    assert_eq!(emptied.status, HELD, "{}", emptied.body);
    assert_eq!(members(&program, &path).await, [id(&marta)]);
    // Exactly these are shown, and approved for this token.
    let waiting = guard::held(&world.state.store, world.tenant.id, program.row.id, world.state.clock.now())
        .await
        .unwrap();
    let mut names: Vec<&str> = waiting.list.iter().map(|one| one.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["marta@cloud.contoso.test  (scim:team)", "scim:gone"]);
    let mut browser = crate::console::signed_in(world, "hr").await;
    let whose = program.row.id.to_string();
    let form = [("agent", whose.as_str()), ("digest", waiting.digest.as_str())];
    assert_eq!(browser.post("/console/agents/removals", &form).await.location(), "/console");
    assert_eq!(program.call(Method::DELETE, &gone, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(program.patch(&path, leave(id(&marta))).await.status, StatusCode::NO_CONTENT);
    // Another token is counted by itself.
    let other = Program::of(world, "hr").await;
    assert_eq!(other.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
}

async fn the_audit_tells_of_each_change(world: &World) {
    let program = Program::new(world).await;
    let luca = program.made("luca").await;
    let path = made(&program, "team", &[id(&luca)]).await;
    let rename = json!([{"op": "replace", "path": "displayName", "value": "Team"}]);
    assert_eq!(program.patch(&path, rename).await.status, StatusCode::NO_CONTENT);
    let replaced: Answered = program.call(Method::PUT, &path, Some(team("Team", &[]))).await;
    assert_eq!(replaced.status, StatusCode::OK);
    assert_eq!(program.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(program.call(Method::GET, USERS, None).await.body["totalResults"], 1);
    let (facts, hr) = (world.facts().await, world.named("hr").await.id);
    for (activity, told) in [
        (Activity::GroupAdded, ["scim:team, 1 members"].as_slice()),
        (Activity::GroupUpdated, &["scim:Team: 0 members came, 0 went", "scim:Team: 0 members came, 1 went"]),
        (Activity::GroupDeleted, &["scim:Team"]),
    ] {
        let of_it: Vec<_> = facts.iter().filter(|fact| fact.activity == activity).collect();
        assert_eq!(of_it.len(), told.len(), "{activity:?}");
        for (fact, told) in of_it.iter().rev().zip(told) {
            assert_eq!(fact.actor, Actor::Administrator(hr));
            assert!(fact.reason.starts_with(told), "{}", fact.reason);
            assert!(
                fact.reason.contains(&format!("by the token 'token of hr' {}", program.row.id)),
                "{}",
                fact.reason
            );
        }
    }
}
