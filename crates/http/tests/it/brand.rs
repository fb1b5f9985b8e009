//! How a tenant's pages look of their own.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_identity::brand::Brand;
use ritorno_identity::language::Language;
use ritorno_identity::logo::clean;
use ritorno_identity::tenant::Tenant;
use tower::ServiceExt as _;

use crate::browser::Browser;
use crate::world::World;

/// One red pixel, as GIMP's and everybody's smallest picture is.
pub(crate) const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==";

/// What is at an address: status, headers and bytes.
async fn fetched(world: &World, path: &str) -> (StatusCode, axum::http::HeaderMap, Vec<u8>) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = world.app.clone().oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    (parts.status, parts.headers, to_bytes(body, 1 << 20).await.unwrap().to_vec())
}

/// The addresses on a page that begin so.
fn addresses(page: &str, begins: &str) -> Vec<String> {
    let cut = |rest: &str| rest.chars().take_while(|c| *c != '"').collect::<String>();
    page.match_indices(begins).map(|(at, _)| cut(&page[at..])).collect()
}

async fn pages_look_as_the_tenant_says(world: &World) {
    let store = &world.state.store;
    let mut browser = Browser::new(&world.app, "en");
    let plain = browser.get("/").await;
    assert!(!plain.body.contains("/brand/") && !plain.body.contains("<img"), "{}", plain.body);

    let (picture, logo) = clean(&STANDARD.decode(PIXEL).unwrap()).unwrap();
    store.brand_pictures().put(world.tenant.id, &logo.digest, &picture).await.unwrap();
    let brand =
        Brand { accent: Some("#8a1538".parse().unwrap()), logo: Some(logo.clone()), ..Brand::default() };
    let tenant = store.tenants().get(world.tenant.id).await.unwrap().unwrap();
    let tenant = Tenant { name: "Contoso & Söhne".into(), brand, ..tenant };
    assert!(store.tenants().update(&tenant).await.unwrap());

    let page = browser.get("/").await;
    assert!(page.body.contains("alt=\"Contoso &#38; Söhne\" width=\"1\" height=\"1\""), "{}", page.body);
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("style-src 'self'; img-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert!(!page.body.contains(" style="), "nothing inline");
    let found = addresses(&page.body, "/brand/");
    let [sheet, image] = found.as_slice() else { panic!("{found:?}") };
    for (path, kind) in [(sheet, "text/css; charset=utf-8"), (image, "image/png")] {
        let (status, headers, bytes) = fetched(world, path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert_eq!(headers[header::CONTENT_TYPE], kind);
        assert!(headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], "default-src 'none'; sandbox");
        assert!(!bytes.is_empty());
    }
    let (_, _, bytes) = fetched(world, sheet).await;
    let text = String::from_utf8(bytes).unwrap();
    assert!(
        text.starts_with(":root{--accent:#8a1538;") && text.contains("prefers-color-scheme:dark"),
        "{text}"
    );
    assert_eq!(fetched(world, image).await.2, picture);

    // Another look has other addresses, and what is nobody's is not there.
    let changed = Brand { accent: Some("#0b5d4e".parse().unwrap()), ..Brand::default() };
    assert!(store.tenants().update(&Tenant { brand: changed, ..tenant }).await.unwrap());
    store.brand_pictures().keep_only(world.tenant.id, ["", ""]).await.unwrap();
    let page = browser.get("/").await;
    assert!(!page.body.contains("<img") && !page.body.contains(sheet.as_str()), "{}", page.body);
    for gone in [sheet.as_str(), image, "/brand/x/logo.png", "/brand/../logo.png"] {
        assert_eq!(fetched(world, gone).await.0, StatusCode::NOT_FOUND, "{gone}");
    }
}

#[tokio::test]
async fn pages_look_as_the_tenant_says_on_sqlite() {
    pages_look_as_the_tenant_says(&World::new().await).await;
}

#[tokio::test]
async fn pages_look_as_the_tenant_says_on_postgres() {
    pages_look_as_the_tenant_says(&World::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_told_in_the_tenants_look_and_a_fault_has_a_code() {
    let world = World::new().await;
    let help = Some("https://help.contoso.test/".to_owned());
    let tenant = Tenant { helpdesk_url: help, languages: vec![Language::Italian], ..world.tenant.clone() };
    world.state.store.tenants().update(&tenant).await.unwrap();
    let mut browser = Browser::new(&world.app, "en");
    let missing = browser.get("/no/such/page").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(
        missing.body.contains("· Contoso</title>") && missing.body.contains("https://help.contoso.test/")
    );
    assert!(missing.body.contains("Questa pagina non esiste.") && missing.support_code().len() == 11);
    let elsewhere = browser.post_from("https://evil.test", "/reset/start").await;
    assert!(
        elsewhere.status == StatusCode::FORBIDDEN && elsewhere.body.contains("https://help.contoso.test/")
    );
    world.state.store.close().await;
    let fault = browser.get("/").await;
    assert_eq!(fault.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        fault.body.contains("This is a fault on our side") && fault.support_code().len() == 11,
        "{}",
        fault.body
    );
}
