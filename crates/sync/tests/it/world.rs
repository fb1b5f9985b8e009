//! Everything one test needs: an engine over a store of its own, a source of objects, a tenant.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ritorno_protocol::clock::{ManualClock, Timestamp};
use ritorno_protocol::ids::Forest;
use ritorno_protocol::random::Random;
use ritorno_sync::{
    Backoff, Connector, Engine, Guard, ImportSource, ImportedObject, Layer, Page, Rules, Run, RunReport,
    ScimConfig, ScimTarget, SourceError, SyncError, TokenSource,
};

use crate::service::{Service, TOKEN};

/// What every import here asks for.
pub(crate) const SCOPE: &str = "DC=contoso,DC=test";

/// Objects to import, in pages, as the engine gets them from a directory.
pub(crate) struct Objects {
    pages: std::vec::IntoIter<Vec<ImportedObject>>,
    /// What comes after the last page: the end, or nothing more than an error.
    pub(crate) breaks_off: bool,
    pub(crate) scope: String,
    /// What a delta import goes on from.
    pub(crate) watermark: Option<String>,
    /// Who answers.
    pub(crate) server: &'static str,
}

impl Objects {
    pub(crate) fn new(objects: Vec<ImportedObject>, page: usize) -> Self {
        let pages: Vec<_> = objects.chunks(page).map(<[ImportedObject]>::to_vec).collect();
        Self {
            pages: pages.into_iter(),
            breaks_off: false,
            scope: SCOPE.into(),
            watermark: None,
            server: "dc1.contoso.test",
        }
    }
}

#[async_trait]
impl ImportSource for Objects {
    async fn next(&mut self) -> Result<Page, SourceError> {
        let server = Some(self.server.to_owned());
        match self.pages.next() {
            Some(objects) => Ok(Page::Objects(objects)),
            None if self.breaks_off => Err(SourceError { server, reason: "connection lost".into() }),
            None => Ok(Page::End { server, watermark: self.watermark.clone() }),
        }
    }

    fn scope(&self) -> String {
        self.scope.clone()
    }
}

/// An object with the attributes of an ordinary person.
pub(crate) fn object(number: u16, more: &[(&str, &str)]) -> ImportedObject {
    let name = format!("user{number}");
    let upn = format!("{name}@contoso.test");
    let plain = [
        ("sAMAccountName", name.as_str()),
        ("userPrincipalName", upn.as_str()),
        ("displayName", name.as_str()),
        ("userAccountControl", "512"),
    ];
    let mut attributes: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for (name, value) in plain.iter().chain(more) {
        attributes.insert((*name).to_owned(), vec![value.as_bytes().to_vec()]);
    }
    let mut sid = vec![1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0];
    sid.extend(u32::from(number).to_le_bytes());
    attributes.insert("objectSid".into(), vec![sid]);
    ImportedObject {
        dn: format!("CN={name},DC=contoso,DC=test"),
        object_guid: guid(number),
        attributes,
        members: None,
        foreign: Vec::new(),
    }
}

/// The GUID of object `number`.
pub(crate) fn guid(number: u16) -> [u8; 16] {
    let mut guid = [7; 16];
    guid[..2].copy_from_slice(&number.to_be_bytes());
    guid
}

pub(crate) fn connector() -> Connector {
    Connector {
        name: "contoso.test".into(),
        forest: Forest("contoso.test".into()),
        domain: "CONTOSO".into(),
        dns_domain: "contoso.test".into(),
        rank: 0,
        rules: Rules::default(),
        guard: Guard::default(),
        suspend_first: None,
        fill_anchors: false,
    }
}

/// The program's own rules, and one that leaves an account out.
pub(crate) fn leaving_out(account: &str) -> Rules {
    let text = format!(
        "[[leave_out]]\nname = \"one\"\nwhen = [{{ attribute = \"sAMAccountName\", equals = \"{account}\" }}]"
    );
    Rules::layered(&[Layer { name: "rules.toml", text: &text }]).expect("good rules")
}

struct Counter(AtomicU64);

impl Random for Counter {
    fn fill(&self, out: &mut [u8]) {
        out.fill(self.0.fetch_add(97, Ordering::Relaxed) as u8);
    }
}

struct Token(&'static str);

#[async_trait]
impl TokenSource for Token {
    async fn token(&self) -> Result<String, String> {
        Ok(self.0.to_owned())
    }
}

/// A folder of its own, removed at the end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("ritorno-sync-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.0.join("sync.sqlite")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left in the system's folder for temporary files hurts nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) connector: Connector,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) service: Service,
    pub(crate) target: ScimTarget,
    pub(crate) folder: Folder,
}

pub(crate) fn target(service: &Service, token: &'static str) -> ScimTarget {
    let backoff = Backoff { tries: 4, first: Duration::from_millis(1), longest: Duration::from_millis(20) };
    let config = ScimConfig { base: service.base.clone(), tls: service.tls.clone(), proxy: None, backoff };
    ScimTarget::new(config, Arc::new(Token(token)), Arc::new(Counter(AtomicU64::new(0)))).expect("a target")
}

impl World {
    pub(crate) async fn new() -> Self {
        let (service, folder) = (Service::start().await, Folder::new());
        let clock = Arc::new(ManualClock::new(Timestamp::from_unix_ms(1_700_000_000_000)));
        let engine = Engine::open(&folder.store(), clock.clone()).await.expect("an engine");
        let target = target(&service, TOKEN);
        Self { engine, connector: connector(), clock, service, target, folder }
    }

    /// Opens the store anew without having closed it, as after a crash.
    pub(crate) async fn reopen(&mut self) {
        self.engine = Engine::open(&self.folder.store(), self.clock.clone()).await.expect("an engine");
    }

    pub(crate) async fn run(&self, run: Run<'_>) -> Result<RunReport, SyncError> {
        self.engine.run(&self.connector, run, &|_| {}).await
    }

    pub(crate) async fn import(&self, objects: Vec<ImportedObject>) -> Result<RunReport, SyncError> {
        self.run(Run::FullImport(&mut Objects::new(objects, 3))).await
    }

    pub(crate) async fn sync(&self) -> Result<RunReport, SyncError> {
        self.run(Run::FullSync).await
    }

    pub(crate) async fn export(&self) -> Result<RunReport, SyncError> {
        self.run(Run::Export { target: &self.target, lease_epoch: 1 }).await
    }

    /// Import, sync and export of several forests, stage by stage as the scheduler does.
    pub(crate) async fn cycle_of(&self, forests: &[(&Connector, Vec<ImportedObject>)]) {
        for (connector, objects) in forests {
            let run = Run::FullImport(&mut Objects::new(objects.clone(), 3));
            self.engine.run(connector, run, &|_| {}).await.expect("an import");
        }
        for (connector, _) in forests {
            self.engine.run(connector, Run::FullSync, &|_| {}).await.expect("a sync");
        }
        for (connector, _) in forests {
            let run = Run::Export { target: &self.target, lease_epoch: 1 };
            self.engine.run(connector, run, &|_| {}).await.expect("an export");
        }
    }

    /// Import, sync and export, each to its end.
    pub(crate) async fn cycle(&self, objects: Vec<ImportedObject>) -> [RunReport; 3] {
        let import = self.import(objects).await.expect("an import");
        let sync = self.sync().await.expect("a sync");
        [import, sync, self.export().await.expect("an export")]
    }

    /// userNames in the tenant.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            self.service.tenant().users.values().map(|user| user.user_name.clone()).collect();
        names.sort();
        names
    }
}
