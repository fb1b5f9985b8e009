//! Enrolment, access tokens and onboarding, as the agent calls them, on both databases.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use ritorno_http::agent_api::enrolment_token;
use ritorno_http::releases::Releases;
use ritorno_identity::administrator::Role;
use ritorno_identity::audit::Activity;
use ritorno_identity::device_code::UserCode;
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::certificate::check_agent_identity;
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::enrolment::{
    AccessAssertion, AccessToken, EnrolmentProof, EnrolmentRequest, EnrolmentResponse, EnrolmentToken,
    IdentityOrder, IdentityProof, IdentityRoll, OnboardingCode, OnboardingState,
};
use ritorno_protocol::ids::{AgentId, Forest};
use ritorno_protocol::key::SigningKey;
use ritorno_protocol::random::array;
use ritorno_protocol::release::{Release, SUFFIX};
use ritorno_protocol::signed::Signed;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::world::{ORIGIN, World};

/// Runs each test on both databases.
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {$(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(&crate::world::World::new().await).await;
            }
        )+}
        mod postgres {$(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(&crate::world::World::postgres().await).await;
            }
        )+}
    };
}
pub(crate) use on_both;

on_both!(
    a_token_enrols_one_agent_once,
    an_old_or_wrong_token_enrols_nobody,
    a_proof_is_for_its_key_and_secret_only,
    an_assertion_gives_a_token_once,
    an_assertion_of_somebody_else_gives_none,
    a_device_code_switches_the_agent_on_once,
    a_new_identity_key_is_certified_for_who_has_both,
    a_released_package_is_offered_to_agents,
);

/// A JSON answer.
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) kind: String,
    pub(crate) etag: Option<String>,
    /// Which codings of a body are taken.
    pub(crate) takes: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// Calls the interface with a JSON body, a bearer token and further headers.
pub(crate) async fn call(
    world: &World,
    method: Method,
    path: &str,
    token: Option<&str>,
    headers: &[(&str, &str)],
    body: Option<Value>,
) -> Answered {
    call_with_text(world, method, path, token, headers, body.map(|body| body.to_string())).await
}

/// As [`call`], with a body that need not be JSON as others write it.
pub(crate) async fn call_with_text(
    world: &World,
    method: Method,
    path: &str,
    token: Option<&str>,
    headers: &[(&str, &str)],
    body: Option<String>,
) -> Answered {
    call_with_body(world, method, path, token, headers, body.map_or_else(Body::empty, Body::from)).await
}

/// As [`call`], with any body.
pub(crate) async fn call_with_body(
    world: &World,
    method: Method,
    path: &str,
    token: Option<&str>,
    headers: &[(&str, &str)],
    body: Body,
) -> Answered {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = world.app.clone().oneshot(request.body(body).unwrap()).await.unwrap();
    let text = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (kind, etag) = (text(header::CONTENT_TYPE).unwrap_or_default(), text(header::ETAG));
    let takes = text(header::ACCEPT_ENCODING);
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    Answered { status, kind, etag, takes, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() }
}

async fn token(world: &World) -> EnrolmentToken {
    let (now, random) = (world.clock.now(), &*world.state.random);
    let (store, root) = (&world.state.store, world.state.keys.root());
    enrolment_token::make(store, world.tenant.id, root, ORIGIN, None, now, random).await.unwrap()
}

fn request(token: &EnrolmentToken, identity: &SigningKey) -> Value {
    let proof = EnrolmentProof {
        secret_digest: Bytes(token.secret_digest().to_vec()),
        name: "dc-host".into(),
        version: "0.1.0".into(),
        forests: vec![Forest("contoso.test".into())],
    };
    let proof = Signed::sign(&proof, identity);
    let request = EnrolmentRequest { secret: token.secret.clone(), proof, identity: identity.public() };
    serde_json::to_value(request).unwrap()
}

async fn enrol(world: &World, body: Value) -> Answered {
    call(world, Method::POST, "/agent/v1/enrol", None, &[], Some(body)).await
}

fn refused(answer: &Answered, status: StatusCode, kind: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.kind, "application/problem+json");
    assert_eq!(answer.body["type"], format!("urn:ritorno:problem:{kind}"));
    assert_eq!(answer.body["status"], status.as_u16());
}

async fn a_token_enrols_one_agent_once(world: &World) {
    let token = token(world).await;
    let identity = SigningKey::generate(&*world.state.random);
    let answer = enrol(world, request(&token, &identity)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let enrolled: EnrolmentResponse = serde_json::from_value(answer.body).unwrap();
    assert!(token.pins(&enrolled.root));
    let now = world.clock.now();
    let (agent, certificate) =
        check_agent_identity(&enrolled.identity, &enrolled.root, enrolled.tenant, now).unwrap();
    assert_eq!((agent, certificate.key), (enrolled.agent, identity.public()));
    let row = world.state.store.agents().get(world.tenant.id, agent).await.unwrap().unwrap();
    assert!(!row.writeback_on, "writeback is off until an administrator confirms it");

    let other = SigningKey::generate(&*world.state.random);
    refused(&enrol(world, request(&token, &other)).await, StatusCode::FORBIDDEN, "enrolment-token");
    let second = self::token(world).await;
    refused(&enrol(world, request(&second, &identity)).await, StatusCode::CONFLICT, "enrolment-key");
    assert_eq!(world.state.store.agents().list(world.tenant.id).await.unwrap().len(), 1);
}

async fn an_old_or_wrong_token_enrols_nobody(world: &World) {
    let identity = SigningKey::generate(&*world.state.random);
    let old = token(world).await;
    world.clock.advance(Duration::from_secs(15 * 60));
    let wrong = EnrolmentToken::new(ORIGIN.into(), [9; 32], world.state.keys.root());
    for token in [old, wrong] {
        refused(&enrol(world, request(&token, &identity)).await, StatusCode::FORBIDDEN, "enrolment-token");
    }
    assert!(world.state.store.agents().list(world.tenant.id).await.unwrap().is_empty());
}

async fn a_proof_is_for_its_key_and_secret_only(world: &World) {
    let token = token(world).await;
    let (identity, other) =
        (SigningKey::generate(&*world.state.random), SigningKey::generate(&*world.state.random));
    let mut stolen = request(&token, &identity);
    stolen["identity"] = serde_json::to_value(other.public()).unwrap();
    refused(&enrol(world, stolen).await, StatusCode::BAD_REQUEST, "enrolment-proof");
    let mut elsewhere =
        request(&EnrolmentToken::new(ORIGIN.into(), [9; 32], world.state.keys.root()), &identity);
    elsewhere["secret"] = serde_json::to_value(&token.secret).unwrap();
    refused(&enrol(world, elsewhere).await, StatusCode::BAD_REQUEST, "enrolment-proof");
    refused(&enrol(world, Value::Null).await, StatusCode::BAD_REQUEST, "malformed");
    // None of that used the token up.
    assert_eq!(enrol(world, request(&token, &identity)).await.status, StatusCode::OK);
}

/// An assertion of that agent, changed like this.
fn assertion(
    world: &World,
    agent: AgentId,
    key: &SigningKey,
    change: impl FnOnce(&mut AccessAssertion),
) -> Value {
    let mut assertion = AccessAssertion {
        agent,
        audience: world.state.settings.public_address().to_owned(),
        nonce: Bytes(array::<16>(&*world.state.random).to_vec()),
        issued_at: world.clock.now(),
    };
    change(&mut assertion);
    serde_json::to_value(Signed::sign(&assertion, key)).unwrap()
}

async fn ask_for_token(world: &World, body: Value) -> Answered {
    call(world, Method::POST, "/agent/v1/token", None, &[], Some(body)).await
}

/// An access token of that agent.
pub(crate) async fn access(world: &World, agent: AgentId, key: &SigningKey) -> String {
    let answer = ask_for_token(world, assertion(world, agent, key, |_| {})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    serde_json::from_value::<AccessToken>(answer.body).unwrap().token
}

async fn an_assertion_gives_a_token_once(world: &World) {
    let (agent, key) = world.enrolled("one").await;
    let body = assertion(world, agent.id, &key, |_| {});
    let answer = ask_for_token(world, body.clone()).await;
    let given: AccessToken = serde_json::from_value(answer.body).unwrap();
    refused(&ask_for_token(world, body).await, StatusCode::UNAUTHORIZED, "assertion-used");

    let begin = |token: &str| {
        let token = token.to_owned();
        async move { call(world, Method::POST, "/agent/v1/onboarding", Some(&token), &[], None).await }
    };
    assert_eq!(begin(&given.token).await.status, StatusCode::OK);
    refused(&begin("AAAA").await, StatusCode::UNAUTHORIZED, "access-token");
    world.clock.advance(given.expires_at.since(world.clock.now()));
    refused(&begin(&given.token).await, StatusCode::UNAUTHORIZED, "access-token");

    let fresh = access(world, agent.id, &key).await;
    assert!(world.state.store.agents().revoke(world.tenant.id, agent.id, world.clock.now()).await.unwrap());
    refused(&begin(&fresh).await, StatusCode::UNAUTHORIZED, "access-token");
    let answer = ask_for_token(world, assertion(world, agent.id, &key, |_| {})).await;
    refused(&answer, StatusCode::UNAUTHORIZED, "assertion-agent");
}

async fn an_assertion_of_somebody_else_gives_none(world: &World) {
    let (agent, key) = world.enrolled("one").await;
    let (other, other_key) = world.enrolled("two").await;
    let stranger = SigningKey::generate(&*world.state.random);
    let minutes = Duration::from_secs(121);
    for (body, kind) in [
        (assertion(world, agent.id, &stranger, |_| {}), "assertion-agent"),
        (assertion(world, agent.id, &other_key, |_| {}), "assertion-agent"),
        (assertion(world, other.id, &key, |_| {}), "assertion-agent"),
        (assertion(world, agent.id, &key, |a| a.audience = "https://evil.test".into()), "assertion-audience"),
        (assertion(world, agent.id, &key, |a| a.issued_at = a.issued_at.minus(minutes)), "assertion-clock"),
        (assertion(world, agent.id, &key, |a| a.issued_at = a.issued_at.plus(minutes)), "assertion-clock"),
        (assertion(world, agent.id, &key, |a| a.nonce = Bytes(vec![1; 15])), "assertion-used"),
    ] {
        refused(&ask_for_token(world, body).await, StatusCode::UNAUTHORIZED, kind);
    }
}

async fn a_device_code_switches_the_agent_on_once(world: &World) {
    world.administrator("chiara", Role::Global, true).await;
    let (agent, key) = world.enrolled("one").await;
    let (_, other_key) = world.enrolled("two").await;
    let other = world.state.store.agents().list(world.tenant.id).await.unwrap();
    let other = other.iter().find(|other| other.id != agent.id).unwrap().id;
    let agents = world.state.store.agents();
    agents.set_writeback(world.tenant.id, agent.id, false).await.unwrap();
    let on = || async { agents.get(world.tenant.id, agent.id).await.unwrap().unwrap().writeback_on };
    let token = access(world, agent.id, &key).await;
    let begun = call(world, Method::POST, "/agent/v1/onboarding", Some(&token), &[], None).await;
    let code: OnboardingCode = serde_json::from_value(begun.body).unwrap();
    assert_eq!(code.confirm_at, format!("{ORIGIN}/console/onboarding"));
    let path = format!("/agent/v1/onboarding/{}", code.code);
    let state = || async {
        let answer = call(world, Method::GET, &path, Some(&token), &[], None).await;
        serde_json::from_value::<OnboardingState>(answer.body).unwrap()
    };
    assert_eq!(state().await, OnboardingState::Pending);
    assert!(!on().await);

    let digest = UserCode::parse(&code.code).unwrap().digest(&world.state.pepper, world.tenant.id);
    let chiara =
        world.state.store.administrators().by_name(world.tenant.id, "chiara").await.unwrap().unwrap();
    let codes = world.state.store.device_codes();
    let confirmed = codes.confirm(world.tenant.id, &digest, chiara.id, world.clock.now()).await.unwrap();
    assert_eq!(confirmed, Some(agent.id));
    // Another agent learns nothing of it.
    let other_token = access(world, other, &other_key).await;
    let answer = call(world, Method::GET, &path, Some(&other_token), &[], None).await;
    assert_eq!(answer.body["state"], "expired");

    let by_chiara = OnboardingState::Confirmed { administrator: "chiara".into() };
    assert_eq!(state().await, by_chiara);
    assert!(on().await);
    // A later look at the same code does not switch it on again.
    agents.set_writeback(world.tenant.id, agent.id, false).await.unwrap();
    assert_eq!(state().await, by_chiara);
    assert!(!on().await);
}

async fn a_released_package_is_offered_to_agents(world: &World) {
    let (agent, key) = world.enrolled("updates").await;
    let access = access(world, agent.id, &key).await;
    let ask = async |token: Option<&str>, path: &str| {
        call(world, Method::GET, &format!("{path}?architecture=amd64"), token, &[], None).await
    };
    let (show, package) = ("/agent/v1/release", "/agent/v1/release/package");
    for path in [show, package] {
        refused(&ask(Some(&access), path).await, StatusCode::NOT_FOUND, "release");
    }
    let releaser = SigningKey::generate(&*world.state.random);
    let content = "\"not much of a package\"";
    let release = Release {
        package: "ritorno-agent".into(),
        version: "7.0.0".parse().unwrap(),
        architecture: "amd64".into(),
        size: content.len() as u64,
        sha256: Bytes(vec![0; 32]),
    };
    let Releases { folder, key: public } = &world.state.settings.releases;
    let text = serde_json::to_value(releaser.public()).unwrap();
    std::fs::write(public, text.as_str().unwrap()).unwrap();
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(release.file_name()), content).unwrap();
    let signed = serde_json::to_vec(&Signed::sign(&release, &releaser)).unwrap();
    std::fs::write(folder.join(release.file_name() + SUFFIX), signed).unwrap();
    for path in [show, package] {
        refused(&ask(None, path).await, StatusCode::UNAUTHORIZED, "access-token");
    }
    let shown: Signed<Release> = serde_json::from_value(ask(Some(&access), show).await.body).unwrap();
    assert_eq!(shown.verify(&releaser.public()).unwrap(), release);
    assert_eq!(ask(Some(&access), package).await.body, "not much of a package");
    let other = format!("{show}?architecture=m68k");
    refused(
        &call(world, Method::GET, &other, Some(&access), &[], None).await,
        StatusCode::NOT_FOUND,
        "release",
    );
}

async fn a_new_identity_key_is_certified_for_who_has_both(world: &World) {
    let (agent, key) = world.enrolled("rolls").await;
    let (other, other_key) = world.enrolled("another").await;
    let access = access(world, agent.id, &key).await;
    let next = SigningKey::generate(&*world.state.random);
    let ordered = |agent, signer: &SigningKey, by: &SigningKey, named: &SigningKey, identity: &SigningKey| {
        let tenant = world.tenant.id;
        let proof = Signed::sign(&IdentityProof { tenant, agent }, signer);
        let order = Signed::sign(&IdentityOrder { tenant, agent, next: named.public().id() }, by);
        serde_json::to_value(IdentityRoll { proof, order, identity: identity.public() }).unwrap()
    };
    let body = |agent, signer, identity| ordered(agent, signer, &key, identity, identity);
    let ask = |token: Option<String>, body| async move {
        call(world, Method::POST, "/agent/v1/identity", token.as_deref(), &[], Some(body)).await
    };
    let wrong = [body(agent.id, &key, &next), body(other.id, &next, &next)];
    for body in wrong {
        refused(&ask(Some(access.clone()), body).await, StatusCode::BAD_REQUEST, "identity-proof");
    }
    // Whoever has read the access token on the way has no key in use: another agent's is none either.
    for (by, named) in [(&next, &next), (&other_key, &next), (&key, &other_key)] {
        let stolen = ordered(agent.id, &next, by, named, &next);
        refused(&ask(Some(access.clone()), stolen).await, StatusCode::BAD_REQUEST, "identity-order");
    }
    let taken = body(agent.id, &other_key, &other_key);
    refused(&ask(Some(access.clone()), taken).await, StatusCode::CONFLICT, "identity-key");
    let good = body(agent.id, &next, &next);
    refused(&ask(None, good.clone()).await, StatusCode::UNAUTHORIZED, "access-token");
    let answer = ask(Some(access.clone()), good.clone()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let certificate = serde_json::from_value(answer.body.clone()).unwrap();
    let (root, now) = (world.state.keys.root(), world.clock.now());
    let (named, content) = check_agent_identity(&certificate, root, world.tenant.id, now).unwrap();
    assert_eq!((named, content.key, content.sequence), (agent.id, next.public(), 2));
    // Asked again, since the answer was lost: the same certificate.
    assert_eq!(ask(Some(access), good).await.body, answer.body);
    // The old key goes on holding until the new one is shown, and the new one gets tokens already.
    self::access(world, agent.id, &key).await;
    self::access(world, agent.id, &next).await;
    let row = world.state.store.agents().get(world.tenant.id, agent.id).await.unwrap().unwrap();
    assert_eq!(row.identity_key, key.public());
    let facts = world.facts().await;
    let rolled = facts.iter().filter(|fact| fact.activity == Activity::AgentKeysRolled).count();
    assert_eq!(rolled, 1, "one key, one fact: {facts:?}");
}
