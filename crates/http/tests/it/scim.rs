//! The SCIM service, as the agent's export calls it, on both databases.

use axum::http::{Method, StatusCode};
use ritorno_http::scim::guard::{MEMBERS, REMOVALS};
use ritorno_identity::user::{Mastered, User};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::UserId;
use ritorno_protocol::scim::{
    CONNECTOR_HEADER, GROUP_SCHEMA, LEASE_EPOCH_HEADER, PATCH_OP_SCHEMA, RITORNO_GROUP_SCHEMA,
    RITORNO_USER_SCHEMA, USER_SCHEMA,
};
use serde_json::{Value, json};

use crate::agent_api::{Answered, access, call, call_with_text, on_both};
use crate::world::World;

on_both!(
    a_person_is_made_found_changed_and_removed,
    versions_guard_against_lost_updates,
    passwords_and_roles_are_refused_by_name,
    cloud_only_people_and_other_forests_are_out_of_reach,
    names_and_anchors_are_never_matched_softly,
    the_deletion_guard_holds_at_its_limit,
    an_outdated_lease_is_refused,
    lists_come_in_pages,
    a_group_is_made_found_changed_and_removed,
    one_member_of_a_large_group_is_a_small_request,
    a_bulk_request_is_its_operations_one_by_one,
    what_there_is_can_be_discovered,
);

pub(crate) const USERS: &str = "/scim/v2/Users";
pub(crate) const GROUPS: &str = "/scim/v2/Groups";
/// What the deletion guard answers.
pub(crate) const HELD: StatusCode = StatusCode::PRECONDITION_REQUIRED;

/// An agent's access to the service.
pub(crate) struct Export<'a> {
    world: &'a World,
    pub(crate) token: String,
}

impl<'a> Export<'a> {
    pub(crate) async fn new(world: &'a World) -> Self {
        let (agent, key) = world.enrolled("exporter").await;
        Self { world, token: access(world, agent.id, &key).await }
    }

    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answered {
        let answer = call(self.world, method, path, Some(&self.token), headers, body).await;
        if !matches!(answer.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            assert_eq!(answer.kind, "application/scim+json", "{path}");
        }
        if answer.status.is_client_error() {
            assert_eq!(answer.body["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error");
            assert_eq!(answer.body["status"], answer.status.as_str());
        }
        answer
    }

    pub(crate) async fn create(&self, name: &str) -> Answered {
        self.call(Method::POST, USERS, &[], Some(person(name))).await
    }
}

/// A person as the export sends them. The anchor is made from the name.
pub(crate) fn person(name: &str) -> Value {
    use base64::Engine as _;
    let mut bytes = [0; 16];
    bytes[..name.len().min(16)].copy_from_slice(&name.as_bytes()[..name.len().min(16)]);
    let anchor = base64::engine::general_purpose::STANDARD.encode(bytes);
    json!({
        "schemas": [USER_SCHEMA, RITORNO_USER_SCHEMA],
        "externalId": anchor,
        "userName": format!("{name}@contoso.test"),
        "displayName": name,
        "preferredLanguage": "it-IT",
        "active": true,
        "emails": [{"value": format!("{name}@contoso.test"), "type": "work", "primary": true}],
        RITORNO_USER_SCHEMA: {
            "anchor": anchor,
            "objectGuid": "03020100-0504-0706-0809-0a0b0c0d0e0f",
            "objectSid": "S-1-5-21-1-2-3-1104",
            "accountName": name,
            "domain": "CONTOSO",
            "forest": "contoso.test",
            "alternateMail": format!("{name}@mail.test"),
            "mobile": "+39 333 1234567",
            "passwordExpires": "2027-01-16T12:00:00.5Z",
        }
    })
}

pub(crate) fn patch(operations: Value) -> Option<Value> {
    Some(json!({"schemas": [PATCH_OP_SCHEMA], "Operations": operations}))
}

async fn stored(world: &World, answer: &Answered) -> User {
    let id: UserId = answer.body["id"].as_str().unwrap().parse().unwrap();
    world.state.store.users().get(world.tenant.id, id).await.unwrap().unwrap()
}

async fn a_person_is_made_found_changed_and_removed(world: &World) {
    let export = Export::new(world).await;
    let made = export.create("luca").await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let user = stored(world, &made).await;
    let object = user.on_premises().unwrap();
    assert_eq!(object.object_guid.0, (0..16).collect::<Vec<u8>>(), "as the directory stores it");
    assert_eq!(object.object_sid.0.len(), 28);
    assert_eq!(user.alternate_mail.as_deref(), Some("luca@mail.test"));
    assert_eq!(user.mobile.as_deref(), Some("+39 333 1234567"));
    assert_eq!(user.password_expires_at, Some(Timestamp::from_unix_ms(1_800_100_800_500)));
    let path = format!("{USERS}/{}", user.id);

    let anchor = made.body["externalId"].as_str().unwrap();
    for filter in [format!("externalId eq \"{anchor}\""), "userName eq \"LUCA@contoso.test\"".into()] {
        let query: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        let found = export.call(Method::GET, &format!("{USERS}?filter={query}"), &[], None).await;
        assert_eq!((found.body["totalResults"].as_u64(), &found.body["Resources"][0]), (Some(1), &made.body));
    }
    let again = export.call(Method::GET, &path, &[], None).await;
    assert_eq!((again.body, again.etag), (made.body.clone(), made.etag.clone()));

    // What Luca registers himself is not the synchronisation's: it meets no conflict by it, and leaves it.
    let users = world.state.store.users();
    let own = Some("luca@posta.test");
    assert!(users.set_registered_mail(world.tenant.id, user.id, None, own).await.unwrap());
    let again = export.call(Method::GET, &path, &[], None).await;
    assert_eq!((&again.body, &again.etag), (&made.body, &made.etag));
    let mut changed = person("luca");
    changed["displayName"] = "Luca Verdi".into();
    let replaced = export.call(Method::PUT, &path, &[], Some(changed)).await;
    assert_eq!((replaced.status, &replaced.body["displayName"]), (StatusCode::OK, &json!("Luca Verdi")));
    let disabled = patch(json!([{"op": "Replace", "path": "active", "value": false}]));
    assert_eq!(export.call(Method::PATCH, &path, &[], disabled).await.status, StatusCode::OK);
    let after = stored(world, &made).await;
    assert_eq!((after.enabled, after.registered_mail.as_deref()), (false, own));

    assert_eq!(export.call(Method::DELETE, &path, &[], None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(export.call(Method::GET, &path, &[], None).await.status, StatusCode::NOT_FOUND);
    let without = call(world, Method::GET, USERS, None, &[], None).await;
    assert_eq!((without.status, &*without.kind), (StatusCode::UNAUTHORIZED, "application/scim+json"));
}

async fn versions_guard_against_lost_updates(world: &World) {
    let export = Export::new(world).await;
    let made = export.create("luca").await;
    let path = format!("{USERS}/{}", made.body["id"].as_str().unwrap());
    let first = made.etag.unwrap();
    let rename = |name: &str| patch(json!([{"op": "replace", "value": {"displayName": name}}]));
    let second = export.call(Method::PATCH, &path, &[("if-match", &first)], rename("one")).await;
    assert_eq!(second.status, StatusCode::OK, "{}", second.body);
    assert_ne!(second.etag.as_deref(), Some(&*first));
    let stale = [("if-match", &*first)];
    for (method, body) in
        [(Method::PATCH, rename("two")), (Method::PUT, Some(person("luca"))), (Method::DELETE, None)]
    {
        let answer = export.call(method, &path, &stale, body).await;
        assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED);
    }
    assert_eq!(export.call(Method::GET, &path, &[], None).await.body["displayName"], "one");
    let any = export.call(Method::PATCH, &path, &[("if-match", "*")], rename("three")).await;
    assert_eq!(any.status, StatusCode::OK);
}

async fn passwords_and_roles_are_refused_by_name(world: &World) {
    let export = Export::new(world).await;
    let made = export.create("luca").await;
    let path = format!("{USERS}/{}", made.body["id"].as_str().unwrap());
    for name in ["password", "roles", "entitlements", "PassWord"] {
        let mut body = person("luca");
        body[name] = "x".into();
        let operation = patch(json!([{"op": "replace", "path": name, "value": "x"}]));
        for (method, path, body) in [
            (Method::POST, USERS, Some(body.clone())),
            (Method::PUT, &*path, Some(body)),
            (Method::PATCH, &*path, operation),
        ] {
            let answer = export.call(method, path, &[], body).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
            assert!(answer.body["detail"].as_str().unwrap().contains(&name.to_lowercase()));
        }
    }
    assert_eq!(export.call(Method::GET, &path, &[], None).await.etag, made.etag);
}

async fn cloud_only_people_and_other_forests_are_out_of_reach(world: &World) {
    let export = Export::new(world).await;
    let hybrid = world.person("carla", None).await;
    let cloud_only = User {
        id: UserId::random(&*world.state.random),
        user_principal_name: "root@contoso.test".into(),
        mastered: Mastered::CloudOnly,
        ..hybrid.clone()
    };
    world.state.store.users().insert(&cloud_only).await.unwrap();
    let path = format!("{USERS}/{}", cloud_only.id);
    let rename = patch(json!([{"op": "replace", "path": "displayName", "value": "x"}]));
    for (method, body) in [
        (Method::GET, None),
        (Method::PUT, Some(person("luca"))),
        (Method::PATCH, rename),
        (Method::DELETE, None),
    ] {
        assert_eq!(export.call(method, &path, &[], body).await.status, StatusCode::FORBIDDEN);
    }
    let query = "filter=userName+eq+%22root%40contoso.test%22";
    let found = export.call(Method::GET, &format!("{USERS}?{query}"), &[], None).await;
    assert_eq!(found.body["totalResults"], 0);

    let mut elsewhere = person("luca");
    elsewhere[RITORNO_USER_SCHEMA]["forest"] = "fabrikam.test".into();
    let answer = export.call(Method::POST, USERS, &[], Some(elsewhere)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let kept = world.state.store.users().get(world.tenant.id, cloud_only.id).await.unwrap().unwrap();
    assert_eq!(kept.display_name, cloud_only.display_name);
}

async fn names_and_anchors_are_never_matched_softly(world: &World) {
    let export = Export::new(world).await;
    let made = export.create("luca").await;
    assert_eq!(made.status, StatusCode::CREATED);
    let mut same_name = person("marta");
    same_name["userName"] = "LUCA@contoso.test".into();
    for body in [person("luca"), same_name] {
        let answer = export.call(Method::POST, USERS, &[], Some(body)).await;
        assert_eq!((answer.status, &answer.body["scimType"]), (StatusCode::CONFLICT, &json!("uniqueness")));
    }
    let path = format!("{USERS}/{}", made.body["id"].as_str().unwrap());
    let answer = export.call(Method::PUT, &path, &[], Some(person("marta"))).await;
    assert_eq!((answer.status, &answer.body["scimType"]), (StatusCode::BAD_REQUEST, &json!("mutability")));
    let answer =
        export.call(Method::GET, &format!("{USERS}?filter=displayName+has+%22a%22"), &[], None).await;
    assert_eq!((answer.status, &answer.body["scimType"]), (StatusCode::BAD_REQUEST, &json!("invalidFilter")));
}

async fn the_deletion_guard_holds_at_its_limit(world: &World) {
    let export = Export::new(world).await;
    let (luca, marta) = (export.create("luca").await, export.create("marta").await);
    let agents = world.state.store.agents().list(world.tenant.id).await.unwrap();
    let [agent] = agents.as_slice() else { panic!("{} agents", agents.len()) };
    for _ in 1..REMOVALS.most {
        ritorno_http::scim::guard::count(&world.state, agent).await.unwrap();
    }
    let path = |made: &Answered| format!("{USERS}/{}", made.body["id"].as_str().unwrap());
    // The last one that the limit lets through is a disable; then neither deletes nor disables pass, but changes do.
    let disable = || patch(json!([{"op": "replace", "path": "active", "value": false}]));
    assert_eq!(export.call(Method::PATCH, &path(&luca), &[], disable()).await.status, StatusCode::OK);
    assert_eq!(export.call(Method::DELETE, &path(&marta), &[], None).await.status, HELD);
    assert_eq!(export.call(Method::PATCH, &path(&marta), &[], disable()).await.status, HELD);
    let rename = patch(json!([{"op": "replace", "path": "displayName", "value": "M"}]));
    assert_eq!(export.call(Method::PATCH, &path(&marta), &[], rename).await.status, StatusCode::OK);
    assert!(stored(world, &marta).await.enabled);
    world.clock.advance(REMOVALS.forgotten_after());
    let token = {
        let (agent, key) = world.enrolled("another").await;
        access(world, agent.id, &key).await
    };
    let later = Export { world, token };
    assert_eq!(later.call(Method::DELETE, &path(&marta), &[], None).await.status, StatusCode::NO_CONTENT);
}

async fn an_outdated_lease_is_refused(world: &World) {
    let export = Export::new(world).await;
    let under = |epoch: &'static str| [(CONNECTOR_HEADER, "contoso.test"), (LEASE_EPOCH_HEADER, epoch)];
    let made = export.call(Method::POST, USERS, &under("7"), Some(person("luca"))).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let late = export.call(Method::POST, USERS, &under("6"), Some(person("marta"))).await;
    assert_eq!(late.status, StatusCode::LOCKED);
    let newer = export.call(Method::POST, USERS, &under("8"), Some(person("marta"))).await;
    assert_eq!(newer.status, StatusCode::CREATED);
}

async fn lists_come_in_pages(world: &World) {
    let export = Export::new(world).await;
    // Three people are there from the beginning.
    for name in ["luca", "marta", "nino"] {
        export.create(name).await;
    }
    let mut seen = Vec::new();
    for start in [1, 3, 5, 7] {
        let page = export.call(Method::GET, &format!("{USERS}?startIndex={start}&count=2"), &[], None).await;
        assert_eq!((page.status, &page.body["totalResults"]), (StatusCode::OK, &json!(6)));
        let names = page.body["Resources"].as_array().unwrap().iter();
        seen.extend(names.map(|user| user["userName"].as_str().unwrap().to_owned()));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 6);
    let config = export.call(Method::GET, "/scim/v2/ServiceProviderConfig", &[], None).await;
    assert_eq!(config.body["changePassword"]["supported"], false);
}

/// A group as the export sends it, without members.
pub(crate) fn group(name: &str, forest: &str) -> Value {
    let anchor = person(name)["externalId"].clone();
    json!({
        "schemas": [GROUP_SCHEMA, RITORNO_GROUP_SCHEMA],
        "externalId": anchor,
        "displayName": name,
        RITORNO_GROUP_SCHEMA: {"anchor": anchor, "accountName": name, "domain": "CONTOSO", "forest": forest},
    })
}

async fn a_group_is_made_found_changed_and_removed(world: &World) {
    let export = Export::new(world).await;
    let anna = export.create("annag").await.body["id"].as_str().unwrap().to_owned();
    let mut body = group("sales", "contoso.test");
    body["members"] = json!([{"value": anna, "type": "User"}]);
    let made = export.call(Method::POST, GROUPS, &[], Some(body)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    assert_eq!(made.body[RITORNO_GROUP_SCHEMA]["memberCount"], 1);
    let taken = export.call(Method::POST, GROUPS, &[], Some(group("sales", "contoso.test"))).await;
    assert_eq!((taken.status, &taken.body["scimType"]), (StatusCode::CONFLICT, &json!("uniqueness")));
    let elsewhere = export.call(Method::POST, GROUPS, &[], Some(group("other", "fabrikam.test"))).await;
    assert_eq!(elsewhere.status, StatusCode::FORBIDDEN);
    let path = format!("{GROUPS}/{}", made.body["id"].as_str().unwrap());
    let read = export.call(Method::GET, &path, &[], None).await;
    assert_eq!(read.body["members"], json!([{"value": anna, "type": "User"}]));
    let bare = export.call(Method::GET, &format!("{path}?excludedAttributes=members"), &[], None).await;
    assert!(bare.body.get("members").is_none() && bare.body["displayName"] == "sales");
    let filter = format!(
        "{GROUPS}?filter=externalId%20eq%20%22{}%22",
        made.body["externalId"].as_str().unwrap().replace('+', "%2B")
    );
    assert_eq!(export.call(Method::GET, &filter, &[], None).await.body["totalResults"], 1);
    let listed = export.call(Method::GET, &format!("{GROUPS}?startIndex=1&count=10"), &[], None).await;
    assert_eq!(listed.body["Resources"][0][RITORNO_GROUP_SCHEMA]["memberCount"], 1);

    let mut renamed = group("sales", "contoso.test");
    renamed["displayName"] = "Vendite".into();
    let answer = export.call(Method::PUT, &path, &[("if-match", "W/\"1\"")], Some(renamed.clone())).await;
    assert_eq!((answer.status, &answer.body["displayName"]), (StatusCode::OK, &json!("Vendite")));
    let stale = export.call(Method::PUT, &path, &[("if-match", "W/\"1\"")], Some(renamed.clone())).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    renamed["externalId"] = person("anothergroup")["externalId"].clone();
    renamed[RITORNO_GROUP_SCHEMA]["anchor"] = renamed["externalId"].clone();
    let moved = export.call(Method::PUT, &path, &[], Some(renamed)).await;
    assert_eq!((moved.status, &moved.body["scimType"]), (StatusCode::BAD_REQUEST, &json!("mutability")));

    // The person goes, and so does their membership.
    export.call(Method::DELETE, &format!("{USERS}/{anna}"), &[], None).await;
    assert!(export.call(Method::GET, &path, &[], None).await.body.get("members").is_none());
    assert_eq!(export.call(Method::DELETE, &path, &[], None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(export.call(Method::GET, &path, &[], None).await.status, StatusCode::NOT_FOUND);
}

async fn one_member_of_a_large_group_is_a_small_request(world: &World) {
    let export = Export::new(world).await;
    let made = export.call(Method::POST, GROUPS, &[], Some(group("large", "contoso.test"))).await;
    let path = format!("{GROUPS}/{}", made.body["id"].as_str().unwrap());
    let nested = export.call(Method::POST, GROUPS, &[], Some(group("nested", "contoso.test"))).await;
    let nested = nested.body["id"].as_str().unwrap().to_owned();
    let mut people = Vec::new();
    for number in 0..5 {
        people.push(export.create(&format!("member{number}")).await.body["id"].as_str().unwrap().to_owned());
    }
    let all: Vec<Value> = people
        .iter()
        .map(|id| json!({"value": id}))
        .chain([json!({"value": nested, "type": "Group"})])
        .collect();
    let add = |value: Value| patch(json!([{"op": "add", "path": "members", "value": value}]));
    for _ in 0..2 {
        let answer = export.call(Method::PATCH, &path, &[], add(json!(all))).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "twice is once");
    }
    let members = async || {
        let read = export.call(Method::GET, &path, &[], None).await;
        read.body["members"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(members().await, 6);
    let one = json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", people[0])}]);
    assert_eq!(export.call(Method::PATCH, &path, &[], patch(one)).await.status, StatusCode::NO_CONTENT);
    let microsoft = json!([{"op": "Remove", "path": "members", "value": [{"value": people[1]}]}]);
    assert_eq!(export.call(Method::PATCH, &path, &[], patch(microsoft)).await.status, StatusCode::NO_CONTENT);
    assert_eq!(members().await, 4);
    let unknown = add(json!([{"value": "nobody"}, {"value": people[0]}]));
    assert_eq!(export.call(Method::PATCH, &path, &[], unknown).await.status, StatusCode::NO_CONTENT);
    assert_eq!(members().await, 5, "whoever is not there can't be a member, and the others come");
    let other = patch(json!([{"op": "add", "path": "owners", "value": []}]));
    let refused = export.call(Method::PATCH, &path, &[], other).await;
    assert_eq!((refused.status, &refused.body["scimType"]), (StatusCode::BAD_REQUEST, &json!("invalidPath")));
    // Whoever goes and comes in one request stays, whichever is said first of two different ones.
    let gone = json!({"op": "remove", "path": format!("members[value eq \"{}\"]", people[2])});
    let come = json!({"op": "add", "path": "members", "value": [{"value": people[2]}]});
    export.call(Method::PATCH, &path, &[], patch(json!([gone, come]))).await;
    assert_eq!(members().await, 5);
    export.call(Method::PATCH, &path, &[], patch(json!([come, gone]))).await;
    assert_eq!(members().await, 4);
    // Who leaves counts at the deletion guard, whoever is none does not; what would be too many changes nothing.
    let agents = world.state.store.agents().list(world.tenant.id).await.unwrap();
    let [agent] = agents.as_slice() else { panic!("{} agents", agents.len()) };
    let counted = 3; // so many left above
    let room = u64::from(MEMBERS.most) - counted - 1;
    ritorno_http::scim::guard::count_members(&world.state, agent, room).await.unwrap();
    let cleared = || patch(json!([{"op": "remove", "path": "members"}]));
    let held = export.call(Method::PATCH, &path, &[], cleared()).await;
    assert_eq!((held.status, members().await), (HELD, 4), "{}", held.body);
    export.call(Method::PATCH, &path, &[], patch(json!([gone, gone]))).await;
    let one = json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", people[3])}]);
    assert_eq!(export.call(Method::PATCH, &path, &[], patch(one)).await.status, StatusCode::NO_CONTENT);
    assert_eq!(members().await, 3);
    let same = json!([{"op": "replace", "path": "members", "value": [
        {"value": people[0]}, {"value": people[4]}, {"value": nested, "type": "Group"}]}]);
    let kept = export.call(Method::PATCH, &path, &[], patch(same)).await;
    assert_eq!((kept.status, members().await), (StatusCode::NO_CONTENT, 3), "who stays does not leave");
    world.clock.advance(MEMBERS.forgotten_after());
    let token = {
        let (agent, key) = world.enrolled("another").await;
        access(world, agent.id, &key).await
    };
    let later = Export { world, token };
    assert_eq!(later.call(Method::PATCH, &path, &[], cleared()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(later.call(Method::GET, &path, &[], None).await.body["members"], Value::Null);
}

async fn a_bulk_request_is_its_operations_one_by_one(world: &World) {
    let export = Export::new(world).await;
    let bulk = |operations: Value, most: u32| {
        Some(json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "failOnErrors": most,
            "Operations": operations,
        }))
    };
    let bulk_call = async |operations: Value, most: u32| {
        export.call(Method::POST, "/scim/v2/Bulk", &[], bulk(operations, most)).await
    };
    let mut team = group("bulkteam", "contoso.test");
    team["members"] = json!([{"value": "bulkId:one"}]);
    let renamed = patch(json!([{"op": "replace", "path": "displayName", "value": "Uno"}]));
    let said = bulk_call(
        json!([
            {"method": "POST", "path": "/Users", "bulkId": "one", "data": person("bulkone")},
            {"method": "POST", "path": "/Users", "bulkId": "again", "data": person("bulkone")},
            {"method": "POST", "path": "/Groups", "bulkId": "team", "data": team},
            {"method": "PATCH", "path": "/Users/bulkId:one", "data": renamed},
            {"method": "GET", "path": "/Users"},
        ]),
        0,
    )
    .await;
    assert_eq!(said.status, StatusCode::OK, "{}", said.body);
    let done = said.body["Operations"].as_array().unwrap();
    let statuses: Vec<&str> = done.iter().map(|done| done["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["201", "409", "201", "200", "400"], "{}", said.body);
    assert_eq!(done[1]["response"]["scimType"], "uniqueness");
    let last = |done: &Value| done["location"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let path = format!("{USERS}/{}", last(&done[0]));
    let read = export.call(Method::GET, &path, &[], None).await;
    assert_eq!(read.body["displayName"], "Uno");
    let team = export.call(Method::GET, &format!("{GROUPS}/{}", last(&done[2])), &[], None).await;
    assert_eq!(team.body["members"], json!([{"value": read.body["id"], "type": "User"}]));

    // A version, the limit of errors, and what is refused hold as by themselves.
    let stale = json!({"method": "DELETE", "path": path.strip_prefix("/scim/v2"), "version": "W/\"1\""});
    let said = bulk_call(json!([stale, stale, stale]), 2).await;
    assert_eq!(said.body["Operations"].as_array().unwrap().len(), 2);
    assert_eq!(said.body["Operations"][0]["status"], "412");
    let mut secret = person("bulktwo");
    secret["password"] = "Never-Kept-1!".into();
    let said =
        bulk_call(json!([{"method": "POST", "path": "/Users", "bulkId": "x", "data": secret}]), 0).await;
    assert_eq!(said.status, StatusCode::FORBIDDEN);
    // However its name is written; a text that only looks like it is none.
    let text = bulk(json!([{"method": "POST", "path": "/Users", "data": {"PassWord": "x"}}]), 0)
        .unwrap()
        .to_string();
    for text in [text.clone(), text.replace("PassWord", "p\\u0061ssword")] {
        let token = Some(&*export.token);
        let said = call_with_text(world, Method::POST, "/scim/v2/Bulk", token, &[], Some(text)).await;
        assert_eq!(said.status, StatusCode::FORBIDDEN, "{}", said.body);
    }
    let mut named = person("bulkthree");
    named["displayName"] = "a \"password\" in a name".into();
    let said =
        bulk_call(json!([{"method": "POST", "path": "/Users", "bulkId": "n", "data": named}]), 0).await;
    assert_eq!(said.body["Operations"][0]["status"], "201", "{}", said.body);
    // People who come together come as by themselves: each with their own fault, and the first of two who contradict each other.
    let mut roles = person("bulkfive");
    roles["roles"] = json!(["x"]);
    let people = (0..90).map(|number| person(&format!("bulkmany{number}")));
    let others = [person("bulkmany7"), roles, json!({"userName": 7}), person("bulklast")];
    let post = |(number, data): (usize, Value)| json!({"method": "POST", "path": "/Users", "bulkId": format!("{number}"), "data": data});
    let many: Vec<Value> = people.chain(others).enumerate().map(post).collect();
    let said = bulk_call(json!(many), 0).await;
    let statuses: Vec<&str> = said.body["Operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|done| done["status"].as_str().unwrap())
        .collect();
    assert!(statuses[..90].iter().all(|status| *status == "201"), "{}", said.body);
    assert_eq!(statuses[90..], ["409", "403", "400", "201"], "{}", said.body);
    let facts = world.facts().await;
    let added = facts.iter().filter(|fact| fact.activity == ritorno_identity::audit::Activity::UserAdded);
    assert_eq!(
        added.filter(|fact| fact.reason.starts_with("bulkmany")).count(),
        90,
        "each is a fact of the audit"
    );
    let one = json!({"method": "DELETE", "path": "/Users/x"});
    assert_eq!(bulk_call(vec![one; 201].into(), 0).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let no_token = call(world, Method::POST, "/scim/v2/Bulk", None, &[], bulk(json!([]), 0)).await;
    assert_eq!(no_token.status, StatusCode::UNAUTHORIZED);
}

async fn what_there_is_can_be_discovered(world: &World) {
    let export = Export::new(world).await;
    let get = async |path: &str| export.call(Method::GET, path, &[], None).await;
    let types = get("/scim/v2/ResourceTypes").await;
    assert_eq!(types.body["totalResults"], 2);
    for kind in types.body["Resources"].as_array().unwrap() {
        for schema in [&kind["schema"], &kind["schemaExtensions"][0]["schema"]] {
            let path = format!("/scim/v2/Schemas/{}", schema.as_str().unwrap());
            assert!(!get(&path).await.body["attributes"].as_array().unwrap().is_empty(), "{path}");
        }
        let path = format!("/scim/v2{}", kind["endpoint"].as_str().unwrap());
        assert_eq!(get(&path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(get("/scim/v2/Schemas/urn:none").await.status, StatusCode::NOT_FOUND);
    let config = get("/scim/v2/ServiceProviderConfig").await.body;
    assert_eq!((&config["bulk"]["supported"], &config["etag"]["supported"]), (&json!(true), &json!(true)));
    // Who has a version already need not get it again.
    let made = export.create("etag").await;
    let path = format!("{USERS}/{}", made.body["id"].as_str().unwrap());
    let version = made.body["meta"]["version"].as_str().unwrap().to_owned();
    let again = [("if-none-match", version.as_str())];
    let again = call(world, Method::GET, &path, Some(&export.token), &again, None).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
}
