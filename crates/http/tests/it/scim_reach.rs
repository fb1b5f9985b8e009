//! Whom a program with a token reaches, and whom it never does, on both databases.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use ritorno_identity::administrator::{Action, Role, Scope};
use ritorno_identity::limit::API_REQUESTS;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::{Mastered, Provisioned, User};
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::ids::UserId;
use ritorno_protocol::scim::{CONNECTOR_HEADER, LEASE_EPOCH_HEADER, RITORNO_USER_SCHEMA};
use serde_json::json;

use crate::agent_api::{call, on_both};
use crate::api_world::VALID;
use crate::cloud::{self, DOMAIN};
use crate::scim::{Export, GROUPS, USERS, patch};
use crate::scim_provisioner::{BULK, Program, id_of, person, query, refused, stored};
use crate::world::World;

on_both!(
    who_may_not_is_told_why_and_gets_nothing,
    people_of_directories_are_out_of_reach,
    people_of_another_tenant_are_nobody,
    administrators_are_out_of_reach,
    names_of_directories_and_external_ids_that_are_taken_are_refused,
    what_opens_gates_is_judged_and_passwords_are_refused,
);

async fn who_may_not_is_told_why_and_gets_nothing(world: &World) {
    let program = Program::new(world).await;
    let path = program.made("luca").await;
    let before = stored(world, &path).await;
    let now = world.clock.now();
    let everything = async |token: Option<&str>, status: StatusCode, said: &str| {
        let requests = [
            (Method::GET, USERS, None),
            (Method::POST, USERS, Some(person("marta"))),
            (Method::GET, &*path, None),
            (Method::PUT, &path, Some(person("luca"))),
            (Method::PATCH, &path, patch(json!([{"op": "replace", "path": "displayName", "value": "x"}]))),
            (Method::DELETE, &path, None),
            (Method::POST, BULK, Some(json!({"schemas": [], "Operations": []}))),
            (Method::GET, GROUPS, None),
        ];
        for (method, path, body) in requests {
            let answer = call(world, method, path, token, &[], body).await;
            assert_eq!(answer.kind, "application/scim+json");
            refused(&answer, status, said);
        }
    };
    let gone = "is missing, wrong, expired or revoked";
    let (unauthorized, forbidden) = (StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN);
    everything(None, unauthorized, gone).await;
    everything(Some("rit_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), unauthorized, gone).await;
    let hr = world.named("hr").await;
    let scope = || vec![Action::ProvisionPeople];
    everything(Some(&world.token_of(&hr, scope(), now).await.1), unauthorized, gone).await;
    let (row, revoked) = world.token_of(&hr, scope(), now.plus(VALID)).await;
    assert!(world.state.store.api_tokens().revoke(world.tenant.id, row.id, now).await.unwrap());
    everything(Some(&revoked), unauthorized, gone).await;
    let elsewhere =
        ritorno_identity::administrator::Administrator { tenant: world.other_tenant().await, ..hr.clone() };
    world.state.store.administrators().insert(&elsewhere).await.unwrap();
    everything(Some(&world.token_of(&elsewhere, scope(), now.plus(VALID)).await.1), unauthorized, gone).await;

    let others =
        Action::ALL.into_iter().filter(|one| one.scope().is_some() && *one != Action::ProvisionPeople);
    let (_, others) = world.token("hr", others.collect()).await;
    everything(Some(&others), forbidden, "made without the scope 'people.provision'").await;
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Global) {
        world.administrator(role.as_str(), role, true).await;
        let (_, token) = world.token(role.as_str(), scope()).await;
        everything(Some(&token), forbidden, "this takes the role 'global'").await;
    }
    world.administrator("synced", Role::Global, false).await;
    let (_, token) = world.token("synced", scope()).await;
    everything(Some(&token), forbidden, "cloud-only administrator").await;
    let some = Scope { domain: Some(DOMAIN.to_owned()), group: None };
    world.administrator("scoped", Role::Global, true).await;
    let scoped = world.named("scoped").await;
    assert!(world.state.store.administrators().set_scope(world.tenant.id, scoped.id, &some).await.unwrap());
    let (_, token) = world.token("scoped", scope()).await;
    everything(Some(&token), forbidden, "for everybody in the tenant").await;
    assert_eq!(stored(world, &path).await, before);

    // Too often, as with the rest of the API; and with its administrator it goes.
    for _ in 0..API_REQUESTS.most {
        program.call(Method::GET, "/scim/v2/Users/x", None).await;
    }
    refused(&program.call(Method::GET, &path, None).await, StatusCode::TOO_MANY_REQUESTS, "times a minute");
    world.clock.advance(Duration::from_secs(70));
    assert_eq!(program.call(Method::GET, &path, None).await.status, StatusCode::OK);
    assert!(world.state.store.administrators().remove(world.tenant.id, hr.id).await.unwrap());
    refused(&program.call(Method::GET, &path, None).await, unauthorized, gone);
}

async fn people_of_directories_are_out_of_reach(world: &World) {
    let program = Program::new(world).await;
    let hybrid = world.person("carla", None).await;
    // Whom the tenant itself keeps, but under a name that is no cloud domain's any more.
    let left = User {
        id: UserId::random(&*world.state.random),
        user_principal_name: "left@contoso.test".into(),
        mastered: Mastered::CloudOnly,
        ..hybrid.clone()
    };
    // And who comes from a directory with a name from before the domain was said to be the tenant's.
    let early = world.person("early", None).await;
    let early = User { user_principal_name: "early@cloud.contoso.test".into(), ..early };
    let users = world.state.store.users();
    users.insert(&left).await.unwrap();
    users.update(&early, early.version).await.unwrap();
    for user in [&hybrid, &left, &early] {
        let path = format!("{USERS}/{}", user.id);
        let before = stored(world, &path).await;
        let mut same = person("same");
        same["userName"] = user.user_principal_name.clone().into();
        let disable = patch(json!([{"op": "replace", "path": "active", "value": false}]));
        for (method, body) in
            [(Method::GET, None), (Method::PUT, Some(same)), (Method::PATCH, disable), (Method::DELETE, None)]
        {
            let answer = program.call(method, &path, body).await;
            refused(&answer, StatusCode::FORBIDDEN, "the tenant's own people alone");
        }
        assert_eq!(stored(world, &path).await, before);
        for filter in [
            format!("userName eq \"{}\"", user.user_principal_name),
            format!("userName sw \"{}\"", user.user_principal_name),
            format!("id eq \"{}\"", user.id),
        ] {
            let found = program.call(Method::GET, &query(&filter), None).await;
            assert_eq!(found.body["totalResults"], 0, "{filter}");
        }
    }
    let anchor = hybrid.on_premises().unwrap().source_anchor.0.clone();
    let found = program.call(Method::GET, &query(&format!("externalId eq \"{anchor}\"")), None).await;
    assert_eq!(found.body["totalResults"], 0);
    assert_eq!(program.call(Method::GET, USERS, None).await.body["totalResults"], 0);
    // Nobody is made one of a directory by what is sent.
    let mut tied = crate::scim::person("tied");
    tied["userName"] = "tied@cloud.contoso.test".into();
    refused(&program.call(Method::POST, USERS, Some(tied)).await, StatusCode::BAD_REQUEST, "agents alone");
    let path = program.made("luca").await;
    let tie = json!([{"op": "add", "path": format!("{RITORNO_USER_SCHEMA}:anchor"), "value": "AAECAwQFBgcICQoLDA0ODw=="}]);
    assert_eq!(program.patch(&path, tie).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(stored(world, &path).await.unwrap().mastered, Mastered::CloudOnly);
    // And an agent does not reach a program's people.
    let export = Export::new(world).await;
    let answer = export.call(Method::GET, &path, &[], None).await;
    refused(&answer, StatusCode::FORBIDDEN, "hybrid people");
    // A lease is an agent's.
    let lease = [(CONNECTOR_HEADER, "contoso.test"), (LEASE_EPOCH_HEADER, "no number")];
    assert_eq!(program.with(Method::GET, &path, &lease, None).await.status, StatusCode::OK);
}

async fn people_of_another_tenant_are_nobody(world: &World) {
    let program = Program::new(world).await;
    let path = program.made("luca").await;
    let luca = stored(world, &path).await.unwrap();
    let (users, id) = (world.state.store.users(), UserId::random(&*world.state.random));
    let provisioned = Provisioned { external_id: Some("hr-nino".into()), ..luca.provisioned.clone() };
    let user_principal_name = "nino@cloud.contoso.test".to_owned();
    let nino =
        User { id, tenant: world.other_tenant().await, user_principal_name, provisioned, ..luca.clone() };
    users.insert(&nino).await.unwrap();
    let theirs = format!("{USERS}/{id}");
    let rename = patch(json!([{"op": "replace", "path": "displayName", "value": "x"}]));
    for (method, body) in [
        (Method::GET, None),
        (Method::PUT, Some(person("nino"))),
        (Method::PATCH, rename),
        (Method::DELETE, None),
    ] {
        let answer = program.call(method, &theirs, body).await;
        refused(&answer, StatusCode::NOT_FOUND, "there is no such person");
    }
    assert_eq!(users.get(nino.tenant, id).await.unwrap().as_ref(), Some(&nino));
    for filter in
        ["externalId eq \"hr-nino\"", "userName eq \"nino@cloud.contoso.test\"", "userName sw \"nino\""]
    {
        let found = program.call(Method::GET, &query(filter), None).await;
        assert_eq!(found.body["totalResults"], 0, "{filter}");
    }
    // Nor does anything of theirs stand in the way.
    program.made("nino").await;
    assert_eq!(program.call(Method::GET, USERS, None).await.body["totalResults"], 2);
}

async fn administrators_are_out_of_reach(world: &World) {
    let program = Program::new(world).await;
    let (linked, named) = (program.made("linked").await, program.made("named").await);
    world.administrator("somebody", Role::ReportsReader, true).await;
    let somebody = world.named("somebody").await;
    let administrators = world.state.store.administrators();
    administrators.set_person(world.tenant.id, somebody.id, Some(id_of(&linked))).await.unwrap();
    world.administrator("Named@cloud.contoso.test", Role::HelpDesk, true).await;
    world.administrator("future@cloud.contoso.test", Role::HelpDesk, true).await;
    for (path, name) in [(&linked, "linked"), (&named, "named")] {
        let before = stored(world, path).await;
        let mut disabled = person(name);
        disabled["active"] = false.into();
        let rename =
            patch(json!([{"op": "replace", "path": "userName", "value": "other@cloud.contoso.test"}]));
        for (method, body) in [
            (Method::GET, None),
            (Method::PUT, Some(disabled)),
            (Method::PATCH, rename),
            (Method::DELETE, None),
        ] {
            refused(
                &program.call(method, path, body).await,
                StatusCode::FORBIDDEN,
                "no program touches them",
            );
        }
        assert_eq!(stored(world, path).await, before);
        let found = program.call(Method::GET, &query(&format!("externalId eq \"hr-{name}\"")), None).await;
        assert_eq!(found.body["totalResults"], 0);
    }
    assert_eq!(program.call(Method::GET, USERS, None).await.body["totalResults"], 0);
    // Nor is somebody made, or renamed to, what an administrator is called.
    refused(&program.create("future").await, StatusCode::FORBIDDEN, "no program touches them");
    let luca = program.made("luca").await;
    let rename = json!([{"op": "replace", "path": "userName", "value": "FUTURE@cloud.contoso.test"}]);
    refused(
        &program.patch(&luca, rename).await,
        StatusCode::FORBIDDEN,
        "an administrator of the tenant has this name",
    );
    let post = |name: &str| json!({"method": "POST", "path": "/Users", "bulkId": name, "data": person(name)});
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [post("future"), post("marta")]});
    let done = program.call(Method::POST, BULK, Some(bulk)).await;
    let statuses = [&done.body["Operations"][0]["status"], &done.body["Operations"][1]["status"]];
    assert_eq!(statuses, ["403", "201"], "{}", done.body);
    // Whoever is none any more is a person as others.
    assert!(administrators.remove(world.tenant.id, somebody.id).await.unwrap());
    assert_eq!(program.call(Method::DELETE, &linked, None).await.status, StatusCode::NO_CONTENT);
}

async fn names_of_directories_and_external_ids_that_are_taken_are_refused(world: &World) {
    let program = Program::new(world).await;
    let path = program.made("luca").await;
    for name in ["luca@contoso.test", "luca@x.cloud.contoso.test", "luca@fabrikam.test"] {
        let mut elsewhere = person("marta");
        elsewhere["userName"] = name.into();
        elsewhere["emails"] = json!([]);
        let answer = program.call(Method::POST, USERS, Some(elsewhere)).await;
        refused(&answer, StatusCode::FORBIDDEN, "none of the tenant's cloud domains");
        let rename = json!([{"op": "replace", "path": "userName", "value": name}]);
        refused(
            &program.patch(&path, rename).await,
            StatusCode::FORBIDDEN,
            "none of the tenant's cloud domains",
        );
    }
    for name in
        ["marta", "@cloud.contoso.test", "CONTOSO\\marta@cloud.contoso.test", "mar\u{7}ta@cloud.contoso.test"]
    {
        let mut wrong = person("marta");
        wrong["userName"] = name.into();
        let answer = program.call(Method::POST, USERS, Some(wrong)).await;
        assert_eq!(
            (answer.status, &answer.body["scimType"]),
            (StatusCode::BAD_REQUEST, &json!("invalidValue")),
            "{name}"
        );
    }
    let (mut same_name, mut same_id) = (person("luca"), person("marta"));
    same_name["externalId"] = "other".into();
    same_id["externalId"] = "hr-luca".into();
    for twin in [same_name, same_id] {
        let answer = program.call(Method::POST, USERS, Some(twin)).await;
        assert_eq!((answer.status, &answer.body["scimType"]), (StatusCode::CONFLICT, &json!("uniqueness")));
    }
    let marta = program.made("marta").await;
    let take = json!([{"op": "replace", "path": "externalId", "value": "hr-luca"}]);
    let answer = program.patch(&marta, take).await;
    assert_eq!((answer.status, &answer.body["scimType"]), (StatusCode::CONFLICT, &json!("uniqueness")));
    // Compared exactly (RFC 7643 section 3.1).
    let other = json!([{"op": "replace", "path": "externalId", "value": "HR-luca"}]);
    assert_eq!(program.patch(&marta, other).await.status, StatusCode::OK);
    // The tenant has a soft match for its directories; no program's person becomes anybody by it.
    let tenants = world.state.store.tenants();
    let tenant = tenants.get(world.tenant.id).await.unwrap().unwrap();
    let soft_match = ritorno_identity::tenant::SoftMatch::UserNameOrMail;
    assert!(tenants.update(&Tenant { soft_match, ..tenant }).await.unwrap());
    assert_eq!(program.create("luca").await.status, StatusCode::CONFLICT);
}

async fn what_opens_gates_is_judged_and_passwords_are_refused(world: &World) {
    let program = Program::new(world).await;
    let path = program.made("luca").await;
    let own = Some("luca@posta.test");
    let users = world.state.store.users();
    assert!(users.set_registered_mail(world.tenant.id, id_of(&path), None, own).await.unwrap());
    for name in ["password", "roles", "entitlements"] {
        let mut body = person("luca");
        body[name] = "x".into();
        let operation = patch(json!([{"op": "replace", "path": name, "value": "x"}]));
        for (method, path, body) in [
            (Method::POST, USERS, Some(body.clone())),
            (Method::PUT, &*path, Some(body)),
            (Method::PATCH, &*path, operation),
        ] {
            refused(&program.call(method, path, body).await, StatusCode::FORBIDDEN, name);
        }
    }
    // No code goes to what the forgotten password locks, to what is no address, or to a number of no country.
    for (attribute, value) in [
        ("emails", json!([{"value": "luca.2@cloud.contoso.test", "type": "home"}])),
        ("emails", json!([{"value": "no address", "type": "home"}])),
        ("phoneNumbers", json!([{"value": "333 1234567", "type": "mobile"}])),
        ("externalId", json!("a\nb")),
        ("externalId", json!("a".repeat(1_025))),
        ("displayName", json!("a".repeat(1_025))),
        ("emails", json!([{"value": "no address"}])),
        ("emails", json!([{"value": format!("{}@x.test", "a".repeat(400)), "type": "work"}])),
    ] {
        let operations = json!([{"op": "replace", "path": attribute, "value": value}]);
        let answer = program.patch(&path, operations).await;
        assert_eq!(
            (answer.status, &answer.body["scimType"]),
            (StatusCode::BAD_REQUEST, &json!("invalidValue")),
            "{value}"
        );
    }
    let user = stored(world, &path).await.unwrap();
    assert_eq!((user.version, user.registered_mail.as_deref()), (1, own));
    // What the tenant forbids since is kept, and what the person registered stays whatever is said.
    cloud::with_domain(world, |tenant| tenant.forbidden_mail_domains = vec!["home.test".into()]).await;
    let rename = json!([{"op": "replace", "path": "displayName", "value": "Luca"}]);
    assert_eq!(program.patch(&path, rename).await.status, StatusCode::OK);
    assert_eq!(program.create("marta").await.status, StatusCode::BAD_REQUEST);
    // The longest that are taken fit into every index.
    let longest = "à".repeat(512);
    let long = json!([{"op": "replace", "value": {"displayName": longest, "externalId": longest}}]);
    assert_eq!(program.patch(&path, long).await.status, StatusCode::OK);
    let none = json!([{"op": "remove", "path": "emails"}, {"op": "remove", "path": "phoneNumbers"}]);
    assert_eq!(program.patch(&path, none).await.status, StatusCode::OK);
    let user = stored(world, &path).await.unwrap();
    assert_eq!((user.registered_mail.as_deref(), user.alternate_mail), (own, None));
}
