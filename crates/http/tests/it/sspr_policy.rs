//! The policy of self-service: set in the console, for everybody and for groups, and what people are asked for by it.

use std::time::Duration;

use axum::http::StatusCode;
use ritorno_identity::administrator::Role;
use ritorno_identity::audit::{Activity, Actor};
use ritorno_identity::gates::GatePolicy;
use ritorno_identity::group::{DirectoryGroup, Group, GroupOrigin};
use ritorno_identity::method::Method;
use ritorno_identity::sspr::ReconfirmAfter;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::ids::{Forest, GroupId, SourceAnchor, SupportCode, UserId};

use crate::agent::TestAgent;
use crate::agent_api::on_both;
use crate::both_languages::whole;
use crate::browser::Browser;
use crate::change::{prove, submit};
use crate::console::signed_in;
use crate::methods::register_app;
use crate::portal::{PageContext, alike, past_the_gate};
use crate::register::{ANNA, anna, proven, to_password};
use crate::world::World;

const HERE: &str = "/console/sspr";
const ANNAS_MAIL: &str = "anna.rossi@mail.test";

on_both!(
    an_administrator_sets_it_and_groups_pass_what_is_theirs,
    the_people_of_several_groups_may_reset,
    whoever_lacks_something_is_led_to_it_after_a_reset_and_after_a_change,
    after_as_many_days_it_is_asked_whether_all_is_still_right,
);

/// A group with these people in it.
pub(crate) async fn group(world: &World, name: &str, people: &[&User]) -> Group {
    let now = world.clock.now();
    let group = Group {
        id: GroupId::random(&*world.state.random),
        tenant: world.tenant.id,
        display_name: name.to_owned(),
        origin: GroupOrigin::Directory(DirectoryGroup {
            source_anchor: SourceAnchor(format!("anchor of {name}")),
            forest: Forest("contoso.test".into()),
            domain: "CONTOSO".into(),
            account_name: name.to_owned(),
            exported_by: anna(world).await.on_premises().unwrap().exported_by,
        }),
        version: 1,
        created_at: now,
        updated_at: now,
    };
    world.state.store.groups().insert(&group).await.unwrap();
    let ids: Vec<String> = people.iter().map(|user| user.id.to_string()).collect();
    world.state.store.groups().add_members(world.tenant.id, group.id, &ids, &[]).await.unwrap();
    group
}

pub(crate) async fn stored(world: &World) -> Tenant {
    world.state.store.tenants().get(world.tenant.id).await.unwrap().unwrap()
}

/// What was written down of policies, the latest first.
pub(crate) async fn changes(world: &World) -> Vec<String> {
    let facts = world.facts().await.into_iter().filter(|fact| fact.activity == Activity::PolicyChanged);
    facts
        .map(|fact| {
            assert!(matches!(fact.actor, Actor::Administrator(_)), "{fact:?}");
            fact.reason
        })
        .collect()
}

async fn an_administrator_sets_it_and_groups_pass_what_is_theirs(world: &World) {
    let _agent = TestAgent::link(world).await;
    world.administrator("root", Role::Global, true).await;
    world.administrator("reports", Role::ReportsReader, true).await;
    let board = group(world, "board", &[&anna(world).await]).await;
    let mut root = signed_in(world, "root").await;
    let everybody =
        [("gates", "1"), ("first", "mail"), ("method", "app"), ("method", "mail"), ("to_register", "1")];
    let theirs = [
        ("gates", "2"),
        ("first", "mail"),
        ("method", "mail"),
        ("method", "app"),
        ("to_register", "2"),
        ("group", "board"),
        ("reconfirm", " 30 "),
    ];
    for (path, form) in [
        ("/console/sspr/gates", everybody.as_slice()),
        ("/console/sspr/group", &theirs),
        ("/console/sspr/reconfirm", &[("days", "90")]),
        ("/console/sspr/expiry", &[("days", " 7, 30 7 ")]),
        ("/console/sspr/for", &[("group", "board")]),
    ] {
        let answer = root.post(path, form).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, HERE), "{}", answer.body);
    }
    let tenant = stored(world).await;
    assert_eq!(tenant.gate_policy, GatePolicy::new(1, vec![Method::Mail, Method::App], 1, true).unwrap());
    assert_eq!((tenant.reconfirm_after.days(), tenant.sspr_groups.as_slice()), (90, [board.id].as_slice()));
    assert_eq!(tenant.expiry_days, [30, 7]);
    for wrong in ["0", "91", "7 days", "1 2 3 4 5 6 7 8 9 10 11"] {
        let answer = root.post("/console/sspr/expiry", &[("days", wrong)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    assert_eq!(stored(world).await.expiry_days, [30, 7]);
    assert_eq!(
        changes(world).await,
        [
            "sspr for: board",
            "expiry mails: [30, 7] days before",
            "confirmed again after 90 days",
            "gates of the group board: 2 of mail, app, 2 to register, confirmed again after 30 days",
            "gates: 1 of mail, app, 1 to register",
        ]
    );
    let page = root.get(HERE).await;
    for shown in [
        ">board</textarea>",
        "value=\"90\"",
        "<th scope=\"row\">board</th><td>2</td>",
        "<td>2</td><td>30</td>",
    ] {
        assert!(page.body.contains(shown), "{shown} is not in {}", page.body);
    }
    // Whoever only reads it has no button.
    let read = signed_in(world, "reports").await.get(HERE).await;
    assert!(
        read.body.contains("<fieldset disabled>") && !read.body.contains("action=\"/console/sspr/group\"")
    );

    // What nobody could fulfil is not taken, and says why.
    let too_many = "board\n".repeat(21);
    for (path, form, words) in [
        (
            "/console/sspr/gates",
            vec![("gates", "3"), ("first", "mail"), ("method", "mail"), ("to_register", "1")],
            "one or two proofs",
        ),
        (
            "/console/sspr/gates",
            vec![("gates", "2"), ("first", "mail"), ("method", "mail"), ("to_register", "2")],
            "at least two ways",
        ),
        (
            "/console/sspr/gates",
            vec![("gates", "1"), ("first", "mail"), ("method", "mail"), ("to_register", "2")],
            "at most as many",
        ),
        ("/console/sspr/gates", vec![("gates", "1"), ("to_register", "1")], "at least one way"),
        (
            "/console/sspr/gates",
            vec![("gates", "1"), ("first", "mail"), ("method", "app"), ("to_register", "1")],
            "has to be among",
        ),
        // The board has two gates of mail and app: everybody's must not lock it out, nor it be let off.
        (
            "/console/sspr/gates",
            vec![
                ("gates", "1"),
                ("first", "recovery-code"),
                ("method", "recovery-code"),
                ("to_register", "1"),
            ],
            "change that group first",
        ),
        (
            "/console/sspr/group",
            vec![("gates", "1"), ("method", "recovery-code"), ("to_register", "1"), ("group", "board")],
            "could go on from there",
        ),
        // Questions are shown to nobody who has not passed a gate.
        (
            "/console/sspr/gates",
            vec![
                ("gates", "1"),
                ("first", "mail"),
                ("method", "mail"),
                ("method", "questions"),
                ("to_register", "1"),
            ],
            "only as the second of two proofs",
        ),
        (
            "/console/sspr/group",
            vec![
                ("gates", "2"),
                ("first", "questions"),
                ("method", "mail"),
                ("method", "questions"),
                ("to_register", "2"),
                ("group", "board"),
            ],
            "only as the second of two proofs",
        ),
        ("/console/sspr/reconfirm", vec![("days", "731")], "from 0 to 730"),
        ("/console/sspr/for", vec![("group", "no such group")], "no group"),
        ("/console/sspr/for", vec![("group", "board\r\nno such group")], "<p id=\"about\">no such group</p>"),
        ("/console/sspr/for", vec![("group", too_many.as_str())], "too many groups"),
        ("/console/sspr/group", [&theirs[..6], &[("reconfirm", "731")]].concat(), "from 0 to 730"),
    ] {
        let answer = root.post(path, &form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{form:?}");
        assert!(answer.body.to_lowercase().contains(words), "{words} is not in {}", answer.body);
    }
    assert_eq!(stored(world).await, tenant);
    let policies = world.state.store.group_policies().list(world.tenant.id).await.unwrap();
    assert_eq!(policies[0].reconfirm_after, ReconfirmAfter::from_days(30));
    let two = [("gates", "2"), ("method", "mail"), ("method", "app"), ("to_register", "2")];
    assert_eq!(root.post("/console/sspr/gates", &two).await.location(), HERE, "as many as the board's");
    let one = [("gates", "1"), ("method", "mail"), ("to_register", "1"), ("group", "board")];
    let fewer = root.post("/console/sspr/group", &one).await;
    assert_eq!(fewer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(fewer.body.contains("no fewer proofs than everybody"), "{}", fewer.body);
    let back = root.post("/console/sspr/gates", &everybody).await;
    assert_eq!((back.location(), stored(world).await), (HERE, tenant), "{}", back.body);
    root.post("/console/sspr/for", &[("group", " ")]).await;
    assert!(stored(world).await.sspr_groups.is_empty());

    // Anna is in the group: two gates. Nobody can see that before she has passed one, and it costs no statement more.
    let mut owner = Browser::new(&world.app, "en");
    proven(world, &mut owner).await;
    let app = register_app(world, &mut owner).await;
    world.letters().await;
    let counted = world.state.store.counted();
    let pages =
        ritorno_http::router(ritorno_http::AppState { store: counted.clone(), ..world.state.clone() });
    let mut seen = Vec::new();
    for name in [ANNA, "paolo.bianchi@contoso.test", "anna.verdi@contoso.test"] {
        let mut browser = Browser::new(&pages, "en");
        let mut steps = Vec::new();
        for step in ["start", "show", "wrong"] {
            let before = counted.statements();
            let answer = match step {
                "start" => browser.post("/reset/start", &[("name", name)]).await,
                "show" => browser.get("/reset/code").await,
                _ => browser.post("/reset/app", &[("code", "000000")]).await,
            };
            steps.push((answer.status, alike(&answer), counted.statements() - before));
        }
        seen.push(steps);
    }
    assert_eq!([&seen[1], &seen[2]], [&seen[0]; 2]);
    world.letters().await;
    let mut browser = Browser::new(&world.app, "en");
    browser.post("/reset/start", &[("name", ANNA)]).await;
    let code = world.code(ANNAS_MAIL).await;
    assert_eq!(browser.post("/reset/code", &[("code", &code)]).await.location(), "/reset/gate");
    assert_eq!(browser.post("/reset/app", &[("code", &app.code(world))]).await.location(), "/reset/password");

    // Taken away again, she passes one as everybody does.
    let gone = root.post("/console/sspr/group/remove", &[("group", &board.id.to_string())]).await;
    assert_eq!(gone.location(), HERE);
    assert_eq!(changes(world).await[0], "gates of the group board: those of the tenant");
    assert!(root.get(HERE).await.body.contains("id=\"no-groups\""));
    past_the_gate(world, &mut browser).await;
}

async fn the_people_of_several_groups_may_reset(world: &World) {
    let _agent = TestAgent::link(world).await;
    world.administrator("root", Role::Global, true).await;
    let (board, pilot) = (group(world, "board", &[]).await, group(world, "Pilot, second", &[]).await);
    let inner = group(world, "inner", &[&anna(world).await]).await;
    let (groups, tenant) = (world.state.store.groups(), world.tenant.id);
    let mut root = signed_in(world, "root").await;
    let named = root.post("/console/sspr/for", &[("group", "board\r\n\r\nPilot, second\r\nboard")]).await;
    assert_eq!(named.location(), HERE, "{}", named.body);
    assert_eq!(stored(world).await.sspr_groups, [board.id, pilot.id]);
    assert_eq!(changes(world).await[0], "sspr for: board, Pilot, second, board");
    let page = root.get(HERE).await;
    assert!(page.body.contains(">board\nPilot, second</textarea>"), "{}", page.body);
    let overview = root.get("/console").await;
    assert!(overview.body.contains("groups in them: board, Pilot, second."), "{}", overview.body);

    // Anna is in neither; then in a group in the second one; then that one is gone. Whoever asks sees nothing of it, in as many statements.
    let counted = world.state.store.counted();
    let pages =
        ritorno_http::router(ritorno_http::AppState { store: counted.clone(), ..world.state.clone() });
    let mut seen = Vec::new();
    for name in [ANNA, "anna.verdi@contoso.test", ANNA, ANNA] {
        match seen.len() {
            2 => {
                let ids = [inner.id.to_string()];
                groups.add_members(tenant, pilot.id, &[], &ids).await.unwrap();
            }
            3 => assert!(groups.delete(tenant, pilot.id, world.clock.now()).await.unwrap()),
            _ => {}
        }
        let selected = anna(world).await.selected;
        assert_eq!(selected, seen.len() == 2);
        let mut browser = Browser::new(&pages, "en");
        let before = counted.statements();
        let start = browser.post("/reset/start", &[("name", name)]).await;
        let shown = browser.get("/reset/code").await;
        seen.push((start.status, alike(&start), alike(&shown), counted.statements() - before));
    }
    assert_eq!([&seen[1], &seen[2], &seen[3]], [&seen[0]; 3]);
    let page = root.get(HERE).await;
    assert!(
        page.body.contains("id=\"only-gone\"") && page.body.contains(">board</textarea>"),
        "{}",
        page.body
    );
}

async fn whoever_lacks_something_is_led_to_it_after_a_reset_and_after_a_change(world: &World) {
    let _agent = TestAgent::link(world).await;
    let gate_policy = GatePolicy::new(1, vec![Method::Mail, Method::App], 2, true).unwrap();
    let tenant = Tenant { gate_policy, ..world.tenant.clone() };
    world.state.store.tenants().update(&tenant).await.unwrap();
    let mut browser = Browser::new(&world.app, "en");
    let page = past_the_gate(world, &mut browser).await;
    browser.post_json("/reset/submit", &page.seal(world, &page.context(), "Nuova-Passw0rd!")).await;
    for (language, words) in
        [("en", "asks you to register more ways"), ("it", "ti chiede di registrare altri modi")]
    {
        let done = browser.get(&format!("/reset/outcome?lang={language}")).await;
        assert!(done.body.contains("id=\"due\"") && done.body.contains(words), "{}", done.body);
        assert!(done.body.contains("class=\"button\" href=\"/register\""), "{}", done.body);
    }
    // The page where it is done says how many are missing, until they are there.
    let mut owner = Browser::new(&world.app, "en");
    proven(world, &mut owner).await;
    let list = owner.get("/register/methods").await;
    assert!(list.body.contains("asks you to have 2 of these. You have 1."), "{}", list.body);
    assert!(!list.body.contains("id=\"confirm\""), "first what is missing: {}", list.body);
    register_app(world, &mut owner).await;
    assert!(!owner.get("/register/methods").await.body.contains("id=\"wanted\""));

    // Nothing is asked for after that, and after a change it is the same as after a reset.
    for (registered, due) in [(true, false), (false, true)] {
        if !registered {
            owner.post("/register/app/remove", &[]).await;
        }
        let mut browser = Browser::new(&world.app, "en");
        browser.post("/register/start", &[("name", ANNA), ("then", "change")]).await;
        let page = PageContext::of(&browser.get("/register/password?then=change").await);
        prove(world, &mut browser, &page, "/register/verify?then=change").await;
        assert!(submit(world, &mut browser).await.body.contains("\"done\""));
        let done = browser.get("/reset/outcome").await;
        assert!(done.body.contains("notice-ok"), "{}", done.body);
        assert_eq!(done.body.contains("id=\"due\""), due, "{}", done.body);
        proven(world, &mut owner).await;
    }
}

async fn after_as_many_days_it_is_asked_whether_all_is_still_right(world: &World) {
    let _agent = TestAgent::link(world).await;
    let old = "vecchia.conoscenza@contoso.test";
    let came = world.clock.now().minus(Duration::from_secs(30 * 24 * 3_600));
    let mut user = world.person("vecchia.conoscenza", Some("vecchia@mail.test")).await;
    world.state.store.users().delete(world.tenant.id, user.id).await.unwrap();
    (user.id, user.created_at) = (UserId::random(&*world.state.random), came);
    world.state.store.users().insert(&user).await.unwrap();
    let set = async |days| {
        let reconfirm_after = ReconfirmAfter::from_days(days).unwrap();
        let tenant = Tenant { reconfirm_after, ..world.tenant.clone() };
        world.state.store.tenants().update(&tenant).await.unwrap();
    };
    let mut browser = Browser::new(&world.app, "en");
    assert_eq!(browser.post("/register/confirm", &[]).await.status, StatusCode::GONE, "nothing is proven");
    let page = to_password(&mut browser, old).await;
    assert_eq!(browser.post("/register/confirm", &[]).await.location(), "/register/password");
    crate::register::verify(world, &mut browser, &page).await;
    for (days, asked) in [(31, false), (0, false), (30, true)] {
        set(days).await;
        let list = browser.get("/register/methods").await;
        assert_eq!(list.body.contains("id=\"confirm\""), asked, "{days}: {}", list.body);
    }
    for (language, words) in [("en", "All of this is right"), ("it", "È tutto giusto")] {
        let list = browser.get(&format!("/register/methods?lang={language}")).await;
        assert!(list.body.contains(words), "{}", list.body);
    }
    let list = browser.get("/register/methods?lang=en").await;
    let said = browser.post("/register/confirm", &[]).await;
    assert_eq!(said.location(), "/register/methods?done=confirmed", "{}", said.body);
    let list = (browser.get(said.location()).await, SupportCode(list.support_code()));
    assert!(list.0.body.contains("You will be asked again") && !list.0.body.contains("id=\"confirm\""));
    let facts = world.state.store.audit().by_support_code(world.tenant.id, &list.1).await.unwrap();
    assert_eq!(facts.last().unwrap().activity, Activity::MethodsConfirmed);
    assert!(world.letters().await.is_empty(), "nothing was changed, so nobody is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_word_of_it_is_in_both_languages() {
    use ritorno_identity::language::Language;
    let world = World::new().await;
    world.administrator("root", Role::Global, true).await;
    let mut root = signed_in(&world, "root").await;
    for language in Language::ALL {
        let page = root.get(&format!("{HERE}?lang={}", language.tag())).await;
        whole(&page, language, ["Groups with proofs of their own", "Gruppi con prove proprie"]);
    }
}
