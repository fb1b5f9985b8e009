//! Filters of groups, how much of a resource is answered, and what the service says of itself, on both databases.

use axum::http::{Method, StatusCode};
use ritorno_protocol::scim::{GROUP_SCHEMA, RITORNO_GROUP_SCHEMA, RITORNO_USER_SCHEMA, USER_SCHEMA};
use serde_json::{Value, json};

use crate::agent_api::{Answered, on_both};
use crate::scim::{Export, GROUPS, USERS, group, patch, person};
use crate::world::World;

on_both!(
    groups_are_found_by_their_members,
    as_much_is_answered_as_is_asked_for,
    what_is_said_of_an_attribute_is_so,
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
