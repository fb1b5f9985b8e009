//! Bodies as others write them, and errors that are always told in SCIM's own form, on both databases.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use ritorno_protocol::scim::RITORNO_USER_SCHEMA;
use serde_json::{Value, json};

use crate::agent_api::{call, call_with_body, call_with_text, on_both};
use crate::scim::{Export, USERS, group, patch, person};
use crate::world::World;

on_both!(
    names_count_in_any_case,
    what_is_read_only_is_passed_over,
    whatever_is_refused_is_told_in_the_same_form,
    who_has_no_token_is_told_how_to_come_in,
);

/// The same body with every name in capitals.
fn loud(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(name, value)| (name.to_uppercase(), loud(value))).collect(),
        Value::Array(list) => list.iter().map(loud).collect(),
        other => other.clone(),
    }
}

async fn names_count_in_any_case(world: &World) {
    let export = Export::new(world).await;
    let made = export.call(Method::POST, USERS, &[], Some(loud(&person("luca")))).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let plain = person("luca");
    for name in ["userName", "displayName", "active", "emails", RITORNO_USER_SCHEMA] {
        assert_eq!(made.body[name], plain[name], "{name}");
    }
    let path = format!("{USERS}/{}", made.body["id"].as_str().unwrap());
    let again = export.call(Method::PUT, &path, &[], Some(loud(&person("luca")))).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.body);
    let made =
        export.call(Method::POST, "/scim/v2/Groups", &[], Some(loud(&group("team", "contoso.test")))).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let bulk = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [{"method": "POST", "path": "/Users", "bulkId": "x", "data": person("marta")}],
    });
    let done = export.call(Method::POST, "/scim/v2/Bulk", &[], Some(loud(&bulk))).await;
    assert_eq!(done.body["Operations"][0]["status"], "201", "{}", done.body);
    let mut twice = person("nino");
    twice["USERNAME"] = "other@contoso.test".into();
    let answer = export.call(Method::POST, USERS, &[], Some(twice)).await;
    assert_eq!((answer.status, &answer.body["scimType"]), (StatusCode::BAD_REQUEST, &json!("invalidSyntax")));
    // What may not be set may not be set in any case, nor behind its schema's URN, nor anywhere inside.
    let urn = "urn:ietf:params:scim:schemas:core:2.0:User:password";
    for name in ["PASSWORD", "Roles", "ENTITLEMENTS", urn] {
        let mut body = person("nino");
        body[name] = "Never-Kept-1!".into();
        let answer = export.call(Method::POST, USERS, &[], Some(body)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}: {}", answer.body);
    }
    let mut body = person("nino");
    body[RITORNO_USER_SCHEMA]["Password"] = "Never-Kept-1!".into();
    assert_eq!(export.call(Method::POST, USERS, &[], Some(body)).await.status, StatusCode::FORBIDDEN);
    // As the path of a PATCH it is refused before anybody is looked for.
    for path in ["PassWord", urn, "password[type eq \"x\"].value", "password.value"] {
        let body = patch(json!([{"op": "replace", "path": path, "value": "Never-Kept-1!"}]));
        let answer = export.call(Method::PATCH, &format!("{USERS}/nobody"), &[], body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}: {}", answer.body);
    }
}

async fn what_is_read_only_is_passed_over(world: &World) {
    let export = Export::new(world).await;
    let mut body = person("luca");
    body["groups"] = json!([{"value": "7", "display": "Admins"}]);
    body["id"] = "mine".into();
    // What is empty says nothing (RFC 7643 section 2.5).
    (body["roles"], body["entitlements"]) = (json!([]), Value::Null);
    body["meta"] = json!({"version": "W/\"9\"", "created": "2001-01-01T00:00:00Z"});
    let made = export.call(Method::POST, USERS, &[], Some(body.clone())).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    assert_ne!(made.body["id"], "mine");
    assert_eq!((&made.body["meta"]["version"], made.body.get("groups")), (&json!("W/\"1\""), None));
    let path = format!("{USERS}/{}", made.body["id"].as_str().unwrap());
    let again = export.call(Method::PUT, &path, &[], Some(body)).await;
    assert_eq!((again.status, &again.body["id"]), (StatusCode::OK, &made.body["id"]));
}

async fn whatever_is_refused_is_told_in_the_same_form(world: &World) {
    let export = Export::new(world).await;
    let path = format!("{USERS}/{}", export.create("luca").await.body["id"].as_str().unwrap());
    // `Export` looks at the form of each error.
    for query in ["count=x", "startIndex=1.5", "count=1&count=2"] {
        for all in [USERS, "/scim/v2/Groups"] {
            let answer = export.call(Method::GET, &format!("{all}?{query}"), &[], None).await;
            let told = (answer.status, &answer.body["scimType"]);
            assert_eq!(told, (StatusCode::BAD_REQUEST, &json!("invalidValue")), "{query}");
        }
    }
    let method = export.call(Method::POST, &path, &[], Some(json!({}))).await;
    assert_eq!(method.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(method.headers[header::ALLOW].to_str().unwrap().contains("PATCH"));
    for nowhere in ["/scim/v2/Nothing", "/scim/v2/Users/7/more", "/scim/v2/Me"] {
        assert_eq!(
            export.call(Method::GET, nowhere, &[], None).await.status,
            StatusCode::NOT_FOUND,
            "{nowhere}"
        );
    }
    let large = json!({"displayName": "x".repeat(300 << 10)});
    let answer = export.call(Method::PUT, &path, &[], Some(large)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let other = export.call(Method::PUT, &path, &[("content-encoding", "br")], Some(json!({}))).await;
    assert_eq!((other.status, other.takes.as_deref()), (StatusCode::UNSUPPORTED_MEDIA_TYPE, Some("gzip")));
    let broken = export.call(Method::PUT, &path, &[("content-encoding", "gzip")], Some(json!({}))).await;
    assert_eq!((broken.status, &broken.body["scimType"]), (StatusCode::BAD_REQUEST, &json!("invalidSyntax")));
    for text in ["", "{", "[]", "7", "\u{feff}{}"] {
        let token = Some(&*export.token);
        let answer = call_with_text(world, Method::POST, USERS, token, &[], Some(text.to_owned())).await;
        assert_eq!(
            (answer.status, &*answer.kind),
            (StatusCode::BAD_REQUEST, "application/scim+json"),
            "{text}"
        );
        assert_eq!(answer.body["scimType"], "invalidSyntax");
    }
    let no_utf8 = Body::from(vec![b'"', 0xff, b'"']);
    let answer = call_with_body(world, Method::POST, USERS, Some(&export.token), &[], no_utf8).await;
    assert_eq!((answer.status, &answer.body["scimType"]), (StatusCode::BAD_REQUEST, &json!("invalidSyntax")));
}

async fn who_has_no_token_is_told_how_to_come_in(world: &World) {
    for (method, path) in
        [(Method::GET, USERS), (Method::POST, "/scim/v2/Bulk"), (Method::GET, "/scim/v2/Groups/7")]
    {
        for token in [None, Some("wrong")] {
            let answer = call(world, method.clone(), path, token, &[], None).await;
            assert_eq!(
                (answer.status, &*answer.kind),
                (StatusCode::UNAUTHORIZED, "application/scim+json"),
                "{path}"
            );
            assert!(
                answer.headers[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Bearer "),
                "{path}"
            );
        }
    }
}
