//! Many guesses of one code at the same time, at two server processes on one PostgreSQL: exactly five are evaluated.

use std::net::Ipv4Addr;

use anyhow::{Result, bail, ensure};
use ritorno_lab::Lab;
use sqlx::{Connection as _, PgConnection, Row as _};

use crate::world::World;

/// Guesses, half of them at each server.
const GUESSES: usize = 200;
/// How many of them count.
const EVALUATED: usize = 5;
/// What is told of a code that was compared, but for the last one, and of the others.
const WRONG: &str = "That code is not right.";
const SPENT: &str = "That was too many wrong tries for this code.";

#[test]
fn of_200_guesses_at_two_servers_five_are_evaluated() -> Result<()> {
    let postgresql = Lab::open()?.postgresql();
    postgresql.start()?;
    let database = postgresql.fresh_database("guesses")?;
    let world = World::start_over("guesses", database.clone())?;
    let second = world.stack.further_server("second")?;
    let person = world.forest.person("emily.clarke")?;
    let mut visitor = world.visitor("emily.clarke")?;
    let from = Ipv4Addr::new(127, 199, 5, 9);
    world.runtime.block_on(async {
        let (page, code) = visitor.ask_for_code(&person.upn, &world.mail, &person.alternate_mail).await?;
        let mut guessing = tokio::task::JoinSet::new();
        for number in 0..GUESSES {
            let at = if number % 2 == 0 { &world.stack.url } else { &second.url };
            let mut browser = visitor.also_at(at, &world.stack.ca_pem, "en", from)?;
            let mut page = page.clone();
            page.url.set_port(at.rsplit(':').next().and_then(|port| port.parse().ok())).ok();
            // None of them is the code, and all are different.
            let guess = format!("{:08}", (code.parse::<usize>()? + 1 + number) % 100_000_000);
            guessing.spawn(async move { browser.fill(&page, &[("code", &guess)]).await });
        }
        let (mut wrong, mut spent) = (0, 0);
        while let Some(answer) = guessing.join_next().await {
            let page = answer??;
            let words = page.text();
            match (words.contains(WRONG), words.contains(SPENT)) {
                (true, false) => wrong += 1,
                (false, true) => spent += 1,
                _ => bail!("{} ({}): {words}", page.url, page.status),
            }
        }
        ensure!(
            (wrong, spent) == (EVALUATED - 1, GUESSES - EVALUATED + 1),
            "{wrong} wrong, {spent} too many"
        );

        let mut store = PgConnection::connect(&database).await?;
        let row = sqlx::query("select tries from codes").fetch_one(&mut store).await?;
        ensure!(row.try_get::<i64, _>(0)? == EVALUATED as i64, "the database counted otherwise");
        let counted = "select count(*) from audit where reason = $1";
        for (reason, number) in [
            ("wrong code", EVALUATED - 1),
            ("wrong code, the last try", 1),
            ("code tried too often, or used", GUESSES - EVALUATED),
        ] {
            let row = sqlx::query(counted).bind(reason).fetch_one(&mut store).await?;
            ensure!(row.try_get::<i64, _>(0)? == number as i64, "{reason}");
        }
        // The right one comes too late, at either of them.
        let last = visitor.fill(&page, &[("code", &code)]).await?;
        ensure!(last.text().contains(SPENT), "{}", last.text());
        Ok(())
    })
}
