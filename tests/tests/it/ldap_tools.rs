//! A real directory by OpenLDAP's own tools: what a test does there and reads of it is not the product's reading.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_lab::forest::ForestHandle;

/// One entry as `ldapsearch` shows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry(BTreeMap<String, Vec<Vec<u8>>>);

impl Entry {
    pub(crate) fn all(&self, attribute: &str) -> Vec<String> {
        let values = self.0.get(attribute).into_iter().flatten();
        values.map(|value| String::from_utf8_lossy(value).into_owned()).collect()
    }

    pub(crate) fn text(&self, attribute: &str) -> Option<String> {
        self.all(attribute).into_iter().next()
    }

    pub(crate) fn bytes(&self, attribute: &str) -> Option<&[u8]> {
        Some(self.0.get(attribute)?.first()?.as_slice())
    }

    pub(crate) fn dn(&self) -> String {
        self.text("dn").unwrap_or_default()
    }
}

/// The administrator's own LDAP client: every operation is a transaction of its own.
pub(crate) struct Client<'a>(pub(crate) &'a ForestHandle);

impl Client<'_> {
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .args(["-x", "-D", &self.0.administrator.upn, "-w", &self.0.administrator.password])
            .args(["-H", &format!("ldaps://{}", self.0.dc_ip)])
            .env("LDAPTLS_CACERT", &self.0.ca_pem);
        command
    }

    pub(crate) fn modify(&self, ldif: &str) -> Result<()> {
        let mut child = self
            .command("ldapmodify")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        child.stdin.take().context("it reads")?.write_all(ldif.as_bytes())?;
        let said = child.wait_with_output()?;
        ensure!(said.status.success(), "{}\n{ldif}", String::from_utf8_lossy(&said.stderr));
        Ok(())
    }

    pub(crate) fn search(&self, base: &str, filter: &str, attributes: &[&str]) -> Result<Vec<Entry>> {
        let mut command = self.command("ldapsearch");
        command.args(["-LLL", "-o", "ldif-wrap=no", "-E", "pr=500/noprompt", "-b", base, filter]);
        let said = command.args(attributes).stderr(Stdio::null()).output()?;
        ensure!(said.status.success(), "ldapsearch below {base}: {}", said.status);
        let (mut entries, mut entry) = (Vec::new(), Entry::default());
        for line in String::from_utf8(said.stdout)?.lines() {
            match line.split_once(':') {
                None if line.is_empty() && !entry.0.is_empty() => entries.push(std::mem::take(&mut entry)),
                None => {}
                Some((name, _)) if name.starts_with('#') => {}
                Some((name, value)) => {
                    let value = match value.strip_prefix(':') {
                        Some(encoded) => STANDARD.decode(encoded.trim())?,
                        None => value.trim_start().as_bytes().to_vec(),
                    };
                    entry.0.entry(name.to_owned()).or_default().push(value);
                }
            }
        }
        Ok(entries)
    }
}
