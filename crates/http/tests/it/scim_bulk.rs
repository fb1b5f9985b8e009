//! Bulk requests whose operations refer to each other, and what is told of each, on both databases.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::agent_api::{Answered, on_both};
use crate::scim::{Export, GROUPS, USERS, group, patch, person};
use crate::world::{ORIGIN, World};

on_both!(
    what_is_made_later_is_referred_to_before,
    groups_that_contain_each_other_are_made,
    what_is_never_made_is_a_fault_of_who_refers_to_it,
    every_operation_is_told_where_it_was_and_why_it_failed,
    a_limit_of_failures_ends_it,
);

async fn bulk(export: &Export<'_>, operations: Value) -> Vec<Value> {
    let answer = asked(export, json!({"Operations": operations})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body["Operations"].as_array().unwrap().clone()
}

async fn asked(export: &Export<'_>, mut body: Value) -> Answered {
    body["schemas"] = json!(["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]);
    export.call(Method::POST, "/scim/v2/Bulk", &[], Some(body)).await
}

fn statuses(done: &[Value]) -> Vec<&str> {
    done.iter().map(|done| done["status"].as_str().unwrap()).collect()
}

fn id(done: &Value) -> &str {
    done["location"].as_str().unwrap().rsplit('/').next().unwrap()
}

fn with(name: &str, members: Value) -> Value {
    let mut group = group(name, "contoso.test");
    group["members"] = members;
    group
}

async fn members(export: &Export<'_>, of: &Value) -> Vec<String> {
    let read = export.call(Method::GET, &format!("{GROUPS}/{}", id(of)), &[], None).await;
    assert_eq!((read.status, read.etag.as_deref()), (StatusCode::OK, of["version"].as_str()), "{of}");
    let members = read.body["members"].as_array().cloned().unwrap_or_default();
    members.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect()
}

async fn what_is_made_later_is_referred_to_before(world: &World) {
    let export = Export::new(world).await;
    let rename = patch(json!([{"op": "replace", "path": "displayName", "value": "Uno"}]));
    let done = bulk(
        &export,
        json!([
            {"method": "PATCH", "path": "/Users/bulkId:one", "bulkId": "rename", "data": rename},
            {"method": "POST", "path": "/Groups", "bulkId": "team",
             "data": with("team", json!([{"value": "bulkId:one"}, {"value": "bulkId:two", "type": "User"}]))},
            {"method": "POST", "path": "/Users", "bulkId": "one", "data": person("one")},
            {"method": "POST", "path": "/Users", "bulkId": "two", "data": person("two")},
        ]),
    )
    .await;
    assert_eq!(statuses(&done), ["200", "201", "201", "201"], "{done:?}");
    let mut both = [id(&done[2]).to_owned(), id(&done[3]).to_owned()];
    both.sort();
    assert_eq!(members(&export, &done[1]).await, both);
    let one = export.call(Method::GET, &format!("{USERS}/{}", both[0].clone()), &[], None).await;
    assert_eq!(one.status, StatusCode::OK);
    let one = export.call(Method::GET, &format!("{USERS}/{}", id(&done[2])), &[], None).await;
    assert_eq!((&one.body["displayName"], &done[0]["location"]), (&json!("Uno"), &done[2]["location"]));
}

async fn groups_that_contain_each_other_are_made(world: &World) {
    let export = Export::new(world).await;
    // As in RFC 7644 section 3.7.1, with a third one and somebody else in it.
    let of = |name: &str| json!({"value": format!("bulkId:{name}"), "type": "Group"});
    let done = bulk(
        &export,
        json!([
            {"method": "POST", "path": "/Groups", "bulkId": "a", "data": with("a", json!([of("b"), {"value": "bulkId:anna"}]))},
            {"method": "POST", "path": "/Groups", "bulkId": "b", "data": with("b", json!([of("c")]))},
            {"method": "POST", "path": "/Groups", "bulkId": "c", "data": with("c", json!([of("a"), of("b")]))},
            {"method": "POST", "path": "/Users", "bulkId": "anna", "data": person("anna")},
        ]),
    )
    .await;
    assert_eq!(statuses(&done), ["201"; 4], "{done:?}");
    let ids: Vec<String> = done.iter().map(|done| id(done).to_owned()).collect();
    for (group, expected) in [(0, [1, 3].as_slice()), (1, &[2]), (2, &[0, 1])] {
        let mut expected: Vec<_> = expected.iter().map(|at: &usize| ids[*at].clone()).collect();
        expected.sort();
        assert_eq!(members(&export, &done[group]).await, expected, "group {group}");
    }
}

async fn what_is_never_made_is_a_fault_of_who_refers_to_it(world: &World) {
    let export = Export::new(world).await;
    let nobody = json!([{"value": "bulkId:nobody"}]);
    let failed = json!([{"value": "bulkId:bad"}]);
    let rename = patch(json!([{"op": "replace", "path": "displayName", "value": "Uno"}]));
    let done = bulk(
        &export,
        json!([
            {"method": "POST", "path": "/Groups", "bulkId": "team", "data": with("team", nobody)},
            {"method": "POST", "path": "/Users", "bulkId": "bad", "data": {"userName": 7}},
            {"method": "POST", "path": "/Groups", "bulkId": "other", "data": with("other", failed)},
            {"method": "PATCH", "path": "/Users/bulkId:bad", "data": rename},
            {"method": "PATCH", "path": "/Users/bulkId:x", "bulkId": "y", "data": {"value": "bulkId:y"}},
            // Whom nobody knows by their id is left out, as by itself: they may have been removed in this moment.
            {"method": "POST", "path": "/Groups", "bulkId": "last", "data": with("last", json!([{"value": "nobody"}]))},
        ]),
    )
    .await;
    assert_eq!(statuses(&done), ["400", "400", "409", "409", "400", "201"], "{done:?}");
    assert_eq!(done[0]["response"]["scimType"], "invalidValue");
    for done in &done[..5] {
        assert_eq!(done["response"]["status"], done["status"], "{done}");
    }
    let all = export.call(Method::GET, GROUPS, &[], None).await;
    assert_eq!(all.body["totalResults"], 1, "nothing is made without those whom it should have");
}

async fn every_operation_is_told_where_it_was_and_why_it_failed(world: &World) {
    let export = Export::new(world).await;
    let made = bulk(
        &export,
        json!([
            {"method": "POST", "path": "/Users", "bulkId": "one", "data": person("one")},
            {"method": "POST", "path": "/Groups", "bulkId": "team", "data": with("team", json!([]))},
        ]),
    )
    .await;
    let (user, team) = (format!("/Users/{}", id(&made[0])), format!("/Groups/{}", id(&made[1])));
    let gone = "/Users/00000000-0000-0000-0000-000000000000";
    let rename = patch(json!([{"op": "replace", "path": "displayName", "value": "Uno"}]));
    let done = bulk(
        &export,
        json!([
            {"method": "PATCH", "path": team, "data": rename},
            {"method": "DELETE", "path": user, "version": "W/\"9\""},
            {"method": "DELETE", "path": user},
            {"method": "DELETE", "path": gone},
            {"method": "GET", "path": team},
            {"method": "DELETE", "path": "/Nowhere/7"},
            {"method": "DELETE", "path": "/Users"},
            {"method": "DELETE", "path": "Users/7"},
            {"method": "DELETE", "path": "/Users/ 7"},
            {"method": "POST", "path": "/Users", "data": person("two")},
            {"method": "POST", "path": "/Users", "bulkId": "same", "data": person("three")},
            {"method": "POST", "path": "/Users", "bulkId": "same", "data": person("four")},
            {"method": "PUT", "path": team},
        ]),
    )
    .await;
    let expected =
        ["204", "412", "204", "404", "400", "404", "405", "400", "400", "400", "201", "400", "400"];
    assert_eq!(statuses(&done), expected, "{done:?}");
    for (at, path) in [(0, team.as_str()), (1, &user), (2, &user), (3, gone), (4, &team), (12, &team)] {
        assert_eq!(done[at]["location"], format!("{ORIGIN}/scim/v2{path}"), "{}", done[at]);
    }
    assert_eq!(done[0]["version"], "W/\"2\"");
    for done in &done {
        let is_error = done["response"]["schemas"][0] == "urn:ietf:params:scim:api:messages:2.0:Error";
        let is_told = done["response"]["detail"].as_str().is_some_and(|detail| !detail.is_empty());
        assert_eq!(is_error && is_told, !done["status"].as_str().unwrap().starts_with('2'), "{done}");
    }
}

async fn a_limit_of_failures_ends_it(world: &World) {
    let export = Export::new(world).await;
    let post =
        |name: &str, data: Value| json!({"method": "POST", "path": "/Users", "bulkId": name, "data": data});
    let operations = json!([
        post("a", person("a")),
        post("b", json!({})),
        post("c", person("c")),
        post("d", json!({})),
        post("e", person("e")),
    ]);
    let answer = asked(&export, json!({"failOnErrors": 2, "Operations": operations})).await;
    let done = answer.body["Operations"].as_array().unwrap();
    assert_eq!(statuses(done), ["201", "400", "201", "400"], "{done:?}");
    // What is wrong with an operation from the beginning counts in its turn.
    let operations =
        json!([post("f", person("f")), {"method": "GET", "path": "/Users"}, post("g", person("g"))]);
    let answer = asked(&export, json!({"failOnErrors": 1, "Operations": operations})).await;
    assert_eq!(statuses(answer.body["Operations"].as_array().unwrap()), ["201", "400"], "{}", answer.body);
}
