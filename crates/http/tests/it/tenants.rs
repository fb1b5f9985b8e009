//! Two tenants on one server: each request is the tenant's whose host it names, and no credential of one opens anything of the other. The routes
//! are those of the sources and of the API's document, so that none is missed.

use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use ritorno_http::hosts::Hosts;
use ritorno_identity::administrator::Role;
use ritorno_relay::session::LinkEnd;
use ritorno_relay::tenant_state::TenantState;
use tower::ServiceExt as _;

use crate::agent::TestAgent;
use crate::agent_api::{access, on_both};
use crate::api_matrix::operations;
use crate::api_world::every_scope;
use crate::browser::{Answer, Browser};
use crate::portal::past_the_gate;
use crate::world::{ORIGIN, PASSWORD, World};

on_both!(
    a_host_is_a_tenant_and_an_unknown_one_nobodys,
    a_session_is_nobodys_at_another_tenants_host,
    a_way_through_the_pages_is_nobodys_at_another_tenants_host,
    an_agents_token_is_nobodys_at_another_tenants_host,
    each_reset_reaches_its_own_tenants_agent,
);

/// Where the other tenant's pages are.
pub(crate) const FABRIKAM: &str = "https://reset.fabrikam.test";

/// Where people go their way through the pages.
const A_WAY: [&str; 6] = ["/reset/", "/register", "/change", "/signin", "/account", "/sign-out"];

/// Fabrikam beside Contoso, and what answers for both.
pub(crate) struct Two {
    pub(crate) fabrikam: World,
    pub(crate) hosts: Hosts,
    pub(crate) app: Router,
}

impl Two {
    pub(crate) async fn with(contoso: &World) -> Self {
        let fabrikam = contoso.beside("Fabrikam", FABRIKAM).await;
        let hosts = Hosts::default();
        hosts.serve(vec![contoso.state.clone(), fabrikam.state.clone()], false);
        let app = hosts.router();
        Self { fabrikam, hosts, app }
    }
}

/// A request to the host of `origin`.
pub(crate) async fn ask(
    app: &Router,
    origin: &str,
    (method, path): (&str, &str),
    token: Option<&str>,
    body: Option<&str>,
) -> (StatusCode, HeaderMap, String) {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, origin.trim_start_matches("https://"));
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    let request = request.body(Body::from(body.unwrap_or_default().to_owned())).unwrap();
    let (parts, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    // One that goes on for ever is let go.
    let endless = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
    let body = if endless { Body::empty() } else { body };
    let bytes = to_bytes(body, 1 << 20).await.unwrap();
    (parts.status, parts.headers, String::from_utf8_lossy(&bytes).into_owned())
}

/// Every route of the sources, with a parameter filled in: its methods and its path.
pub(crate) fn routes() -> Vec<(Method, String)> {
    let mut all = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    assert!(all.len() > 100, "only {} routes were found", all.len());
    all
}

fn read(folder: &Path, all: &mut Vec<(Method, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, all);
            continue;
        }
        // What answers for hosts that are nobody's is no tenant's.
        if path.ends_with("hosts.rs") {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        for route in source.split(".route(").skip(1) {
            let end = route.find([';']).unwrap_or(route.len());
            let route = &route[..end];
            let mut quoted = route.split('"');
            let path = quoted.nth(1).expect("a route has a path");
            // Until the next one begins, or what is said of all of them.
            let handlers = quoted.next().unwrap_or_default().split(".layer(").next().unwrap_or_default();
            let methods = [
                ("get(", Method::GET),
                ("any(", Method::GET),
                ("post(", Method::POST),
                ("put(", Method::PUT),
                ("patch(", Method::PATCH),
                ("delete(", Method::DELETE),
            ];
            let found: Vec<Method> = methods
                .into_iter()
                .filter(|(call, _)| {
                    handlers.match_indices(call).any(|(at, _)| {
                        let before = handlers[..at].chars().next_back();
                        before
                            .is_none_or(|before| !before.is_alphanumeric() && before != '_' && before != ':')
                    })
                })
                .map(|(_, method)| method)
                .collect();
            assert!(!found.is_empty(), "{path}: {handlers}");
            let filled = path.split('/').map(|part| if part.starts_with('{') { "0a" } else { part });
            let filled = filled.collect::<Vec<_>>().join("/");
            all.extend(found.into_iter().map(|method| (method, filled.clone())));
        }
    }
}

/// Those whose path begins so.
fn routes_below(beginnings: &[&str]) -> Vec<(Method, String)> {
    let begins = |path: &str| beginnings.iter().any(|begin| path.starts_with(begin));
    routes().into_iter().filter(|(_, path)| begins(path)).collect()
}

/// Those of pages, for a reader with a browser.
pub(crate) fn pages() -> Vec<(Method, String)> {
    const NO_PAGES: [&str; 8] = [
        "/agent/v1/",
        "/api/v1",
        "/scim/v2/",
        "/assets/",
        "/brand/",
        "/health/",
        "/favicon.ico",
        "/.well-known/",
    ];
    let is_page = |path: &str| !NO_PAGES.iter().any(|begin| path.starts_with(begin));
    routes().into_iter().filter(|(_, path)| is_page(path)).collect()
}

/// What a page answered, as far as it depends on who asks.
fn told(answer: &Answer) -> (StatusCode, String) {
    (answer.status, answer.location().to_owned())
}

async fn visit(browser: &mut Browser, method: &Method, path: &str) -> Answer {
    if method == Method::GET { browser.get(path).await } else { browser.post(path, &[]).await }
}

async fn signed_in(app: &Router, origin: &'static str) -> Browser {
    let mut browser = Browser::at(app, origin, "en");
    let answer = browser.post("/console/sign-in", &[("name", "root"), ("password", PASSWORD)]).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/console"), "{}", answer.body);
    browser
}

/// Every route is looked at by one of the tests here, or is everybody's.
#[test]
fn every_route_is_of_a_kind_that_is_tested() {
    const LOOKED_AT: [&str; 5] = ["/console", "/agent/v1/", "/scim/v2/", "/brand/", "/"];
    // What is below the API's path by itself is no route of it, and told alike to everybody; the API's own are in its document.
    const EVERYBODYS: [&str; 5] = ["/assets/", "/favicon.ico", "/health/", "/.well-known/", "/api/v1"];
    for (_, path) in routes() {
        let begins = |begin: &&str| (path.starts_with(*begin) && *begin != "/") || path == *begin;
        assert!(LOOKED_AT.iter().chain(&A_WAY).chain(&EVERYBODYS).any(begins), "{path}");
    }
    assert!(operations().keys().all(|operation| operation.contains(" /api/v1/")));
}

async fn a_host_is_a_tenant_and_an_unknown_one_nobodys(contoso: &World) {
    let two = Two::with(contoso).await;
    for (origin, name, other) in [(ORIGIN, "Contoso", "Fabrikam"), (FABRIKAM, "Fabrikam", "Contoso")] {
        for origin in
            [origin.to_owned(), origin.to_uppercase().replace("HTTPS", "https"), format!("{origin}:443")]
        {
            let (status, _, body) = ask(&two.app, &origin, ("GET", "/console/sign-in"), None, None).await;
            assert_eq!(status, StatusCode::OK, "{origin}: {body}");
            assert!(body.contains(name) && !body.contains(other), "{origin}: {body}");
        }
        let ready = ask(&two.app, origin, ("GET", "/health/ready"), None, None).await;
        assert_eq!((ready.0, ready.2.as_str()), (StatusCode::OK, "ready\n"));
    }
    // A picture of one is no picture of the other.
    let digest = "0a".repeat(16);
    contoso.state.store.brand_pictures().put(contoso.tenant.id, &digest, &[1]).await.unwrap();
    for (origin, status) in [(ORIGIN, StatusCode::OK), (FABRIKAM, StatusCode::NOT_FOUND)] {
        let path = format!("/brand/{digest}/logo.png");
        assert_eq!(ask(&two.app, origin, ("GET", &path), None, None).await.0, status, "{origin}");
    }
    // Nobody's: whatever is asked for, in one line that tells of no tenant.
    let nobody = |answer: (StatusCode, HeaderMap, String)| {
        assert_eq!(answer.0, StatusCode::MISDIRECTED_REQUEST);
        assert_eq!(answer.2, "Nothing is served under this name.\n");
        assert!(!answer.1.contains_key(header::SET_COOKIE));
        answer.1
    };
    for (method, path) in routes() {
        if path.starts_with("/health/") {
            continue;
        }
        nobody(ask(&two.app, "https://reset.nobody.test", (method.as_str(), &path), None, None).await);
    }
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(ask(&two.app, "https://10.0.0.7", ("GET", path), None, None).await.0, StatusCode::OK);
    }
    let unknown = nobody(ask(&two.app, "https://reset.nobody.test", ("GET", "/"), None, None).await);
    // One that is not served any more looks like one that never was; the other goes on, still at its own host only.
    two.hosts.serve(vec![contoso.state.clone()], false);
    assert_eq!(nobody(ask(&two.app, FABRIKAM, ("GET", "/"), None, None).await), unknown);
    assert_eq!(ask(&two.app, ORIGIN, ("GET", "/"), None, None).await.0, StatusCode::OK);
    // The only tenant of an installation answers whatever host is named, as it always did.
    two.hosts.serve(vec![contoso.state.clone()], true);
    assert_eq!(ask(&two.app, "https://10.0.0.7", ("GET", "/"), None, None).await.0, StatusCode::OK);
    two.hosts.serve(Vec::new(), true);
    nobody(ask(&two.app, ORIGIN, ("GET", "/"), None, None).await);
    let unready = ask(&two.app, ORIGIN, ("GET", "/health/ready"), None, None).await;
    assert_eq!(unready.0, StatusCode::SERVICE_UNAVAILABLE);
}

async fn a_session_is_nobodys_at_another_tenants_host(contoso: &World) {
    let two = Two::with(contoso).await;
    for world in [contoso, &two.fabrikam] {
        world.administrator("root", Role::Global, true).await;
    }
    let session = signed_in(&two.app, FABRIKAM).await;
    let (mut own_opens, mut looked_at) = (0, 0);
    for (method, path) in routes_below(&["/console"]) {
        let nobody = visit(&mut Browser::at(&two.app, ORIGIN, "en"), &method, &path).await;
        let copied = visit(&mut session.copied_to(ORIGIN), &method, &path).await;
        assert_eq!(told(&copied), told(&nobody), "{method} {path}");
        looked_at += 1;
        // At its own host it opens, so that what is compared is not always the same refusal.
        if path != "/console/sign-out" {
            let own = visit(&mut session.copied_to(FABRIKAM), &method, &path).await;
            own_opens += usize::from(told(&own) != told(&nobody));
        }
    }
    assert!(own_opens + 9 >= looked_at, "{own_opens} of {looked_at}");
    // A password of one is none of the other, and the session went on all the while.
    two.fabrikam.administrator("only", Role::Global, true).await;
    let mut browser = Browser::at(&two.app, ORIGIN, "en");
    let refused = browser.post("/console/sign-in", &[("name", "only"), ("password", PASSWORD)]).await;
    assert_ne!(refused.location(), "/console", "{}", refused.body);
    assert_eq!(session.copied_to(FABRIKAM).get("/console").await.status, StatusCode::OK);
}

async fn a_way_through_the_pages_is_nobodys_at_another_tenants_host(contoso: &World) {
    let two = Two::with(contoso).await;
    for world in [contoso, &two.fabrikam] {
        TestAgent::link(world).await;
    }
    let mut way = Browser::at(&two.app, FABRIKAM, "en");
    past_the_gate(&two.fabrikam, &mut way).await;
    let registering = way.post("/register/start", &[("name", "anna.rossi@contoso.test")]).await;
    assert_eq!(registering.location(), "/register/password", "{}", registering.body);
    let mut own_opens = 0;
    for (method, path) in routes_below(&A_WAY) {
        let nobody = visit(&mut Browser::at(&two.app, ORIGIN, "en"), &method, &path).await;
        let copied = visit(&mut way.copied_to(ORIGIN), &method, &path).await;
        assert_eq!(told(&copied), told(&nobody), "{method} {path}");
        // What posts would end the way.
        if method == Method::GET {
            let own = visit(&mut way.copied_to(FABRIKAM), &method, &path).await;
            own_opens += usize::from(told(&own) != told(&nobody));
        }
    }
    assert!(own_opens >= 2, "{own_opens}");
    assert_eq!(way.get("/reset/password").await.status, StatusCode::OK, "it went on all the while");
}

async fn an_agents_token_is_nobodys_at_another_tenants_host(contoso: &World) {
    let two = Two::with(contoso).await;
    let (agent, key) = two.fabrikam.enrolled("lab-agent").await;
    let token = access(&two.fabrikam, agent.id, &key).await;
    two.fabrikam.administrator("root", Role::Global, true).await;
    let (_, api_token) = two.fabrikam.token("root", every_scope()).await;
    let mut closed = 0;
    for (method, path) in routes_below(&["/agent/v1/", "/scim/v2/"]) {
        let asked = (method.as_str(), path.as_str());
        let nobody = ask(&two.app, ORIGIN, asked, None, Some("{}")).await;
        for stolen in [&token, &api_token] {
            let answer = ask(&two.app, ORIGIN, asked, Some(stolen), Some("{}")).await;
            assert_eq!((answer.0, &answer.2), (nobody.0, &nobody.2), "{method} {path}");
        }
        // What asks nobody who they are, and what goes on for as long as it is asked to.
        if nobody.0 != StatusCode::UNAUTHORIZED || path == "/agent/v1/idle" {
            continue;
        }
        closed += 1;
        let own = ask(&two.app, FABRIKAM, asked, Some(&token), Some("{}")).await;
        assert_ne!(own.0, StatusCode::UNAUTHORIZED, "{method} {path}: {}", own.2);
        if path.starts_with("/scim/v2/") {
            let own = ask(&two.app, FABRIKAM, asked, Some(&api_token), Some("{}")).await;
            assert_ne!(own.0, StatusCode::UNAUTHORIZED, "{method} {path}: {}", own.2);
        }
    }
    assert!(closed > 15, "{closed}");
}

/// An order is sealed, signed and sent within one tenant: a namesake's in another one is another person.
async fn each_reset_reaches_its_own_tenants_agent(contoso: &World) {
    let two = Two::with(contoso).await;
    let fabrikam = &two.fabrikam;
    let theirs = TestAgent::link(fabrikam).await;
    let state = |world: &World| {
        let (relay, tenant) = (world.state.relay.clone(), world.tenant.id);
        async move { relay.tenant_state(tenant).await.unwrap() }
    };
    // An agent of one is none of the other: not by being there, not by dialling, not by the other one's relay.
    assert_eq!(state(fabrikam).await, TenantState::Ready);
    assert_eq!(state(contoso).await, TenantState::NoAgent { since: None });
    let end = theirs.dials(contoso).await;
    assert!(matches!(end, LinkEnd::UnknownAgent), "{end}");
    assert!(contoso.state.relay.keys_changed(fabrikam.tenant.id).await.is_err(), "keys of another tenant");
    let ours = TestAgent::link(contoso).await;

    let mut at_contoso = Browser::at(&two.app, ORIGIN, "en");
    let page = past_the_gate(contoso, &mut at_contoso).await;
    assert_eq!(page.context().tenant, contoso.tenant.id);
    let contosos = page.seal(contoso, &page.context(), "Contosos-Passw0rd!");
    // What was sealed for one is sent on by none of the other, whoever's browser brings it.
    let mut crossing = Browser::at(&two.app, FABRIKAM, "en");
    past_the_gate(fabrikam, &mut crossing).await;
    for mut browser in [crossing, at_contoso.copied_to(FABRIKAM)] {
        let answer = browser.post_json("/reset/submit", &contosos).await;
        assert!(!answer.body.contains("\"done\""), "{}", answer.body);
    }
    for agent in [&ours, &theirs] {
        assert_eq!(agent.script.lock().unwrap().opened, Vec::<String>::new());
    }
    let done = at_contoso.post_json("/reset/submit", &contosos).await;
    assert!(done.body.contains("\"done\""), "{}", done.body);
    let mut at_fabrikam = Browser::at(&two.app, FABRIKAM, "en");
    let page = past_the_gate(fabrikam, &mut at_fabrikam).await;
    assert_eq!(page.context().tenant, fabrikam.tenant.id);
    let fabrikams = page.seal(fabrikam, &page.context(), "Fabrikams-Passw0rd!");
    let done = at_fabrikam.post_json("/reset/submit", &fabrikams).await;
    assert!(done.body.contains("\"done\""), "{}", done.body);
    assert_eq!(ours.script.lock().unwrap().opened, ["Contosos-Passw0rd!"]);
    assert_eq!(theirs.script.lock().unwrap().opened, ["Fabrikams-Passw0rd!"]);
    // The people of each hear of it by their own tenant's outbox, once.
    for world in [contoso, fabrikam] {
        let told = async {
            let mut told = Vec::new();
            while told.len() < 2 {
                told.extend(world.letters().await);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            told
        };
        let told = tokio::time::timeout(Duration::from_secs(20), told).await.expect("letters");
        assert_eq!(told.len(), 2);
        assert!(!world.facts().await.is_empty());
    }
}
