//! Whatever a page refuses, the reader can go on: it says what to do, has a support code to copy and the way to the help desk. The pages are
//! walked as the sources have them, so that none can be forgotten.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use ritorno_identity::language::Language;
use ritorno_identity::limit::{FREE_STARTS_OF_NAME, NAMES_TRIED};
use ritorno_identity::subject::Subject;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::clock::Clock as _;
use tower::ServiceExt as _;

use crate::agent::TestAgent;
use crate::browser::{Answer, Browser};
use crate::register::ANNA;
use crate::world::{ORIGIN, World};

const HELP: &str = "https://help.contoso.test/passwords";

/// A page that refuses something, and lets nobody down.
fn helps(answer: &Answer, language: Language, what: &str) {
    let body = &answer.body;
    let (lang, desk) = match language {
        Language::English => ("<html lang=\"en\"", "Help desk"),
        Language::Italian => ("<html lang=\"it\"", "Assistenza"),
    };
    assert!(body.contains(lang), "{what} ({}) is no page in the reader's language: {body}", answer.status);
    assert!(body.contains("id=\"support-code\""), "{what} ({}) has no support code: {body}", answer.status);
    let code = answer.support_code();
    assert!(code.len() == 11 && code.as_bytes()[5] == b'-', "{what}: {code}");
    let link = format!("<a href=\"{HELP}\" rel=\"noreferrer\">");
    assert!(body.contains(&link) && body.contains(desk), "{what} does not lead to the help desk: {body}");
    // The script that puts a button for copying beside each code.
    assert!(
        body.contains("data-copy=\"") && body.contains("/assets/copy.js"),
        "{what}: its code can't be copied: {body}"
    );
    // A form, a way on, or the words of a refusal, which say it themselves (`refusal.html`).
    let marks = ["<form", "class=\"button\"", "class=\"actions\"", "<dl class=\"facts\">"];
    let way_on = marks.iter().any(|mark| body.contains(mark));
    assert!(way_on, "{what} does not say what to do: {body}");
}

async fn with_help(world: &World) {
    let tenant = Tenant { helpdesk_url: Some(HELP.to_owned()), ..world.tenant.clone() };
    assert!(world.state.store.tenants().update(&tenant).await.unwrap());
}

/// A request that no form of a page makes.
async fn send(
    app: &Router,
    language: Language,
    method: Method,
    path: &str,
    kind: &str,
    body: Vec<u8>,
) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, ORIGIN.trim_start_matches("https://"))
        .header(header::ORIGIN, ORIGIN)
        .header("sec-fetch-site", "same-origin")
        .header(header::ACCEPT_LANGUAGE, language.tag())
        .header(header::CONTENT_TYPE, kind)
        .body(Body::from(body))
        .unwrap();
    let (parts, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let bytes = to_bytes(body, 1 << 20).await.unwrap();
    let body = String::from_utf8(bytes.to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// The addresses that the sources of the people's pages have.
fn routes() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in ["src/portal.rs", "src/portal/register.rs"] {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        let named = text.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
        found.extend(named);
    }
    assert!(found.len() > 40 && found.contains("/signin") && found.contains("/reset/submit"), "{found:?}");
    found
}

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test(flavor = "multi_thread")]
async fn every_page_that_refuses_has_a_code_and_the_way_to_the_help_desk() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    with_help(&world).await;
    let mut statuses = BTreeSet::new();
    for language in Language::ALL {
        for path in routes() {
            let too_large = vec![b'a'; 40 * 1_024];
            for (method, kind, body) in [
                (Method::GET, FORM, Vec::new()),
                (Method::POST, FORM, Vec::new()),
                (Method::POST, FORM, b"code=1&name=&to=nowhere&password=x".to_vec()),
                (Method::POST, FORM, too_large.clone()),
                (Method::POST, "application/json", b"{}".to_vec()),
                (Method::POST, "text/plain", b"words".to_vec()),
                (Method::DELETE, FORM, Vec::new()),
            ] {
                let what = format!("{method} {path} {kind}");
                let answer = send(&world.app, language, method, &path, kind, body).await;
                let status = answer.status;
                if !status.is_client_error() && !status.is_server_error() {
                    continue;
                }
                statuses.insert(status.as_u16());
                helps(&answer, language, &what);
            }
            // Sent by another site's page.
            let mut browser = Browser::new(&world.app, language.tag());
            let elsewhere = browser.post_from("https://evil.test", &path).await;
            assert_eq!(elsewhere.status, StatusCode::FORBIDDEN, "{path}");
            helps(&elsewhere, language, &path);
        }
        let nowhere = send(&world.app, language, Method::GET, "/nowhere", FORM, Vec::new()).await;
        assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
        helps(&nowhere, language, "/nowhere");
    }
    for expected in [405, 410, 413, 415, 422] {
        assert!(statuses.contains(&expected), "nobody was refused by {expected}: {statuses:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_taken_and_work_that_is_asked_for_have_a_code() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    with_help(&world).await;
    for language in Language::ALL {
        for (start, then) in [("/reset/start", ""), ("/register/start", ""), ("/register/start", "account")] {
            let mut browser = Browser::new(&world.app, language.tag());
            let answer = browser
                .post(start, &[("name", ""), ("then", then)][..1 + usize::from(!then.is_empty())])
                .await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
            helps(&answer, language, start);
        }
        // The work, the same for who is known and who is not.
        for name in [ANNA, "nobody@contoso.test"] {
            let mut browser = Browser::new(&world.app, language.tag());
            let mut last = browser.post("/register/start", &[("name", name)]).await;
            for _ in 0..FREE_STARTS_OF_NAME {
                last = browser.post("/register/start", &[("name", name)]).await;
            }
            assert!(last.body.contains("work-form"), "{}", last.body);
            helps(&last, language, "the work");
        }
    }
    let network = Subject::of_network(&world.state.pepper, world.tenant.id, "0.0.0.0");
    let limits = world.state.store.limits();
    while limits.count(world.tenant.id, &NAMES_TRIED, &network, world.clock.now()).await.unwrap() {}
    for language in Language::ALL {
        for start in ["/reset/start", "/register/start"] {
            let mut browser = Browser::new(&world.app, language.tag());
            let answer = browser.post(start, &[("name", ANNA)]).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
            helps(&answer, language, start);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stops_everybody_has_a_code() {
    let world = World::new().await;
    with_help(&world).await;
    for language in Language::ALL {
        for path in ["/", "/register", "/change", "/signin"] {
            let answer = Browser::new(&world.app, language.tag()).get(path).await;
            assert!(answer.body.contains("SSPR_0030"), "{path}: {}", answer.body);
            helps(&answer, language, path);
        }
    }
    // The database is gone, and with it the tenant's words: a code there is all the same, which the log has too.
    world.state.store.close().await;
    for path in routes() {
        let answer = send(&world.app, Language::English, Method::GET, &path, FORM, Vec::new()).await;
        if answer.status == StatusCode::SERVICE_UNAVAILABLE {
            assert_eq!(answer.support_code().len(), 11, "{path}: {}", answer.body);
        }
    }
    let answer = send(&world.app, Language::English, Method::GET, "/", FORM, Vec::new()).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

/// Each template of the people's pages that can refuse something.
fn templates(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { templates(&path, found) } else { found.push(path) }
    }
}

#[test]
fn no_template_refuses_without_a_code() {
    let mut found = Vec::new();
    templates(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/templates/portal"), &mut found);
    let mut refusing = 0;
    for path in found {
        let text = std::fs::read_to_string(&path).unwrap();
        if text.contains("notice-error") || text.contains("role=\"alert\"") {
            refusing += 1;
            let has_one =
                ["id=\"support-code\"", "portal/refusal.html"].iter().any(|mark| text.contains(mark));
            assert!(has_one, "{} can refuse, and has no support code", path.display());
        }
    }
    assert!(refusing > 15, "{refusing}");
}
