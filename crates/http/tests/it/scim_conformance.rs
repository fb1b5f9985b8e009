//! What the service answers, as another implementation of RFC 7643 and RFC 7644 reads it: that of the library which reads filters here, and whose
//! models nothing of the service is made of. And what clients send, word for word as far as the names of their examples allow it.

use axum::http::{Method, StatusCode};
use ritorno_protocol::scim::GROUP_SCHEMA;
use scim_v2::models::group::Group;
use scim_v2::models::others::ListResponse;
use scim_v2::models::resource_types::ResourceType;
use scim_v2::models::scim_schema::Schema;
use scim_v2::models::service_provider_config::ServiceProviderConfig;
use scim_v2::models::user::User;
use scim_v2::{Context, Validate};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::agent_api::on_both;
use crate::scim::{Export, GROUPS, USERS};
use crate::scim_provisioner::{Program, person, query};
use crate::world::World;

on_both!(answers_are_what_the_rfcs_say, what_clients_send_is_taken, what_there_is_for_programs_is_discovered,);

/// An answer as it is read there, valid as one.
fn valid<T: DeserializeOwned + Validate>(answer: &Value) -> T {
    let read: T = serde_json::from_value(answer.clone()).unwrap_or_else(|error| panic!("{error}: {answer}"));
    read.validate_as(Context::Response).unwrap_or_else(|error| panic!("{error}: {answer}"));
    read
}

async fn answers_are_what_the_rfcs_say(world: &World) {
    let program = Program::new(world).await;
    let made = program.create("luca").await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let user: User = valid(&made.body);
    assert_eq!(user.user_name, "luca@cloud.contoso.test");
    assert_eq!(user.emails.as_deref().map(<[_]>::len), Some(2));
    // What is read there and sent back is the same person.
    let path = format!("{USERS}/{}", user.id.as_deref().unwrap());
    let sent_back = serde_json::to_value(&user).unwrap();
    let replaced = program.call(Method::PUT, &path, Some(sent_back)).await;
    assert_eq!(replaced.status, StatusCode::OK, "{}", replaced.body);
    for name in ["externalId", "userName", "name", "emails", "phoneNumbers", "active", "preferredLanguage"] {
        assert_eq!(replaced.body[name], made.body[name], "{name}");
    }
    for list in [USERS.to_owned(), query("userName eq \"nobody\""), format!("{USERS}?count=0")] {
        let page: ListResponse<User> = valid(&program.call(Method::GET, &list, None).await.body);
        assert!(page.resources.len() as i64 <= page.total_results, "{list}");
    }
    let team = crate::scim_program_groups::team("team", &[user.id.as_deref().unwrap()]);
    let made = program.call(Method::POST, GROUPS, Some(team)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let path = format!("{GROUPS}/{}", made.body["id"].as_str().unwrap());
    let read = program.call(Method::GET, &path, None).await;
    let group: Group = valid(&read.body);
    assert_eq!(group.members.as_deref().map(<[_]>::len), Some(1));
    let replaced = program.call(Method::PUT, &path, Some(serde_json::to_value(&group).unwrap())).await;
    assert_eq!((replaced.status, replaced.etag), (StatusCode::OK, read.etag), "{}", replaced.body);
    for list in
        [GROUPS.to_owned(), format!("{GROUPS}?count=0"), format!("{GROUPS}?attributes=members,displayName")]
    {
        let page: ListResponse<Group> = valid(&program.call(Method::GET, &list, None).await.body);
        assert_eq!(page.total_results, 1, "{list}");
    }
    // Of agents' people too, and what is told of each kind.
    let export = Export::new(world).await;
    valid::<User>(&export.create("hybrid").await.body);
    let (of_program, of_agent) = (
        async |path: &str| program.call(Method::GET, path, None).await.body,
        async |path: &str| export.call(Method::GET, path, &[], None).await.body,
    );
    valid::<ServiceProviderConfig>(&of_program("/scim/v2/ServiceProviderConfig").await);
    for kind in ["ResourceTypes", "Schemas"] {
        let path = format!("/scim/v2/{kind}");
        for (all, is_program) in [(of_program(&path).await, true), (of_agent(&path).await, false)] {
            let each = all["Resources"].as_array().unwrap();
            let extensions = if is_program || kind == "ResourceTypes" { 0 } else { 2 };
            assert_eq!(each.len(), 2 + extensions, "{all}");
            for one in each {
                let location = one["meta"]["location"].as_str().unwrap();
                let at = location.strip_prefix(world.state.settings.public_address()).unwrap();
                let alone = if is_program { of_program(at).await } else { of_agent(at).await };
                assert_eq!(&alone, one, "{at}");
                match kind {
                    "Schemas" => drop(valid::<Schema>(one)),
                    _ => drop(valid::<ResourceType>(one)),
                }
            }
        }
    }
}

async fn what_clients_send_is_taken(world: &World) {
    let program = Program::new(world).await;
    // JumpCloud's, to make somebody and to change them.
    let jumpcloud = json!({
        "active": true,
        "addresses": [{"country": "US", "locality": "locality", "postalCode": "80027", "primary": true,
            "region": "region", "streetAddress": "street-address", "type": "work"}],
        "displayName": "displayname",
        "emails": [{"primary": true, "type": "work", "value": "testuser@example.io"}],
        "externalId": "66e2d689590450d073d2df3b",
        "locale": "en-US",
        "name": {"familyName": "lastname", "givenName": "firstname"},
        "phoneNumbers": [{"primary": true, "type": "work", "value": "tel:+1-555-555-5555"}],
        "preferredLanguage": "en-US",
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "userName": "testuser@cloud.contoso.test",
    });
    let made = program.call(Method::POST, USERS, Some(jumpcloud)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let id = made.body["id"].as_str().unwrap();
    let path = format!("{USERS}/{id}");
    let minimal = json!({
        "active": true,
        "emails": null,
        "id": id,
        "name": {"familyName": "lastname", "givenName": "firstname"},
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "testuser@cloud.contoso.test",
    });
    let replaced = program.call(Method::PUT, &path, Some(minimal)).await;
    assert_eq!(replaced.status, StatusCode::OK, "{}", replaced.body);
    assert_eq!(
        (&replaced.body["emails"], &replaced.body["displayName"]),
        (&Value::Null, &json!("firstname lastname"))
    );

    // The one of Entra ID's validator; its roles, which nobody gives by SCIM, are refused by name, and left out it is taken.
    let mut entra = json!({
        "active": true,
        "addresses": [{"type": "work", "formatted": "ANUMAAOJUYMA", "streetAddress": "046 Wisoky Route", "primary": true, "country": "Gibraltar"}],
        "displayName": "QTZODTJXGFLR",
        "emails": [{"type": "work", "value": "bettie@parisian.com", "primary": true}],
        "locale": "HNULHBRGUHWA",
        "name": {"givenName": "Aida", "familyName": "Chandler", "formatted": "Hyman", "middleName": "Haylie",
            "honorificPrefix": "Athena", "honorificSuffix": "Brooks"},
        "nickName": "CRILRBTBOQOW",
        "phoneNumbers": [{"type": "work", "value": "0-351-9540", "primary": true}, {"type": "fax", "value": "0-351-9540"}],
        "preferredLanguage": "lu",
        "profileUrl": "ROQHEOEENWTS",
        "roles": [{"primary": "True", "display": "DJAPQUWELUHM", "value": "DRIHDNWREZZV", "type": "EHUDZVCXYJOO"}],
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "timezone": "America/Goose_Bay",
        "title": "OWOJJVOCUHKD",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": "LLQMUPKSPYGA", "manager": {"value": "BGKAWQXOZREF"}},
        "userName": "isaias@cloud.contoso.test",
        "userType": "QWQJIEJYZILC",
    });
    let refused = program.call(Method::POST, USERS, Some(entra.clone())).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.body["detail"].as_str().unwrap().contains("'roles'"), "{}", refused.body);
    entra["roles"] = json!([]);
    let made = program.call(Method::POST, USERS, Some(entra)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    valid::<User>(&made.body);
    // What that implementation writes, all that its model has.
    let whole: User = serde_json::from_value(person("marta")).unwrap();
    let made = program.call(Method::POST, USERS, Some(serde_json::to_value(&whole).unwrap())).await;
    assert_eq!(
        (made.status, &made.body["externalId"]),
        (StatusCode::CREATED, &json!("hr-marta")),
        "{}",
        made.body
    );
}

async fn what_there_is_for_programs_is_discovered(world: &World) {
    let program = Program::new(world).await;
    let get = async |path: &str| program.call(Method::GET, path, None).await.body;
    let types = get("/scim/v2/ResourceTypes").await;
    assert_eq!(types["totalResults"], 2);
    let schemas = get("/scim/v2/Schemas").await;
    assert_eq!(schemas["totalResults"], 2);
    // What is answered is described, but what every resource has (RFC 7643 section 3.1).
    let luca = program.create("luca").await.body;
    let team = json!({"schemas": [GROUP_SCHEMA], "displayName": "team", "members": [{"value": luca["id"]}]});
    let team = program.call(Method::POST, GROUPS, Some(team)).await.body;
    let team = get(&format!("{GROUPS}/{}", team["id"].as_str().unwrap())).await;
    for (at, (kind, made)) in [("User", luca), ("Group", team)].into_iter().enumerate() {
        let (told, schema) = (&types["Resources"][at], &schemas["Resources"][at]);
        assert_eq!((&told["id"], &told["schemaExtensions"]), (&json!(kind), &json!([])));
        assert_eq!(told["schema"], schema["id"]);
        let attributes = schema["attributes"].as_array().unwrap();
        let names: Vec<&str> = attributes.iter().map(|one| one["name"].as_str().unwrap()).collect();
        for name in made.as_object().unwrap().keys() {
            let of_all = ["schemas", "id", "externalId", "meta"].contains(&name.as_str());
            assert!(of_all || names.contains(&name.as_str()), "{kind}: {name}");
        }
    }
    let config = get("/scim/v2/ServiceProviderConfig").await;
    let schemes = config["authenticationSchemes"].as_array().unwrap();
    assert_eq!(schemes.len(), 2);
    assert!(schemes[0]["description"].as_str().unwrap().contains("people.provision"));
    assert_eq!(
        (&config["changePassword"]["supported"], &config["patch"]["supported"]),
        (&json!(false), &json!(true))
    );
}
