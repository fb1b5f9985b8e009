//! The lines of the manual's chapters on the API and on provisioning, as whoever reads them types them: by a shell, with curl, at a server.

use std::net::Ipv4Addr;
use std::process::Stdio;

use ritorno_http::client::Proxies;
use ritorno_http::serve::{Patience, serve};
use ritorno_identity::administrator::Role;
use ritorno_identity::name::SignInName;
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::api_world::every_scope;
use crate::world::World;

/// Each line that calls, and the status below it.
fn lines(chapter: &str) -> Vec<(&str, u16)> {
    let mut lines = Vec::new();
    for block in chapter.split("```sh\n").skip(1) {
        let mut block = block.split("\n```").next().unwrap().lines();
        while let Some(line) = block.next() {
            assert!(
                line.starts_with("curl "),
                "{line}: a block has lines of curl, each with its status below it"
            );
            let told = block.next().and_then(|told| told.strip_prefix("# ")).expect(line);
            lines.push((line, told.parse().unwrap_or_else(|_| panic!("{told}: no status"))));
        }
    }
    // None stands anywhere else, where nobody would run it.
    assert_eq!(lines.len(), chapter.lines().filter(|line| line.trim_start().starts_with("curl ")).count());
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn each_curl_line_of_the_manual_is_answered_as_it_says() {
    let world = World::new().await;
    world.administrator("root", Role::Global, true).await;
    runs(&world, "api.md", 30, "urn:ritorno:problem:").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_curl_line_about_provisioning_is_answered_as_it_says() {
    let world = World::new().await;
    world.administrator("root", Role::Global, true).await;
    crate::cloud::with_domain(&world, |_| ()).await;
    runs(&world, "provisioning.md", 9, "urn:ietf:params:scim:api:messages:2.0:Error").await;
}

/// Runs the lines of a chapter, of which there are more than that; what is refused says so in these words.
async fn runs(world: &World, chapter: &str, more_than: usize, refused: &str) {
    let (_, token) = world.token("root", every_scope()).await;
    let cookie = world.session("root").await;
    let session = cookie.split_once('=').unwrap().1;
    let agent = world.enrolled("lab-agent").await.0.id.to_string();
    let name = SignInName::parse("anna.rossi@contoso.test").unwrap();
    let anna = world.state.store.users().by_sign_in_name(world.tenant.id, &name).await.unwrap().unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let app = world.app.clone();
    let serving = tokio::spawn(async move {
        let (proxies, patience) = (Proxies::default(), Patience::default());
        serve(listener, None, app, proxies, patience, async { drop(stopped.await) }).await;
    });
    let file = format!("{}/../../docs/manual/{chapter}", env!("CARGO_MANIFEST_DIR"));
    let chapter = std::fs::read_to_string(file).unwrap();
    let lines = lines(&chapter);
    assert!(lines.len() > more_than, "{}", lines.len());
    for (line, expected) in lines {
        // What the line says, and besides the status at the end of what it prints.
        let typed = format!("{line} --write-out '\\n%{{http_code}}'");
        let ran = Command::new("sh")
            .args(["-euc", &typed])
            .env("RITORNO", &address)
            .env("TOKEN", &token)
            .env("SESSION", session)
            .env("AGENT", &agent)
            .env("PERSON", anna.id.to_string())
            .env("NO_PROXY", "*")
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stdout);
        let complaint = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{line}\n{said}\n{complaint}");
        let (body, status) = said.rsplit_once('\n').unwrap();
        assert_eq!(status, expected.to_string(), "{line}\n{body}");
        if expected >= 400 {
            assert!(body.contains(refused), "{line}\n{body}");
        }
    }
    stop.send(()).unwrap();
    serving.await.unwrap();
}
