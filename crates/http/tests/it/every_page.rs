//! What holds for every page, whichever it is: they are those of the sources.

use axum::http::{Method, StatusCode};

use crate::browser::Browser;
use crate::tenants::pages;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn another_site_can_not_post() {
    let world = World::new().await;
    let mut browser = Browser::new(&world.app, "it");
    let posted: Vec<String> =
        pages().into_iter().filter(|(method, _)| *method != Method::GET).map(|(_, path)| path).collect();
    assert!(posted.len() > 60 && posted.contains(&"/reset/submit".to_owned()), "{posted:?}");
    for path in posted {
        let answer = browser.post_from("https://evil.test", &path).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert!(answer.body.contains("La richiesta veniva da un altro sito"), "{path}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_carries_the_headers() {
    let world = World::new().await;
    let mut browser = Browser::new(&world.app, "en");
    let read = pages().into_iter().filter(|(method, _)| *method == Method::GET).map(|(_, path)| path);
    let read: Vec<String> = read.chain(["/no-such-page".to_owned()]).collect();
    assert!(read.len() > 40 && read.contains(&"/reset/code".to_owned()), "{read:?}");
    for path in &read {
        let answer = browser.get(path).await;
        let header = |name: &str| answer.headers.get(name).map_or("", |value| value.to_str().unwrap());
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"));
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cache-control"), "no-store");
        assert!(header("strict-transport-security").starts_with("max-age="));
        assert!(!answer.body.contains("<script>") && !answer.body.contains("style=\""), "{path}");
    }
    assert_eq!(browser.get("/no-such-page").await.status, StatusCode::NOT_FOUND);
    let large = browser.post("/reset/start", &[("name", &"a".repeat(64 * 1024))]).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
}
