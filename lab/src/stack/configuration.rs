//! The two programs' configurations, and the secrets beside them.

use std::fs::File;
use std::net::SocketAddrV4;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};

use super::Plan;
use crate::Lab;
use crate::openldap::OpenLdap;

pub(super) fn write_secret(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes()).with_context(|| path.display().to_string())
}

pub(super) fn write_server_configuration(
    lab: &Lab,
    plan: &Plan<'_>,
    folder: &Path,
    url: &str,
    listen: SocketAddrV4,
) -> Result<()> {
    let (chain, key) = (folder.join("portal.pem"), folder.join("portal.key"));
    if !chain.exists() {
        lab.authority()?.issue(&["localhost"], &[(*listen.ip()).into()])?.write(&chain, &key)?;
    }
    write_secret(&folder.join("mail-password"), plan.mail.password)?;
    let state = folder.join("cloud");
    let database =
        plan.database.clone().unwrap_or_else(|| format!("sqlite:{}", state.join("ritorno.db").display()));
    let text = format!(
        r#"public_url = "{url}"
listen = "{listen}"
state_dir = "{state}"
database = "{database}"

[tls]
certificate = "{chain}"
key = "{key}"

[mail]
host = "{mail_host}"
port = {mail_port}
tls = "starttls"
ca_file = "{mail_ca}"
user = "{mail_user}"
password_file = "{mail_password}"
from = "ritorno@contoso.test"
"#,
        state = state.display(),
        chain = chain.display(),
        key = key.display(),
        mail_host = plan.mail.address,
        mail_port = plan.mail.smtp_port,
        mail_ca = plan.mail.ca_pem.display(),
        mail_user = plan.mail.user,
        mail_password = folder.join("mail-password").display(),
    );
    std::fs::write(folder.join("ritorno.toml"), text).context("ritorno.toml")
}

pub(super) fn write_agent_configuration(plan: &Plan<'_>, folder: &Path) -> Result<()> {
    let forest = plan.forest;
    write_secret(&folder.join("directory-password"), &forest.service_account.password)?;
    let text = format!(
        r#"state_dir = "{state}"
ca_file = "{ca}"

[[forest]]
name = "{name}"
hosts = ["{host}"]
dns_servers = ["{dns}"]
account = "{account}"
password_file = "{password}"
ca_file = "{ca}"
scope = ["{scope}"]

[forest.attributes]
alternate_mail = "otherMailbox"

[limits]
# More than any lab can do: the benchmark is not to measure this limit.
resets_per_minute = 6000

[log]
events_file = "{events}"
{openldap}"#,
        state = folder.join("agent").display(),
        ca = forest.ca_pem.display(),
        name = forest.dns_domain,
        host = forest.dc_host,
        dns = forest.dc_ip,
        account = forest.service_account.upn,
        password = folder.join("directory-password").display(),
        scope = forest.people_ou,
        events = folder.join("agent-events.log").display(),
        openldap =
            plan.openldap.map(|server| openldap_table(server, folder)).transpose()?.unwrap_or_default(),
    );
    std::fs::write(folder.join("agent.toml"), text).context("agent.toml")
}

fn openldap_table(server: &OpenLdap, folder: &Path) -> Result<String> {
    let password = folder.join("openldap-password");
    write_secret(&password, &server.service_account.password)?;
    Ok(format!(
        r#"
[[forest]]
name = "{name}"
hosts = ["{host}"]
account = "{account}"
password_file = "{password}"
ca_file = "{ca}"
scope = ["{scope}"]
groups = ["ou=groups,{base}"]

[forest.attributes]
alternate_mail = "mailRoutingAddress"

[forest.openldap]
port = {port}
policy = "{policy}"
protected_groups = ["{admins}"]
"#,
        name = server.name,
        host = server.address,
        account = server.service_account.dn,
        password = password.display(),
        ca = server.ca_pem.display(),
        scope = server.people_ou,
        base = server.base_dn,
        port = server.port,
        policy = server.policy,
        admins = server.admins_group,
    ))
}
