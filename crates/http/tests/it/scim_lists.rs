//! Filters of groups, how much of a resource and of a list is answered, and what the service says of itself, on both databases.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use ritorno_http::scim::groups::list::MEMBERS_ON_A_PAGE;
use ritorno_identity::user::{Mastered, User};
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::ids::{SourceAnchor, UserId};
use ritorno_protocol::scim::{GROUP_SCHEMA, RITORNO_GROUP_SCHEMA, RITORNO_USER_SCHEMA, USER_SCHEMA};
use serde_json::{Value, json};

use crate::agent_api::{Answered, on_both};
use crate::scim::{Export, GROUPS, USERS, group, patch, person};
use crate::world::World;

on_both!(
    groups_are_found_by_their_members,
    as_much_is_answered_as_is_asked_for,
    what_is_said_of_an_attribute_is_so,
    a_list_with_members_is_as_long_as_it_may_be,
    what_changed_since_is_what_a_delta_reads,
);

async fn found(export: &Export<'_>, all: &str, filter: &str) -> Answered {
    let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
    export.call(Method::GET, &format!("{all}?filter={filter}"), &[], None).await
}

async fn groups_are_found_by_their_members(world: &World) {
    let export = Export::new(world).await;
    let mut people = Vec::new();
    for name in ["luca", "marta", "nino"] {
        people.push(export.create(name).await.body["id"].as_str().unwrap().to_owned());
    }
    let mut ids = Vec::new();
    for (name, members) in [("one", &people[..1]), ("two", &people[..2]), ("none", &people[..0])] {
        let mut body = group(name, "contoso.test");
        body["members"] = members.iter().map(|id| json!({"value": id})).collect();
        ids.push(
            export.call(Method::POST, GROUPS, &[], Some(body)).await.body["id"].as_str().unwrap().to_owned(),
        );
    }
    let names = async |filter: &str| -> Vec<String> {
        let answer = found(&export, GROUPS, filter).await;
        assert_eq!(answer.status, StatusCode::OK, "{filter}: {}", answer.body);
        let groups = answer.body["Resources"].as_array().unwrap();
        assert_eq!(answer.body["totalResults"], groups.len(), "{filter}");
        let mut names: Vec<_> =
            groups.iter().map(|group| group["displayName"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let (luca, marta, nino) = (&people[0], &people[1], &people[2]);
    for (filter, expected) in [
        (format!("members.value eq \"{luca}\""), ["one", "two"].as_slice()),
        (format!("members eq \"{marta}\""), &["two"]),
        (format!("members[value eq \"{marta}\"]"), &["two"]),
        (format!("members.value eq \"{nino}\""), &[]),
        (format!("members.value eq \"{luca}\" and displayName eq \"one\""), &["one"]),
        (format!("id eq \"{}\" and members eq \"{luca}\"", ids[0]), &["one"]),
        (format!("id eq \"{}\" and members eq \"{marta}\"", ids[0]), &[]),
        (format!("not (members.value eq \"{marta}\")"), &["none", "one"]),
        ("not (members pr)".into(), &["none"]),
        (format!("id eq \"{}\"", ids[2]), &["none"]),
        ("id eq \"nothing\"".into(), &[]),
        (format!("{RITORNO_GROUP_SCHEMA}:memberCount ge 1"), &["one", "two"]),
        (format!("{RITORNO_GROUP_SCHEMA}:memberCount eq 0"), &["none"]),
    ] {
        assert_eq!(names(&filter).await, expected, "{filter}");
    }
    for (all, filter) in
        [(USERS, "active gt false"), (USERS, "emails[primary le true]"), (GROUPS, "members[primary lt true]")]
    {
        let answer = found(&export, all, filter).await;
        let told = (answer.status, &answer.body["scimType"]);
        assert_eq!(told, (StatusCode::BAD_REQUEST, &json!("invalidFilter")), "{filter}");
    }
    let luca = found(&export, USERS, &format!("id eq \"{luca}\" and active eq true")).await;
    assert_eq!(luca.body["totalResults"], 1);
    let nobody = found(&export, USERS, "userName eq \"luca@contoso.test\" and active eq false").await;
    assert_eq!(nobody.body["totalResults"], 0, "what an index finds is looked at whole");
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

async fn as_much_is_answered_as_is_asked_for(world: &World) {
    let export = Export::new(world).await;
    let made =
        export.call(Method::POST, &format!("{USERS}?attributes=userName"), &[], Some(person("luca"))).await;
    assert_eq!((made.status, keys(&made.body)), (StatusCode::CREATED, vec!["id", "schemas", "userName"]));
    assert!(made.etag.is_some());
    let id = made.body["id"].as_str().unwrap().to_owned();
    let one = format!("{USERS}/{id}");
    let mut team = group("team", "contoso.test");
    team["members"] = json!([{"value": id}]);
    let team =
        export.call(Method::POST, GROUPS, &[], Some(team)).await.body["id"].as_str().unwrap().to_owned();
    let team = format!("{GROUPS}/{team}");
    let read = async |path: &str| {
        let answer = export.call(Method::GET, path, &[], None).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        answer.body
    };
    let some = read(&format!("{one}?attributes=emails.value,{RITORNO_USER_SCHEMA}:mobile")).await;
    assert_eq!(keys(&some), ["emails", "id", "schemas", RITORNO_USER_SCHEMA]);
    assert_eq!(some["emails"], json!([{"value": "luca@contoso.test"}]));
    assert_eq!(keys(&some[RITORNO_USER_SCHEMA]), ["mobile"]);
    let but = read(&format!("{one}?excludedAttributes=emails,META,id,{RITORNO_USER_SCHEMA}")).await;
    assert_eq!(
        keys(&but),
        ["active", "displayName", "externalId", "id", "preferredLanguage", "schemas", "userName"]
    );
    let list = read(&format!("{USERS}?attributes=userName&count=2")).await;
    assert_eq!(
        (&list["totalResults"], keys(&list["Resources"][1])),
        (&json!(4), vec!["id", "schemas", "userName"])
    );
    let bare = read(&format!("{team}?excludedAttributes=members,meta.location")).await;
    assert!(
        bare.get("members").is_none()
            && bare["meta"].get("location").is_none()
            && bare["meta"]["version"].is_string()
    );
    let only = read(&format!("{team}?attributes=members")).await;
    assert_eq!((keys(&only), &only["members"][0]["value"]), (vec!["id", "members", "schemas"], &json!(id)));
    assert_eq!(
        keys(&read(&format!("{team}?attributes=displayName")).await),
        ["displayName", "id", "schemas"]
    );
    // A list has members only if they are asked for.
    let list = read(GROUPS).await;
    assert!(list["Resources"][0].get("members").is_none());
    let list = read(&format!("{GROUPS}?attributes=displayName,members.value")).await;
    assert_eq!(list["Resources"][0]["members"], json!([{"value": id}]));
    let list = read(&format!("{GROUPS}?excludedAttributes=displayName")).await;
    assert!(list["Resources"][0].get("displayName").is_none());

    // Before anything is done.
    let rename = patch(json!([{"op": "replace", "path": "displayName", "value": "never"}]));
    let both =
        export.call(Method::PATCH, &format!("{one}?attributes=id&excludedAttributes=id"), &[], rename).await;
    assert_eq!((both.status, &both.body["scimType"]), (StatusCode::BAD_REQUEST, &json!("invalidValue")));
    assert_eq!(read(&one).await["displayName"], "luca");
    let rename = patch(json!([{"op": "replace", "path": "displayName", "value": "Luca"}]));
    let answer = export.call(Method::PATCH, &format!("{one}?attributes=displayName"), &[], rename).await;
    assert_eq!(
        (keys(&answer.body), &answer.body["displayName"]),
        (vec!["displayName", "id", "schemas"], &json!("Luca"))
    );
}

async fn what_is_said_of_an_attribute_is_so(world: &World) {
    let export = Export::new(world).await;
    let attributes = async |schema: &str| -> Vec<Value> {
        let answer = export.call(Method::GET, &format!("/scim/v2/Schemas/{schema}"), &[], None).await;
        answer.body["attributes"].as_array().unwrap().clone()
    };
    // A person and a group in which each attribute that is said to be there is, and of the kind that it is said to be.
    let user = export.create("luca").await.body;
    let mut team = group("team", "contoso.test");
    team["members"] = json!([{"value": user["id"]}]);
    let team = export.call(Method::POST, GROUPS, &[], Some(team)).await;
    let team = export
        .call(Method::GET, &format!("{GROUPS}/{}", team.body["id"].as_str().unwrap()), &[], None)
        .await
        .body;
    for (schema, home) in [
        (USER_SCHEMA, &user),
        (RITORNO_USER_SCHEMA, &user[RITORNO_USER_SCHEMA]),
        (GROUP_SCHEMA, &team),
        (RITORNO_GROUP_SCHEMA, &team[RITORNO_GROUP_SCHEMA]),
    ] {
        for attribute in attributes(schema).await {
            let name = attribute["name"].as_str().unwrap();
            let value = &home[name];
            let one = if attribute["multiValued"] == true { &value[0] } else { value };
            assert!(is_kind(one, &attribute["type"]), "{schema}:{name} is {value}");
            for part in attribute["subAttributes"].as_array().into_iter().flatten() {
                let value = &one[part["name"].as_str().unwrap()];
                assert!(is_kind(value, &part["type"]), "{schema}:{name}.{} is {value}", part["name"]);
            }
        }
    }
}

fn is_kind(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "string" | "dateTime" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64(),
        "complex" => value.is_object(),
        other => panic!("{other}"),
    }
}

async fn a_list_with_members_is_as_long_as_it_may_be(world: &World) {
    let export = Export::new(world).await;
    let mut paths = Vec::new();
    for name in ["one", "two", "three"] {
        let made = export.call(Method::POST, GROUPS, &[], Some(group(name, "contoso.test"))).await;
        paths.push(made.body["id"].as_str().unwrap().to_owned());
    }
    paths.sort();
    // The second has as many members as a page holds, so that neither the first nor the third stands beside it.
    let template = world.person("template", None).await;
    let people: Vec<User> = (0..MEMBERS_ON_A_PAGE)
        .map(|number| {
            let mut user = User { id: UserId::random(&*world.state.random), ..template.clone() };
            user.user_principal_name = format!("p{number}@contoso.test");
            if let Mastered::Hybrid(of) = &mut user.mastered {
                of.source_anchor = SourceAnchor(format!("anchor {number}"));
                of.account_name = format!("p{number}");
            }
            user
        })
        .collect();
    assert_eq!(world.state.store.users().insert_many(&people).await.unwrap().len(), people.len());
    let ids: Vec<String> = people.iter().map(|user| user.id.to_string()).collect();
    let (groups, tenant) = (world.state.store.groups(), world.tenant.id);
    for (path, members) in paths.iter().zip([&ids[..1], &ids, &ids[..1]]) {
        groups.add_members(tenant, path.parse().unwrap(), members, &[]).await.unwrap();
    }
    // Whoever goes on where a page ended sees each group with all of its members, once.
    let (mut start, mut seen) = (1, Vec::new());
    while start <= 3 {
        let path = format!("{GROUPS}?attributes=members&startIndex={start}&count=3");
        let page = export.call(Method::GET, &path, &[], None).await;
        assert_eq!((page.status, &page.body["totalResults"]), (StatusCode::OK, &json!(3)));
        let all = page.body["Resources"].as_array().unwrap();
        assert_eq!(page.body["itemsPerPage"], all.len());
        seen.extend(all.iter().map(|one| {
            (one["id"].as_str().unwrap().to_owned(), one["members"].as_array().unwrap().len(), all.len())
        }));
        start += all.len();
    }
    let expected: Vec<_> =
        paths.into_iter().zip([1, ids.len(), 1]).map(|(id, number)| (id, number, 1)).collect();
    assert_eq!(seen, expected);
    // Without members all of them fit.
    let page = export.call(Method::GET, &format!("{GROUPS}?count=3"), &[], None).await;
    assert_eq!(page.body["Resources"].as_array().unwrap().len(), 3);
}

async fn what_changed_since_is_what_a_delta_reads(world: &World) {
    let export = Export::new(world).await;
    let mut people = Vec::new();
    for name in ["luca", "marta", "nino", "paola"] {
        people.push(export.create(name).await.body["id"].as_str().unwrap().to_owned());
    }
    let team = export.call(Method::POST, GROUPS, &[], Some(group("team", "contoso.test"))).await;
    let quiet = export.call(Method::POST, GROUPS, &[], Some(group("quiet", "contoso.test"))).await;
    assert_eq!(quiet.status, StatusCode::CREATED);
    world.clock.advance(Duration::from_secs(10));
    let since = world.clock.now().to_rfc3339().unwrap();
    for id in &people[1..] {
        let rename = patch(json!([{"op": "replace", "path": "displayName", "value": format!("New {id}")}]));
        assert_eq!(
            export.call(Method::PATCH, &format!("{USERS}/{id}"), &[], rename).await.status,
            StatusCode::OK
        );
    }
    let add = patch(json!([{"op": "add", "path": "members", "value": [{"value": people[0]}]}]));
    let team = format!("{GROUPS}/{}", team.body["id"].as_str().unwrap());
    assert_eq!(export.call(Method::PATCH, &team, &[], add).await.status, StatusCode::NO_CONTENT);
    let mut expected = people[1..].to_vec();
    expected.sort();
    let filter = format!("meta.lastModified ge \"{since}\"");
    let encoded: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
    let mut seen = Vec::new();
    for start in 1..=3 {
        let path = format!("{USERS}?filter={encoded}&startIndex={start}&count=1");
        let page = export.call(Method::GET, &path, &[], None).await;
        assert_eq!((page.status, &page.body["totalResults"]), (StatusCode::OK, &json!(3)), "{}", page.body);
        seen.push(page.body["Resources"][0]["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen, expected, "in one order, each once");
    let both = found(&export, USERS, &format!("{filter} and displayName co \"{}\"", expected[0])).await;
    assert_eq!(both.body["totalResults"], 1, "what an index finds is looked at whole");
    let late = found(&export, USERS, &format!("meta.lastModified gt \"{since}\"")).await;
    assert_eq!(late.body["totalResults"], 0, "{}", late.body);
    let groups = found(&export, GROUPS, &filter).await;
    assert_eq!(
        (&groups.body["totalResults"], &groups.body["Resources"][0]["displayName"]),
        (&json!(1), &json!("team"))
    );
}
