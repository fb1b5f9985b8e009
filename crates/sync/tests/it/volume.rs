//! Many objects: memory stays bounded. `RITORNO_TEST_OBJECTS` sets how many; the times are printed.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use ritorno_sync::{ImportSource, Page, Run, SourceError};

use crate::world::{World, object};

/// Makes its objects page by page, as a directory does.
struct Generated {
    next: u16,
    count: u16,
}

#[async_trait]
impl ImportSource for Generated {
    async fn next(&mut self) -> Result<Page, SourceError> {
        let end = self.count.min(self.next.saturating_add(500));
        if self.next == end {
            return Ok(Page::End { server: None, watermark: None });
        }
        let mail = |number| format!("user{number}@contoso.test");
        let objects =
            (self.next..end).map(|n| object(n, &[("mail", &mail(n)), ("preferredLanguage", "it")])).collect();
        self.next = end;
        Ok(Page::Objects(objects))
    }

    fn scope(&self) -> String {
        "DC=contoso,DC=test".to_owned()
    }
}

/// This process's peak of resident memory, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok()).expect("a number") * 1024
}

async fn timed(world: &World, run: Run<'_>) -> Duration {
    let start = Instant::now();
    world.run(run).await.expect("a run");
    start.elapsed()
}

#[tokio::test]
async fn memory_stays_bounded() {
    let count = std::env::var("RITORNO_TEST_OBJECTS").map_or(2000, |text| text.parse().unwrap());
    let world = World::new().await;
    world.cycle(vec![object(60_000, &[])]).await;
    let before = peak();
    let import = timed(&world, Run::FullImport(&mut Generated { next: 0, count })).await;
    let again = timed(&world, Run::FullImport(&mut Generated { next: 0, count })).await;
    let sync = timed(&world, Run::FullSync).await;
    let grown = peak() - before;
    println!("{count} objects: import {import:?}, again {again:?}, sync {sync:?}, {} KiB more", grown >> 10);
    let export = timed(&world, Run::Export { target: &world.target, lease_epoch: 1 }).await;
    println!("export {export:?}, {} KiB more with the service in this process", (peak() - before) >> 10);
    assert_eq!(world.names().len(), usize::from(count));
    assert!(grown < 48 << 20, "{grown} bytes");
}
