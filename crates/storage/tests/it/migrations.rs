//! From nothing to the tables of this version, and refusals.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context, Result, ensure};
use ritorno_storage::{ConnectError, Store, StoreError};

use crate::fixture::{Fixture, on_both};

on_both!(
    empty_database_gets_its_tables_and_keeps_them,
    servers_that_start_at_once_agree,
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
