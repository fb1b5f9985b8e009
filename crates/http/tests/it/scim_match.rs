//! Whom somebody of a directory can become, and filters of lists, on both databases.

use axum::http::{Method, StatusCode};
use axum::response::IntoResponse as _;
use ritorno_http::scim::guard::{self, REMOVALS};
use ritorno_identity::administrator::Role;
use ritorno_identity::tenant::{SoftMatch, Tenant};
use ritorno_identity::user::{Mastered, User};
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::ids::UserId;
use ritorno_protocol::scim::RITORNO_USER_SCHEMA;
use serde_json::{Value, json};

use crate::agent_api::{Answered, on_both};
use crate::scim::{Export, GROUPS, HELD, USERS, patch, person};
use crate::world::World;

on_both!(
    another_object_never_becomes_an_administrator,
    a_soft_match_is_made_only_where_the_tenant_wants_it,
    a_soft_match_is_made_in_bulk_too,
    a_soft_match_that_disables_passes_the_guard,
    an_administrator_is_disabled_by_another_object_and_nothing_else,
    nobody_is_renamed_around_an_administrators_name,
    lists_are_filtered,
    nobody_of_a_directory_gets_a_name_of_the_tenants_own_people,
    one_list_is_looked_through_at_a_time,
);

async fn cloud_only(world: &World, name: &str, mail: &str) -> User {
    let template = world.person("template", None).await;
    world.state.store.users().delete(world.tenant.id, template.id).await.unwrap();
    let user = User {
        id: UserId::random(&*world.state.random),
        user_principal_name: format!("{name}@contoso.test"),
        mail: Some(mail.to_owned()),
        registered_mail: Some(format!("{name}@private.test")),
        mastered: Mastered::CloudOnly,
        ..template
    };
    world.state.store.users().insert(&user).await.unwrap();
    user
}

async fn stored(world: &World, id: UserId) -> User {
    world.state.store.users().get(world.tenant.id, id).await.unwrap().unwrap()
}

fn id_of(answer: &Answered) -> UserId {
    answer.body["id"].as_str().unwrap().parse().unwrap()
}

async fn set(world: &World, by: SoftMatch) {
    let tenants = world.state.store.tenants();
    let tenant = tenants.get(world.tenant.id).await.unwrap().unwrap();
    assert!(tenants.update(&Tenant { soft_match: by, ..tenant }).await.unwrap());
}

/// Makes an administrator whose account is that person's.
async fn appoint(world: &World, name: &str, person: Option<UserId>) {
    world.administrator(name, Role::HelpDesk, false).await;
    let administrators = world.state.store.administrators();
    let made = administrators.by_name(world.tenant.id, name).await.unwrap().unwrap();
    administrators.set_person(world.tenant.id, made.id, person).await.unwrap();
}

async fn another_object_never_becomes_an_administrator(world: &World) {
    let export = Export::new(world).await;
    for (name, linked) in [("luca", true), ("marta@contoso.test", false)] {
        let bare = name.trim_end_matches("@contoso.test");
        let made = export.create(bare).await;
        let id = id_of(&made);
        let path = format!("{USERS}/{id}");
        let mut other = person(bare);
        other[RITORNO_USER_SCHEMA]["objectGuid"] = "13020100-0504-0706-0809-0a0b0c0d0e0f".into();

        appoint(world, name, linked.then_some(id)).await;
        let operation = json!([{"op": "replace", "value": {RITORNO_USER_SCHEMA: {"objectGuid": "13020100-0504-0706-0809-0a0b0c0d0e0f"}}}]);
        for (method, body) in [(Method::PUT, Some(other.clone())), (Method::PATCH, patch(operation))] {
            let answer = export.call(method, &path, &[], body).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN);
            assert!(answer.body["detail"].as_str().unwrap().contains("administrator"), "{}", answer.body);
        }
        assert_eq!(stored(world, id).await.version, 1);
        // What they are called may change as ever.
        let rename = patch(json!([{"op": "replace", "path": "displayName", "value": "Renamed"}]));
        assert_eq!(export.call(Method::PATCH, &path, &[], rename).await.status, StatusCode::OK);
    }
    // Whoever is no administrator any more may come from elsewhere.
    let luca = world.state.store.users().list(world.tenant.id, &user_name("luca"), 1, 1).await.unwrap();
    let administrators = world.state.store.administrators();
    let made = administrators.by_name(world.tenant.id, "luca").await.unwrap().unwrap();
    administrators.set_person(world.tenant.id, made.id, None).await.unwrap();
    let mut other = person("luca");
    other[RITORNO_USER_SCHEMA]["objectGuid"] = "13020100-0504-0706-0809-0a0b0c0d0e0f".into();
    let path = format!("{USERS}/{}", luca.users[0].id);
    assert_eq!(export.call(Method::PUT, &path, &[], Some(other)).await.status, StatusCode::OK);
}

fn user_name(name: &str) -> ritorno_storage::UserFilter {
    ritorno_storage::UserFilter::UserName(format!("{name}@contoso.test"))
}

async fn a_soft_match_is_made_only_where_the_tenant_wants_it(world: &World) {
    let export = Export::new(world).await;
    let luca = cloud_only(world, "luca", "luca@contoso.test").await;
    let paola = cloud_only(world, "paola.old", "PAOLA@contoso.test").await;
    let root = cloud_only(world, "root", "root@contoso.test").await;
    appoint(world, "root", Some(root.id)).await;
    for (name, status) in [("luca", StatusCode::CONFLICT), ("paola", StatusCode::CREATED)] {
        let answer = export.create(name).await;
        assert_eq!(answer.status, status, "{name}");
        if status == StatusCode::CREATED {
            assert_ne!(id_of(&answer), paola.id);
            let path = format!("{USERS}/{}", id_of(&answer));
            assert_eq!(export.call(Method::DELETE, &path, &[], None).await.status, StatusCode::NO_CONTENT);
        }
    }

    set(world, SoftMatch::UserName).await;
    let answer = export.create("luca").await;
    assert_eq!((answer.status, id_of(&answer)), (StatusCode::CREATED, luca.id));
    let joined = stored(world, luca.id).await;
    assert!(joined.on_premises().is_some());
    assert_eq!((joined.registered_mail, joined.version), (luca.registered_mail, luca.version + 1));
    // Who comes from a directory is never matched again, and an administrator never at all.
    let mut same_name = person("marta");
    same_name["userName"] = "luca@contoso.test".into();
    let answer = export.call(Method::POST, USERS, &[], Some(same_name)).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    let answer = export.create("root").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(stored(world, root.id).await.on_premises().is_none());

    set(world, SoftMatch::UserNameOrMail).await;
    let answer = export.create("paola").await;
    assert_eq!((answer.status, id_of(&answer)), (StatusCode::CREATED, paola.id));
    assert_eq!(stored(world, paola.id).await.user_principal_name, "paola@contoso.test");
    // Of two with one address nobody is meant.
    for twin in ["carla.one", "carla.two"] {
        cloud_only(world, twin, "carla@contoso.test").await;
    }
    let answer = export.create("carla").await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(stored(world, id_of(&answer)).await.registered_mail, None);
}

async fn a_soft_match_is_made_in_bulk_too(world: &World) {
    let export = Export::new(world).await;
    let luca = cloud_only(world, "luca", "luca@contoso.test").await;
    let root = cloud_only(world, "root", "root@contoso.test").await;
    appoint(world, "root", Some(root.id)).await;
    set(world, SoftMatch::UserName).await;
    let operation =
        |name: &str| json!({"method": "POST", "path": "/Users", "bulkId": name, "data": person(name)});
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [operation("anna"), operation("luca"), operation("root"), operation("marta")],
    });
    let answer = export.call(Method::POST, "/scim/v2/Bulk", &[], Some(body)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let statuses: Vec<&Value> =
        answer.body["Operations"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, ["201", "201", "403", "201"]);
    assert!(stored(world, luca.id).await.on_premises().is_some());
    assert!(stored(world, root.id).await.on_premises().is_none());
}

async fn lists_are_filtered(world: &World) {
    let export = Export::new(world).await;
    for name in ["luca", "lucia", "marta"] {
        assert_eq!(export.create(name).await.status, StatusCode::CREATED);
    }
    cloud_only(world, "lucio", "lucio@contoso.test").await;
    let found = async |filter: &str, page: &str| {
        let filter = filter.replace(' ', "+").replace('"', "%22");
        let answer = export.call(Method::GET, &format!("{USERS}?filter={filter}{page}"), &[], None).await;
        assert_eq!(answer.status, StatusCode::OK, "{filter}: {}", answer.body);
        let mut names: Vec<String> = answer.body["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["displayName"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        (answer.body["totalResults"].as_u64().unwrap(), names)
    };
    assert_eq!(found(r#"displayName sw "luc""#, "").await, (2, vec!["luca".into(), "lucia".into()]));
    assert_eq!(found(r#"userName eq "LUCA@contoso.test""#, "").await, (1, vec!["luca".into()]));
    let both = r#"active eq true and (userName sw "marta" or emails[value sw "lucia"])"#;
    assert_eq!(found(both, "").await, (2, vec!["lucia".into(), "marta".into()]));
    let (total, page) = found(r#"displayName sw "luc""#, "&startIndex=2&count=1").await;
    assert_eq!((total, page.len()), (2, 1));
    assert_eq!(found(r#"displayName sw "luc""#, "&count=0").await, (2, Vec::new()));
}

async fn nobody_of_a_directory_gets_a_name_of_the_tenants_own_people(world: &World) {
    let export = Export::new(world).await;
    let luca = id_of(&export.create("luca").await);
    let early = id_of(&export.create("early").await);
    let renamed =
        User { user_principal_name: "early@Cloud.contoso.test".into(), ..stored(world, early).await };
    world.state.store.users().update(&renamed, renamed.version).await.unwrap();
    let carla = cloud_only(world, "carla", "carla@contoso.test").await;
    let carla = User { user_principal_name: "carla@cloud.contoso.test".into(), ..carla };
    world.state.store.users().update(&carla, carla.version).await.unwrap();
    crate::cloud::with_domain(world, |_| ()).await;
    set(world, SoftMatch::UserNameOrMail).await;
    let into = |name: &str| {
        let mut into = person(name);
        into["userName"] = format!("{name}@CLOUD.contoso.test").into();
        into
    };
    let refused = |answer: &Answered| {
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains("'CLOUD.contoso.test'") && detail.contains("cloud-domains"), "{detail}");
    };
    // As somebody new, as the person of that name, and by another name.
    for name in ["marta", "carla"] {
        refused(&export.call(Method::POST, USERS, &[], Some(into(name))).await);
    }
    let path = format!("{USERS}/{luca}");
    refused(&export.call(Method::PUT, &path, &[], Some(into("luca"))).await);
    let rename = patch(json!([{"op": "replace", "path": "userName", "value": "luca@CLOUD.contoso.test"}]));
    refused(&export.call(Method::PATCH, &path, &[], rename).await);
    let operation =
        |data: Value| json!({"method": "POST", "path": "/Users", "bulkId": data["externalId"], "data": data});
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [operation(into("marta")), operation(into("carla")), operation(person("anna"))],
    });
    let answer = export.call(Method::POST, "/scim/v2/Bulk", &[], Some(body)).await;
    let statuses: Vec<&Value> =
        answer.body["Operations"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, ["403", "403", "201"], "{}", answer.body);
    let (luca, carla) = (stored(world, luca).await, stored(world, carla.id).await);
    assert_eq!((luca.user_principal_name.as_str(), luca.version), ("luca@contoso.test", 1));
    assert!(carla.on_premises().is_none());
    // Whoever has such a name from before is disabled as ever.
    let disable = patch(json!([{"op": "replace", "path": "active", "value": false}]));
    let answer = export.call(Method::PATCH, &format!("{USERS}/{early}"), &[], disable).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert!(!stored(world, early).await.enabled);
}

async fn a_soft_match_that_disables_passes_the_guard(world: &World) {
    let export = Export::new(world).await;
    let luca = cloud_only(world, "luca", "luca@contoso.test").await;
    let paola = cloud_only(world, "paola", "paola@contoso.test").await;
    set(world, SoftMatch::UserName).await;
    let agent = world.state.store.agents().list(world.tenant.id).await.unwrap().remove(0);
    for _ in 1..REMOVALS.most {
        guard::count(&world.state, &agent).await.unwrap();
    }
    let disabled = |name| {
        let mut one = person(name);
        one["active"] = false.into();
        Some(one)
    };
    let answer = export.call(Method::POST, USERS, &[], disabled("luca")).await;
    assert_eq!((answer.status, id_of(&answer)), (StatusCode::CREATED, luca.id), "the last one that is left");
    let answer = export.call(Method::POST, USERS, &[], disabled("paola")).await;
    assert_eq!(answer.status, HELD, "{}", answer.body);
    let kept = stored(world, paola.id).await;
    assert!(kept.enabled && kept.on_premises().is_none());
    let waiting =
        guard::held(&world.state.store, world.tenant.id, agent.id, world.clock.now()).await.unwrap();
    assert_eq!(waiting.list.iter().map(|one| one.id.clone()).collect::<Vec<_>>(), [paola.id.to_string()]);
    // Who stays enabled is removed from nothing.
    let answer = export.create("paola").await;
    assert_eq!((answer.status, id_of(&answer)), (StatusCode::CREATED, paola.id));
}

async fn an_administrator_is_disabled_by_another_object_and_nothing_else(world: &World) {
    let export = Export::new(world).await;
    let id = id_of(&export.create("luca").await);
    appoint(world, "root", Some(id)).await;
    let before = stored(world, id).await;
    let mut other = person("luca");
    other[RITORNO_USER_SCHEMA]["objectGuid"] = "13020100-0504-0706-0809-0a0b0c0d0e0f".into();
    other["active"] = false.into();
    other["displayName"] = "Somebody Else".into();
    let path = format!("{USERS}/{id}");
    let answer = export.call(Method::PUT, &path, &[], Some(other.clone())).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let after = stored(world, id).await;
    assert!(!after.enabled);
    assert_eq!((after.display_name, &after.mastered), (before.display_name, &before.mastered));
    let fact = world.facts().await.into_iter().find(|fact| fact.reason.starts_with("disabled")).unwrap();
    assert!(fact.reason.contains("another directory object"), "{}", fact.reason);
    // Nor are they let in again by it.
    other["active"] = true.into();
    assert_eq!(export.call(Method::PUT, &path, &[], Some(other)).await.status, StatusCode::FORBIDDEN);
    assert!(!stored(world, id).await.enabled);
}

async fn nobody_is_renamed_around_an_administrators_name(world: &World) {
    let export = Export::new(world).await;
    let id = id_of(&export.create("marta").await);
    let path = format!("{USERS}/{id}");
    appoint(world, "marta@contoso.test", None).await;
    let rename = |name: &str| patch(json!([{"op": "replace", "path": "userName", "value": name}]));
    assert_eq!(export.call(Method::PATCH, &path, &[], rename("m@contoso.test")).await.status, StatusCode::OK);
    // Another object that brings the name along.
    let mut other = person("marta");
    other[RITORNO_USER_SCHEMA]["objectGuid"] = "13020100-0504-0706-0809-0a0b0c0d0e0f".into();
    let answer = export.call(Method::PUT, &path, &[], Some(other)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    // Neither they nor somebody else are called so from now on, unless they are linked.
    let luca = format!("{USERS}/{}", id_of(&export.create("luca").await));
    for path in [&path, &luca] {
        let answer = export.call(Method::PATCH, path, &[], rename("Marta@contoso.test")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
        assert!(answer.body["detail"].as_str().unwrap().contains("ritorno admin person"), "{}", answer.body);
    }
    let administrators = world.state.store.administrators();
    let made = administrators.by_name(world.tenant.id, "marta@contoso.test").await.unwrap().unwrap();
    administrators.set_person(world.tenant.id, made.id, Some(id)).await.unwrap();
    let answer = export.call(Method::PATCH, &path, &[], rename("marta@contoso.test")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);

    // A soft match by the address brings nobody an administrator's name.
    cloud_only(world, "old", "sara@contoso.test").await;
    appoint(world, "sara@contoso.test", None).await;
    set(world, SoftMatch::UserNameOrMail).await;
    assert_eq!(export.create("sara").await.status, StatusCode::FORBIDDEN);
}

async fn one_list_is_looked_through_at_a_time(world: &World) {
    let export = Export::new(world).await;
    assert_eq!(export.create("luca").await.status, StatusCode::CREATED);
    let agent = world.state.store.agents().list(world.tenant.id).await.unwrap().remove(0);
    let users = format!("{USERS}?filter=displayName+sw+%22l%22");
    let groups = format!("{GROUPS}?filter=displayName+sw+%22l%22");
    let first = world.state.scans.begin(agent.id.into()).unwrap();
    for path in [&users, &groups] {
        let answer = export.call(Method::GET, path, &[], None).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{}", answer.body);
    }
    // What an index finds is no such list.
    let named = format!("{USERS}?filter=userName+eq+%22luca@contoso.test%22");
    assert_eq!(export.call(Method::GET, &named, &[], None).await.body["totalResults"], 1);
    drop(first);
    for (path, total) in [(&users, 1), (&groups, 0), (&users, 1)] {
        let answer = export.call(Method::GET, path, &[], None).await;
        assert_eq!((answer.status, &answer.body["totalResults"]), (StatusCode::OK, &json!(total)));
    }
    let refused = ritorno_http::scim::error::ScimError::Busy.into_response();
    assert_eq!(refused.headers()["retry-after"], "2");
}
