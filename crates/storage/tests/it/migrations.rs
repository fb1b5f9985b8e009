//! From nothing to the tables of this version, and refusals.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context, Result, ensure};
use ritorno_identity::code::{CodeDigest, Method, Tried};
use ritorno_identity::ids::FlowId;
use ritorno_identity::subject::Subject;
use ritorno_protocol::clock::Timestamp;
use ritorno_storage::{Attempt, ConnectError, Store, StoreError};
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use crate::fixture::{Fixture, on_both};

on_both!(
    empty_database_gets_its_tables_and_keeps_them,
    servers_that_start_at_once_agree,
    what_the_first_version_stored_is_there_after_the_second,
    the_version_before_goes_on_with_the_tables_of_the_one_after,
    a_row_needs_what_it_refers_to
);

async fn empty_database_gets_its_tables_and_keeps_them(f: &Fixture) -> Result<()> {
    f.store.ping().await?;
    f.store.close().await;
    let again = f.second().await?;
    assert_eq!(again.tenants().list().await?, std::slice::from_ref(&f.tenant));
    Ok(())
}

async fn servers_that_start_at_once_agree(f: &Fixture) -> Result<()> {
    let (a, b, c) = tokio::join!(f.second(), f.second(), f.second());
    for store in [a?, b?, c?] {
        assert_eq!(store.tenants().get(f.tenant.id).await?.as_ref(), Some(&f.tenant));
    }
    Ok(())
}

async fn what_the_first_version_stored_is_there_after_the_second(f: &Fixture) -> Result<()> {
    const SQLITE: &str = include_str!("../../migrations/sqlite/0001_first.sql");
    const POSTGRES: &str = include_str!("../../migrations/postgres/0001_first.sql");
    /// A tenant, a flow of it, and its code, as the first version wrote them.
    const ROWS: [&str; 3] = [
        "insert into tenants values ($1, 'Contoso', $2, $2, '[]', 1, 1, 0, null, '[]', 1)",
        "insert into flows values ($1, $1, $3, $3, 'stranger', null, null, 'a', 'code-sent', null, 'it', 'S', $1, 1, 2)",
        "insert into codes values ($1, $1, 'mail', $3, 3, 1, 2, null)",
    ];
    let first = |text: &'static str| {
        let migration = Migration::new(1, "first".into(), MigrationType::Simple, text.into_sql_str(), false);
        Migrator::with_migrations(vec![migration])
    };
    let (address, id, root) = (f.empty()?, f.tenant.id, f.tenant.root.as_bytes().as_slice());
    let digest = [1_u8; 32].as_slice();
    if address.starts_with("sqlite:") {
        let pool = sqlx::SqlitePool::connect(&address).await?;
        first(SQLITE).run(&pool).await?;
        for row in ROWS {
            sqlx::query(row).bind(id.to_string()).bind(root).bind(digest).execute(&pool).await?;
        }
        pool.close().await;
    } else {
        let pool = sqlx::PgPool::connect(&address).await?;
        first(POSTGRES).run(&pool).await?;
        for row in ROWS {
            sqlx::query(row).bind(id.to_string()).bind(root).bind(digest).execute(&pool).await?;
        }
        pool.close().await;
    }
    let store = Store::connect(&address).await?;
    let tenant = store.tenants().get(id).await?.context("the tenant is gone")?;
    assert_eq!(tenant.forbidden_mail_domains, Vec::<String>::new());
    let typed = Attempt {
        tenant: id,
        flow: FlowId(id.0),
        method: Method::Mail,
        typed: CodeDigest::of_nothing(&f.random),
        subject: Subject([1; 32]),
        known_browser: false,
    };
    let tried = store.codes().attempt(&typed, Timestamp::from_unix_ms(1)).await;
    assert_eq!(tried?, Tried::Wrong { left: 1 }, "the code is there, with the tries that it had");
    store.close().await;
    Ok(())
}

async fn the_version_before_goes_on_with_the_tables_of_the_one_after(f: &Fixture) -> Result<()> {
    const LATER: i64 = 9_999;
    let later = Migration::new(
        LATER,
        "a later version's".into(),
        MigrationType::Simple,
        "create table later (id text not null primary key)".into_sql_str(),
        false,
    );
    let mut later = Migrator::with_migrations(vec![later]);
    later.set_ignore_missing(true);
    let address = f.empty()?;
    Store::connect(&address).await?.close().await;
    if address.starts_with("sqlite:") {
        let pool = sqlx::SqlitePool::connect(&address).await?;
        later.run(&pool).await?;
        pool.close().await;
    } else {
        let pool = sqlx::PgPool::connect(&address).await?;
        later.run(&pool).await?;
        pool.close().await;
    }
    let rolled_back = Store::connect(&address).await?;
    assert_eq!(rolled_back.tenants().list().await?, []);
    rolled_back.close().await;
    Ok(())
}

async fn a_row_needs_what_it_refers_to(f: &Fixture) -> Result<()> {
    let mut nobodys = f.person("anna");
    nobodys.tenant = ritorno_protocol::ids::TenantId::random(&f.random);
    let refused = f.store.users().insert(&nobodys).await;
    ensure!(matches!(refused, Err(StoreError::Contradiction(_))), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn sqlite_file_is_its_owners_alone() -> Result<()> {
    let f = Fixture::sqlite("sqlite_file_is_its_owners_alone").await?;
    let mut files = 0;
    for entry in std::fs::read_dir(f.folder().context("a SQLite fixture has a folder")?)? {
        let entry = entry?;
        assert_eq!(entry.metadata()?.permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
        files += 1;
    }
    ensure!(files >= 2, "the database and its write-ahead log were looked at");
    Ok(())
}

#[tokio::test]
async fn other_addresses_are_refused() {
    for address in ["mysql://localhost/ritorno", "ritorno.db", ""] {
        let refused = Store::connect(address).await.err();
        assert!(matches!(refused, Some(ConnectError::Scheme(_))), "{address}: {refused:?}");
    }
    let nowhere = Store::connect("sqlite:/nowhere/at/all/ritorno.db").await.err();
    assert!(matches!(nowhere, Some(ConnectError::File { .. })), "{nowhere:?}");
    // Port 9 of the loopback network: nobody listens there.
    let silent = Store::connect("postgres://ritorno@127.0.0.1:9/ritorno").await.err();
    // The system's own words, at once: not that waiting for a pool took too long.
    assert!(matches!(silent, Some(ConnectError::Open(sqlx::Error::Io(_)))), "{silent:?}");
}
