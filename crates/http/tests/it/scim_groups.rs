//! Groups whose changes are whole, and whose versions tell of their members, on both databases.

use axum::http::{Method, StatusCode, header};
use ritorno_http::scim::guard::{self, MEMBERS};
use ritorno_protocol::scim::{GROUP_SCHEMA, RITORNO_GROUP_SCHEMA};
use serde_json::{Value, json};

use crate::agent_api::{Answered, on_both};
use crate::scim::{Export, GROUPS, HELD, USERS, group, patch};
use crate::world::World;

on_both!(
    a_patch_without_a_path_changes_what_it_names,
    a_patch_is_made_whole_or_not_at_all,
    who_changes_a_group_at_once_loses_nothing,
    a_version_tells_of_the_members,
    a_version_that_is_known_is_not_sent_again,
    a_replacement_replaces_members_that_it_tells_of,
    one_of_many_members_costs_as_much_as_one_of_few,
);

async fn people(export: &Export<'_>, number: usize) -> Vec<String> {
    let mut people = Vec::new();
    for number in 0..number {
        people.push(export.create(&format!("p{number}")).await.body["id"].as_str().unwrap().to_owned());
    }
    people
}

/// A group with these members, and its address.
async fn team(export: &Export<'_>, members: &[String]) -> String {
    let mut team = group("team", "contoso.test");
    team["members"] = members.iter().map(|id| json!({"value": id})).collect();
    let made = export.call(Method::POST, GROUPS, &[], Some(team)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    assert_eq!(made.body[RITORNO_GROUP_SCHEMA]["memberCount"], members.len());
    format!("{GROUPS}/{}", made.body["id"].as_str().unwrap())
}

async fn read(export: &Export<'_>, path: &str) -> Answered {
    export.call(Method::GET, path, &[], None).await
}

fn members(read: &Answered) -> Vec<&str> {
    let members = read.body["members"].as_array().map(Vec::as_slice).unwrap_or_default();
    members.iter().map(|member| member["value"].as_str().unwrap()).collect()
}

fn sorted(ids: &[&String]) -> Vec<String> {
    let mut ids: Vec<String> = ids.iter().map(|id| (*id).clone()).collect();
    ids.sort();
    ids
}

async fn change(export: &Export<'_>, path: &str, operations: Value) -> Answered {
    export.call(Method::PATCH, path, &[], patch(operations)).await
}

async fn a_patch_without_a_path_changes_what_it_names(world: &World) {
    let export = Export::new(world).await;
    let people = people(&export, 3).await;
    let path = team(&export, &people[..1]).await;
    let id = path.rsplit('/').next().unwrap();
    // As Okta sends it, with the id.
    let value = json!({"id": id, "displayName": "Squadra", "members": [{"value": people[1]}]});
    let answer = change(&export, &path, json!([{"op": "add", "value": value}])).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.body);
    let now = read(&export, &path).await;
    assert_eq!((&now.body["displayName"], members(&now).len()), (&json!("Squadra"), 2));
    assert_eq!(answer.etag, now.etag, "the answer says which version it is now");
    let location = answer.headers[header::LOCATION].to_str().unwrap();
    assert_eq!(Some(location), now.body["meta"]["location"].as_str());
    let value = json!({"members": [{"value": people[2]}], RITORNO_GROUP_SCHEMA: {"domain": "FABRIKAM", "memberCount": 7}});
    assert_eq!(
        change(&export, &path, json!([{"op": "Replace", "value": value}])).await.status,
        StatusCode::NO_CONTENT
    );
    let now = read(&export, &path).await;
    assert_eq!(members(&now), [people[2].as_str()]);
    assert_eq!(
        (&now.body[RITORNO_GROUP_SCHEMA]["domain"], &now.body["displayName"]),
        (&json!("FABRIKAM"), &json!("Squadra"))
    );
    let filtered = json!([{"op": "remove", "path": format!("{GROUP_SCHEMA}:members[type eq \"User\" and value sw \"{}\"]", &people[2][..8])}]);
    assert_eq!(change(&export, &path, filtered).await.status, StatusCode::NO_CONTENT);
    assert_eq!(members(&read(&export, &path).await), [""; 0]);
    for (operation, kind) in [
        (json!({"op": "remove"}), "noTarget"),
        (json!({"op": "add", "path": "owners", "value": []}), "invalidPath"),
        (json!({"op": "add", "path": "members[value", "value": []}), "invalidPath"),
        (json!({"op": "add", "path": "members", "value": "x"}), "invalidValue"),
        (json!({"op": "replace", "path": "id", "value": "x"}), "mutability"),
        (json!({"op": "replace", "path": "externalId", "value": "x"}), "invalidValue"),
        (json!({"op": "replace", "path": "displayName", "value": " "}), "invalidValue"),
    ] {
        let answer = change(&export, &path, json!([operation])).await;
        let told = (answer.status, &answer.body["scimType"]);
        assert_eq!(told, (StatusCode::BAD_REQUEST, &json!(kind)), "{operation}: {}", answer.body);
    }
}

async fn a_patch_is_made_whole_or_not_at_all(world: &World) {
    let export = Export::new(world).await;
    let people = people(&export, 3).await;
    let path = team(&export, &people[..2]).await;
    let before = read(&export, &path).await;
    let rename = json!({"op": "replace", "path": "displayName", "value": "Never"});
    let come = json!({"op": "add", "path": "members", "value": [{"value": people[2]}]});
    let go = json!({"op": "remove", "path": format!("members[value eq \"{}\"]", people[0])});
    // A last operation that can't be done, a version that is another one, and a guard that holds.
    let wrong =
        change(&export, &path, json!([rename, come, go, {"op": "add", "path": "owners", "value": 1}])).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let stale = [("if-match", "W/\"7\"")];
    let stale = export.call(Method::PATCH, &path, &stale, patch(json!([rename, come, go]))).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    let agent = world.state.store.agents().list(world.tenant.id).await.unwrap().remove(0);
    guard::count_members(&world.state, &agent, u64::from(MEMBERS.most)).await.unwrap();
    assert_eq!(change(&export, &path, json!([rename, come, go])).await.status, HELD);
    let after = read(&export, &path).await;
    assert_eq!((&after.body, &after.etag), (&before.body, &before.etag));
    assert_eq!(change(&export, &path, json!([rename, come])).await.status, StatusCode::NO_CONTENT);
    let after = read(&export, &path).await;
    assert_eq!((&after.body["displayName"], members(&after).len()), (&json!("Never"), 3));
}

async fn who_changes_a_group_at_once_loses_nothing(world: &World) {
    let export = Export::new(world).await;
    let people = people(&export, 8).await;
    let path = team(&export, &people).await;
    let go = async |id: &String| {
        let body = || patch(json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}]));
        let mut tries = 1;
        while export.call(Method::PATCH, &path, &[], body()).await.status != StatusCode::NO_CONTENT {
            tries += 1;
            assert!(tries < 100, "the version changes once for each");
        }
    };
    futures_util::future::join_all(people.iter().map(go)).await;
    let now = read(&export, &path).await;
    assert_eq!((members(&now).len(), now.etag.as_deref()), (0, Some("W/\"9\"")));
    // Who was counted for a try that came too late was given back: eight are counted.
    let agent = world.state.store.agents().list(world.tenant.id).await.unwrap().remove(0);
    let left = u64::from(MEMBERS.most) - 8;
    assert!(guard::count_members(&world.state, &agent, left + 1).await.is_err());
    guard::count_members(&world.state, &agent, left).await.unwrap();
}

async fn a_version_tells_of_the_members(world: &World) {
    let export = Export::new(world).await;
    let people = people(&export, 3).await;
    let path = team(&export, &people[..1]).await;
    let nested = export.call(Method::POST, GROUPS, &[], Some(group("nested", "contoso.test"))).await;
    let nested = nested.body["id"].as_str().unwrap().to_owned();
    let mut last = read(&export, &path).await;
    let add = |value: Value| patch(json!([{"op": "add", "path": "members", "value": [value]}]));
    let remove = patch(json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", people[0])}]));
    for (method, at, body) in [
        (Method::PATCH, path.clone(), add(json!({"value": people[1]}))),
        (Method::PATCH, path.clone(), add(json!({"value": nested, "type": "Group"}))),
        (Method::PATCH, path.clone(), remove),
        // Whoever goes goes from the group.
        (Method::DELETE, format!("{USERS}/{}", people[1]), None),
        (Method::DELETE, format!("{GROUPS}/{nested}"), None),
    ] {
        world.clock.advance(std::time::Duration::from_secs(1));
        assert!(export.call(method, &at, &[], body).await.status.is_success(), "{at}");
        let now = read(&export, &path).await;
        assert_ne!((&now.etag, &now.body["members"]), (&last.etag, &last.body["members"]));
        assert_ne!(now.etag, last.etag);
        assert_ne!(now.body["meta"]["lastModified"], last.body["meta"]["lastModified"]);
        last = now;
    }
    // What changes nothing is no change.
    world.clock.advance(std::time::Duration::from_secs(1));
    let nobody = add(json!({"value": "nobody"}));
    assert_eq!(export.call(Method::PATCH, &path, &[], nobody).await.status, StatusCode::NO_CONTENT);
    let same = patch(json!([{"op": "replace", "path": "displayName", "value": "team"}]));
    assert_eq!(export.call(Method::PATCH, &path, &[], same).await.status, StatusCode::NO_CONTENT);
    let now = read(&export, &path).await;
    assert_eq!((now.body, now.etag), (last.body, last.etag));
}

async fn a_version_that_is_known_is_not_sent_again(world: &World) {
    let export = Export::new(world).await;
    let path = team(&export, &people(&export, 1).await).await;
    let person = format!("{USERS}/{}", export.create("marta").await.body["id"].as_str().unwrap());
    for (path, rename) in [(&path, "Squadra"), (&person, "Marta")] {
        let first = read(&export, path).await.etag.unwrap();
        let listed = format!("\"another\", {first}");
        for known in [first.as_str(), &listed, "*"] {
            let again = export.call(Method::GET, path, &[("if-none-match", known)], None).await;
            assert_eq!(
                (again.status, again.etag.as_deref()),
                (StatusCode::NOT_MODIFIED, Some(&*first)),
                "{path}"
            );
        }
        let rename = patch(json!([{"op": "replace", "path": "displayName", "value": rename}]));
        let answer = export.call(Method::PATCH, path, &[("if-match", &listed)], rename.clone()).await;
        assert!(answer.status.is_success(), "one of a list: {}", answer.body);
        let again = export.call(Method::GET, path, &[("if-none-match", &first)], None).await;
        assert_eq!(again.status, StatusCode::OK);
        for (method, body) in [(Method::PATCH, rename), (Method::DELETE, None)] {
            let stale = export.call(method, path, &[("if-match", &listed)], body).await;
            assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED, "{path}");
        }
        let now = again.etag.unwrap();
        let gone = export.call(Method::DELETE, path, &[("if-match", &now)], None).await;
        assert_eq!(gone.status, StatusCode::NO_CONTENT);
    }
}

async fn a_replacement_replaces_members_that_it_tells_of(world: &World) {
    let export = Export::new(world).await;
    let people = people(&export, 3).await;
    let path = team(&export, &people[..2]).await;
    let put = async |members: Option<Value>| {
        let mut body = group("team", "contoso.test");
        if let Some(members) = members {
            body["MEMBERS"] = members;
        }
        export.call(Method::PUT, &path, &[], Some(body)).await
    };
    let answer = put(Some(json!([{"value": people[1]}, {"value": people[2]}]))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(members(&answer), sorted(&[&people[1], &people[2]]));
    assert_eq!(answer.body[RITORNO_GROUP_SCHEMA]["memberCount"], 2);
    let now = read(&export, &path).await;
    assert_eq!((members(&now), &now.etag), (members(&answer), &answer.etag));
    // A body that does not tell of them leaves them.
    let answer = put(None).await;
    assert_eq!(
        (answer.status, &answer.body[RITORNO_GROUP_SCHEMA]["memberCount"]),
        (StatusCode::OK, &json!(2))
    );
    assert_eq!(members(&read(&export, &path).await).len(), 2);
    // Who leaves counts at the guard.
    let agent = world.state.store.agents().list(world.tenant.id).await.unwrap().remove(0);
    let left = u64::from(MEMBERS.most) - 1;
    guard::count_members(&world.state, &agent, left).await.unwrap();
    assert_eq!(put(Some(json!([]))).await.status, HELD);
    assert_eq!(members(&read(&export, &path).await).len(), 2);
    world.clock.advance(MEMBERS.forgotten_after());
    let again = Export::new(world).await;
    let mut none = group("team", "contoso.test");
    none["members"] = json!([]);
    let answer = again.call(Method::PUT, &path, &[], Some(none)).await;
    assert_eq!(
        (answer.status, &answer.body[RITORNO_GROUP_SCHEMA]["memberCount"]),
        (StatusCode::OK, &json!(0))
    );
}

async fn one_of_many_members_costs_as_much_as_one_of_few(world: &World) {
    let export = Export::new(world).await;
    let people = people(&export, 40).await;
    let path = team(&export, &people[..1]).await;
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let groups = |store: &ritorno_storage::Store| store.counted();
    let mut costs = Vec::new();
    for (from, to) in [(1, 2), (2, 39), (39, 40)] {
        let store = groups(&world.state.store);
        let (repository, tenant) = (store.groups(), world.tenant.id);
        let group = repository.find(tenant, id).await.unwrap().unwrap();
        let coming = repository.coming(tenant, id, &people[from..to], &[]).await.unwrap();
        assert_eq!(coming.people.len(), to - from);
        repository.change(&group, group.version, &coming).await.unwrap();
        costs.push(store.statements());
    }
    assert_eq!(costs, [4; 3], "the group, who comes, one change of the row, one edge or several");
}
