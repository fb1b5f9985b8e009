//! A kept snapshot of the tables of each version that landed: a database that such a version left comes forward to this one, with what is
//! in it. They are text, in `tests/snapshots`, and never written again, so that a migration that is altered after it landed is found.
//! `RITORNO_KEEP_SNAPSHOTS=1` writes those that are missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use ritorno_protocol::ids::TenantId;
use ritorno_protocol::key::SigningKey;
use ritorno_storage::Store;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Row as _, SqlSafeStr as _, SqlitePool};

use crate::fixture::Fixture;

/// The tenant in each of them.
const TENANT: &str = "00000000-0000-4000-8000-000000000001";
/// What is in each: a tenant, a flow of it, and its code, as the first version wrote them.
const ROWS: [&str; 3] = [
    "insert into tenants values ($1, 'Contoso', $2, $2, '[]', 1, 1, 0, null, '[]', 1)",
    "insert into flows values ($1, $1, $2, $2, 'stranger', null, null, 'a', 'code-sent', null, 'it', 'S', $1, 1, 2)",
    "insert into codes values ($1, $1, 'mail', $2, 3, 1, 2, null)",
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Number and text of each file of a folder.
fn numbered(folder: &Path) -> Result<BTreeMap<i64, String>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).context("a name")?;
        let number: i64 = name.get(..4).context("a number of four digits")?.parse()?;
        ensure!(all.insert(number, std::fs::read_to_string(&path)?).is_none(), "{number} is there twice");
    }
    Ok(all)
}

/// A database without its server. Rows come in the order of their tables' names, so that what they refer to may come later.
async fn open(path: &Path) -> Result<SqlitePool> {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true).foreign_keys(false);
    Ok(SqlitePool::connect_with(options).await?)
}

/// The database of a version, with the rows of the first one in it, as text.
async fn made(migrations: &BTreeMap<i64, String>, version: i64, path: &Path) -> Result<String> {
    let pool = open(path).await?;
    let of = |(number, text): (&i64, &String)| {
        let text = AssertSqlSafe(text.clone()).into_sql_str();
        Migration::new(*number, number.to_string().into(), MigrationType::Simple, text, false)
    };
    let first = migrations.range(..=1).map(of).collect();
    Migrator::with_migrations(first).run(&pool).await?;
    let root = SigningKey::from_bytes(&[7; 32])?.public();
    for row in ROWS {
        sqlx::query(row).bind(TENANT).bind(root.as_bytes().as_slice()).execute(&pool).await?;
    }
    let rest = migrations.range(..=version).map(of).collect();
    Migrator::with_migrations(rest).run(&pool).await?;
    let text = dump(&pool).await?;
    pool.close().await;
    Ok(text)
}

/// Everything that is in a database, as statements.
async fn dump(pool: &SqlitePool) -> Result<String> {
    let mut text = String::new();
    let all = "select type, name, sql from sqlite_master where name not like 'sqlite!_%' escape '!' \
         order by type <> 'table', name";
    let objects = sqlx::query(all).fetch_all(pool).await?;
    for object in &objects {
        writeln!(text, "{};", object.get::<String, _>("sql"))?;
    }
    for object in objects.iter().filter(|object| object.get::<String, _>("type") == "table") {
        let table = object.get::<String, _>("name");
        let columns: Vec<String> = columns(pool, &table).await?.into_iter().map(|(name, _)| name).collect();
        // When it was made, and how long that took, is no part of what it is.
        let value = |column: &String| match (table.as_str(), column.as_str()) {
            ("_sqlx_migrations", "installed_on") => "'''2026-01-01 00:00:00'''".to_owned(),
            ("_sqlx_migrations", "execution_time") => "0".to_owned(),
            _ => format!("quote({column})"),
        };
        let values: Vec<String> = columns.iter().map(value).collect();
        let rows = format!("select {} as line from {table} order by 1", values.join(" || ', ' || "));
        for row in sqlx::query(AssertSqlSafe(rows)).fetch_all(pool).await? {
            let line = row.get::<String, _>("line");
            writeln!(text, "insert into {table} ({}) values ({line});", columns.join(", "))?;
        }
    }
    Ok(text)
}

/// Name and kind of each column of a table.
async fn columns(pool: &SqlitePool, table: &str) -> Result<Vec<(String, String)>> {
    let about = "select name, type || ' ' || \"notnull\" || ' ' || pk as kind from pragma_table_info($1)";
    let rows = sqlx::query(about).bind(table).fetch_all(pool).await?;
    Ok(rows.iter().map(|row| (row.get("name"), row.get("kind"))).collect())
}

/// What there is in a database, whatever the order in which it came.
async fn shape(path: &Path) -> Result<BTreeSet<String>> {
    let pool = open(path).await?;
    let mut shape = BTreeSet::new();
    let all = sqlx::query("select type, name, tbl_name from sqlite_master").fetch_all(&pool).await?;
    for object in all {
        let (kind, name): (String, String) = (object.get("type"), object.get("name"));
        if kind == "table" {
            for (column, of) in columns(&pool, &name).await? {
                shape.insert(format!("{name}.{column} {of}"));
            }
        } else {
            shape.insert(format!("{kind} {name} {}", object.get::<String, _>("tbl_name")));
        }
    }
    pool.close().await;
    Ok(shape)
}

#[tokio::test]
async fn each_kept_version_comes_forward_with_what_is_in_it() -> Result<()> {
    let f = Fixture::sqlite("each_kept_version_comes_forward").await?;
    let here = f.folder().context("a SQLite fixture has a folder")?;
    let (migrations, folder_of) = (numbered(&folder("migrations/sqlite"))?, folder("tests/snapshots"));
    if std::env::var_os("RITORNO_KEEP_SNAPSHOTS").is_some() {
        for version in migrations.keys() {
            let file = folder_of.join(format!("{version:04}.sql"));
            if !file.exists() {
                let text = made(&migrations, *version, &here.join(format!("made-{version}.db"))).await?;
                std::fs::write(file, text)?;
            }
        }
    }
    let kept = numbered(&folder_of)?;
    let newest = *kept.keys().last().context("no snapshot")?;
    let landed: Vec<&i64> = migrations.range(..=newest).map(|(number, _)| number).collect();
    assert_eq!(kept.keys().collect::<Vec<_>>(), landed, "each version that landed has its snapshot");
    f.store.ping().await?;
    let fresh = shape(&here.join("ritorno.db")).await?;
    ensure!(fresh.len() > 300, "{} columns and indexes were looked at", fresh.len());
    let tenant = TenantId(TENANT.parse()?);
    for (version, text) in kept {
        let path = here.join(format!("{version}.db"));
        let pool = open(&path).await?;
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&pool).await?;
        pool.close().await;
        let store = Store::connect(&format!("sqlite:{}", path.display()))
            .await
            .with_context(|| format!("version {version} does not come forward"))?;
        let found = store.tenants().get(tenant).await?.context("the tenant is gone")?;
        assert_eq!((found.name.as_str(), found.sspr_enabled, found.forbid_names), ("Contoso", true, false));
        store.close().await;
        assert_eq!(shape(&path).await?, fresh, "version {version} comes to other tables than a new database");
        let pool = open(&path).await?;
        for table in ["flows", "codes"] {
            let count = format!("select count(*) as rows from {table}");
            let rows: i64 = sqlx::query(AssertSqlSafe(count)).fetch_one(&pool).await?.get("rows");
            assert_eq!(rows, 1, "version {version}: {table}");
        }
        pool.close().await;
    }
    Ok(())
}
