//! The export: only what differs, resumable, one object's error is that object's.

use ritorno_protocol::scim::User;
use ritorno_sync::{
    Backoff, ObjectFault, Run, RunOutcome, ScimConfig, ScimConfigError, ScimTarget, Stop, SyncError,
    TokenSource,
};

use crate::service::Service;
use crate::world::{World, object, target};

#[tokio::test]
async fn a_person_arrives_with_all_that_ties_them_to_the_directory() {
    let world = World::new().await;
    let more = [
        ("mail", "anna@contoso.test"),
        ("otherMailbox", "anna@example.org"),
        ("mobile", "+39 333 1234567"),
        ("preferredLanguage", "it"),
    ];
    let [import, sync, export] = world.cycle(vec![object(1, &more)]).await;
    assert_eq!(import.server.as_deref(), Some("dc1.contoso.test"));
    assert_eq!([import.counts.adds, sync.counts.adds, export.counts.adds], [1, 1, 1]);
    let people = world.service.tenant().by_anchor();
    let (anchor, user) = people.first_key_value().unwrap();
    let ritorno = user.ritorno.as_ref().unwrap();
    assert_eq!((&ritorno.anchor, user.external_id.as_ref()), (anchor, Some(anchor)));
    assert_eq!(ritorno.object_guid, "07070100-0707-0707-0707-070707070707");
    assert_eq!(ritorno.object_sid.as_deref(), Some("S-1-5-21-1-2-3-1"));
    assert_eq!((ritorno.domain.as_str(), ritorno.account_name.as_str()), ("CONTOSO", "user1"));
    assert_eq!(ritorno.alternate_mail.as_deref(), Some("anna@example.org"));
    assert_eq!(ritorno.mobile.as_deref(), Some("+39 333 1234567"));
    assert_eq!(
        (user.emails[0].value.as_str(), user.preferred_language.as_deref()),
        ("anna@contoso.test", Some("it"))
    );
    assert!(user.active);
    let requests = world.service.tenant().requests.clone();
    assert_eq!(requests, [("POST".to_owned(), "contoso.test".to_owned())]);
}

#[tokio::test]
async fn only_what_differs_is_sent() {
    let world = World::new().await;
    let people = || vec![object(1, &[]), object(2, &[]), object(3, &[])];
    world.cycle(people()).await;
    world.service.tenant().requests.clear();
    let [import, sync, export] = world.cycle(people()).await;
    assert_eq!([import.counts.unchanged, sync.counts.unchanged, export.counts.done()], [3, 3, 0]);
    assert!(world.service.tenant().requests.is_empty());
    let [_, _, export] =
        world.cycle(vec![object(1, &[("displayName", "Anna")]), object(2, &[]), object(3, &[])]).await;
    assert_eq!((export.counts.updates, world.service.tenant().requests.len()), (1, 1));
}

#[tokio::test]
async fn many_go_in_few_requests_where_the_service_takes_that() {
    let world = World::new().await;
    let people = |mail: &'static str| (0..150).map(|number| object(number, &[("mail", mail)])).collect();
    world.cycle(people("a@contoso.test")).await;
    assert_eq!(world.names().len(), 150);
    let mut bulks = world.service.tenant().bulks.clone();
    bulks.sort_unstable();
    assert_eq!(bulks, [22, 64, 64]);
    // One of many is refused, another is not taken now: neither is the others' trouble.
    world.service.tenant().refuse.extend([(403, None), (429, Some(0))]);
    let [_, _, export] = world.cycle(people("b@contoso.test")).await;
    assert_eq!((export.outcome, export.counts.updates), (RunOutcome::CompletedWithErrors, 149));
    assert_eq!(world.export().await.unwrap().counts.updates, 1);
    // A service without such requests is asked one by one.
    world.service.tenant().no_bulk = true;
    world.service.tenant().bulks.clear();
    let [_, _, export] = world.cycle(people("c@contoso.test")).await;
    assert_eq!((export.counts.updates, world.service.tenant().bulks.len()), (150, 0));
}

#[tokio::test]
async fn bodies_go_compressed_to_a_service_that_says_it_takes_them_and_to_no_other() {
    let world = World::new().await;
    let cycle = async |mail: &'static str| {
        world.service.tenant().compressed = 0;
        let people = (0..150).map(|number| object(number, &[("mail", mail)])).collect();
        let [_, _, export] = world.cycle(people).await;
        assert_eq!((export.outcome, export.counts.done()), (RunOutcome::Succeeded, 150));
        let tenant = world.service.tenant();
        assert!(tenant.users.values().all(|user| user.emails[0].value == mail));
        tenant.compressed
    };
    assert_eq!(cycle("a@contoso.test").await, 0, "a version before says nothing");
    (world.service.tenant().says_gzip, world.service.tenant().takes_gzip) = (true, true);
    cycle("b@contoso.test").await;
    assert_eq!(cycle("c@contoso.test").await, 3, "it has said so");
    // What answers takes it no more: a version before, beyond a proxy that keeps the header, say.
    world.service.tenant().takes_gzip = false;
    assert!(cycle("d@contoso.test").await >= 1);
    world.service.tenant().says_gzip = false;
    cycle("e@contoso.test").await;
    assert_eq!(cycle("f@contoso.test").await, 0);
}

#[tokio::test]
async fn one_refused_person_does_not_stop_the_others() {
    let world = World::new().await;
    world.service.tenant().forbidden.push("user2@contoso.test".into());
    let [_, _, export] = world.cycle((1..6).map(|number| object(number, &[])).collect()).await;
    assert_eq!((export.outcome, export.counts.adds), (RunOutcome::CompletedWithErrors, 4));
    let errors = world.engine.errors(export.id, 10).await.unwrap();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].object, "user2@contoso.test");
    assert_eq!(errors[0].fault, ObjectFault::Refused { status: 403, detail: "not yours".into() });
    assert_eq!(world.engine.status().await.unwrap()[0].refused, 1);
    world.service.tenant().forbidden.clear();
    assert_eq!(world.export().await.unwrap().counts.adds, 1);
}

#[tokio::test]
async fn a_name_given_up_and_taken_in_one_cycle_arrives_in_one_export() {
    let world = World::new().await;
    world.cycle(vec![object(1, &[]), object(2, &[])]).await;
    let taker = object(1, &[("userPrincipalName", "user2@contoso.test")]);
    let giver = object(2, &[("userPrincipalName", "anna@contoso.test")]);
    let [_, _, export] = world.cycle(vec![taker, giver]).await;
    assert_eq!((export.outcome, export.counts.updates), (RunOutcome::Succeeded, 2));
    assert_eq!(world.names(), ["anna@contoso.test", "user2@contoso.test"]);
}

#[tokio::test]
async fn a_cloud_only_person_is_never_taken_over_by_name() {
    let world = World::new().await;
    let cloud_only = User { external_id: None, ..user_of("user1@contoso.test") };
    world.service.tenant().users.insert(900, cloud_only.clone());
    let [_, _, export] = world.cycle(vec![object(1, &[]), object(2, &[])]).await;
    let errors = world.engine.errors(export.id, 10).await.unwrap();
    assert!(matches!(errors[0].fault, ObjectFault::Conflict { .. }), "{}", errors[0]);
    assert_eq!(errors.len(), 1);
    assert_eq!(world.service.tenant().users[&900], cloud_only);
}

fn user_of(name: &str) -> User {
    serde_json::from_value(serde_json::json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name
    }))
    .expect("a user")
}

#[tokio::test]
async fn a_busy_tenant_is_waited_for() {
    let world = World::new().await;
    world.service.tenant().refuse.extend([(429, Some(0)), (503, None), (412, None)]);
    let [_, _, export] = world.cycle(vec![object(1, &[])]).await;
    assert_eq!((export.outcome, world.names().len()), (RunOutcome::Succeeded, 1));
}

#[tokio::test]
async fn a_tenant_that_stays_away_stops_the_export_and_the_next_one_goes_on() {
    let world = World::new().await;
    world.import((0..300).map(|number| object(number, &[])).collect()).await.unwrap();
    world.sync().await.unwrap();
    world.service.tenant().refuse.extend([(503, None); 2_000]);
    let stopped = world.export().await.unwrap_err();
    assert!(matches!(stopped, SyncError::Target(Stop::Unreachable { .. })), "{stopped}");
    world.service.tenant().refuse.clear();
    let before = world.names().len() as u64;
    let export = world.export().await.unwrap();
    assert_eq!((export.outcome, world.names().len()), (RunOutcome::Succeeded, 300));
    assert!(export.counts.adds >= 300 - before);
}

#[tokio::test]
async fn a_lost_answer_makes_nobody_twice() {
    let world = World::new().await;
    world.service.tenant().lose_answer = true;
    let [_, _, export] = world.cycle(vec![object(1, &[])]).await;
    assert_eq!((export.counts.adds, world.names().len()), (1, 1));
    let methods: Vec<_> = world.service.tenant().requests.iter().map(|request| request.0.clone()).collect();
    assert_eq!(methods, ["POST", "POST", "GET", "PUT"]);
}

#[tokio::test]
async fn someone_removed_over_there_is_made_anew() {
    let world = World::new().await;
    world.cycle(vec![object(1, &[]), object(2, &[])]).await;
    world.service.tenant().users.clear();
    world.cycle(vec![object(1, &[("displayName", "Anna")])]).await;
    assert_eq!(world.names(), ["user1@contoso.test"]);
}

#[tokio::test]
async fn an_outdated_lease_and_a_foreign_token_stop_the_export() {
    let world = World::new().await;
    world.import(vec![object(1, &[])]).await.unwrap();
    world.sync().await.unwrap();
    world.service.tenant().lease_epoch = 2;
    let stopped = world.export().await.unwrap_err();
    assert!(matches!(stopped, SyncError::Target(Stop::LeaseLost { epoch: 1 })), "{stopped}");
    let foreign = target(&world.service, "another token");
    let stopped = world.run(Run::Export { target: &foreign, lease_epoch: 3 }).await.unwrap_err();
    assert!(matches!(stopped, SyncError::Target(Stop::Unauthorised { .. })), "{stopped}");
    assert!(world.names().is_empty());
}

struct NoToken;

#[async_trait::async_trait]
impl TokenSource for NoToken {
    async fn token(&self) -> Result<String, String> {
        Err("not enrolled".to_owned())
    }
}

struct NoRandom;

impl ritorno_protocol::random::Random for NoRandom {
    fn fill(&self, out: &mut [u8]) {
        out.fill(0);
    }
}

#[tokio::test]
async fn an_export_goes_over_tls_or_not_at_all() {
    let service = Service::start().await;
    let plain: url::Url = service.base.as_str().replace("https", "http").parse().unwrap();
    let config =
        ScimConfig { base: plain, tls: service.tls.clone(), proxy: None, backoff: Backoff::default() };
    let refused = ScimTarget::new(config, std::sync::Arc::new(NoToken), std::sync::Arc::new(NoRandom));
    assert!(matches!(refused, Err(ScimConfigError::NotHttps(_))));
}

#[tokio::test]
async fn a_server_of_another_ca_gets_nothing() {
    let mut world = World::new().await;
    let stranger = Service::start().await;
    let trusted = std::mem::replace(&mut world.service.tls, stranger.tls.clone());
    world.target = target(&world.service, crate::service::TOKEN);
    world.import(vec![object(1, &[])]).await.unwrap();
    world.sync().await.unwrap();
    let stopped = world.export().await.unwrap_err();
    assert!(stopped.to_string().contains("certificate"), "{stopped}");
    assert!(world.service.tenant().requests.is_empty());
    world.service.tls = trusted;
    world.target = target(&world.service, crate::service::TOKEN);
    assert_eq!(world.export().await.unwrap().counts.adds, 1);
}
