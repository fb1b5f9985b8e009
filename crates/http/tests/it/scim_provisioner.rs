//! Provisioners other than agents, with a token of the API, on both databases: what they do to the tenant's own people. Whom they reach is in
//! `scim_reach.rs`. Requests have the shapes of RFC 7644, and those of clients that are in use.

use axum::http::{Method, StatusCode};
use ritorno_http::scim::guard::{self, REMOVALS};
use ritorno_identity::administrator::{Action, Role};
use ritorno_identity::api_token::ApiToken;
use ritorno_identity::audit::{Activity, Actor};
use ritorno_identity::user::{Mastered, User};
use ritorno_protocol::ids::UserId;
use ritorno_protocol::scim::{GROUP_SCHEMA, USER_SCHEMA};
use serde_json::{Value, json};

use crate::agent_api::{Answered, call, on_both};
use crate::browser::Browser;
use crate::cloud::{self, CARLA, CARLAS_MAIL, DOMAIN, FIRST};
use crate::scim::{HELD, USERS, patch};
use crate::world::World;

on_both!(
    a_person_is_made_found_changed_and_removed,
    what_other_clients_send_is_understood,
    whoever_is_disabled_or_removed_is_signed_out,
    versions_guard_against_lost_updates,
    lists_are_filtered_and_come_in_pages,
    a_bulk_request_is_its_operations_one_by_one,
    the_deletion_guard_holds_for_each_token_until_an_administrator_approves,
    the_audit_names_the_administrator_and_the_token,
);

pub(crate) const BULK: &str = "/scim/v2/Bulk";

/// A program with a token.
pub(crate) struct Program<'a> {
    world: &'a World,
    pub(crate) row: ApiToken,
    pub(crate) token: String,
}

impl<'a> Program<'a> {
    /// One that may provision, in a tenant with people of its own.
    pub(crate) async fn new(world: &'a World) -> Self {
        cloud::with_domain(world, |_| ()).await;
        world.administrator("hr", Role::Global, true).await;
        Self::of(world, "hr").await
    }

    pub(crate) async fn of(world: &'a World, administrator: &str) -> Self {
        let (row, token) = world.token(administrator, vec![Action::ProvisionPeople]).await;
        Self { world, row, token }
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answered {
        self.with(method, path, &[], body).await
    }

    pub(crate) async fn with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answered {
        let answer = call(self.world, method, path, Some(&self.token), headers, body).await;
        if ![StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&answer.status) {
            assert_eq!(answer.kind, "application/scim+json", "{path}");
        }
        if answer.status.is_client_error() || answer.status.is_server_error() {
            assert_eq!(answer.body["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error");
            assert_eq!(answer.body["status"], answer.status.as_str());
        }
        answer
    }

    pub(crate) async fn create(&self, name: &str) -> Answered {
        self.call(Method::POST, USERS, Some(person(name))).await
    }

    /// Makes somebody, and where they are.
    pub(crate) async fn made(&self, name: &str) -> String {
        let made = self.create(name).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
        format!("{USERS}/{}", made.body["id"].as_str().unwrap())
    }

    pub(crate) async fn patch(&self, path: &str, operations: Value) -> Answered {
        self.call(Method::PATCH, path, patch(operations)).await
    }
}

/// A person as in RFC 7644 section 3.3, of the tenant's own domain.
pub(crate) fn person(name: &str) -> Value {
    json!({
        "schemas": [USER_SCHEMA],
        "externalId": format!("hr-{name}"),
        "userName": format!("{name}@{DOMAIN}"),
        "name": {"formatted": format!("Dr. {name}"), "givenName": name, "familyName": "Rossi", "honorificPrefix": "Dr."},
        "displayName": format!("{name} Rossi"),
        "preferredLanguage": "it-IT",
        "active": true,
        "title": "Clerk",
        "emails": [
            {"value": format!("{name}@{DOMAIN}"), "type": "work", "primary": true},
            {"value": format!("{name}@Home.test"), "type": "home"},
        ],
        "phoneNumbers": [
            {"value": "+39 010 1234567", "type": "work"},
            {"value": "tel:+39-333-1234567", "type": "mobile"},
        ],
    })
}

pub(crate) fn id_of(path: &str) -> UserId {
    path.rsplit('/').next().unwrap().parse().unwrap()
}

pub(crate) async fn stored(world: &World, path: &str) -> Option<User> {
    world.state.store.users().get(world.tenant.id, id_of(path)).await.unwrap()
}

pub(crate) fn query(filter: &str) -> String {
    format!("{USERS}?filter={}", url::form_urlencoded::byte_serialize(filter.as_bytes()).collect::<String>())
}

pub(crate) fn refused(answer: &Answered, status: StatusCode, said: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert!(answer.body["detail"].as_str().unwrap().contains(said), "{said}: {}", answer.body);
}

async fn a_person_is_made_found_changed_and_removed(world: &World) {
    let program = Program::new(world).await;
    let made = program.create("luca").await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let path = format!("{USERS}/{}", made.body["id"].as_str().unwrap());
    let user = stored(world, &path).await.unwrap();
    assert_eq!(user.mastered, Mastered::CloudOnly);
    assert_eq!(user.provisioned.external_id.as_deref(), Some("hr-luca"));
    let mails = [user.mail.as_deref(), user.alternate_mail.as_deref(), user.registered_mail.as_deref()];
    assert_eq!(mails, [Some("luca@cloud.contoso.test"), Some("luca@home.test"), None]);
    assert_eq!(user.code_mobile().unwrap().as_str(), "+393331234567");
    // What was said comes back as it was said, as far as it is kept, and nothing of a directory with it.
    assert_eq!(made.body["schemas"], json!([USER_SCHEMA]));
    assert_eq!(made.body["name"], json!({"givenName": "luca", "familyName": "Rossi"}));
    assert_eq!(made.body["phoneNumbers"], json!([{"value": "tel:+39-333-1234567", "type": "mobile"}]));
    assert_eq!(made.body["emails"][1], json!({"value": "luca@home.test", "type": "home"}));
    for (name, value) in
        [("externalId", "hr-luca"), ("displayName", "luca Rossi"), ("preferredLanguage", "it")]
    {
        assert_eq!(made.body[name], value);
    }
    let location = format!("{}{path}", world.state.settings.public_address());
    assert_eq!(made.body["meta"]["location"], location);
    assert_eq!(made.etag.as_deref(), made.body["meta"]["version"].as_str());

    for filter in
        ["externalId eq \"hr-luca\"", "userName eq \"LUCA@cloud.contoso.test\"", "emails co \"luca@home\""]
    {
        let found = program.call(Method::GET, &query(filter), None).await;
        let first = (found.body["totalResults"].as_u64(), &found.body["Resources"][0]);
        assert_eq!(first, (Some(1), &made.body), "{filter}");
    }
    let again = program.call(Method::GET, &path, None).await;
    assert_eq!((again.body, again.etag), (made.body.clone(), made.etag.clone()));

    let mut changed = person("luca");
    changed["userName"] = "luca.verdi@cloud.contoso.test".into();
    changed["externalId"] = "hr-4711".into();
    changed["name"] = json!({"familyName": "Verdi"});
    changed["phoneNumbers"] = Value::Null;
    let replaced = program.call(Method::PUT, &path, Some(changed)).await;
    assert_eq!(replaced.status, StatusCode::OK, "{}", replaced.body);
    assert_eq!(replaced.body["name"], json!({"familyName": "Verdi"}));
    assert_eq!(replaced.body["phoneNumbers"], Value::Null);
    assert_ne!(replaced.etag, made.etag);
    let user = stored(world, &path).await.unwrap();
    assert_eq!(user.user_principal_name, "luca.verdi@cloud.contoso.test");

    assert_eq!(program.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(program.call(Method::GET, &path, None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(program.call(Method::DELETE, &path, None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(stored(world, &path).await, None);
}

async fn what_other_clients_send_is_understood(world: &World) {
    let program = Program::new(world).await;
    // Okta's: an empty list of groups always, what it was answered sent back, and a change without a path.
    let okta = json!({
        "schemas": [USER_SCHEMA],
        "userName": "okta@cloud.contoso.test",
        "name": {"givenName": "Test", "familyName": "User"},
        "emails": [{"primary": true, "value": "okta@cloud.contoso.test", "type": "work"}],
        "displayName": "Test User",
        "locale": "en-US",
        "externalId": "00ujl29u0le5T6Aj10h7",
        "groups": [],
        "active": true,
    });
    let made = program.call(Method::POST, USERS, Some(okta)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let path = format!("{USERS}/{}", made.body["id"].as_str().unwrap());
    let mut sent_back = made.body.clone();
    sent_back["groups"] = json!([]);
    sent_back["displayName"] = "Changed".into();
    let replaced = program.call(Method::PUT, &path, Some(sent_back)).await;
    assert_eq!((replaced.status, &replaced.body["displayName"]), (StatusCode::OK, &json!("Changed")));
    let off = program.patch(&path, json!([{"op": "replace", "value": {"active": false}}])).await;
    assert_eq!((off.status, &off.body["active"]), (StatusCode::OK, &json!(false)));

    // Entra ID's: words with capitals, switches as texts, paths with filters, and attributes of another extension.
    let entra = json!([
        {"op": "Replace", "path": "active", "value": "True"},
        {"op": "Add", "path": "name.givenName", "value": "Adele"},
        {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "adele@cloud.contoso.test"},
        {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+39 333 7654321"},
        {"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "Sales"},
        {"op": "Add", "value": {"name.familyName": "Vance", "title": "Boss"}},
    ]);
    let changed = program.patch(&path, entra).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    let user = stored(world, &path).await.unwrap();
    assert!(user.enabled);
    assert_eq!(user.mail.as_deref(), Some("adele@cloud.contoso.test"));
    assert_eq!(user.mobile.as_deref(), Some("+39 333 7654321"));
    assert_eq!(changed.body["name"], json!({"givenName": "Adele", "familyName": "Vance"}));
    let off = program.patch(&path, json!([{"op": "Replace", "path": "active", "value": "False"}])).await;
    assert_eq!((off.status, &off.body["active"]), (StatusCode::OK, &json!(false)));

    // All or nothing, and each fault by the RFC's word for it.
    for (operations, word) in [
        (
            json!([{"op": "remove", "path": "displayName"}, {"op": "add", "path": "shoeSize", "value": 43}]),
            "invalidPath",
        ),
        (
            json!([{"op": "replace", "path": "emails[type eq \"other\"].value", "value": "x@y.test"}]),
            "noTarget",
        ),
        (json!([{"op": "remove", "path": "userName"}]), "invalidValue"),
        (json!([{"op": "replace", "path": "id", "value": "x"}]), "mutability"),
        (json!([{"op": "replace", "path": "active", "value": "maybe"}]), "invalidValue"),
    ] {
        let answer = program.patch(&path, operations.clone()).await;
        let told = (answer.status, &answer.body["scimType"]);
        assert_eq!(told, (StatusCode::BAD_REQUEST, &json!(word)), "{operations}");
    }
    assert_eq!(stored(world, &path).await.unwrap().version, off_version(&off));
    let removed = program
        .patch(&path, json!([{"op": "remove", "path": "externalId"}, {"op": "remove", "path": "name"}]))
        .await;
    assert_eq!(
        (removed.status, &removed.body["externalId"], &removed.body["name"]),
        (StatusCode::OK, &Value::Null, &Value::Null)
    );
    // Without a name to show it is made of what there is.
    let bare = json!({"schemas": [USER_SCHEMA], "userName": "bare@cloud.contoso.test"});
    let bare = program.call(Method::POST, USERS, Some(bare)).await;
    assert_eq!(
        (bare.status, &bare.body["displayName"]),
        (StatusCode::CREATED, &json!("bare@cloud.contoso.test"))
    );
}

fn off_version(answer: &Answered) -> i64 {
    answer.etag.as_deref().unwrap().trim_start_matches("W/").trim_matches('"').parse().unwrap()
}

async fn whoever_is_disabled_or_removed_is_signed_out(world: &World) {
    let program = Program::new(world).await;
    let mut carla = person("carla.neri");
    carla["emails"] = json!([{"value": CARLAS_MAIL, "type": "home"}]);
    assert_eq!(carla["userName"], CARLA);
    let made = program.call(Method::POST, USERS, Some(carla.clone())).await;
    let path = format!("{USERS}/{}", made.body["id"].as_str().unwrap());
    // She chooses her password by herself, at the portal, and signs in.
    cloud::reset(world, FIRST).await;
    let mut browser = Browser::new(&world.app, "en");
    cloud::sign_in(&mut browser, CARLA, FIRST).await;
    assert_eq!(browser.get("/account").await.status, StatusCode::OK);
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    assert_eq!(program.patch(&path, off).await.status, StatusCode::OK);
    assert_ne!(browser.get("/account").await.status, StatusCode::OK);
    // Let in again she signs in anew, with the password that she has; and is out with everything when she is removed.
    let on = json!([{"op": "replace", "path": "active", "value": true}]);
    assert_eq!(program.patch(&path, on).await.status, StatusCode::OK);
    assert_ne!(browser.get("/account").await.status, StatusCode::OK);
    let mut browser = Browser::new(&world.app, "en");
    cloud::sign_in(&mut browser, CARLA, FIRST).await;
    assert_eq!(browser.get("/account").await.status, StatusCode::OK);
    assert_eq!(program.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    assert_ne!(browser.get("/account").await.status, StatusCode::OK);
    // Whoever comes with the same name is somebody else, without a password.
    assert_eq!(program.call(Method::POST, USERS, Some(carla)).await.status, StatusCode::CREATED);
    let people = world.state.store.cloud_passwords().people(world.tenant.id).await.unwrap();
    assert!(people.iter().all(|one| one.changed_at.is_none()), "{people:?}");
}

async fn versions_guard_against_lost_updates(world: &World) {
    let program = Program::new(world).await;
    let made = program.create("luca").await;
    let path = format!("{USERS}/{}", made.body["id"].as_str().unwrap());
    let first = made.etag.unwrap();
    let rename = |name: &str| patch(json!([{"op": "replace", "value": {"displayName": name}}]));
    let had = program.with(Method::GET, &path, &[("if-none-match", &first)], None).await;
    assert_eq!(had.status, StatusCode::NOT_MODIFIED);
    let second = program.with(Method::PATCH, &path, &[("if-match", &first)], rename("one")).await;
    assert_eq!(second.status, StatusCode::OK, "{}", second.body);
    let had = program.with(Method::GET, &path, &[("if-none-match", &first)], None).await;
    assert_eq!((had.status, had.etag), (StatusCode::OK, second.etag));
    for (method, body) in
        [(Method::PATCH, rename("two")), (Method::PUT, Some(person("luca"))), (Method::DELETE, None)]
    {
        let answer = program.with(method, &path, &[("if-match", &first)], body).await;
        assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED);
    }
    let any = program.with(Method::PATCH, &path, &[("if-match", "*")], rename("three")).await;
    assert_eq!(any.status, StatusCode::OK);
}

async fn lists_are_filtered_and_come_in_pages(world: &World) {
    let program = Program::new(world).await;
    for name in ["luca", "lucia", "marta"] {
        program.made(name).await;
    }
    let mut seen = Vec::new();
    for start in [1, 3, 5] {
        let page = program.call(Method::GET, &format!("{USERS}?startIndex={start}&count=2"), None).await;
        assert_eq!((page.status, &page.body["totalResults"]), (StatusCode::OK, &json!(3)));
        assert_eq!(page.body["startIndex"], start);
        let names = page.body["Resources"].as_array().unwrap().iter();
        seen.extend(names.map(|user| user["userName"].as_str().unwrap().to_owned()));
    }
    seen.sort();
    assert_eq!(seen, ["luca", "lucia", "marta"].map(|name| format!("{name}@{DOMAIN}")));
    let none = program.call(Method::GET, &format!("{USERS}?count=0"), None).await;
    assert_eq!((&none.body["totalResults"], &none.body["Resources"]), (&json!(3), &json!([])));
    for (filter, number) in [
        ("name.givenName eq \"luca\"", 1),
        ("userName sw \"luc\" and active eq true", 2),
        ("phoneNumbers[type eq \"mobile\"]", 3),
        ("externalId eq \"HR-luca\"", 0),
        ("externalId sw \"hr-\" and not (displayName sw \"luc\")", 1),
    ] {
        let found = program.call(Method::GET, &query(filter), None).await;
        assert_eq!(found.body["totalResults"], number, "{filter}: {}", found.body);
    }
    // Only what is asked for (RFC 7644 section 3.9).
    let only = query("externalId eq \"hr-luca\"") + "&attributes=userName,emails.value";
    let only = program.call(Method::GET, &only, None).await.body["Resources"][0].clone();
    let path = format!("{USERS}/{}", only["id"].as_str().unwrap());
    assert_eq!(only.as_object().unwrap().len(), 4, "{only}");
    assert_eq!(only["emails"][1], json!({"value": "luca@home.test"}));
    let without = program.call(Method::GET, &format!("{path}?excludedAttributes=emails,meta,id"), None).await;
    assert_eq!((&without.body["emails"], &without.body["meta"]), (&Value::Null, &Value::Null));
    assert!(without.body["id"] == only["id"] && without.etag.is_some());
    let wrong = program.call(Method::GET, &format!("{path}?attributes=a%20b"), None).await;
    assert_eq!((wrong.status, &wrong.body["scimType"]), (StatusCode::BAD_REQUEST, &json!("invalidValue")));
    let wrong = program.call(Method::GET, &query("displayName has \"a\""), None).await;
    assert_eq!((wrong.status, &wrong.body["scimType"]), (StatusCode::BAD_REQUEST, &json!("invalidFilter")));
}

async fn a_bulk_request_is_its_operations_one_by_one(world: &World) {
    let program = Program::new(world).await;
    let hybrid = world.person("carla", None).await;
    let bulk = |operations: Value| {
        Some(json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "Operations": operations,
        }))
    };
    let rename = patch(json!([{"op": "replace", "path": "displayName", "value": "Uno"}]));
    let said = program
        .call(
            Method::POST,
            BULK,
            bulk(json!([
                {"method": "POST", "path": "/Users", "bulkId": "one", "data": person("one")},
                {"method": "POST", "path": "/Users", "bulkId": "twin", "data": person("one")},
                {"method": "PATCH", "path": "/Users/bulkId:one", "data": rename},
                {"method": "DELETE", "path": format!("/Users/{}", hybrid.id)},
                {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"schemas": [GROUP_SCHEMA], "displayName": "x"}},
            ])),
        )
        .await;
    assert_eq!(said.status, StatusCode::OK, "{}", said.body);
    let done = said.body["Operations"].as_array().unwrap();
    let statuses: Vec<&str> = done.iter().map(|done| done["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["201", "409", "200", "403", "201"], "{}", said.body);
    let path =
        done[0]["location"].as_str().unwrap().trim_start_matches(world.state.settings.public_address());
    assert_eq!(stored(world, path).await.unwrap().display_name, "Uno");
    let mut secret = person("two");
    secret["PassWord"] = "Never-Kept-1!".into();
    let said = program
        .call(Method::POST, BULK, bulk(json!([{"method": "POST", "path": "/Users", "data": secret}])))
        .await;
    refused(&said, StatusCode::FORBIDDEN, "password");
}

async fn the_deletion_guard_holds_for_each_token_until_an_administrator_approves(world: &World) {
    let program = Program::new(world).await;
    let (luca, marta, nino) =
        (program.made("luca").await, program.made("marta").await, program.made("nino").await);
    for _ in 1..REMOVALS.most {
        guard::count(&world.state, program.row.id).await.unwrap();
    }
    let off = || json!([{"op": "Replace", "path": "active", "value": "False"}]);
    assert_eq!(program.patch(&luca, off()).await.status, StatusCode::OK, "the last one that is left");
    for answer in [program.patch(&marta, off()).await, program.call(Method::DELETE, &nino, None).await] {
        refused(&answer, HELD, "ritorno token removals");
    }
    let rename = json!([{"op": "replace", "path": "displayName", "value": "M"}]);
    assert_eq!(program.patch(&marta, rename).await.status, StatusCode::OK, "what removes nobody goes on");
    assert!(stored(world, &marta).await.unwrap().enabled && stored(world, &nino).await.is_some());

    // Another token is counted by itself, and is not let through by what is approved for this one.
    world.administrator("other", Role::Global, true).await;
    let other = Program::of(world, "other").await;
    let mut browser = crate::console::signed_in(world, "other").await;
    let overview = browser.get("/console").await;
    let page = format!("/console/agents/removals?agent={}", program.row.id);
    assert!(overview.body.contains(&page), "{}", overview.body);
    let shown = browser.get(&page).await;
    for told in ["marta@cloud.contoso.test", "nino@cloud.contoso.test", "token of hr", "This program asks"] {
        assert!(shown.body.contains(told), "{told}: {}", shown.body);
    }
    let digest = shown.body.split("name=\"digest\" value=\"").nth(1).unwrap()[..64].to_owned();
    let id = program.row.id.to_string();
    let approved = browser.post("/console/agents/removals", &[("agent", &id), ("digest", &digest)]).await;
    assert_eq!(approved.location(), "/console");
    for _ in 0..REMOVALS.most {
        guard::count(&world.state, other.row.id).await.unwrap();
    }
    assert_eq!(other.call(Method::DELETE, &nino, None).await.status, HELD);
    assert_eq!(program.call(Method::DELETE, &nino, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(program.patch(&marta, off()).await.status, StatusCode::OK);
    let facts = world.facts().await;
    let fact = facts.iter().find(|fact| fact.activity == Activity::RemovalsApproved).unwrap();
    assert!(fact.reason.contains(&format!("token {id}: 2 removals")), "{}", fact.reason);
    // And a day later the count begins anew.
    let paola = program.made("paola").await;
    assert_eq!(program.call(Method::DELETE, &paola, None).await.status, HELD);
    world.clock.advance(REMOVALS.forgotten_after());
    assert_eq!(program.call(Method::DELETE, &paola, None).await.status, StatusCode::NO_CONTENT);
}

async fn the_audit_names_the_administrator_and_the_token(world: &World) {
    let program = Program::new(world).await;
    let path = program.made("luca").await;
    let rename = json!([{"op": "replace", "path": "displayName", "value": "Luca"}]);
    assert_eq!(program.patch(&path, rename).await.status, StatusCode::OK);
    assert_eq!(program.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    let post = |name: &str| json!({"method": "POST", "path": "/Users", "bulkId": name, "data": person(name)});
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [post("marta")]});
    program.call(Method::POST, BULK, Some(bulk)).await;
    let facts = world.facts().await;
    let hr = world.named("hr").await.id;
    for (activity, number) in
        [(Activity::UserAdded, 2), (Activity::UserUpdated, 1), (Activity::UserDeleted, 1)]
    {
        let of_it: Vec<_> = facts.iter().filter(|fact| fact.activity == activity).collect();
        assert_eq!(of_it.len(), number, "{activity:?}");
        for fact in of_it {
            assert_eq!(fact.actor, Actor::Administrator(hr));
            assert!(
                fact.reason.contains(&format!("by the token 'token of hr' {}", program.row.id)),
                "{}",
                fact.reason
            );
            assert!(fact.target.is_some() && fact.from.is_some());
        }
    }
}
