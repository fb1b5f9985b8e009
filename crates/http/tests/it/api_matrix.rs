//! Every operation of the API's document, with every role and every kind of token; `api_sessions` has the same over sessions. The operations are
//! those of the document: one without an expectation here fails, and an expectation without an operation does.

use std::collections::{BTreeMap, BTreeSet};

use ritorno_identity::administrator::{Action, Role, Scope};
use ritorno_identity::audit::Actor;
use ritorno_identity::licence::Sku;
use ritorno_identity::name::SignInName;
use ritorno_protocol::clock::Clock as _;
use serde_json::Value;

use crate::api_world::{Call, Told, VALID, call, every_scope};
use crate::world::World;

pub(crate) const GLOBAL: &[Role] = &[Role::Global];
pub(crate) const HYBRID: &[Role] = &[Role::Global, Role::HybridIdentity];
const READERS: &[Role] = &[Role::Global, Role::HybridIdentity, Role::ReportsReader];
const ALL: &[Role] = &Role::ALL;
const PEOPLE: &[Role] = &[Role::Global, Role::HybridIdentity, Role::Authentication, Role::HelpDesk];
const DESK: &[Role] = &[Role::Global, Role::Authentication, Role::HelpDesk];
const METHODS: &[Role] = &[Role::Global, Role::Authentication];

/// What is expected of an operation.
pub(crate) struct Expected {
    pub(crate) operation: &'static str,
    pub(crate) body: Option<&'static str>,
    /// Values of the path that are others than usual.
    pub(crate) with: &'static [(&'static str, &'static str)],
    pub(crate) by: By,
}

pub(crate) enum By {
    /// Whoever asks, with a token or without.
    Anybody,
    /// Every token of the tenant.
    AnyToken,
    /// These roles, if the token has the scope; and with what status it ends then.
    Roles(&'static [Role], &'static str, &'static [u16]),
    /// Every token, and every administrator in person.
    Everybody,
    /// These roles in person, with what status it ends then; and no token.
    InPerson(&'static [Role], &'static [u16]),
}

const fn row(operation: &'static str, by: By) -> Expected {
    Expected { operation, body: None, with: &[], by }
}

const fn sent(operation: &'static str, body: &'static str, by: By) -> Expected {
    Expected { operation, body: Some(body), with: &[], by }
}

/// The table.
pub(crate) fn table() -> Vec<Expected> {
    use By::{AnyToken, Anybody, Everybody, InPerson, Roles};
    const WRITEBACK: &[(&str, &str)] = &[("switch", "writeback")];
    let writeback =
        |on, by| Expected { operation: "PUT /api/v1/switches/{switch}", body: Some(on), with: WRITEBACK, by };
    vec![
        row("GET /api/v1/openapi.json", Anybody),
        row("GET /api/v1/token", AnyToken),
        row("GET /api/v1/me", Everybody),
        row("GET /api/v1/overview", Roles(READERS, "tenant.read", &[200])),
        row("GET /api/v1/directories", Roles(READERS, "tenant.read", &[200])),
        // No agent is linked.
        row("GET /api/v1/people/{person}/directory", Roles(PEOPLE, "people.read", &[503])),
        row("GET /api/v1/statistics", Roles(READERS, "tenant.read", &[200])),
        row("GET /api/v1/look", Roles(READERS, "tenant.read", &[200])),
        sent(
            "PUT /api/v1/look",
            r#"{"name":"Contoso","accent":null,"accent_dark":null,"helpdesk_url":null}"#,
            Roles(GLOBAL, "tenant.write", &[200]),
        ),
        // What is sent is no picture, and there is none to take off.
        row("PUT /api/v1/look/logos/{logo}", Roles(GLOBAL, "tenant.write", &[422])),
        row("DELETE /api/v1/look/logos/{logo}", Roles(GLOBAL, "tenant.write", &[404])),
        row("GET /api/v1/switches", Roles(READERS, "tenant.read", &[200])),
        row("GET /api/v1/switches/{switch}", Roles(READERS, "tenant.read", &[200])),
        sent("PUT /api/v1/switches/{switch}", r#"{"on":false}"#, Roles(GLOBAL, "tenant.write", &[200])),
        writeback(r#"{"on":false}"#, Roles(HYBRID, "writeback.disable", &[200])),
        writeback(r#"{"on":true}"#, InPerson(HYBRID, &[200])),
        row("GET /api/v1/agents", Roles(READERS, "tenant.read", &[200])),
        row("GET /api/v1/agents/{agent}", Roles(READERS, "tenant.read", &[200])),
        row("GET /api/v1/agents/{agent}/writeback", Roles(READERS, "tenant.read", &[200])),
        sent(
            "PUT /api/v1/agents/{agent}/writeback",
            r#"{"on":false}"#,
            Roles(HYBRID, "writeback.disable", &[200]),
        ),
        sent("PUT /api/v1/agents/{agent}/writeback", r#"{"on":true}"#, InPerson(HYBRID, &[200])),
        sent("PUT /api/v1/agents/{agent}/name", r#"{"name":"Verona 1"}"#, InPerson(HYBRID, &[204])),
        sent(
            "POST /api/v1/agents/{agent}/forests",
            r#"{"forest":"fabrikam.test"}"#,
            InPerson(HYBRID, &[204, 404]),
        ),
        row("DELETE /api/v1/agents/{agent}", InPerson(HYBRID, &[204])),
        row("POST /api/v1/enrolment-tokens", InPerson(HYBRID, &[201])),
        sent("POST /api/v1/onboarding/confirmations", r#"{"code":"BCDF-GHJK"}"#, InPerson(HYBRID, &[422])),
        row("GET /api/v1/agents/{agent}/removals", Roles(GLOBAL, "removals.read", &[200])),
        sent(
            "POST /api/v1/agents/{agent}/removals/approvals",
            r#"{"digest":"another"}"#,
            InPerson(GLOBAL, &[409]),
        ),
        row("GET /api/v1/agents/{agent}/held-exports", Roles(GLOBAL, "removals.read", &[200])),
        sent(
            "POST /api/v1/agents/{agent}/held-exports/approvals",
            r#"{"digest":"another","since":"2026-01-01T00:00:00Z"}"#,
            InPerson(GLOBAL, &[409]),
        ),
        row("GET /api/v1/deletion-guard", Roles(READERS, "tenant.read", &[200])),
        sent(
            "PUT /api/v1/deletion-guard",
            r#"{"removals":500,"percent":10,"memberships":5000}"#,
            Roles(GLOBAL, "tenant.write", &[200]),
        ),
        sent(
            "PUT /api/v1/deletion-guard",
            r#"{"removals":501,"percent":null,"memberships":5000}"#,
            InPerson(GLOBAL, &[200]),
        ),
        row("GET /api/v1/sspr-policy", Roles(READERS, "tenant.read", &[200])),
        sent(
            "PUT /api/v1/sspr-policy",
            r#"{"only_groups":null,"proofs":{"gates":1,"methods":["mail","app"],"to_register":1,"must_differ":true},
            "questions":{"to_register":5,"to_ask":3,"own":[]},"reconfirm_days":180,"expiry_mail_days":[]}"#,
            Roles(GLOBAL, "tenant.write", &[200]),
        ),
        row("GET /api/v1/sspr-policy/methods", Roles(READERS, "tenant.read", &[200])),
        row("GET /api/v1/sspr-policy/groups", Roles(READERS, "tenant.read", &[200])),
        sent(
            "PUT /api/v1/sspr-policy/groups/{group}",
            r#"{"proofs":{"gates":1,"methods":["mail"],"to_register":1,"must_differ":true},"reconfirm_days":30}"#,
            Roles(GLOBAL, "tenant.write", &[200]),
        ),
        row("GET /api/v1/sspr-policy/groups/{group}", Roles(READERS, "tenant.read", &[200, 404])),
        row("DELETE /api/v1/sspr-policy/groups/{group}", Roles(GLOBAL, "tenant.write", &[204, 404])),
        row("GET /api/v1/people", Roles(PEOPLE, "people.read", &[200])),
        row("GET /api/v1/people/{person}", Roles(PEOPLE, "people.read", &[200])),
        row("POST /api/v1/people/{person}/lift", Roles(DESK, "people.lift", &[204])),
        // Anna has no app: who may is told that there is nothing to take back.
        row("DELETE /api/v1/people/{person}/methods/{method}", Roles(METHODS, "people.revoke", &[404])),
        row("GET /api/v1/people/{person}/help-desk/case", Roles(DESK, "people.help", &[200, 404])),
        // The fourth code of the hour is one too many for Anna.
        sent(
            "POST /api/v1/people/{person}/help-desk/codes",
            r#"{"reason":"lost"}"#,
            Roles(DESK, "people.help", &[201, 429]),
        ),
        // A code reaches Anna.
        sent(
            "POST /api/v1/people/{person}/help-desk/approvals",
            r#"{"reason":"lost"}"#,
            Roles(DESK, "people.help", &[422]),
        ),
        sent(
            "POST /api/v1/people/{person}/help-desk/cases/{case}/check",
            r#"{"code":"BCDF-GHJK"}"#,
            Roles(DESK, "people.help", &[409]),
        ),
        row("POST /api/v1/people/{person}/help-desk/cases/{case}/approval", InPerson(DESK, &[409])),
        // It is asked without a case.
        row("GET /api/v1/people/{person}/password", InPerson(DESK, &[400])),
        sent("POST /api/v1/people/{person}/password/sealed", "{}", InPerson(DESK, &[422])),
        sent("POST /api/v1/people/{person}/password/kept", "{}", InPerson(DESK, &[422])),
        row("POST /api/v1/people/{person}/help-desk/cases/{case}/pass", Roles(DESK, "people.help", &[409])),
        row("GET /api/v1/licences", Roles(GLOBAL, "licences.read", &[200])),
        sent(
            "PUT /api/v1/licences",
            r#"{"required":true,"usage_location":"IT"}"#,
            Roles(GLOBAL, "tenant.write", &[200]),
        ),
        row("GET /api/v1/licences/refused", Roles(GLOBAL, "licences.read", &[200])),
        row("GET /api/v1/licences/products", Roles(GLOBAL, "licences.read", &[200])),
        row("GET /api/v1/licences/products/{product}", Roles(GLOBAL, "licences.read", &[200])),
        sent(
            "PUT /api/v1/licences/products/{product}",
            r#"{"units":7}"#,
            Roles(GLOBAL, "tenant.write", &[200]),
        ),
        row("GET /api/v1/licences/assignments", Roles(GLOBAL, "licences.read", &[200])),
        sent(
            "POST /api/v1/licences/assignments",
            r#"{"product":"AAD_PREMIUM_P2","person":"anna.rossi@contoso.test","usage_location":"IT"}"#,
            Roles(GLOBAL, "tenant.write", &[201]),
        ),
        row(
            "DELETE /api/v1/licences/assignments/{product}/{kind}/{holder}",
            Roles(GLOBAL, "tenant.write", &[204, 404]),
        ),
        row("GET /api/v1/audit", Roles(ALL, "audit.read", &[200])),
        row("GET /api/v1/audit/tail", Roles(ALL, "audit.read", &[200])),
        // Nothing is under the code.
        row("GET /api/v1/support-codes/{code}", Roles(ALL, "timeline.read", &[404])),
        row("GET /api/v1/people/{person}/timeline", Roles(PEOPLE, "timeline.read", &[200])),
        row("GET /api/v1/audit/export", Roles(ALL, "audit.read", &[200])),
        row("GET /api/v1/sync", Roles(READERS, "tenant.read", &[200])),
        row("GET /api/v1/doctor", Roles(READERS, "tenant.read", &[200])),
    ]
}

/// Every operation of the document.
pub(crate) fn operations() -> BTreeMap<String, Value> {
    let paths = ritorno_http::api::document()["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| {
        let item = item.as_object().unwrap().clone();
        let path = path.clone();
        item.into_iter().map(move |(method, told)| (format!("{} {path}", method.to_uppercase()), told))
    };
    paths.iter().flat_map(of).collect()
}

/// The installation, and what stands in the paths.
pub(crate) struct Matrix {
    pub(crate) world: World,
    pub(crate) values: BTreeMap<&'static str, String>,
    document: BTreeMap<String, Value>,
}

impl Matrix {
    pub(crate) async fn of(world: World) -> Self {
        for role in Role::ALL {
            world.administrator(role.as_str(), role, true).await;
        }
        let agent = world.enrolled("lab-agent").await.0.id.to_string();
        let name = SignInName::parse("anna.rossi@contoso.test").unwrap();
        let anna = world.state.store.users().by_sign_in_name(world.tenant.id, &name).await;
        let anna = anna.unwrap().unwrap().id.to_string();
        let board = crate::sspr_policy::group(&world, "board", &[]).await;
        let product = Sku::find("AAD_PREMIUM_P2").unwrap();
        world.state.store.licences().subscribe(world.tenant.id, product, 5).await.unwrap();
        let values = BTreeMap::from([
            ("agent", agent),
            ("person", anna.clone()),
            ("group", board.id.to_string()),
            ("logo", "light".to_owned()),
            ("code", "ABCDE-01234".to_owned()),
            ("holder", anna),
            ("case", uuid::Uuid::nil().to_string()),
            ("switch", "sspr".to_owned()),
            ("method", "app".to_owned()),
            ("product", product.name.to_owned()),
            ("kind", "person".to_owned()),
        ]);
        Self { world, values, document: operations() }
    }

    /// Asks for one, and looks whether what it was answered is in the document.
    async fn ask(&self, expected: &Expected, token: Option<&str>) -> Told {
        self.ask_so(expected, token, BTreeMap::new()).await
    }

    /// The same with these headers.
    pub(crate) async fn ask_so(
        &self,
        expected: &Expected,
        token: Option<&str>,
        headers: BTreeMap<&'static str, &str>,
    ) -> Told {
        let (method, path) = expected.operation.split_once(' ').unwrap();
        let mut filled = path.to_owned();
        for (name, value) in &self.values {
            let other = expected.with.iter().find(|(with, _)| with == name).map(|(_, value)| *value);
            filled = filled.replace(&format!("{{{name}}}"), other.unwrap_or(value));
        }
        assert!(!filled.contains('{'), "{filled}: a parameter has no value here");
        let asked = Call { token, body: expected.body, headers };
        let told = call(&self.world.app, method, &filled, &asked).await;
        let responses = &self.document[expected.operation]["responses"];
        assert!(
            responses.get(told.status.as_str()).is_some(),
            "{}: the document does not know {told:?}",
            expected.operation
        );
        told
    }

    /// The tokens of each role that open nothing, whatever the operation.
    async fn dead_tokens(&self) -> Vec<String> {
        let (world, now) = (&self.world, self.world.clock.now());
        let mut dead =
            vec!["rit_".to_owned() + &"A".repeat(43), "rit_x".into(), "A".repeat(43), String::new()];
        let other = world.other_tenant().await;
        for role in Role::ALL {
            let own = world.named(role.as_str()).await;
            dead.push(world.token_of(&own, every_scope(), now).await.1);
            let (revoked, text) = world.token_of(&own, every_scope(), now.plus(VALID)).await;
            assert!(world.state.store.api_tokens().revoke(world.tenant.id, revoked.id, now).await.unwrap());
            dead.push(text);
            // An administrator of that role, of another tenant of the same database.
            let elsewhere = ritorno_identity::administrator::Administrator { tenant: other, ..own };
            world.state.store.administrators().insert(&elsewhere).await.unwrap();
            dead.push(world.token_of(&elsewhere, every_scope(), now.plus(VALID)).await.1);
        }
        dead
    }
}

/// An operation, whom it is asked for by, and what they were told.
pub(crate) fn at(expected: &Expected, who: &str, told: &Told) -> String {
    format!("{} {:?} by {who}: {told:?}", expected.operation, expected.body)
}

async fn every_operation_every_role_every_token(world: World) {
    let matrix = Matrix::of(world).await;
    let table = table();
    let expected: BTreeSet<&str> = table.iter().map(|row| row.operation).collect();
    let documented: BTreeSet<&str> = matrix.document.keys().map(String::as_str).collect();
    assert_eq!(
        documented, expected,
        "each operation of the document has its row, and each row its operation"
    );

    let dead = matrix.dead_tokens().await;
    for row in &table {
        let open = matches!(row.by, By::Anybody);
        for token in dead.iter().map(String::as_str).map(Some).chain([None]) {
            let told = matrix.ask(row, token).await;
            if open {
                assert!(told.status.is_success(), "{}", at(row, "anybody", &told));
            } else {
                let kind = if token.is_some() { "token" } else { "sign-in" };
                assert_eq!(
                    (told.status.as_u16(), told.kind().as_str()),
                    (401, kind),
                    "{}",
                    at(row, "nobody", &told)
                );
            }
        }
    }

    for role in Role::ALL {
        let name = role.as_str();
        let (_, whole) = matrix.world.token(name, every_scope()).await;
        let (_, empty) = matrix.world.token(name, Vec::new()).await;
        for row in &table {
            let by_whole = matrix.ask(row, Some(&whole)).await;
            let by_empty = matrix.ask(row, Some(&empty)).await;
            let answers = [(&by_whole, "every scope"), (&by_empty, "no scope")];
            match row.by {
                By::Anybody | By::AnyToken | By::Everybody => {
                    for (told, what) in answers {
                        assert_eq!(told.status.as_u16(), 200, "{}", at(row, what, told));
                    }
                }
                By::InPerson(roles, _) => {
                    let kind = if roles.contains(&role) { "in-person" } else { "forbidden" };
                    for (told, what) in answers {
                        assert_eq!(told.kind(), kind, "{} {}", name, at(row, what, told));
                    }
                }
                By::Roles(roles, scope, ends) if roles.contains(&role) => {
                    assert!(ends.contains(&by_whole.status.as_u16()), "{}", at(row, name, &by_whole));
                    assert_eq!(by_empty.kind(), "token-scope", "{}", at(row, name, &by_empty));
                    // The one scope that the document names is what it takes, and all others together are not.
                    let named = &matrix.document[row.operation]["security"];
                    let names =
                        |one: &Value| one["token"].as_array().into_iter().flatten().any(|it| it == scope);
                    assert!(named.as_array().unwrap().iter().any(names), "{}: {named}", row.operation);
                    let action = Action::of_scope(scope).unwrap();
                    let (_, only) = matrix.world.token(name, vec![action]).await;
                    let told = matrix.ask(row, Some(&only)).await;
                    assert!(ends.contains(&told.status.as_u16()), "{}", at(row, scope, &told));
                    let others = every_scope().into_iter().filter(|other| *other != action).collect();
                    let (_, others) = matrix.world.token(name, others).await;
                    let told = matrix.ask(row, Some(&others)).await;
                    assert_eq!(told.kind(), "token-scope", "{}", at(row, "all others", &told));
                }
                By::Roles(..) => {
                    for (told, what) in answers {
                        assert_eq!(told.kind(), "forbidden", "{} {}", name, at(row, what, told));
                    }
                }
            }
        }
    }
    // Whatever was done was done by a token, and the audit names it.
    let facts = matrix.world.facts().await;
    assert!(facts.len() > 20, "{}", facts.len());
    for fact in facts {
        assert!(matches!(fact.actor, Actor::Administrator(_)), "{fact:?}");
        assert!(fact.reason.contains("by the token 'token of "), "{fact:?}");
        assert!(fact.from.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_every_role_every_token_on_sqlite() {
    every_operation_every_role_every_token(World::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_every_role_every_token_on_postgresql() {
    every_operation_every_role_every_token(World::postgres().await).await;
}

/// Who is for some people only sees no others, and nothing about the whole tenant.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_for_the_people_whom_its_administrator_is_for() {
    let matrix = Matrix::of(World::new().await).await;
    let world = &matrix.world;
    let desk = world.named(Role::Authentication.as_str()).await;
    let scope = Scope { domain: Some("fabrikam.test".into()), group: None };
    assert!(world.state.store.administrators().set_scope(world.tenant.id, desk.id, &scope).await.unwrap());
    let (_, token) = world.token(&desk.name, every_scope()).await;
    for row in &table() {
        let told = matrix.ask(row, Some(&token)).await;
        let expected = match row.by {
            By::Anybody | By::AnyToken | By::Everybody => "",
            By::InPerson(DESK, _) => "in-person",
            _ if row.operation == "GET /api/v1/people" => "",
            _ if row.operation.contains("{person}") || row.operation.contains("{code}") => "not-found",
            _ => "forbidden",
        };
        assert_eq!(told.kind(), expected, "{}", at(row, "a scoped one", &told));
        assert!(!told.text.contains("anna.rossi"), "{}", at(row, "a scoped one", &told));
    }
}

/// One who comes from a directory may nothing that takes a cloud-only one, in person or not.
#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_of_a_directory_is_told_that_it_takes_a_cloud_only_one() {
    let matrix = Matrix::of(World::new().await).await;
    matrix.world.administrator("synced", Role::Global, false).await;
    let (_, token) = matrix.world.token("synced", every_scope()).await;
    let mut seen = 0;
    for row in table().iter().filter(|row| matches!(row.by, By::InPerson(..))) {
        let told = matrix.ask(row, Some(&token)).await;
        let person = row.operation.contains("{person}");
        assert_eq!(
            told.kind(),
            if person { "in-person" } else { "forbidden" },
            "{}",
            at(row, "synced", &told)
        );
        assert!(person || told.text.contains("cloud-only"), "{}", told.text);
        seen += 1;
    }
    assert_eq!(seen, 14);
}
