//! What [`canary`](crate::canary) walks beside the pages on which people's own browsers seal: passwords of people whose directory is the
//! tenant itself, which go to the server as they are typed, and passwords that the help desk gives.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ritorno_tests::html::{Form, forms};
use ritorno_tests::visitor::{Page, Visitor};
use serde_json::{Value, json};

use crate::world::World;

/// Whose password the tenant itself keeps.
const CARLA: &str = "carla.neri@cloud.contoso.test";
const CARLAS_MAIL: &str = "carla.neri@posta.test";
/// Refused, since it is too short.
pub(crate) const TOO_SHORT: &str = "Zeisig/ë+12鳥";
/// What she chooses.
pub(crate) const CHOSEN: &str = "Zaunkönig/ë+\"Nest\" 93-雀";
/// What is typed in its place.
pub(crate) const MISTYPED: &str = "Zaunkoenig/ë+\"Ei\" 39-鷹";
/// What she is given in its place.
pub(crate) const KEPT: &str = "Rotschwanz/ü+\"Dach\" 61-鳶";
/// Whom the help desk gives a password in a directory.
const CALLER: &str = "luca.esposito";
/// It.
pub(crate) const GIVEN: &str = "Gartenrotschwanz/ü+\"Ruf\" 84-鷺";
const MAIL_WITHIN: Duration = Duration::from_secs(20);

/// One of the tenant's own chooses a password, types a wrong one and the right one at the door of her page, and is given another one by the
/// help desk, whose page hands it over as it is.
pub(crate) fn of_the_tenants_own(world: &World) -> Result<()> {
    world.stack.server_command(&["tenant", "cloud-domains", "cloud.contoso.test"])?;
    let added = ["person", "add", CARLA, "--name", "Carla Neri", "--alternate-mail", CARLAS_MAIL];
    ensure!(world.stack.server_command(&added)?.contains("is added"), "the person is not added");
    let mut visitor = world.visitor(CARLA)?;
    let chosen = async {
        let (page, code) = visitor.ask_for_code(CARLA, &world.mail, CARLAS_MAIL).await?;
        let choosing = visitor.fill(&page, &[("code", &code)]).await?;
        let again = visitor.fill(&choosing, &[("new", TOO_SHORT), ("again", TOO_SHORT)]).await?;
        ensure!(again.status == 422, "{} {}", again.status, again.text());
        visitor.fill(&again, &[("new", CHOSEN), ("again", CHOSEN)]).await
    };
    let chosen = world.runtime.block_on(chosen)?;
    ensure!(chosen.url.path() == "/reset/outcome", "{}: {}", chosen.url, chosen.text());
    let at = |password: &'static str| {
        let mut visitor = world.visitor(CARLA)?;
        world.runtime.block_on(async {
            let front = visitor.open("/register").await?;
            let asked = visitor.fill(&front, &[("name", CARLA)]).await?;
            visitor.fill(&asked, &[("password", password)]).await
        })
    };
    let wrong = at(MISTYPED)?;
    ensure!(wrong.status == 422 && wrong.url.path() == "/register/check", "{}: {}", wrong.url, wrong.text());
    let right = at(CHOSEN)?;
    ensure!(right.url.path() == "/register/methods", "{}: {}", right.url, right.text());

    let (desk, form) = cleared(world, CARLA, CARLAS_MAIL)?;
    let handed: Value = serde_json::from_str(form.attributes.get("data-context").context("no context")?)?;
    let path = handed["submit"].as_str().context("nowhere to hand it over")?;
    ensure!(path == "/console/people/password/kept", "{path}");
    let body = json!({ "request": handed["request"], "new": KEPT });
    let given = world.runtime.block_on(desk.hand_over(path, &body))?;
    ensure!(given.state == "done", "{given:?}");
    let must_change = at(KEPT)?;
    ensure!(must_change.url.path() == "/reset/password", "{}: {}", must_change.url, must_change.text());
    Ok(())
}

/// Somebody of the directory is given one, as the page of the help desk seals it.
pub(crate) fn of_a_caller(world: &World) -> Result<()> {
    let caller = world.forest.person(CALLER)?;
    let (desk, form) = cleared(world, &caller.upn, &caller.alternate_mail)?;
    let choosing = serde_json::from_str(form.attributes.get("data-context").context("no context")?)?;
    let given = world.runtime.block_on(desk.reset(&choosing, GIVEN, &world.random))?;
    ensure!(given.state == "done", "{given:?}");
    // Neither taken nor wrong: Kerberos asks for another one.
    ensure!(world.forest.kinit(CALLER, GIVEN).is_err(), "the canary is not the password that was given");
    ensure!(!world.forest.kinit(CALLER, MISTYPED)?, "any password is asked to be changed");
    Ok(())
}

/// An administrator for whom a caller read out the code that came to that address, and the form by which they are given a password.
fn cleared(world: &World, upn: &str, address: &str) -> Result<(Visitor, Form)> {
    let administrator = &world.stack.administrator;
    let mut desk = world.visitor(&administrator.name)?;
    let before = world.mail.newest()?;
    let asked: Page = world.runtime.block_on(async {
        let door = desk.open("/console/sign-in").await?;
        let typed = [("name", administrator.name.as_str()), ("password", &administrator.password)];
        desk.fill(&door, &typed).await?;
        let person = desk.open(&format!("/console/people?name={upn}")).await?;
        desk.fill(&person, &[("reason", "Her phone is lost")]).await
    })?;
    let mail = world.mail.wait_for(address, before, MAIL_WITHIN)?.text.context("a mail without text")?;
    let spoken = |word: &&str| {
        let letters = word.split_once('-').map(|(one, two)| [one, two]);
        letters.is_some_and(|two| {
            two.iter().all(|four| four.len() == 4 && four.chars().all(|c| c.is_ascii_uppercase()))
        })
    };
    let code = mail.split_whitespace().find(spoken).context("no code in the mail")?;
    let page = world.runtime.block_on(async {
        let cleared = desk.fill(&asked, &[("code", code)]).await?;
        let href =
            cleared.html.split("id=\"give-password\" href=\"").nth(1).and_then(|rest| rest.split('"').next());
        let href = href.with_context(|| format!("no way to give a password: {}", cleared.text()))?;
        desk.open(&href.replace("&#38;", "&").replace("&amp;", "&")).await
    })?;
    let form = forms(&page.html).into_iter().find(|form| form.attributes.contains_key("data-context"));
    Ok((desk, form.with_context(|| format!("no password can be given: {}", page.text()))?))
}
