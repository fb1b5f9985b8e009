//! What programs' groups are used for, what they are taken for no more than they are, and whom they never have in them, on both databases.

use axum::http::{Method, StatusCode};
use ritorno_identity::administrator::{Role, Scope};
use ritorno_identity::group::Group;
use ritorno_identity::licence::{Grant, Sku};
use ritorno_identity::tenant::{SoftMatch, Tenant};
use ritorno_protocol::ids::{GroupId, UserId};
use ritorno_protocol::scim::PATCH_OP_SCHEMA;
use serde_json::{Value, json};

use crate::agent_api::on_both;
use crate::api_world::{Call, call, every_scope};
use crate::cloud::{self, DOMAIN};
use crate::console::signed_in;
use crate::scim::{Export, GROUPS, USERS, group, patch};
use crate::scim_program_groups::{id, made, members, team};
use crate::scim_provisioner::{BULK, Program, id_of, person, refused, stored};
use crate::world::World;

on_both!(
    neither_kind_of_client_touches_the_others_groups,
    people_and_groups_of_directories_are_in_none,
    administrators_are_in_none_and_are_not_seen_in_one,
    groups_of_another_tenant_are_none,
    a_name_gives_a_programs_group_nothing,
    they_are_used_where_groups_are,
    who_becomes_a_directorys_leaves_them,
);

async fn found(world: &World, path: &str) -> Option<Group> {
    world.state.store.groups().find(world.tenant.id, id(path).parse().unwrap()).await.unwrap()
}

fn query(filter: &str) -> String {
    format!("{GROUPS}?filter={}", url::form_urlencoded::byte_serialize(filter.as_bytes()).collect::<String>())
}

fn add(member: &str) -> Option<Value> {
    patch(json!([{"op": "add", "path": "members", "value": [{"value": member}]}]))
}

async fn neither_kind_of_client_touches_the_others_groups(world: &World) {
    let program = Program::new(world).await;
    let export = Export::new(world).await;
    let luca = program.made("luca").await;
    let own = made(&program, "Sales", &[id(&luca)]).await;
    let sales = export.call(Method::POST, GROUPS, &[], Some(group("sales", "contoso.test"))).await;
    let theirs = format!("{GROUPS}/{}", sales.body["id"].as_str().unwrap());
    let before = [found(world, &own).await, found(world, &theirs).await];
    let requests = |body: Value| {
        [
            (Method::GET, None),
            (Method::PUT, Some(body)),
            (Method::PATCH, add(id(&luca))),
            (Method::PATCH, patch(json!([{"op": "replace", "path": "displayName", "value": "mine"}]))),
            (Method::DELETE, None),
        ]
    };
    for (method, body) in requests(team("Sales", &[])) {
        let answer = program.call(method, &theirs, body).await;
        refused(&answer, StatusCode::FORBIDDEN, "a group of a directory comes from there");
    }
    for (method, body) in requests(group("sales", "contoso.test")) {
        let answer = export.call(method, &own, &[], body).await;
        refused(&answer, StatusCode::FORBIDDEN, "an agent touches only hybrid people and groups");
    }
    let bulk = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [{"method": "DELETE", "path": theirs.trim_start_matches("/scim/v2")}],
    });
    let done = program.call(Method::POST, BULK, Some(bulk)).await;
    assert_eq!(done.body["Operations"][0]["status"], "403", "{}", done.body);
    assert_eq!([found(world, &own).await, found(world, &theirs).await], before);
    // In no list of the other's, however it is asked for.
    let anchor = sales.body["externalId"].as_str().unwrap();
    for (filter, programs, agents) in [
        (String::new(), 1, 1),
        ("displayName sw \"s\"".into(), 1, 1),
        (format!("id eq \"{}\"", id(&own)), 1, 0),
        (format!("id eq \"{}\"", id(&theirs)), 0, 1),
        ("externalId eq \"hr-Sales\"".into(), 1, 0),
        (format!("externalId eq \"{anchor}\""), 0, 1),
        (format!("members eq \"{}\"", id(&luca)), 1, 0),
        ("meta.lastModified gt \"2000-01-01T00:00:00Z\"".into(), 1, 1),
    ] {
        let path = query(&filter);
        let by_program = program.call(Method::GET, &path, None).await;
        let by_agent = export.call(Method::GET, &path, &[], None).await;
        let totals = [&by_program.body["totalResults"], &by_agent.body["totalResults"]];
        assert_eq!(totals, [programs, agents], "{filter}");
    }
}

async fn people_and_groups_of_directories_are_in_none(world: &World) {
    let program = Program::new(world).await;
    let export = Export::new(world).await;
    let hybrid = world.person("carla", None).await.id.to_string();
    let sales = export.call(Method::POST, GROUPS, &[], Some(group("sales", "contoso.test"))).await;
    let sales = sales.body["id"].as_str().unwrap().to_owned();
    let luca = program.made("luca").await;
    let path = made(&program, "team", &[]).await;
    for (member, said) in [(&hybrid, "the tenant's own people alone"), (&sales, "has no other in them")] {
        for (method, at, body) in [
            (Method::POST, GROUPS, Some(team("another", &[id(&luca), member]))),
            (Method::PUT, &*path, Some(team("team", &[id(&luca), member]))),
            (Method::PATCH, &*path, add(member)),
        ] {
            refused(&program.call(method, at, body).await, StatusCode::FORBIDDEN, said);
        }
        let typed =
            patch(json!([{"op": "add", "path": "members", "value": [{"value": member, "type": "Group"}]}]));
        program.call(Method::PATCH, &path, typed).await;
    }
    assert_eq!(
        world.state.store.groups().members(world.tenant.id, id(&path).parse().unwrap()).await.unwrap(),
        []
    );
    assert_eq!(program.call(Method::GET, GROUPS, None).await.body["totalResults"], 1, "none was made");
    // Nor has a directory's group any of the tenant's own in it.
    let mut with = group("sales", "contoso.test");
    with["members"] = json!([{"value": id(&luca)}, {"value": id(&path), "type": "Group"}]);
    let at = format!("{GROUPS}/{sales}");
    assert_eq!(export.call(Method::PUT, &at, &[], Some(with)).await.status, StatusCode::OK);
    assert_eq!(
        world.state.store.groups().members(world.tenant.id, sales.parse().unwrap()).await.unwrap(),
        []
    );
}

async fn administrators_are_in_none_and_are_not_seen_in_one(world: &World) {
    let program = Program::new(world).await;
    let (luca, boss) = (program.made("luca").await, program.made("boss").await);
    let path = made(&program, "team", &[id(&luca), id(&boss)]).await;
    world.administrator("somebody", Role::HelpDesk, true).await;
    let (administrators, somebody) = (world.state.store.administrators(), world.named("somebody").await);
    administrators.set_person(world.tenant.id, somebody.id, Some(id_of(&boss))).await.unwrap();
    let other = made(&program, "other", &[]).await;
    let forbidden = program.call(Method::PATCH, &other, add(id(&boss))).await;
    refused(&forbidden, StatusCode::FORBIDDEN, "no program touches them");
    assert_eq!(members(&program, &path).await, [id(&luca)]);
    let list = query("displayName eq \"team\"") + "&attributes=members";
    let list = program.call(Method::GET, &list, None).await;
    assert_eq!(list.body["Resources"][0]["members"].as_array().unwrap().len(), 1);
    for filter in [
        format!("members eq \"{}\"", id(&boss)),
        format!("displayName pr and members[value eq \"{}\"]", id(&boss)),
    ] {
        assert_eq!(
            program.call(Method::GET, &query(&filter), None).await.body["totalResults"],
            0,
            "{filter}"
        );
    }
    // What a program does not see it takes out neither by name nor with all others.
    let leave = json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", id(&boss))}]);
    assert_eq!(program.patch(&path, leave).await.status, StatusCode::NO_CONTENT);
    for operation in [
        json!({"op": "remove", "path": "members"}),
        json!({"op": "remove", "path": "members[type eq \"User\"]"}),
    ] {
        assert_eq!(program.patch(&path, json!([operation])).await.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(program.call(Method::PUT, &path, Some(team("team", &[]))).await.status, StatusCode::OK);
    let standing =
        world.state.store.groups().members(world.tenant.id, id(&path).parse().unwrap()).await.unwrap();
    assert_eq!(standing, [(id(&boss).to_owned(), false)]);
    // And so with whom the tenant does not say to be its own any more.
    program.call(Method::PATCH, &path, add(id(&luca))).await;
    cloud::with_domain(world, |tenant| tenant.cloud_domains = vec!["other.test".into()]).await;
    assert_eq!(members(&program, &path).await, [""; 0]);
    refused(
        &program.call(Method::PATCH, &other, add(id(&luca))).await,
        StatusCode::FORBIDDEN,
        "the tenant's own people alone",
    );
}

async fn groups_of_another_tenant_are_none(world: &World) {
    let program = Program::new(world).await;
    let luca = program.made("luca").await;
    let path = made(&program, "team", &[id(&luca)]).await;
    let other = world.other_tenant().await;
    let (groups, users) = (world.state.store.groups(), world.state.store.users());
    let nino = ritorno_identity::user::User {
        id: UserId::random(&*world.state.random),
        tenant: other,
        user_principal_name: format!("nino@{DOMAIN}"),
        ..stored(world, &luca).await.unwrap()
    };
    users.insert(&nino).await.unwrap();
    let theirs = Group {
        id: GroupId::random(&*world.state.random),
        tenant: other,
        ..found(world, &path).await.unwrap()
    };
    groups.insert(&theirs).await.unwrap();
    let at = format!("{GROUPS}/{}", theirs.id);
    for (method, body) in [
        (Method::GET, None),
        (Method::PUT, Some(team("mine", &[]))),
        (Method::PATCH, add(id(&luca))),
        (Method::DELETE, None),
    ] {
        refused(&program.call(method, &at, body).await, StatusCode::NOT_FOUND, "there is no such");
    }
    assert_eq!(groups.find(other, theirs.id).await.unwrap().as_ref(), Some(&theirs));
    assert_eq!(program.call(Method::GET, GROUPS, None).await.body["totalResults"], 1);
    // Their people and groups are nobody to ours, and their ids of programs are theirs.
    for member in [nino.id.to_string(), theirs.id.to_string()] {
        assert_eq!(program.call(Method::PATCH, &path, add(&member)).await.status, StatusCode::NO_CONTENT);
        assert_eq!(members(&program, &path).await, [id(&luca)]);
        assert_eq!(
            program.call(Method::GET, &query(&format!("members eq \"{member}\"")), None).await.body["totalResults"],
            0
        );
    }
    assert_eq!(groups.named(other, id(&path)).await.unwrap(), []);
}

/// A program makes groups of every name that a directory's group has, or could have.
async fn a_name_gives_a_programs_group_nothing(world: &World) {
    let program = Program::new(world).await;
    let luca = program.made("luca").await;
    for name in ["Board", "CONTOSO\\Board", "board"] {
        made(&program, name, &[id(&luca)]).await;
    }
    let mut root = signed_in(world, "hr").await;
    let (_, token) = world.token("hr", every_scope()).await;
    let sku = Sku::find("AAD_PREMIUM_P1").or(Sku::find("AAD_PREMIUM")).unwrap();
    world.state.store.licences().subscribe(world.tenant.id, sku, 5).await.unwrap();
    let assign = json!({"product": sku.name, "group": "Board", "usage_location": "IT"}).to_string();
    let ask = async || {
        let asked = Call { token: Some(&token), body: Some(&assign), ..Call::default() };
        call(&world.app, "POST", "/api/v1/licences/assignments", &asked).await
    };
    // While the directory has none, a name is nobody's.
    assert_eq!(ask().await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let gates = [("gates", "1"), ("first", "mail"), ("method", "mail"), ("to_register", "1")];
    for name in ["Board", "CONTOSO\\Board"] {
        for (path, mut form) in [("/console/sspr/for", vec![]), ("/console/sspr/group", gates.to_vec())] {
            form.push(("group", name));
            let answer = root.post(path, &form).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {}", answer.body);
            assert!(answer.body.contains("No group is called so"), "{path}: {}", answer.body);
        }
    }
    // And when it has one, it is that one, and no two.
    let export = Export::new(world).await;
    let board = export.call(Method::POST, GROUPS, &[], Some(group("Board", "contoso.test"))).await;
    let board: GroupId = board.body["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(ask().await.status, StatusCode::CREATED);
    for name in ["Board", "CONTOSO\\Board", "board"] {
        assert_eq!(root.post("/console/sspr/for", &[("group", name)]).await.location(), "/console/sspr");
        let tenant = world.state.store.tenants().get(world.tenant.id).await.unwrap().unwrap();
        assert_eq!(tenant.sspr_groups, [board], "{name}");
    }
    let user = stored(world, &luca).await.unwrap();
    assert_eq!((user.selected, user.licence), (false, Grant::Free), "who is in the program's has none of it");
    // A group that an administrator has named is not renamed into, nor made anew: it is meant by its id.
    let renamed = made(&program, "other", &[id(&luca)]).await;
    let rename = json!([{"op": "replace", "path": "displayName", "value": "Board"}]);
    assert_eq!(program.patch(&renamed, rename).await.status, StatusCode::NO_CONTENT);
    assert!(!stored(world, &luca).await.unwrap().selected);
}

async fn they_are_used_where_groups_are(world: &World) {
    let program = Program::new(world).await;
    let (luca, marta) = (program.made("luca").await, program.made("marta").await);
    let inner = made(&program, "inner", &[id(&luca)]).await;
    let path = made(&program, "Pilot", &[id(&inner)]).await;
    let mut root = signed_in(world, "hr").await;

    // Who may reset, also by way of a group in it.
    assert_eq!(root.post("/console/sspr/for", &[("group", "scim:Pilot")]).await.location(), "/console/sspr");
    let selected =
        [stored(world, &luca).await.unwrap().selected, stored(world, &marta).await.unwrap().selected];
    assert_eq!(selected, [true, false]);
    assert!(root.get("/console/sspr").await.body.contains(">scim:Pilot</textarea>"));
    assert!(root.get("/console").await.body.contains("the group scim:Pilot may"));
    // Gates of their own.
    let gates = [
        ("gates", "2"),
        ("first", "mail"),
        ("method", "mail"),
        ("method", "app"),
        ("to_register", "2"),
        ("group", "scim:pilot"),
    ];
    let set = root.post("/console/sspr/group", &gates).await;
    assert_eq!(set.status, StatusCode::SEE_OTHER, "{}", set.body);
    let policies = world.state.store.group_policies().list(world.tenant.id).await.unwrap();
    assert_eq!(policies[0].name.as_deref(), Some("scim:Pilot"));
    let standing = world.state.store.users();
    let name = ritorno_identity::name::SignInName::of_principal(&format!("luca@{DOMAIN}"));
    let now = world.state.clock.now();
    let standing = standing.standing(world.tenant.id, Some(id_of(&luca)), &name, now).await.unwrap();
    assert_eq!(standing.group_policy.map(|policy| policy.gates()), Some(2));
    // A licence, listed by its name.
    let sku = Sku::find("AAD_PREMIUM_P2").unwrap();
    world.state.store.licences().subscribe(world.tenant.id, sku, 5).await.unwrap();
    let (_, token) = world.token("hr", every_scope()).await;
    for (group, status) in [("Pilot", StatusCode::UNPROCESSABLE_ENTITY), (id(&path), StatusCode::CREATED)] {
        let body = json!({"product": sku.name, "group": group, "usage_location": "IT"}).to_string();
        let asked = Call { token: Some(&token), body: Some(&body), ..Call::default() };
        let told = call(&world.app, "POST", "/api/v1/licences/assignments", &asked).await;
        assert_eq!(told.status, status, "{told:?}");
    }
    let asked = Call { token: Some(&token), ..Call::default() };
    let listed = call(&world.app, "GET", "/api/v1/licences/assignments", &asked).await;
    assert!(listed.text.contains("scim:Pilot"), "{}", listed.text);
    assert_ne!(stored(world, &luca).await.unwrap().licence, Grant::Free);
    assert_eq!(stored(world, &marta).await.unwrap().licence, Grant::Free);
    // Whom the help desk is for.
    let scope = Scope { domain: None, group: Some(id(&path).parse().unwrap()) };
    let administrators = world.state.store.administrators();
    for (person, is_in) in [(&luca, true), (&marta, false)] {
        let user = stored(world, person).await.unwrap();
        assert_eq!(administrators.has_in_scope(world.tenant.id, &scope, &user).await.unwrap(), is_in);
    }
    // A group that is gone has nobody, and gives nothing to another one of its name.
    assert_eq!(program.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    made(&program, "Pilot", &[id(&luca)]).await;
    let user = stored(world, &luca).await.unwrap();
    assert_eq!((user.selected, user.licence), (false, Grant::Free));
    assert!(!administrators.has_in_scope(world.tenant.id, &scope, &user).await.unwrap());
}

async fn who_becomes_a_directorys_leaves_them(world: &World) {
    let program = Program::new(world).await;
    let export = Export::new(world).await;
    let mut luca = person("luca");
    luca["emails"] = json!([{"value": "luca@contoso.test", "type": "work", "primary": true}]);
    let luca = program.call(Method::POST, USERS, Some(luca)).await;
    assert_eq!(luca.status, StatusCode::CREATED, "{}", luca.body);
    let luca = luca.body["id"].as_str().unwrap().to_owned();
    let path = made(&program, "team", &[&luca]).await;
    let tenants = world.state.store.tenants();
    let tenant = tenants.get(world.tenant.id).await.unwrap().unwrap();
    assert!(tenants.update(&Tenant { soft_match: SoftMatch::UserNameOrMail, ..tenant }).await.unwrap());
    let matched = export.create("luca").await;
    assert_eq!(
        (matched.status, matched.body["id"].as_str()),
        (StatusCode::CREATED, Some(luca.as_str())),
        "{}",
        matched.body
    );
    let left = program.call(Method::GET, &path, None).await;
    assert_eq!((&left.body["members"], left.etag.as_deref()), (&Value::Null, Some("W/\"2\"")));
    assert_eq!(
        world.state.store.groups().members(world.tenant.id, id(&path).parse().unwrap()).await.unwrap(),
        []
    );
    let body = Some(
        json!({"schemas": [PATCH_OP_SCHEMA], "Operations": [{"op": "add", "path": "members", "value": [{"value": luca}]}]}),
    );
    refused(
        &program.call(Method::PATCH, &path, body).await,
        StatusCode::FORBIDDEN,
        "the tenant's own people alone",
    );
}
