//! PATCH of people as RFC 7644 section 3.5.2 has it, and as Microsoft's provisioner sends it, on both databases.

use axum::http::{Method, StatusCode};
use ritorno_protocol::scim::RITORNO_USER_SCHEMA;
use serde_json::{Value, json};

use crate::agent_api::{Answered, on_both};
use crate::scim::{Export, USERS, patch};
use crate::world::World;

on_both!(
    values_are_reached_by_what_they_are,
    words_come_in_any_case_and_booleans_as_texts,
    what_is_not_kept_is_passed_over,
    what_can_not_be_done_is_told_by_its_kind,
);

async fn made(export: &Export<'_>, name: &str) -> String {
    format!("{USERS}/{}", export.create(name).await.body["id"].as_str().unwrap())
}

async fn send(export: &Export<'_>, path: &str, operation: Value) -> Answered {
    export.call(Method::PATCH, path, &[], patch(json!([operation]))).await
}

async fn values_are_reached_by_what_they_are(world: &World) {
    let export = Export::new(world).await;
    let path = made(&export, "luca").await;
    let mail = async || export.call(Method::GET, &path, &[], None).await.body["emails"][0]["value"].clone();
    for (at, to) in [
        (r#"emails[type eq "work"].value"#, "one@contoso.test"),
        ("emails[primary eq true].value", "two@contoso.test"),
        ("emails[primary eq true and type eq \"work\"].VALUE", "three@contoso.test"),
        ("emails.value", "four@contoso.test"),
    ] {
        let answer = send(&export, &path, json!({"op": "replace", "path": at, "value": to})).await;
        assert_eq!((answer.status, mail().await), (StatusCode::OK, json!(to)), "{at}: {}", answer.body);
    }
    // One more is one more: who was the primary one is it no longer if that one is.
    let one = json!({"op": "add", "path": "emails", "value": {"value": "five@contoso.test", "type": "work", "primary": true}});
    let answer = send(&export, &path, one).await;
    assert_eq!(
        (answer.status, mail().await),
        (StatusCode::OK, json!("five@contoso.test")),
        "{}",
        answer.body
    );
    let gone = json!({"op": "remove", "path": "emails[value eq \"five@contoso.test\"]"});
    assert_eq!(send(&export, &path, gone).await.status, StatusCode::OK);
    assert_eq!(mail().await, Value::Null);
    // What is not there is made by an addition to what describes it.
    let made = json!({"op": "Add", "path": "emails[type eq \"work\"].value", "value": "six@contoso.test"});
    assert_eq!(send(&export, &path, made).await.status, StatusCode::OK);
    assert_eq!(mail().await, "six@contoso.test");
    // What changes nothing that is kept is no change.
    let before = export.call(Method::GET, &path, &[], None).await;
    world.clock.advance(std::time::Duration::from_secs(1));
    for (at, to) in
        [("name.givenName", "Luca"), ("displayName", "luca"), ("emails.value", "six@contoso.test")]
    {
        let answer = send(&export, &path, json!({"op": "replace", "path": at, "value": to})).await;
        assert_eq!(
            (answer.status, &answer.body, &answer.etag),
            (StatusCode::OK, &before.body, &before.etag),
            "{at}"
        );
    }
}

async fn words_come_in_any_case_and_booleans_as_texts(world: &World) {
    let export = Export::new(world).await;
    let path = made(&export, "luca").await;
    for (op, text, expected) in
        [("Replace", "False", false), ("ADD", "true", true), ("replace", "false", false)]
    {
        let answer = send(&export, &path, json!({"op": op, "path": "ACTIVE", "value": text})).await;
        assert_eq!(
            (answer.status, &answer.body["active"]),
            (StatusCode::OK, &json!(expected)),
            "{}",
            answer.body
        );
    }
    let body = json!({
        "SCHEMAS": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "operations": [{"OP": "replace", "Value": {
            "DisplayName": "Uno", "Active": "True", "id": "another", "meta": {},
            RITORNO_USER_SCHEMA.to_uppercase(): {"ALTERNATEMAIL": "uno@mail.test"},
        }}],
    });
    let answer = export.call(Method::PATCH, &path, &[], Some(body)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!((&answer.body["displayName"], &answer.body["active"]), (&json!("Uno"), &json!(true)));
    assert_eq!(answer.body[RITORNO_USER_SCHEMA]["alternateMail"], "uno@mail.test");
    assert!(path.ends_with(answer.body["id"].as_str().unwrap()), "the id is the service's");
}

async fn what_is_not_kept_is_passed_over(world: &World) {
    let export = Export::new(world).await;
    let path = made(&export, "luca").await;
    let before = export.call(Method::GET, &path, &[], None).await;
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    for operation in [
        json!({"op": "add", "path": "title", "value": "x"}),
        json!({"op": "add", "path": "addresses[type eq \"work\"].formatted", "value": "x"}),
        json!({"op": "add", "path": "name.middleName", "value": "x"}),
        json!({"op": "add", "path": format!("{enterprise}:department"), "value": "x"}),
        json!({"op": "replace", "value": {"nickName": "x", enterprise: {}, "roles": [], "entitlements": null}}),
    ] {
        let answer = send(&export, &path, operation.clone()).await;
        assert_eq!((answer.status, &answer.body), (StatusCode::OK, &before.body), "{operation}");
    }
    let roles = json!({"op": "replace", "value": {"roles": ["x"]}});
    assert_eq!(send(&export, &path, roles).await.status, StatusCode::FORBIDDEN);
}

async fn what_can_not_be_done_is_told_by_its_kind(world: &World) {
    let export = Export::new(world).await;
    let path = made(&export, "luca").await;
    let before = export.call(Method::GET, &path, &[], None).await;
    for (operation, kind) in [
        (json!({"op": "remove"}), "noTarget"),
        (json!({"op": "replace", "path": "emails[type eq \"home\"].value", "value": "x"}), "noTarget"),
        (json!({"op": "remove", "path": "emails[type eq \"home\"]"}), "noTarget"),
        (json!({"op": "replace", "path": "emails[type", "value": "x"}), "invalidPath"),
        (json!({"op": "replace", "path": "userName.first", "value": "x"}), "invalidPath"),
        (json!({"op": "replace", "path": "emails[primary gt true].value", "value": "x"}), "invalidFilter"),
        (json!({"op": "replace", "path": "id", "value": "x"}), "mutability"),
        (json!({"op": "replace", "path": "groups", "value": []}), "mutability"),
        (json!({"op": "replace", "path": "active", "value": "maybe"}), "invalidValue"),
        (json!({"op": "add", "path": "displayName"}), "invalidValue"),
        (json!({"op": "add", "value": "x"}), "invalidValue"),
        (json!({"op": "remove", "path": "emails.value"}), "invalidValue"),
        (json!({"op": "move", "path": "displayName", "value": "x"}), "invalidSyntax"),
    ] {
        let first = json!({"op": "replace", "path": "displayName", "value": "never"});
        let answer = export.call(Method::PATCH, &path, &[], patch(json!([first, operation]))).await;
        let told = (answer.status, &answer.body["scimType"]);
        assert_eq!(told, (StatusCode::BAD_REQUEST, &json!(kind)), "{operation}: {}", answer.body);
    }
    let after = export.call(Method::GET, &path, &[], None).await;
    assert_eq!(after.body, before.body, "of a PATCH that fails nothing is kept");
}
