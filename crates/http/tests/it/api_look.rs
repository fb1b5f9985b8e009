//! How the pages look, by the API.

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_identity::administrator::Role;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::agent_api::on_both;
use crate::api_sspr_policy::ask;
use crate::api_world::{Call, call, every_scope};
use crate::brand::PIXEL;
use crate::sspr_policy::{changes, stored};
use crate::world::World;

const HERE: &str = "/api/v1/look";

on_both!(the_look_is_read_judged_and_changed, a_logo_is_put_and_taken_off,);

async fn the_look_is_read_judged_and_changed(world: &World) {
    world.administrator("root", Role::Global, true).await;
    let (_, root) = world.token("root", every_scope()).await;
    let seen = ask(world, &root, "GET", HERE, None).await;
    assert_eq!((&seen.json()["name"], &seen.json()["accent"]), (&json!("Contoso"), &Value::Null), "{seen:?}");
    let wanted = json!({
        "name": " Contoso S.p.A. ",
        "accent": "#8a1538",
        "accent_dark": null,
        "helpdesk_url": "https://help.contoso.test/",
    });
    for (member, value, kind, words) in [
        ("name", json!("two\nlines"), "look", "1 to 100 characters"),
        ("accent", json!("red"), "look", "a colour looks like #0b5d4e"),
        ("accent", json!("#ffcc00"), "contrast", "take a darker one"),
        ("accent_dark", json!("#101010"), "contrast", "take a lighter one"),
        ("helpdesk_url", json!("javascript:alert(1)"), "look", "begins with https:"),
    ] {
        let mut wrong = wanted.clone();
        wrong[member] = value;
        let told = ask(world, &root, "PUT", HERE, Some(&wrong)).await;
        assert_eq!((told.status.as_u16(), told.kind().as_str()), (422, kind), "{told:?}");
        assert_eq!(told.json()["member"], format!("/{member}"));
        assert!(told.text.contains(words), "{words} is not in {}", told.text);
    }
    let mut alone = wanted.clone();
    (alone["accent"], alone["accent_dark"]) = (Value::Null, json!("#f0a0b0"));
    assert_eq!(ask(world, &root, "PUT", HERE, Some(&alone)).await.json()["member"], "/accent_dark");
    assert_eq!(stored(world).await, world.tenant);
    assert!(changes(world).await.is_empty());

    let made = ask(world, &root, "PUT", HERE, Some(&wanted)).await;
    assert_eq!(made.status, 200, "{made:?}");
    let told = made.json();
    assert_eq!(told["name"], "Contoso S.p.A.");
    assert!(told["contrast"]["ratio"].as_f64().unwrap() >= 4.5, "{told}");
    assert_eq!(told["contrast"]["colour"], "#8a1538");
    assert!(told["contrast_dark"]["colour"].is_string(), "it follows from the other one: {told}");
    assert_eq!(ask(world, &root, "GET", HERE, None).await.text, made.text);
    let tenant = stored(world).await;
    assert_eq!(tenant.helpdesk_url.as_deref(), Some("https://help.contoso.test/"));
    let written = changes(world).await;
    assert!(written[0].starts_with("brand: Contoso S.p.A., #8a1538"), "{written:?}");
    assert!(written[1].starts_with("help desk: https://help.contoso.test/"), "{written:?}");
    let body = wanted.to_string();
    let late =
        Call { token: Some(&root), body: Some(&body), headers: [("if-match", seen.header("etag"))].into() };
    assert_eq!(call(&world.app, "PUT", HERE, &late).await.kind(), "changed");
    // The pages' own colours again.
    let plain = json!({ "name": "Contoso", "accent": null, "accent_dark": null, "helpdesk_url": null });
    assert_eq!(ask(world, &root, "PUT", HERE, Some(&plain)).await.status, 200);
    assert_eq!(stored(world).await.brand, world.tenant.brand);
}

/// Sends a file.
async fn put(world: &World, token: &str, which: &str, file: Vec<u8>) -> (u16, Value) {
    let request = Request::builder()
        .method("PUT")
        .uri(format!("{HERE}/logos/{which}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "image/png")
        .body(Body::from(file))
        .unwrap();
    let (parts, body) = world.app.clone().oneshot(request).await.unwrap().into_parts();
    let bytes = to_bytes(body, 1 << 20).await.unwrap();
    (parts.status.as_u16(), serde_json::from_slice(&bytes).unwrap_or_default())
}

async fn a_logo_is_put_and_taken_off(world: &World) {
    world.administrator("root", Role::Global, true).await;
    let (_, root) = world.token("root", every_scope()).await;
    let picture = STANDARD.decode(PIXEL).unwrap();
    let (status, told) = put(world, &root, "dark", picture.clone()).await;
    assert_eq!((status, told["type"].as_str()), (422, Some("urn:ritorno:problem:look")), "{told}");
    assert!(told["detail"].as_str().unwrap().contains("needs one for light pages"), "{told}");
    for (file, status, words) in [
        (b"<svg/>".to_vec(), 422, "no PNG picture"),
        (picture[..picture.len() - 1].to_vec(), 422, "damaged"),
        (vec![0; (1 << 20) + 1], 413, "length limit"),
    ] {
        let (answered, told) = put(world, &root, "light", file).await;
        assert_eq!(answered, status, "{told}");
        assert!(told["detail"].as_str().unwrap().contains(words), "{told}");
    }
    // Larger than any other body, most of which does not draw.
    let mut padded = picture.clone();
    let text = vec![b'x'; 100_000];
    let mut chunk = u32::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    let named = [b"tEXt".as_slice(), &text].concat();
    chunk.extend(&named);
    chunk.extend(crc(&named).to_be_bytes());
    padded.splice(33..33, chunk);
    for which in ["light", "dark"] {
        let (status, told) = put(world, &root, which, padded.clone()).await;
        assert_eq!(status, 200, "{told}");
    }
    let told = ask(world, &root, "GET", HERE, None).await.json();
    assert_eq!((&told["logo"]["width"], &told["logo"]["height"]), (&json!(1), &json!(1)), "{told}");
    let address = told["logo"]["address"].as_str().unwrap();
    assert_eq!(looked_at(world, address).await, 200);
    assert_eq!(ask(world, &root, "DELETE", &format!("{HERE}/logos/light"), None).await.kind(), "look");
    for which in ["dark", "light"] {
        let path = format!("{HERE}/logos/{which}");
        assert_eq!(ask(world, &root, "DELETE", &path, None).await.status, 204);
        assert_eq!(ask(world, &root, "DELETE", &path, None).await.kind(), "not-found");
    }
    assert_eq!(stored(world).await.brand, world.tenant.brand);
    assert_eq!(looked_at(world, address).await, 404);
}

/// What whoever looks at an address is answered.
async fn looked_at(world: &World, address: &str) -> u16 {
    let request = Request::builder().uri(address).body(Body::empty()).unwrap();
    world.app.clone().oneshot(request).await.unwrap().status().as_u16()
}

/// The checksum of a chunk (ISO/IEC 15948, annex D).
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 },
        )
    };
    !bytes.iter().fold(u32::MAX, step)
}
