//! Every operation of the API's document and of SCIM, with every role, with what is another tenant's: its tokens, and its people, agents, cases,
//! groups and names. What is another tenant's is answered as what nobody has, and stays as it is.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, StatusCode};
use ritorno_identity::administrator::Role;
use ritorno_identity::agent::Agent;
use ritorno_identity::audit::Fact;
use ritorno_identity::licence::Sku;
use ritorno_identity::name::SignInName;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use ritorno_storage::Listed;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::agent_api::{access, on_both};
use crate::api_matrix::{By, Expected, operations, table};
use crate::api_world::every_scope;
use crate::scim::{GROUPS, USERS, group, patch, person};
use crate::tenants::{FABRIKAM, Two, ask};
use crate::world::{ORIGIN, World};

on_both!(every_operation_with_what_is_another_tenants, no_group_and_no_export_takes_what_is_another_tenants,);

const PRODUCT: &str = "AAD_PREMIUM_P2";
/// What a path names that a tenant has by itself.
const IDS: [&str; 5] = ["agent", "person", "holder", "case", "group"];

/// What a tenant has, as far as the API could change it.
#[derive(Debug, PartialEq)]
struct Has {
    tenant: Option<Tenant>,
    agents: Vec<Agent>,
    anna: Option<User>,
    assignments: Vec<Listed>,
    facts: Vec<Fact>,
}

async fn has(world: &World) -> Has {
    let (store, tenant) = (&world.state.store, world.tenant.id);
    Has {
        tenant: store.tenants().get(tenant).await.unwrap(),
        agents: store.agents().list(tenant).await.unwrap(),
        anna: Some(anna(world).await),
        assignments: store.licences().assignments(tenant, 0, 100).await.unwrap(),
        facts: world.facts().await,
    }
}

async fn anna(world: &World) -> User {
    let name = SignInName::parse("anna.rossi@contoso.test").unwrap();
    world.state.store.users().by_sign_in_name(world.tenant.id, &name).await.unwrap().unwrap()
}

/// An administrator of each role, an agent, a product, and what stands in the paths.
async fn furnished(world: &World) -> BTreeMap<&'static str, String> {
    for role in Role::ALL {
        world.administrator(role.as_str(), role, true).await;
    }
    let agent = world.enrolled("lab-agent").await.0.id.to_string();
    let anna = anna(world).await.id.to_string();
    let board = crate::sspr_policy::group(world, "board", &[]).await;
    let product = Sku::find(PRODUCT).unwrap();
    world.state.store.licences().subscribe(world.tenant.id, product, 5).await.unwrap();
    BTreeMap::from([
        ("agent", agent),
        ("person", anna.clone()),
        ("holder", anna),
        ("case", Uuid::nil().to_string()),
        ("switch", "sspr".to_owned()),
        ("method", "app".to_owned()),
        ("product", product.name.to_owned()),
        ("kind", "person".to_owned()),
        ("group", board.id.to_string()),
        ("logo", "light".to_owned()),
        ("code", "ABCDE-01234".to_owned()),
    ])
}

/// The path of an operation, with these values in it.
fn filled(expected: &Expected, values: &BTreeMap<&'static str, String>) -> (String, String) {
    let (method, path) = expected.operation.split_once(' ').unwrap();
    let mut filled = path.to_owned();
    for (name, value) in values {
        let other = expected.with.iter().find(|(with, _)| with == name).map(|(_, value)| *value);
        filled = filled.replace(&format!("{{{name}}}"), other.unwrap_or(value));
    }
    assert!(!filled.contains('{'), "{filled}: a parameter has no value here");
    (method.to_owned(), filled)
}

/// An answer without the id that it was asked with, which it may repeat.
fn without(answer: &(StatusCode, HeaderMap, String), id: &str) -> (StatusCode, String) {
    (answer.0, answer.2.replace(id, "THE ID"))
}

async fn every_operation_with_what_is_another_tenants(contoso: &World) {
    let two = Two::with(contoso).await;
    let (own, theirs) = (furnished(contoso).await, furnished(&two.fabrikam).await);
    let mut theirs = theirs;
    let (_, their_token) = two.fabrikam.token(Role::Global.as_str(), every_scope()).await;
    // They have a case that is open and an assignment, so that there is something to reach.
    let path = format!("/api/v1/people/{}/help-desk/codes", theirs["person"]);
    let body = r#"{"reason":"lost"}"#;
    let opened = ask(&two.app, FABRIKAM, ("POST", &path), Some(&their_token), Some(body)).await;
    assert_eq!(opened.0, StatusCode::CREATED, "{}", opened.2);
    let opened: Value = serde_json::from_str(&opened.2).unwrap();
    theirs.insert("case", opened["id"].as_str().unwrap().to_owned());
    two.fabrikam.person("only.there", None).await;
    let body = json!({"product": PRODUCT, "person": "only.there@contoso.test", "usage_location": "IT"});
    let path = "/api/v1/licences/assignments";
    let assigned = ask(&two.app, FABRIKAM, ("POST", path), Some(&their_token), Some(&body.to_string())).await;
    assert_eq!(assigned.0, StatusCode::CREATED, "{}", assigned.2);
    let before = has(&two.fabrikam).await;

    let (table, documented) = (table(), operations());
    let mut by_ids = 0;
    for row in &table {
        assert!(documented.contains_key(row.operation), "{}", row.operation);
        // Their token is none here, whosever the ids are.
        for values in [&own, &theirs] {
            let (method, path) = filled(row, values);
            let answer = ask(&two.app, ORIGIN, (&method, &path), Some(&their_token), row.body).await;
            let expected =
                if matches!(row.by, By::Anybody) { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
            assert_eq!(answer.0, expected, "{}: {}", row.operation, answer.2);
        }
    }
    // No list has what is theirs.
    let (_, token) = contoso.token(Role::Global.as_str(), every_scope()).await;
    for row in table.iter().filter(|row| row.operation.starts_with("GET ")) {
        let (method, path) = filled(row, &own);
        let asked = if path == "/api/v1/people" { format!("{path}?search=there") } else { path };
        let answer = ask(&two.app, ORIGIN, (&method, &asked), Some(&token), None).await;
        for secret in [theirs["agent"].as_str(), &theirs["person"], &theirs["case"], "only.there", "Fabrikam"]
        {
            assert!(!answer.2.contains(secret), "{}: {}", row.operation, answer.2);
        }
    }
    for role in Role::ALL {
        let (_, token) = contoso.token(role.as_str(), every_scope()).await;
        for row in &table {
            for id in IDS.into_iter().filter(|id| row.operation.contains(&format!("{{{id}}}"))) {
                let with = |value: String| {
                    let mut values = own.clone();
                    values.insert(id, value);
                    filled(row, &values)
                };
                let nobody = Uuid::from_u128(0x4000_8000_0000_0000_0007).to_string();
                let (method, path) = with(nobody.clone());
                let of_nobody = ask(&two.app, ORIGIN, (&method, &path), Some(&token), row.body).await;
                let (method, path) = with(theirs[id].clone());
                let of_them = ask(&two.app, ORIGIN, (&method, &path), Some(&token), row.body).await;
                assert_eq!(
                    without(&of_them, &theirs[id]),
                    without(&of_nobody, &nobody),
                    "{} by {} with another tenant's {id}",
                    row.operation,
                    role.as_str()
                );
                assert!(!of_them.0.is_success(), "{}: {}", row.operation, of_them.2);
                by_ids += 1;
            }
            if row.operation.contains("{case}") {
                // Their case with their person, as they would name it.
                let values = own
                    .clone()
                    .into_iter()
                    .chain(["person", "case"].into_iter().map(|name| (name, theirs[name].clone())));
                let (method, path) = filled(row, &values.collect());
                let answer = ask(&two.app, ORIGIN, (&method, &path), Some(&token), row.body).await;
                assert!(!answer.0.is_success(), "{}: {}", row.operation, answer.2);
            }
        }
    }
    assert!(by_ids >= 100, "only {by_ids} were asked with another tenant's ids");

    // Names: a person of theirs is nobody here, also where a body names them.
    let (_, token) = contoso.token(Role::Global.as_str(), every_scope()).await;
    let named = |name: &str| {
        json!({"product": PRODUCT, "person": format!("{name}@contoso.test"), "usage_location": "IT"})
            .to_string()
    };
    let of_nobody = ask(&two.app, ORIGIN, ("POST", path), Some(&token), Some(&named("no.body"))).await;
    let of_them = ask(&two.app, ORIGIN, ("POST", path), Some(&token), Some(&named("only.there"))).await;
    assert!(!of_them.0.is_success(), "{}", of_them.2);
    assert_eq!(without(&of_them, "only.there"), without(&of_nobody, "no.body"));
    assert_eq!(has(&two.fabrikam).await, before, "nothing of theirs was changed or written down");
}

/// What a tenant's agent brings: people and groups by id, members of groups, and bulk.
async fn no_group_and_no_export_takes_what_is_another_tenants(contoso: &World) {
    let two = Two::with(contoso).await;
    let mut tokens = Vec::new();
    for world in [contoso, &two.fabrikam] {
        let (agent, key) = world.enrolled("exporter").await;
        tokens.push(access(world, agent.id, &key).await);
    }
    let [ours, theirs] = [tokens[0].as_str(), tokens[1].as_str()];
    let send =
        |origin: &'static str, token: String, method: &'static str, path: String, body: Option<Value>| {
            let app = two.app.clone();
            async move {
                let body = body.map(|body| body.to_string());
                let (status, headers, text) =
                    ask(&app, origin, (method, &path), Some(&token), body.as_deref()).await;
                let body: Value = serde_json::from_str(&text).unwrap_or_default();
                ((status, headers, text), body)
            }
        };
    let make = |origin, token: &str, path: &str, body| {
        let made = send(origin, token.to_owned(), "POST", path.to_owned(), Some(body));
        async move {
            let ((status, _, text), body) = made.await;
            assert_eq!(status, StatusCode::CREATED, "{text}");
            body["id"].as_str().unwrap().to_owned()
        }
    };
    // The same person and group in both: each tenant has its own.
    let our_luca = make(ORIGIN, ours, USERS, person("luca")).await;
    let their_luca = make(FABRIKAM, theirs, USERS, person("luca")).await;
    let our_group = make(ORIGIN, ours, GROUPS, group("Vertrieb", "contoso.test")).await;
    let their_group = make(FABRIKAM, theirs, GROUPS, group("Vertrieb", "contoso.test")).await;
    assert!(our_luca != their_luca && our_group != their_group);
    let see = |id: &str, path: &str| send(FABRIKAM, theirs.to_owned(), "GET", format!("{path}/{id}"), None);
    let before = [see(&their_luca, USERS).await.0.2, see(&their_group, GROUPS).await.0.2];
    let nobody = Uuid::from_u128(0x4000_8000_0000_0000_0007).to_string();
    let rename = patch(json!([{"op": "replace", "path": "displayName", "value": "taken"}]));
    for (path, id, body) in
        [(USERS, &their_luca, person("luca")), (GROUPS, &their_group, group("Vertrieb", "contoso.test"))]
    {
        let asked = [("GET", None), ("PUT", Some(body)), ("PATCH", rename.clone()), ("DELETE", None)];
        for (method, body) in asked {
            let to = |id: &str| send(ORIGIN, ours.to_owned(), method, format!("{path}/{id}"), body.clone());
            let (of_them, of_nobody) = (to(id).await.0, to(&nobody).await.0);
            assert_eq!(without(&of_them, id), without(&of_nobody, &nobody), "{method} {path}");
            assert_eq!(of_them.0, StatusCode::NOT_FOUND, "{method} {path}: {}", of_them.2);
        }
    }
    // A member who is another tenant's is left out, as one whom nobody has.
    for (member, count) in [(&nobody, 0), (&their_luca, 0), (&their_group, 0), (&our_luca, 1)] {
        let add = patch(json!([{"op": "add", "path": "members", "value": [{"value": member}]}]));
        let path = format!("{GROUPS}/{our_group}");
        let ((status, _, text), _) = send(ORIGIN, ours.to_owned(), "PATCH", path, add).await;
        assert!(status.is_success(), "{text}");
        let id = our_group.parse().unwrap();
        let members = contoso.state.store.groups().get(contoso.tenant.id, id).await.unwrap().unwrap().1;
        assert_eq!(members, count, "{member}");
    }
    // In bulk as one by one.
    let operations: Vec<Value> = [&their_luca, &nobody]
        .into_iter()
        .map(|id| json!({"method": "DELETE", "path": format!("/Users/{id}")}))
        .collect();
    let bulk = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": operations,
    });
    let ((status, _, text), done) =
        send(ORIGIN, ours.to_owned(), "POST", "/scim/v2/Bulk".to_owned(), Some(bulk)).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let statuses: Vec<String> =
        done["Operations"].as_array().unwrap().iter().map(|one| one["status"].to_string()).collect();
    assert_eq!(statuses.len(), 2, "{text}");
    assert!(statuses[0] == statuses[1] && statuses[0].contains("404"), "{text}");
    assert_eq!([see(&their_luca, USERS).await.0.2, see(&their_group, GROUPS).await.0.2], before);
}
