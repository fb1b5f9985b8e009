//! What agents' checks found: kept, bounded, shown in both languages, and too old at some time.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use ritorno_http::agent_api::doctor::FRESH_FOR;
use ritorno_identity::administrator::Role;
use ritorno_identity::language::Language;
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::doctor::{CheckFix, CheckState, CheckVerdict, DoctorReport, MAXIMUM_TEXT};
use serde_json::{Value, json};

use crate::agent_api::{access, call, on_both};
use crate::both_languages::whole;
use crate::browser::Browser;
use crate::world::{PASSWORD, World};

on_both!(a_report_is_kept_bounded_shown_and_grows_old, whoever_else_exports_is_told);

fn check(id: &str, verdict: CheckVerdict) -> CheckState {
    CheckState {
        id: id.to_owned(),
        title: format!("the title of {id}, by the agent"),
        verdict,
        evidence: vec!["<b>3 MB</b> free".into(), "x".repeat(10_000)],
        cause: Some("it is full".into()),
        fixes: ["agent", "cloud", "samba", "windows", "unheard-of"]
            .map(|system| CheckFix { system: system.into(), lines: vec![format!("lines-for-{system}")] })
            .to_vec(),
    }
}

fn report(world: &World, exports: bool) -> Value {
    let mut checks = vec![check("disk", CheckVerdict::Fail), check("stores", CheckVerdict::Pass)];
    // Whatever an agent calls a check that this version does not know, it is no advice of the server's; and what is no name is none.
    checks.extend([check("brand-new", CheckVerdict::Warning), check("No name\n", CheckVerdict::Fail)]);
    json!(DoctorReport { at: world.clock.now(), exports, checks })
}

const PATH: &str = "/agent/v1/doctor";

async fn a_report_is_kept_bounded_shown_and_grows_old(world: &World) {
    let (agent, key) = world.enrolled("agent-of-milan").await;
    let nobody = call(world, Method::POST, PATH, None, &[], Some(report(world, true))).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    let token = access(world, agent.id, &key).await;
    let garbled = call(world, Method::POST, PATH, Some(&token), &[], Some(json!({"checks": 1}))).await;
    assert_eq!(
        (garbled.status, garbled.kind.as_str()),
        (StatusCode::BAD_REQUEST, "application/problem+json")
    );
    world.administrator("root", Role::Global, true).await;
    for language in Language::ALL {
        let mut browser = Browser::new(&world.app, language.tag());
        browser.post("/console/sign-in", &[("name", "root"), ("password", PASSWORD)]).await;
        let page = browser.get("/console/doctor").await;
        whole(&page, language, ["has never reported", "non ha mai comunicato"]);
    }
    for language in Language::ALL {
        let mut browser = Browser::new(&world.app, language.tag());
        browser.post("/console/sign-in", &[("name", "root"), ("password", PASSWORD)]).await;
        let token = access(world, agent.id, &key).await;
        let sent = call(world, Method::POST, PATH, Some(&token), &[], Some(report(world, true))).await;
        assert_eq!(sent.status, StatusCode::OK, "{}", sent.body);
        let page = browser.get("/console/doctor").await;
        whole(
            &page,
            language,
            ["Fails: The agent&#39;s disk has room", "Non riuscito: C&#39;è spazio sul disco"],
        );
        for words in [
            "agent-of-milan",
            "it is full",
            "<pre tabindex=\"0\">lines-for-agent</pre>",
            "href=\"/console/doctor/manual#disk\"",
            "&#60;b&#62;3 MB",
        ] {
            assert!(page.body.contains(words), "{words}: {}", page.body);
        }
        whole(
            &page,
            language,
            ["The agent says it is mended on its own host", "L&#39;agente dice che sul suo computer"],
        );
        whole(&page, language, ["The agent says it found", "L&#39;agente dice di aver trovato"]);
        for words in ["No name", "brand-new", "by the agent", "lines-for-cloud", "lines-for-samba"] {
            assert!(!page.body.contains(words), "{words}: {}", page.body);
        }
        for words in ["lines-for-windows", "lines-for-unheard-of"] {
            assert!(!page.body.contains(words), "{words}: {}", page.body);
        }
        assert!(!page.body.contains(&"x".repeat(MAXIMUM_TEXT + 1)), "cut");
        let mut manual = browser.get("/console/doctor/manual").await;
        // PowerShell's own braces are no message's.
        manual.body = manual.body.replace("{ $_", "{ _");
        whole(&manual, language, ["Every check, what it says", "Ogni controllo, che cosa dice"]);
        assert!(manual.body.contains("id=\"disk\""));
        world.clock.advance(FRESH_FOR);
        let mut old = Browser::new(&world.app, language.tag());
        old.post("/console/sign-in", &[("name", "root"), ("password", PASSWORD)]).await;
        whole(&old.get("/console/doctor").await, language, ["too long ago", "troppo tempo"]);
        world.clock.advance(Duration::from_secs(1));
    }
}

async fn whoever_else_exports_is_told(world: &World) {
    let (one, key) = world.enrolled("one").await;
    let (other, other_key) = world.enrolled("other").await;
    let tokens = [access(world, one.id, &key).await, access(world, other.id, &other_key).await];
    let standing = async || {
        let answer = call(world, Method::GET, "/agent/v1/standing", Some(&tokens[0]), &[], None).await;
        assert_eq!(answer.status, StatusCode::OK);
        answer.body["tenant"].clone()
    };
    assert_eq!(standing().await["also_exporting"], json!([]));
    assert!(standing().await["signing_key"]["not_after"].is_i64(), "{}", standing().await);
    let send = async |exports| {
        let body = Some(report(world, exports));
        assert_eq!(call(world, Method::POST, PATH, Some(&tokens[1]), &[], body).await.status, StatusCode::OK);
    };
    send(true).await;
    assert_eq!(standing().await["also_exporting"], json!(["other"]));
    send(false).await;
    assert_eq!(standing().await["also_exporting"], json!([]));
    send(true).await;
    let now = world.clock.now();
    assert!(world.state.store.agents().revoke(world.tenant.id, other.id, now).await.unwrap());
    assert_eq!(standing().await["also_exporting"], json!([]), "one that was revoked exports nothing");
}
