//! The database dies at the moment of an outcome: the password is written in the directory, and nothing of it can be committed. The person is told
//! the truth at once; when the database is back, the row, the fact and the mail are there, once, and nothing was written twice.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use ritorno_lab::progress::wait_until;
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};

use crate::world::World;

const OWNER: &str = "sofia.romano";
const CHOSEN: &str = "Zuletzt-Passw0rd-2026";
/// Whoever waits for an outcome is told within this long, whatever the database does.
const TOLD_WITHIN: Duration = Duration::from_secs(30);
/// An agent says again what was not acknowledged, and what follows an outcome is left alone for a quarter of a minute.
const RECORDED_WITHIN: Duration = Duration::from_secs(90);
/// So long it is watched that nothing comes a second time: more than two looks of whoever follows up.
const WATCHED_FOR: Duration = Duration::from_secs(25);

/// Holds every end of a request back, before it is committed, while somebody else has the lock.
const HOLD: &str = "create function hold() returns trigger as $$ begin \
     perform pg_advisory_xact_lock(42); return new; end $$ language plpgsql; \
     create trigger hold before update on requests for each row when (new.state = 'finished') execute function hold()";

#[test]
fn an_outcome_that_the_database_lost_is_told_and_recorded_once() -> Result<()> {
    let (world, postgresql) = World::start_on_postgresql_of_its_own("outcome-lost")?;
    let database = postgresql.url(World::DATABASE);
    let person = world.forest.person(OWNER)?.clone();
    let (visitor, choosing) = world.pass_gate(OWNER)?;
    let before = world.version(OWNER)?.version.context("the directory counts writes")?;
    let mails_before = world.mail.newest()?;
    let envelope = choosing.seal(CHOSEN, &*world.random)?;

    let holder = world.runtime.block_on(async {
        let mut connection = PgConnection::connect(&database).await?;
        connection.execute(HOLD).await?;
        connection.execute("select pg_advisory_lock(42)").await?;
        anyhow::Ok(connection)
    })?;
    let (sent, since) = (choosing.clone(), Instant::now());
    let asked = world.runtime.spawn(async move {
        let answer = visitor.submit(&sent, &envelope).await;
        (visitor, answer)
    });
    let written = wait_until(Duration::from_secs(20), || Ok(world.version(OWNER)?.version > Some(before)))?;
    ensure!(written, "the password was not written");
    // The outcome is at the server, and waits for the lock.
    let waits = "select count(*) from pg_locks where locktype = 'advisory' and not granted";
    let held =
        wait_until(Duration::from_secs(20), || Ok(postgresql.sql(World::DATABASE, waits)?.trim() != "0"))?;
    ensure!(held, "nobody commits an outcome");
    postgresql.stop()?;
    drop(holder);

    let (mut visitor, answer) = world.runtime.block_on(asked)?;
    let answer = answer?;
    ensure!(answer.state == "done", "{answer:?}");
    let message = answer.message.clone().unwrap_or_default();
    ensure!(message.contains("Our records are behind"), "{answer:?}");
    ensure!(since.elapsed() < TOLD_WITHIN, "told after {:?}", since.elapsed());
    ensure!(world.forest.kinit(OWNER, CHOSEN)?, "it was told to work, and Kerberos refuses it");

    postgresql.start()?;
    let count = |sql: &str| -> Result<i64> {
        let id = choosing.context.request.to_string();
        world.runtime.block_on(async {
            let mut connection = PgConnection::connect(&database).await?;
            let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_one(&mut connection).await?;
            Ok(row.try_get(0)?)
        })
    };
    let rows = "select count(*) from requests where id = $1 and state = 'finished' and result = 'done'";
    let facts = "select count(*) from audit where request = $1 and success = 'success' and activity = 'Reset password (self-service)'";
    let mails = || -> Result<usize> {
        let told = world.mail.to(&person.alternate_mail, mails_before)?;
        Ok(told.iter().filter(|mail| mail.code(8).is_none()).count())
    };
    let recorded =
        wait_until(RECORDED_WITHIN, || Ok(count(rows)? == 1 && count(facts)? > 0 && mails()? > 0))?;
    ensure!(recorded, "rows {}, facts {}, mails {}", count(rows)?, count(facts)?, mails()?);
    std::thread::sleep(WATCHED_FOR);
    ensure!((count(facts)?, mails()?) == (1, 1), "facts {}, mails {}", count(facts)?, mails()?);
    let version = world.version(OWNER)?.version;
    ensure!(version == Some(before + 1), "version {before} became {version:?}");
    let page = world.runtime.block_on(visitor.open("/reset/outcome"))?;
    ensure!(page.html.contains("notice-ok"), "{}", page.text());
    Ok(())
}
