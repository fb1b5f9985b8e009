//! What the statements about edges cost, in steps of SQLite's machine: with the number of edges that changed, and not with the group's.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{AssertSqlSafe, Executor as _};

use super::*;
use crate::guard::LEAVING;
use crate::store::Store;

/// A store with a group of so many members, as the tenant has them.
struct Made {
    folder: PathBuf,
    store: Store,
}

impl Made {
    async fn with(members: u32) -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("ritorno-edges-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = Store::open(&folder.join("sync.db")).await.unwrap();
        let made = Self { folder, store };
        let people =
            format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {members})");
        for sql in [
            "INSERT INTO connector (id, name) VALUES (1, 'c')".to_owned(),
            format!("INSERT INTO mv_object (id, anchor, attributes) {people} SELECT i, 'a' || i, '{{}}' FROM n"),
            format!(
                "INSERT INTO cs_object (connector_id, object_guid, dn, anchor, attributes, hash, seen_run, present, mv_id) \
                 {people} SELECT 1, 'm' || i, 'CN=' || i, 'a' || i, '{{}}', x'00', 1, 1, i FROM n"
            ),
            format!(
                "INSERT INTO export_object (connector_id, anchor, target_id, desired, confirmed) \
                 {people} SELECT 1, 'a' || i, 't' || i, '{{}}', '{{}}' FROM n"
            ),
            "INSERT INTO cs_object (connector_id, object_guid, dn, anchor, attributes, hash, seen_run, present, kind) \
             VALUES (1, 'g', 'CN=g', 'g', '{}', x'00', 1, 1, 'group')"
                .to_owned(),
            "INSERT INTO export_object (connector_id, anchor, target_id, desired, confirmed, kind) \
             VALUES (1, 'g', 'tg', '{}', '{}', 'group')"
                .to_owned(),
            format!(
                "INSERT INTO edge (connector_id, group_guid, member_guid, present, confirmed, dirty) \
                 {people} SELECT 1, 'g', 'm' || i, 1, 't' || i, 0 FROM n"
            ),
        ] {
            made.run(&sql).await;
        }
        made
    }

    async fn run(&self, sql: &str) {
        let mut transaction = self.store.write().await.unwrap();
        transaction.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
        transaction.commit().await.unwrap();
    }

    /// Steps of a statement, in hundreds, about the group's edges; `came` are those that it is told of.
    async fn steps(&self, sql: &'static str, came: u32) -> u64 {
        let came: Vec<_> = (1..=came).map(|i| (format!("m{i}"), format!("t{i}"))).collect();
        let mut transaction = self.store.write().await.unwrap();
        let steps = Arc::new(AtomicU64::new(1));
        let counted = Arc::clone(&steps);
        transaction.lock_handle().await.unwrap().set_progress_handler(100, move || {
            counted.fetch_add(1, Ordering::Relaxed);
            true
        });
        let query = sqlx::query(sql).bind(1_i64);
        let query = match sql {
            LEAVING => query,
            MARKED => query.bind("g").bind(0_i64).bind(EDGES),
            _ => query.bind("g").bind(json(&came)),
        };
        query.fetch_all(&mut *transaction).await.unwrap();
        transaction.lock_handle().await.unwrap().remove_progress_handler();
        steps.load(Ordering::Relaxed)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // What is left in the system's folder for temporary files hurts nobody.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn whom_the_tenant_names_is_held_and_all_who_leave_if_it_names_nobody() {
    let edges = || {
        let mut edges = Edges { idle: vec!["i".into()], ..Edges::default() };
        edges.changes.add.push(Member { value: "t9".into(), kind: MemberKind::User });
        for number in 1..=3 {
            edges.take_out(Out { member: format!("m{number}"), id: format!("t{number}"), counts: true });
        }
        edges
    };
    let ids = |edges: &Edges| {
        assert!(edges.out.iter().map(|out| &out.id).eq(&edges.changes.remove));
        edges.changes.remove.join(" ")
    };
    for (named, held, others) in [
        (&["t2".to_owned(), "t7".to_owned()][..], "t2", "t1 t3"),
        (&["t7".to_owned()], "t1 t2 t3", ""),
        (&[], "t1 t2 t3", ""),
    ] {
        let (apart, rest) = edges().apart(named);
        assert_eq!((ids(&apart).as_str(), ids(&rest).as_str()), (held, others), "{named:?}");
        assert_eq!(
            (rest.changes.add.len(), rest.idle.len(), apart.changes.add.len(), apart.idle.len()),
            (1, 1, 0, 0)
        );
    }
}

#[tokio::test]
async fn what_waits_is_told_without_a_look_at_everybody() {
    let (small, large) = (Made::with(1_000).await, Made::with(4_000).await);
    let mut steps = Vec::new();
    for made in [&small, &large] {
        made.run("UPDATE cs_object SET changed = 0").await;
        made.run(
            "UPDATE export_object SET desired = '{\"a\":1}', fault = '{\"status\":428}' WHERE anchor = 'a7'",
        )
        .await;
        made.run("UPDATE cs_object SET changed = 1 WHERE anchor IN ('a8', 'a9')").await;
        let mut reader = made.store.read().await.unwrap();
        let counted = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&counted);
        reader.lock_handle().await.unwrap().set_progress_handler(1, move || {
            count.fetch_add(1, Ordering::Relaxed);
            true
        });
        let waiting =
            crate::status::waiting(&mut reader, "c", ritorno_protocol::clock::Timestamp::from_unix_ms(0))
                .await
                .unwrap();
        reader.lock_handle().await.unwrap().remove_progress_handler();
        assert_eq!(
            (waiting.unsynced, waiting.objects, waiting.refused, waiting.held_in_tenant),
            (2, 1, 1, 1)
        );
        steps.push(counted.load(Ordering::Relaxed));
    }
    assert!(steps[0] > 0 && steps[1] < steps[0] * 2, "{steps:?}");
}

#[tokio::test]
async fn no_edge_looks_through_its_whole_group() {
    let (small, large) = (Made::with(1_000).await, Made::with(4_000).await);
    // All come, and then all leave: four times as many cost four times as much.
    for change in
        ["confirmed = NULL, dirty = 1", "present = 0, confirmed = 't' || substr(member_guid, 2), dirty = 1"]
    {
        for made in [&small, &large] {
            made.run(&format!("UPDATE edge SET {change}")).await;
        }
        for sql in [MARKED, CAME, LEAVING] {
            let (of_few, of_many) = (small.steps(sql, 1_000).await, large.steps(sql, 4_000).await);
            assert!(of_many < of_few * 6, "{change}: {of_few} and {of_many} hundred steps of {sql}");
        }
    }
    // One leaves: it costs the same, however many stay.
    for made in [&small, &large] {
        made.run("UPDATE edge SET present = 1, dirty = 0").await;
        made.run("UPDATE edge SET present = 0, dirty = 1 WHERE member_guid = 'm7'").await;
    }
    for sql in [MARKED, CAME, LEAVING] {
        let (of_few, of_many) = (small.steps(sql, 1).await, large.steps(sql, 1).await);
        assert!(of_few < 10 && of_many < 10, "{of_few} and {of_many} hundred steps of {sql}");
    }
}

#[tokio::test]
async fn who_comes_and_goes_costs_the_same_however_many_edges_there_are() {
    let (small, large) = (Made::with(1_000).await, Made::with(4_000).await);
    // Whoever has another id in the tenant is to be put into the group anew; whoever is gone is in none there.
    for (target_id, lost) in [(Some("t"), 0), (None, 1)] {
        let mut steps = Vec::new();
        for (made, members) in [(&small, 1_000), (&large, 4_000)] {
            made.run("UPDATE edge SET dirty = 0, confirmed = 't' || substr(member_guid, 2)").await;
            let mut transaction = made.store.write().await.unwrap();
            let counted = Arc::new(AtomicU64::new(0));
            let count = Arc::clone(&counted);
            transaction.lock_handle().await.unwrap().set_progress_handler(1, move || {
                count.fetch_add(1, Ordering::Relaxed);
                true
            });
            group::note_in_tenant(&mut transaction, &[("a7", target_id)]).await.unwrap();
            transaction.lock_handle().await.unwrap().remove_progress_handler();
            let row = sqlx::query("SELECT sum(dirty), count(confirmed) FROM edge")
                .fetch_one(&mut *transaction)
                .await
                .unwrap();
            let found: (i64, i64) = (row.get(0), row.get(1));
            assert_eq!(found, (1, members - lost));
            steps.push(counted.load(Ordering::Relaxed));
        }
        assert!(steps[0] > 0 && steps[1] < steps[0] * 2, "{target_id:?}: {steps:?}");
    }
}
