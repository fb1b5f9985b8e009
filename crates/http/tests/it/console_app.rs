//! The console as a script in the browser: the page that it runs in, and the parts that are served of it.

use axum::http::{StatusCode, header};
use ritorno_identity::administrator::Role;

use crate::browser::Browser;
use crate::console::signed_in;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn the_consoles_page_is_for_who_is_signed_in_and_has_no_script_in_it() {
    let world = World::new().await;
    world.administrator("root", Role::Global, true).await;
    world.administrator("desk", Role::HelpDesk, true).await;
    let mut stranger = Browser::new(&world.app, "en");
    for path in ["/console/app", "/console/app/agents"] {
        assert_eq!(stranger.get(path).await.location(), "/console/sign-in", "{path}");
    }
    let mut root = signed_in(&world, "root").await;
    assert_eq!(root.get("/console/home").await.location(), "/console/app");
    for path in ["/console/app", "/console/app/agents", "/console/app/people/somebody?x=1"] {
        let page = root.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            policy.contains("script-src 'self'; style-src 'self'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert!(!page.body.contains("<style") && !page.body.contains(" style="), "{}", page.body);
        let scripts = || page.body.split("<script").skip(1).filter_map(|rest| rest.split('>').next());
        assert!(scripts().all(|script| script.contains(" src=\"/assets/")), "{}", page.body);
        assert!(page.body.contains("src=\"/assets/console.js?v="), "{}", page.body);
        // Without a script there is a way on.
        assert!(page.body.contains("<noscript>") && page.body.contains("href=\"/console\""), "{}", page.body);
    }
    // For who sees no overview, the plain pages begin elsewhere.
    let mut desk = signed_in(&world, "desk").await;
    assert!(desk.get("/console/app").await.body.contains("href=\"/console/people\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_the_script_are_served_by_their_names_alone() {
    let world = World::new().await;
    let mut browser = Browser::new(&world.app, "en");
    let script = browser.get("/assets/console.js").await;
    assert_eq!(script.status, StatusCode::OK, "web/dist is built before this test");
    let named = script.body.split("./console/").nth(1).and_then(|rest| rest.split('"').next());
    let part = browser.get(&format!("/assets/console/{}", named.expect("the script has parts"))).await;
    assert_eq!(part.status, StatusCode::OK);
    assert_eq!(part.headers[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
    assert!(part.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    for other in ["no-such.js", "..%2Fportal.js", "%2E%2E%2Fportal.css", "..%2F..%2Fpackage.json", ""] {
        let answer = browser.get(&format!("/assets/console/{other}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{other}");
    }
}
