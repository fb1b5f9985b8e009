//! A folder with a configuration in it, and the program run on it.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};
use ritorno_identity::licence::Grant;
use ritorno_identity::user::{Mastered, OnPremises, Provisioned, User};
use ritorno_lab::Lab;
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::ids::{Forest, SourceAnchor};
use ritorno_storage::Store;

/// The folder. It goes with the test.
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
}

impl Drop for Place {
    fn drop(&mut self) {
        // What can't be removed is left in the temporary folder.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Place {
    /// A folder with a configuration for plain HTTP on a free port of 127.0.0.1.
    pub(crate) fn new() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let folder = std::env::temp_dir().join(format!("ritorno-program-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let place = Self { folder, port };
        place.write(&place.configuration("http"))?;
        Ok(place)
    }

    /// The configuration's text.
    pub(crate) fn configuration(&self, scheme: &str) -> String {
        let (port, state) = (self.port, self.folder.join("state"));
        let state = state.display();
        format!(
            "public_url = \"{scheme}://localhost:{port}\"\n\
             listen = \"127.0.0.1:{port}\"\n\
             state_dir = \"{state}\"\n\
             database = \"sqlite:{state}/ritorno.db\"\n"
        )
    }

    /// Puts somebody into the tenant, as the synchronisation would.
    pub(crate) fn put_person(&self, account: &str) -> Result<()> {
        self.put_person_into(0, account)
    }

    /// The same for a tenant by its age: 0 is the oldest.
    pub(crate) fn put_person_into(&self, tenant: usize, account: &str) -> Result<()> {
        let database = format!("sqlite:{}/state/ritorno.db", self.folder.display());
        tokio::runtime::Runtime::new()?.block_on(async {
            let store = Store::connect(&database).await?;
            let tenants = store.tenants().list().await?;
            let tenant = tenants.get(tenant).context("there is no tenant")?;
            let user = User {
                id: "00000000-0000-4000-8000-000000000001".parse()?,
                tenant: tenant.id,
                user_principal_name: format!("{account}@contoso.test"),
                display_name: account.to_owned(),
                mail: None,
                alternate_mail: Some(format!("{account}@mail.test")),
                registered_mail: None,
                mobile: None,
                registered_mobile: None,
                language: None,
                enabled: true,
                mastered: Mastered::Hybrid(OnPremises {
                    source_anchor: SourceAnchor("AAECAwQFBgcICQoLDA0ODw==".into()),
                    object_guid: Bytes(vec![1; 16]),
                    object_sid: Bytes(vec![1; 28]),
                    forest: Forest("contoso.test".into()),
                    domain: "CONTOSO".into(),
                    account_name: account.to_owned(),
                    exported_by: "00000000-0000-4000-8000-000000000002".parse()?,
                }),
                provisioned: Provisioned::default(),
                password_expires_at: None,
                licence: Grant::Free,
                selected: true,
                version: 1,
                created_at: tenant.created_at,
                updated_at: tenant.created_at,
            };
            store.users().insert(&user).await?;
            store.close().await;
            Ok(())
        })
    }

    /// How many mails have not left yet.
    pub(crate) fn mails_waiting(&self) -> Result<i64> {
        self.mails_waiting_of(0)
    }

    /// The same of a tenant by its age.
    pub(crate) fn mails_waiting_of(&self, tenant: usize) -> Result<i64> {
        let database = format!("sqlite:{}/state/ritorno.db", self.folder.display());
        tokio::runtime::Runtime::new()?.block_on(async {
            let store = Store::connect(&database).await?;
            let tenants = store.tenants().list().await?;
            let tenant = tenants.get(tenant).context("there is no tenant")?;
            let waiting = store.mail_outbox().waiting(tenant.id, tenant.created_at).await?;
            store.close().await;
            Ok(waiting)
        })
    }

    /// Makes it an installation that speaks TLS, and returns the address that tells that it is ready, and the authority.
    pub(crate) fn with_tls(&self) -> Result<(String, PathBuf)> {
        let (chain, key) = (self.folder.join("portal.pem"), self.folder.join("portal.key"));
        let authority = Lab::open()?.authority()?;
        authority.issue(&["localhost"], &[Ipv4Addr::LOCALHOST.into()])?.write(&chain, &key)?;
        let tls = format!("[tls]\ncertificate = \"{}\"\nkey = \"{}\"\n", chain.display(), key.display());
        self.write(&format!("{}{tls}", self.configuration("https")))?;
        self.succeed(&["init"])?;
        Ok((format!("https://localhost:{}/health/ready", self.port), authority.certificate_path()))
    }

    /// Replaces the configuration.
    pub(crate) fn write(&self, text: &str) -> Result<()> {
        Ok(std::fs::write(self.folder.join("ritorno.toml"), text)?)
    }

    /// The program, to be given a command.
    pub(crate) fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ritorno"));
        command.arg("--config").arg(self.folder.join("ritorno.toml")).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Output> {
        Ok(self.program().args(arguments).output()?)
    }

    /// Runs a command that has to succeed, and returns what it printed.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> Result<String> {
        let output = self.run(arguments)?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "{arguments:?}: {complaint}");
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs a command that has to fail, and returns its complaint.
    pub(crate) fn fail(&self, arguments: &[&str]) -> Result<String> {
        let output = self.run(arguments)?;
        anyhow::ensure!(!output.status.success(), "{arguments:?} succeeded");
        Ok(String::from_utf8(output.stderr)?)
    }
}
