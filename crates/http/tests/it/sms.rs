//! Codes by text message, through a gateway that listens: registering a number, passing a gate, and what the gateway says.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method as HttpMethod, StatusCode, Uri};
use ritorno_http::mail::work::{LEASE, once};
use ritorno_http::sms::config::SmsConfig;
use ritorno_http::sms::gateway::{Gateway, GatewayError};
use ritorno_identity::administrator::Role;
use ritorno_identity::gates::GatePolicy;
use ritorno_identity::limit::SMS_OF_TENANT;
use ritorno_identity::mail::{Channel, Letter, Template};
use ritorno_identity::method::Method;
use ritorno_identity::name::SignInName;
use ritorno_identity::phone::Phone;
use ritorno_identity::registration::AddressChange;
use ritorno_identity::subject::Subject;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::ids::SupportCode;

use crate::agent::TestAgent;
use crate::agent_api::on_both;
use crate::both_languages::whole;
use crate::browser::Browser;
use crate::console::signed_in;
use crate::methods::register_app;
use crate::portal::{PageContext, alike};
use crate::register::{ANNA, anna, proven};
use crate::world::World;

const NUMBER: &str = "+393331234567";

on_both!(
    a_number_is_registered_and_opens_a_gate_the_whole_way,
    a_message_looks_the_same_for_every_name_and_is_limited,
    what_the_gateway_does_not_take_waits_or_is_given_up,
    nobody_gets_a_code_that_would_open_nothing,
    the_whole_tenant_has_a_limit,
);

/// One request that came in.
#[derive(Clone, Debug)]
struct Got {
    method: HttpMethod,
    uri: Uri,
    headers: HeaderMap,
    body: String,
}

#[derive(Default)]
struct Inside {
    got: Vec<Got>,
    /// What the next requests are answered; 202 after that.
    answers: Vec<StatusCode>,
}

/// A gateway on a loopback address.
struct Sink {
    inside: Arc<Mutex<Inside>>,
    address: String,
}

impl Sink {
    async fn listen() -> Self {
        async fn take(
            State(inside): State<Arc<Mutex<Inside>>>,
            method: HttpMethod,
            uri: Uri,
            headers: HeaderMap,
            body: Bytes,
        ) -> StatusCode {
            let body = String::from_utf8(body.to_vec()).unwrap();
            let mut inside = inside.lock().unwrap();
            inside.got.push(Got { method, uri, headers, body });
            if inside.answers.is_empty() { StatusCode::ACCEPTED } else { inside.answers.remove(0) }
        }
        let inside = Arc::<Mutex<Inside>>::default();
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(take).with_state(inside.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { inside, address }
    }

    fn answers(&self, answers: &[StatusCode]) {
        self.inside.lock().unwrap().answers = answers.to_vec();
    }

    /// What came in since it was asked last.
    fn got(&self) -> Vec<Got> {
        std::mem::take(&mut self.inside.lock().unwrap().got)
    }

    /// With a secret in a file of the world.
    fn gateway(&self, world: &World) -> Gateway {
        let secret = world.folder().join("sms-token");
        std::fs::write(&secret, "t0ken\n").unwrap();
        let config: SmsConfig = serde_json::from_value(serde_json::json!({
            "url": format!("{}/v1/messages", self.address),
            "headers": {
                "authorization": { "before": "Bearer ", "file": secret },
                "x-from": "Contoso",
            },
            "body": r#"{"to": "{number}", "text": "{text}"}"#,
        }))
        .unwrap();
        Gateway::new(&config).unwrap()
    }

    /// The number and the code of the only message that came in since.
    fn code(&self) -> (String, String) {
        let got = self.got();
        let [one] = got.as_slice() else { panic!("{} messages", got.len()) };
        let message: serde_json::Value = serde_json::from_str(&one.body).unwrap();
        let text = message["text"].as_str().unwrap();
        let (_, code) = text.lines().last().unwrap().split_once("@reset.contoso.test #").unwrap();
        (message["to"].as_str().unwrap().to_owned(), code.to_owned())
    }
}

/// A tenant whose people may use it.
async fn allow(world: &World, gates: u8, methods: &[Method]) {
    let gate_policy = GatePolicy::new(gates, methods.to_vec(), 1.max(gates), true).unwrap();
    let tenant = Tenant { gate_policy, ..world.tenant.clone() };
    world.state.store.tenants().update(&tenant).await.unwrap();
}

/// Gives somebody this number in the directory.
async fn in_the_directory(world: &World, name: &str, number: &str) {
    let (users, name) = (world.state.store.users(), SignInName::parse(name).unwrap());
    let user = users.by_sign_in_name(world.tenant.id, &name).await.unwrap().unwrap();
    let known = User { mobile: Some(number.to_owned()), ..user.clone() };
    users.update(&known, user.version).await.unwrap();
}

async fn a_number_is_registered_and_opens_a_gate_the_whole_way(world: &World) {
    let _agent = TestAgent::link(world).await;
    let sink = Sink::listen().await;
    let gateway = sink.gateway(world);
    let mut owner = Browser::new(&world.app, "it");
    proven(world, &mut owner).await;
    // A method that the tenant does not allow is registered by nobody.
    assert_eq!(owner.get("/register/mobile").await.location(), "/register/methods");
    allow(world, 1, &[Method::Mail, Method::Sms]).await;
    assert_eq!(owner.get("/register/mobile/code").await.location(), "/register/mobile");
    let wrong = owner.post("/register/mobile", &[("number", "333 1234567")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("prefisso del paese") && wrong.body.contains("value=\"333 1234567\""));
    let given = owner.post("/register/mobile", &[("number", "+39 333 123 45 67")]).await;
    assert_eq!(given.location(), "/register/mobile/code", "{}", given.body);
    assert!(owner.get("/register/mobile/code").await.body.contains("•••••••67"));
    assert_eq!(once(&world.state, &gateway).await.unwrap(), 1);
    let headers = sink.inside.lock().unwrap().got[0].headers.clone();
    assert_eq!(
        (&headers["authorization"], &headers["x-from"]),
        (&"Bearer t0ken".parse().unwrap(), &"Contoso".parse().unwrap())
    );
    assert_eq!(headers["content-type"], "application/json");
    let (to, code) = sink.code();
    assert_eq!(to, NUMBER);
    let wrong = if code == "00000000" { "00000001" } else { "00000000" };
    let refused = owner.post("/register/mobile/code", &[("code", wrong)]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(anna(world).await.registered_mobile, None, "not before it is proven");
    let done = owner.post("/register/mobile/code", &[("code", &code)]).await;
    assert_eq!(done.location(), "/register/methods?done=sms", "{}", done.body);
    assert_eq!(anna(world).await.registered_mobile.as_deref(), Some(NUMBER));
    let list = owner.get("/register/methods").await;
    assert!(list.body.contains("id=\"registered-number\"><bdi>•••••••67<") && !list.body.contains(NUMBER));
    let told: Vec<_> = world.letters().await.into_iter().map(|letter| letter.template).collect();
    assert_eq!(told.len(), 2);
    for template in told {
        let Template::MethodChanged { method, change, .. } = template else { panic!("{template:?}") };
        assert_eq!((method, change), (Method::Sms, AddressChange::Registered));
    }
    let facts = world.state.store.audit();
    let facts = facts.by_support_code(world.tenant.id, &SupportCode(list.support_code())).await.unwrap();
    assert_eq!(facts.last().unwrap().activity.name(), "User registered security info");
    assert!(facts.iter().all(|fact| !fact.reason.contains("333")), "a number is in the audit");
    // The same number is known now.
    let again = owner.post("/register/mobile", &[("number", NUMBER)]).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);

    // Forgotten: another way than the mail, which the page offers to everybody.
    let mut browser = Browser::new(&world.app, "en");
    browser.post("/reset/start", &[("name", ANNA)]).await;
    world.letters().await;
    assert!(browser.get("/reset/code").await.body.contains("action=\"/reset/sms/send\""));
    let sent = browser.post("/reset/sms/send", &[]).await;
    assert_eq!(sent.location(), "/reset/sms?sent=1");
    once(&world.state, &gateway).await.unwrap();
    let (to, code) = sink.code();
    assert_eq!(to, NUMBER);
    // A code that came by text message is none that comes by mail.
    let mixed = browser.post("/reset/code", &[("code", &code)]).await;
    assert_eq!(mixed.status, StatusCode::UNPROCESSABLE_ENTITY);
    let passed = browser.post("/reset/sms", &[("code", &code)]).await;
    assert_eq!(passed.location(), "/reset/password", "{}", passed.body);
    let page = PageContext::of(&browser.get("/reset/password").await);
    let done =
        browser.post_json("/reset/submit", &page.seal(world, &page.context(), "Nuova-Passw0rd!")).await;
    assert!(done.body.contains("\"done\""), "{}", done.body);

    // Removed, by its owner and by an administrator.
    world.administrator("root", Role::Global, true).await;
    let mut root = signed_in(world, "root").await;
    assert!(root.get(&format!("/console/people?name={ANNA}")).await.body.contains("•••••••67"));
    let back = root.post("/console/people/revoke", &[("name", ANNA), ("what", "sms")]).await;
    assert!(back.location().contains("helped=revoked"), "{}", back.location());
    assert_eq!(anna(world).await.registered_mobile, None);
    let users = world.state.store.users();
    assert!(
        users.set_registered_mobile(world.tenant.id, anna(world).await.id, None, Some(NUMBER)).await.unwrap()
    );
    let mut owner = Browser::new(&world.app, "it");
    proven(world, &mut owner).await;
    assert_eq!(
        owner.post("/register/mobile/remove", &[]).await.location(),
        "/register/methods?done=sms-removed"
    );
    assert_eq!(anna(world).await.registered_mobile, None);
}

async fn a_message_looks_the_same_for_every_name_and_is_limited(world: &World) {
    let _agent = TestAgent::link(world).await;
    allow(world, 1, &[Method::Sms, Method::Mail]).await;
    in_the_directory(world, ANNA, "+39 333 123 45 67").await;
    let counted = world.state.store.counted();
    let app = ritorno_http::router(ritorno_http::AppState { store: counted.clone(), ..world.state.clone() });
    let mut seen = Vec::new();
    // Anna has a number, Paolo none, and the third one is nobody.
    for name in [ANNA, "paolo.bianchi@contoso.test", "anna.verdi@contoso.test"] {
        let mut browser = Browser::new(&app, "en");
        let mut steps = Vec::new();
        for step in ["start", "show", "wrong", "send", "send", "send", "show"] {
            let before = counted.statements();
            let answer = match step {
                "start" => browser.post("/reset/start", &[("name", name)]).await,
                "show" => browser.get("/reset/sms").await,
                "send" => browser.post("/reset/sms/send", &[]).await,
                _ => browser.post("/reset/sms", &[("code", "00000000")]).await,
            };
            steps.push((answer.status, alike(&answer), counted.statements() - before));
        }
        assert_eq!(browser.get("/reset/code").await.status, StatusCode::OK, "the tenant allows it");
        seen.push(steps);
    }
    assert!(seen[0].iter().all(|(_, _, statements)| *statements > 0));
    assert_eq!([&seen[1], &seen[2]], [&seen[0]; 2]);
    // Three an hour for each name: the fourth was not queued, for nobody.
    let messages = world.letters_by(Channel::Sms).await;
    let to: Vec<_> = messages.iter().map(|letter| letter.to.as_deref()).collect();
    assert_eq!(to.len(), 9, "{to:?}");
    assert_eq!(to.iter().flatten().copied().collect::<Vec<_>>(), [NUMBER; 3]);
    assert!(world.letters().await.is_empty(), "the pages did not begin with mail");

    // 20 wrong ones a day stop this method only, and the help desk lifts it.
    let mut browser = Browser::new(&world.app, "en");
    let mut stopped = false;
    for _ in 0..6 {
        world.clock.advance(Duration::from_secs(4_200));
        browser.post("/reset/start", &[("name", ANNA)]).await;
        for _ in 0..5 {
            stopped |= browser.post("/reset/sms", &[("code", "00000000")]).await.status
                == StatusCode::TOO_MANY_REQUESTS;
        }
    }
    assert!(stopped);
    world.administrator("desk", Role::HelpDesk, true).await;
    signed_in(world, "desk").await.post("/console/people/lift", &[("name", ANNA)]).await;
    world.letters_by(Channel::Sms).await;
    browser.post("/reset/start", &[("name", ANNA)]).await;
    let messages = world.letters_by(Channel::Sms).await;
    let Template::Code { code, .. } = &messages[0].template else { panic!("no code") };
    assert_eq!(browser.post("/reset/sms", &[("code", code)]).await.location(), "/reset/password");
}

async fn what_the_gateway_does_not_take_waits_or_is_given_up(world: &World) {
    let _agent = TestAgent::link(world).await;
    let sink = Sink::listen().await;
    let gateway = sink.gateway(world);
    allow(world, 1, &[Method::Sms, Method::Mail]).await;
    in_the_directory(world, ANNA, NUMBER).await;
    let ask = async || {
        let mut browser = Browser::new(&world.app, "en");
        browser.post("/reset/start", &[("name", ANNA)]).await;
    };
    // Busy, then wrong credentials, then taken: the same message each time, after its lease.
    sink.answers(&[StatusCode::SERVICE_UNAVAILABLE, StatusCode::UNAUTHORIZED]);
    ask().await;
    for left in [0, 0, 1] {
        assert_eq!(once(&world.state, &gateway).await.unwrap(), left);
        assert_eq!(once(&world.state, &gateway).await.unwrap(), 0, "it is leased");
        world.clock.advance(LEASE);
    }
    let bodies: Vec<_> = sink.got().into_iter().map(|got| got.body).collect();
    assert_eq!(bodies.len(), 3);
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    // Whether it arrived is not known: it is tried once more, and no third time.
    sink.answers(&[StatusCode::BAD_GATEWAY, StatusCode::BAD_GATEWAY]);
    ask().await;
    for left in [0, 1, 0] {
        assert_eq!(once(&world.state, &gateway).await.unwrap(), left);
        world.clock.advance(LEASE);
    }
    assert_eq!(sink.got().len(), 2);
    // One is taken at a time.
    world.clock.advance(Duration::from_secs(4_200));
    ask().await;
    ask().await;
    for left in [1, 1, 0] {
        assert_eq!(once(&world.state, &gateway).await.unwrap(), left);
    }
    assert_eq!(sink.got().len(), 2);
    world.clock.advance(Duration::from_secs(4_200));
    // Refused for good: it is not tried again.
    sink.answers(&[StatusCode::UNPROCESSABLE_ENTITY]);
    ask().await;
    assert_eq!(once(&world.state, &gateway).await.unwrap(), 1);
    world.clock.advance(LEASE);
    assert_eq!(once(&world.state, &gateway).await.unwrap(), 0);
    assert_eq!(sink.got().len(), 1);
    // Expired: a code that holds no more is not sent.
    ask().await;
    world.clock.advance(ritorno_identity::code::VALID);
    assert_eq!(once(&world.state, &gateway).await.unwrap(), 0);
    assert!(sink.got().is_empty());
}

/// Whoever administers the tenant passes two gates, none of them by text message: they get none, and nothing shows it.
async fn nobody_gets_a_code_that_would_open_nothing(world: &World) {
    let _agent = TestAgent::link(world).await;
    allow(world, 1, &[Method::Sms, Method::Mail, Method::App]).await;
    in_the_directory(world, ANNA, NUMBER).await;
    let mut owner = Browser::new(&world.app, "en");
    proven(world, &mut owner).await;
    register_app(world, &mut owner).await;
    world.letters().await;
    let counted = world.state.store.counted();
    let app = ritorno_http::router(ritorno_http::AppState { store: counted.clone(), ..world.state.clone() });
    let ask = async || {
        let mut browser = Browser::new(&app, "en");
        let before = counted.statements();
        let started = browser.post("/reset/start", &[("name", ANNA)]).await;
        let sent = browser.post("/reset/sms/send", &[]).await;
        (alike(&started), alike(&sent), counted.statements() - before)
    };
    let as_anybody = ask().await;
    let to = |letters: Vec<Letter>| letters.into_iter().map(|letter| letter.to).collect::<Vec<_>>();
    assert_eq!(to(world.letters_by(Channel::Sms).await), [Some(NUMBER.to_owned()), Some(NUMBER.to_owned())]);
    world.administrator(ANNA, Role::HelpDesk, false).await;
    world.clock.advance(Duration::from_secs(4_200));
    assert_eq!(ask().await, as_anybody);
    assert_eq!(to(world.letters_by(Channel::Sms).await), [None, None]);
}

async fn the_whole_tenant_has_a_limit(world: &World) {
    let _agent = TestAgent::link(world).await;
    allow(world, 1, &[Method::Sms, Method::Mail]).await;
    in_the_directory(world, ANNA, NUMBER).await;
    let everybody = Subject::of_tenant(&world.state.pepper, world.tenant.id);
    let (limits, now) = (world.state.store.limits(), world.clock.now());
    for _ in 1..SMS_OF_TENANT.most {
        assert!(limits.count(world.tenant.id, &SMS_OF_TENANT, &everybody, now).await.unwrap());
    }
    // The last one is a stranger's, for each counts.
    for name in ["anna.verdi@contoso.test", ANNA] {
        let mut browser = Browser::new(&world.app, "en");
        let started = browser.post("/reset/start", &[("name", name)]).await;
        assert_eq!(started.location(), "/reset/sms");
    }
    let sent = world.letters_by(Channel::Sms).await;
    assert!(sent.len() == 2 && sent.iter().all(|letter| letter.to.is_none()), "queued, and dropped");
    world.clock.advance(SMS_OF_TENANT.forgotten_after());
    Browser::new(&world.app, "en").post("/reset/start", &[("name", ANNA)]).await;
    assert_eq!(world.letters_by(Channel::Sms).await[0].to.as_deref(), Some(NUMBER));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_is_what_the_configuration_says() {
    let sink = Sink::listen().await;
    let number = Phone::parse(NUMBER).unwrap();
    let text = "Contoso: \"12345678\" è il codice & basta = 100%\n@x.test #12345678";
    let made = |json: serde_json::Value| Gateway::new(&serde_json::from_value(json).unwrap()).unwrap();
    let form = made(serde_json::json!({
        "url": format!("{}/send", sink.address), "method": "PUT", "body_is": "form", "body": "to={number}&text={text}",
    }));
    form.send(&number, text).await.unwrap();
    let get = made(serde_json::json!({
        "url": format!("{}/send?to={{number}}&text={{text}}", sink.address), "method": "GET",
    }));
    get.send(&number, text).await.unwrap();
    let got = sink.got();
    assert_eq!((&got[0].method, &got[1].method), (&HttpMethod::PUT, &HttpMethod::GET));
    assert_eq!(got[0].headers["content-type"], "application/x-www-form-urlencoded");
    for encoded in [got[0].body.as_str(), got[1].uri.query().unwrap()] {
        let read: Vec<(String, String)> =
            url::form_urlencoded::parse(encoded.as_bytes()).into_owned().collect();
        assert_eq!(read, [("to".to_owned(), NUMBER.to_owned()), ("text".to_owned(), text.to_owned())]);
    }
    assert!(got[1].uri.query().unwrap().contains("%20") && !got[1].uri.query().unwrap().contains('+'));
    // A gateway that wants money can take it later.
    sink.answers(&[StatusCode::PAYMENT_REQUIRED]);
    let error = get.send(&number, text).await.unwrap_err();
    assert!(!error.is_final() && !error.is_unknown(), "{error}");
    // A redirect is not followed, and no error names a number or a code.
    sink.answers(&[StatusCode::TEMPORARY_REDIRECT]);
    let error = get.send(&number, text).await.unwrap_err();
    assert!(matches!(error, GatewayError::Later(StatusCode::TEMPORARY_REDIRECT)) && !error.is_final());
    let nobody =
        made(serde_json::json!({ "url": "http://127.0.0.1:9/?to={number}&text={text}", "method": "GET" }));
    let error = nobody.send(&number, text).await.unwrap_err().to_string();
    assert!(
        error.contains("not reached") && !error.contains("333") && !error.contains("12345678"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_gateway_nobody_can_allow_it() {
    use ritorno_http::state::Settings;
    let world = World::new().await;
    world.administrator("root", Role::Global, true).await;
    let settings = Arc::new(Settings { sms: false, ..(*world.state.settings).clone() });
    let app = ritorno_http::router(ritorno_http::AppState { settings, ..world.state.clone() });
    let form =
        [("gates", "1"), ("first", "mail"), ("method", "mail"), ("method", "sms"), ("to_register", "1")];
    let mut without = Browser::new(&app, "en");
    without.post("/console/sign-in", &[("name", "root"), ("password", crate::world::PASSWORD)]).await;
    let refused = without.post("/console/sspr/gates", &form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("no gateway for text messages"), "{}", refused.body);
    let taken = signed_in(&world, "root").await.post("/console/sspr/gates", &form).await;
    assert_eq!(taken.location(), "/console/sspr", "{}", taken.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn its_pages_are_in_both_languages() {
    use ritorno_identity::language::Language;
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    allow(&world, 1, &[Method::Sms, Method::Mail]).await;
    for language in Language::ALL {
        let mut browser = Browser::new(&world.app, language.tag());
        browser.post("/reset/start", &[("name", ANNA)]).await;
        let page = browser.get("/reset/sms").await;
        whole(
            &page,
            language,
            ["Enter the code from your telephone", "Scrivi il codice arrivato sul telefono"],
        );
        proven(&world, &mut browser).await;
        whole(&browser.get("/register/mobile").await, language, ["Your own number", "Il tuo numero"]);
        whole(&browser.get("/register/methods").await, language, ["Codes by text message", "Codici per SMS"]);
        browser.post("/register/mobile", &[("number", NUMBER)]).await;
        let page = browser.get("/register/mobile/code").await;
        whole(&page, language, ["Register this number", "Registra questo numero"]);
    }
}
