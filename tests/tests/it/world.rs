//! The whole product on a private copy of the lab, and a view of the directory that is not the product's.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use ritorno_directory::{Directory, ForestConfig, Identity, PasswordVersion, Person, roots_from_pem_file};
use ritorno_lab::forest::ForestHandle;
use ritorno_lab::middlebox::Middlebox;
use ritorno_lab::stack::{Plan, Programs, Stack};
use ritorno_lab::{Forest, Lab, MailServer, OpenLdap, PostgreSql, PrivateLab};
use ritorno_protocol::clock::SystemClock;
use ritorno_protocol::random::Random;
use ritorno_protocol::secret::Password;
use ritorno_tests::visitor::{Choosing, Visitor};
use tokio::runtime::Runtime;

/// Everything. The programs stop before the lab that they run on.
pub(crate) struct World {
    pub(crate) stack: Stack,
    pub(crate) runtime: Runtime,
    pub(crate) directory: Directory,
    pub(crate) forest: ForestHandle,
    pub(crate) mail: MailServer,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) middlebox: Option<Middlebox>,
    pub(crate) lab: PrivateLab,
}

/// Where the cloud side listens on a host of its own, where every port is free: its unit lets it, and nothing else of root's.
pub(crate) const PORT_BEYOND: u16 = 443;

/// What is special about a world.
#[derive(Default)]
struct Setting {
    owner: Option<(u32, u32)>,
    openldap: bool,
    /// The server's database; none for a SQLite file.
    database: Option<String>,
    /// Where the cloud side is a host of its own, beyond this.
    beyond: Option<Middlebox>,
}

/// The machine's random source.
struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, out: &mut [u8]) {
        getrandom::fill(out).expect("the system's random source works");
    }
}

impl World {
    /// The server's database on a PostgreSQL of its own.
    pub(crate) const DATABASE: &str = "ritorno";

    /// Starts it; `prepare` changes the forest before the first sync.
    pub(crate) fn start(name: &str, prepare: impl FnOnce(&ForestHandle) -> Result<()>) -> Result<Self> {
        Self::start_on(Forest::Contoso, name, prepare)
    }

    /// The same on another forest.
    pub(crate) fn start_on(
        forest: Forest,
        name: &str,
        prepare: impl FnOnce(&ForestHandle) -> Result<()>,
    ) -> Result<Self> {
        Self::start_beside(forest, name, false, prepare)
    }

    /// Contoso, with the server on this database.
    pub(crate) fn start_over(name: &str, database: String) -> Result<Self> {
        let lab = Lab::open()?.private(name)?;
        let setting = Setting { database: Some(database), ..Setting::default() };
        Self::launch(lab, Forest::Contoso, &programs()?, setting, |_| Ok(()))
    }

    /// Contoso, with the server on a PostgreSQL that is stopped and started by the test: a cluster of the private lab's own.
    pub(crate) fn start_on_postgresql_of_its_own(name: &str) -> Result<(Self, PostgreSql)> {
        let lab = Lab::open()?.private(name)?;
        let postgresql = lab.postgresql();
        postgresql.start()?;
        let database = postgresql.fresh_database(Self::DATABASE)?;
        let setting = Setting { database: Some(database), ..Setting::default() };
        let world = Self::launch(lab, Forest::Contoso, &programs()?, setting, |_| Ok(()))?;
        Ok((world, postgresql))
    }

    /// Contoso, and an OpenLDAP server beside it, which one agent serves both.
    pub(crate) fn start_with_openldap(name: &str) -> Result<(Self, OpenLdap)> {
        let world = Self::start_beside(Forest::Contoso, name, true, |_| Ok(()))?;
        let server = world.lab.openldap()?;
        Ok((world, server))
    }

    fn start_beside(
        forest: Forest,
        name: &str,
        openldap: bool,
        prepare: impl FnOnce(&ForestHandle) -> Result<()>,
    ) -> Result<Self> {
        let lab = Lab::open()?.private(name)?;
        let programs = programs()?;
        let setting = Setting { openldap, ..Setting::default() };
        Self::launch(lab, forest, &programs, setting, prepare)
    }

    /// Contoso with these programs, in a lab that is there; the cloud side is a host of its own, beyond a middlebox.
    pub(crate) fn start_beyond(lab: PrivateLab, programs: &Programs) -> Result<Self> {
        let mut middlebox = Middlebox::start(&lab)?;
        let mail = lab.mail()?;
        middlebox.show_beyond((mail.address, mail.smtp_port).into())?;
        let setting = Setting { beyond: Some(middlebox), ..Setting::default() };
        Self::launch(lab, Forest::Contoso, programs, setting, |_| Ok(()))
    }

    /// The same beyond a middlebox that is there and shows the mail server. The files belong to `owner`, whom the programs run as.
    pub(crate) fn start_beyond_that(
        lab: PrivateLab,
        programs: &Programs,
        owner: (u32, u32),
        middlebox: Middlebox,
    ) -> Result<Self> {
        let setting = Setting { owner: Some(owner), beyond: Some(middlebox), ..Setting::default() };
        Self::launch(lab, Forest::Contoso, programs, setting, |_| Ok(()))
    }

    fn launch(
        lab: PrivateLab,
        forest: Forest,
        programs: &Programs,
        setting: Setting,
        prepare: impl FnOnce(&ForestHandle) -> Result<()>,
    ) -> Result<Self> {
        let Setting { owner, openldap, database, beyond: middlebox } = setting;
        let forest = lab.forest(forest)?;
        forest.up()?;
        prepare(&forest)?;
        let openldap = openldap.then(|| lab.openldap()).transpose()?;
        if let Some(server) = &openldap {
            server.start()?;
        }
        let mail = lab.mail()?;
        mail.start()?;
        let plan = Plan {
            programs,
            folder: &lab.folder().join("stack"),
            forest: &forest,
            openldap: openldap.as_ref(),
            mail: &mail,
            database,
            port: middlebox.as_ref().map(|_| PORT_BEYOND),
            end_with_thread: false,
            beyond: middlebox.as_ref(),
            owner,
        };
        let stack = Stack::start(&lab, &plan)?;
        let directory = directory(&forest)?;
        let runtime = Runtime::new()?;
        let random = Arc::new(SystemRandom);
        Ok(Self { stack, runtime, directory, forest, mail, random, middlebox, lab })
    }

    /// Somebody new at the portal, reading English. Each person is a network of their own.
    pub(crate) fn visitor(&self, sam: &str) -> Result<Visitor> {
        let sum = sam.bytes().fold(7_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
        // Beyond a middlebox there is one way, and all come from one network.
        let own = Ipv4Addr::new(127, 199, sum, 9);
        let from = self.middlebox.as_ref().map_or(own, Middlebox::near_address);
        Visitor::new(&self.stack.url, &self.stack.ca_pem, "en", from)
    }

    /// Restarts the server with a gateway for text messages, at whose place a test listens.
    pub(crate) fn text_messages(&mut self) -> Result<SocketAddr> {
        let gateway = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let url = self.stack.url.clone();
        let file = self.stack.folder().join("ritorno.toml");
        let table = format!(
            "\n[sms]\nurl = \"http://{gateway}/send\"\nbody = '{{\"to\": \"{{number}}\", \"text\": \"{{text}}\"}}'\n"
        );
        std::fs::write(&file, std::fs::read_to_string(&file)? + &table)?;
        self.stack.stop_server();
        self.stack.start_server()?;
        ensure!(self.stack.url == url, "the server came back elsewhere");
        self.stack.wait_until_open()?;
        Ok(gateway)
    }

    /// Takes a person through the gate.
    pub(crate) fn pass_gate(&self, sam: &str) -> Result<(Visitor, Choosing)> {
        let person = self.forest.person(sam)?;
        let mut visitor = self.visitor(sam)?;
        let choosing =
            self.runtime.block_on(visitor.pass_gate(&person.upn, &self.mail, &person.alternate_mail))?;
        Ok((visitor, choosing))
    }

    /// Resets a person's password the whole way, and proves it by Kerberos.
    pub(crate) fn reset(&self, sam: &str, password: &str) -> Result<()> {
        let (visitor, choosing) = self.pass_gate(sam)?;
        let answer = self.runtime.block_on(visitor.reset(&choosing, password, &self.random))?;
        ensure!(answer.state == "done", "the reset of {sam}: {answer:?}");
        ensure!(self.forest.kinit(sam, password)?, "Kerberos refuses the new password of {sam}");
        Ok(())
    }

    /// The version of a person's password at the domain controller: it grows with each write.
    pub(crate) fn version(&self, sam: &str) -> Result<PasswordVersion> {
        let found = async {
            let person: Person = self.directory.locate(&Identity::AccountName(sam.to_owned())).await?;
            self.directory.password_version(&person).await
        };
        let version = self.runtime.block_on(found)?;
        ensure!(version.version.is_some(), "the directory shows no password version of {sam}");
        Ok(version)
    }
}

/// The programs, which cargo built beside the tests.
pub(crate) fn programs() -> Result<Programs> {
    let built = std::env::current_exe()?;
    Programs::in_folder(built.ancestors().nth(2).context("the test runs outside of cargo's folders")?)
}

/// The forest, through the service account's eyes.
fn directory(forest: &ForestHandle) -> Result<Directory> {
    let account = &forest.service_account;
    let mut config = ForestConfig::new(
        ritorno_protocol::ids::Forest(forest.dns_domain.clone()),
        vec![forest.dc_host.clone()],
        account.upn.clone(),
        Arc::new(Password::new(account.password.clone())),
        Arc::new(roots_from_pem_file(&forest.ca_pem)?),
    );
    config.dns_servers = vec![SocketAddr::from((forest.dc_ip, 53))];
    Ok(Directory::new(config, Arc::new(SystemClock))?)
}

/// A program that a test started, and that ends with it.
pub(crate) struct Running(pub(crate) std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
