//! A tenant is removed: nothing of it is left in any table, and nothing of another one is touched.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_protocol::ids::TenantId;
use ritorno_storage::{StoreError, Tenants};
use sqlx::Row as _;

use crate::fixture::{Fixture, NOW, on_both};

on_both!(every_table_of_tenants_is_one_of_those, nothing_of_it_is_left_and_the_other_is_whole,);

/// The tables that have a column with a tenant's id, as the database has them.
async fn of_the_schema(f: &Fixture) -> Result<BTreeSet<String>> {
    let names: Vec<String> = if f.address.starts_with("sqlite:") {
        let pool = sqlx::SqlitePool::connect(&f.address).await?;
        let sql = "select m.name from sqlite_master m join pragma_table_info(m.name) c on c.name = 'tenant' \
             where m.type = 'table'";
        let rows = sqlx::query(sql).fetch_all(&pool).await?;
        pool.close().await;
        rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?
    } else {
        let pool = sqlx::PgPool::connect(&f.address).await?;
        let sql = "select table_name::text from information_schema.columns where column_name = 'tenant' \
             and table_schema = current_schema()";
        let rows = sqlx::query(sql).fetch_all(&pool).await?;
        pool.close().await;
        rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?
    };
    Ok(names.into_iter().collect())
}

async fn every_table_of_tenants_is_one_of_those(f: &Fixture) -> Result<()> {
    let listed: BTreeSet<String> = Tenants::tables_of_one().into_iter().map(str::to_owned).collect();
    assert_eq!(of_the_schema(f).await?, listed);
    assert_eq!(listed.len(), Tenants::tables_of_one().len(), "none is there twice");
    Ok(())
}

fn fact(f: &Fixture, tenant: TenantId, activity: Activity) -> Fact {
    Fact {
        id: FactId::random(&f.random),
        tenant,
        at: NOW,
        activity,
        actor: Actor::System,
        target: None,
        from: None,
        success: Success::Success,
        reason: "made".into(),
        support_code: None,
        correlation: CorrelationId::random(&f.random),
        request: None,
    }
}

/// People, an agent, an administrator, requests, facts with a chain: what refers to one another.
async fn fill(f: &Fixture, tenant: TenantId, count: usize) -> Result<()> {
    for number in 0..count {
        let mut person = f.person(&format!("person{number}"));
        person.tenant = tenant;
        f.store.users().insert(&person).await?;
        let mut agent = f.agent(&format!("agent{number}"));
        agent.tenant = tenant;
        f.store.agents().insert(&agent).await?;
        f.store.audit().append(&fact(f, tenant, Activity::UserAdded)).await?;
    }
    f.store.audit_chain().link(tenant, 1_000).await?;
    Ok(())
}

async fn nothing_of_it_is_left_and_the_other_is_whole(f: &Fixture) -> Result<()> {
    let tenants = f.store.tenants();
    let other = f.other_tenant().await?;
    fill(f, f.tenant.id, 3).await?;
    fill(f, other, 5).await?;
    let kept = tenants.rows_of_one(f.tenant.id).await?;
    let before = tenants.rows_of_one(other).await?;
    ensure!(before.contains(&("users", 5)) && before.contains(&("agents", 5)), "{before:?}");
    ensure!(before.contains(&("audit", 5)) && before.contains(&("audit_heads", 1)), "{before:?}");

    // While anything is left, it stays, and so does what tells of it.
    let told = fact(f, f.tenant.id, Activity::TenantRemoved);
    let refused = tenants.remove_one(other, &told).await;
    ensure!(matches!(refused, Err(StoreError::Contradiction(_))), "{refused:?}");
    assert_eq!(tenants.rows_of_one(f.tenant.id).await?, kept);

    // Whatever stops it after each step, another one goes on where it was.
    for table in 0..Tenants::tables_of_one().len() {
        let second = f.second().await?;
        while second.tenants().remove_rows(other, table).await? > 0 {}
        second.close().await;
    }
    assert_eq!(tenants.rows_of_one(other).await?, []);
    assert_eq!(tenants.remove_rows(other, 1_000).await?, 0);
    ensure!(tenants.remove_one(other, &told).await?);
    ensure!(tenants.get(other).await?.is_none());
    let again = fact(f, f.tenant.id, Activity::TenantRemoved);
    ensure!(!tenants.remove_one(other, &again).await?, "it is gone, and is not told of twice");

    let one_more = |(table, number)| (table, if table == "audit" { number + 1 } else { number });
    let expected: Vec<(&str, u32)> = kept.into_iter().map(one_more).collect();
    assert_eq!(tenants.rows_of_one(f.tenant.id).await?, expected);
    assert_eq!(tenants.get(f.tenant.id).await?.as_ref(), Some(&f.tenant));
    Ok(())
}
