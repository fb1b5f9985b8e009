//! Makes a forest from nothing: Samba's provisioning, then policy, people and delegation in one offline transaction.

use std::net::IpAddr;

use anyhow::{Context, Result};
use serde_json::json;

use crate::administration::SEE_DELETIONS;
use crate::ca::CertificateAuthority;
use crate::forest::ForestHandle;
use crate::host::Host;

const POPULATE: &str = include_str!("../scripts/populate.py");
const READDRESS: &str = include_str!("../scripts/readdress.py");

/// With partners: a change is at the other controller in seconds, where Samba's defaults take minutes.
const REPLICATION: &str = "dreplsrv:notify_interval = 1\n\
                           dreplsrv:periodic_startup_interval = 3\n\
                           dreplsrv:periodic_interval = 5\n\
                           kccsrv:periodic_startup_interval = 3\n\
                           kccsrv:periodic_interval = 30\n";

/// Provisions the forest's controller into its (empty) state folder. Takes about ten seconds. With `large` its database is the one that
/// holds a hundred thousand people.
///
/// # Errors
/// When a file cannot be written, or Samba's tools refuse.
pub(crate) fn provision(
    handle: &ForestHandle,
    host: &Host,
    authority: &CertificateAuthority,
    large: bool,
) -> Result<()> {
    if host.state.exists() {
        std::fs::remove_dir_all(&host.state).context("cannot remove a half-made forest")?;
    }
    host.prepare()?;
    let mut arguments = vec![
        "samba-tool".to_owned(),
        "domain".to_owned(),
        "provision".to_owned(),
        format!("--realm={}", handle.realm),
        format!("--domain={}", handle.netbios),
        "--server-role=dc".to_owned(),
        "--dns-backend=SAMBA_INTERNAL".to_owned(),
        format!("--adminpass={}", handle.administrator.password),
        format!("--host-name={}", host.name),
        format!("--host-ip={}", host.address),
        format!("--option=interfaces={}/8", host.address),
        "--option=bind interfaces only=yes".to_owned(),
        // Else the machine's own resolver is copied in.
        "--option=dns forwarder=".to_owned(),
    ];
    if large {
        arguments.push("--backend-store=mdb".to_owned());
        arguments.push("--backend-store-size=8Gb".to_owned());
    }
    if handle.forest.level_2016() {
        arguments.push("--function-level=2016".to_owned());
        arguments.push("--option=ad dc functional level=2016".to_owned());
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    host.exec(&arguments, b"")?;

    configure(handle, host, authority)?;
    let description = json!({
        "min_length": 8,
        "service_account": {
            "sam": handle.service_account.sam,
            "upn": handle.service_account.upn,
            "password": handle.service_account.password,
        },
        "people": handle.people,
    });
    host.exec(&["python3", "-c", POPULATE], description.to_string().as_bytes())?;
    host.exec(&["python3", "-c", SEE_DELETIONS, &handle.service_account.sam], b"")?;
    // What the service `dnsupdate` does in life, which does not run here: without the names of the service `ldap` Kerberos gives no ticket for it.
    host.exec(&["samba_spnupdate"], b"")?;
    Ok(())
}

/// Writes what depends on the controller's address: its certificate and its configuration.
///
/// # Errors
/// When a file cannot be written.
fn configure(handle: &ForestHandle, host: &Host, authority: &CertificateAuthority) -> Result<()> {
    let fqdn = host.fqdn();
    write_certificate(host, authority, &[&fqdn, &handle.dns_domain], &[IpAddr::V4(host.address)])?;
    host.write("etc/smb.conf", &smb_conf(handle, host, false))?;
    host.write("address", &host.address.to_string())
}

/// Issues a controller's certificate and puts it where its configuration looks for it.
///
/// # Errors
/// When a file cannot be written.
pub(crate) fn write_certificate(
    host: &Host,
    authority: &CertificateAuthority,
    names: &[&str],
    addresses: &[IpAddr],
) -> Result<()> {
    let folder = host.state.join("lib/private/tls");
    authority.issue(names, addresses)?.write(&folder.join("dc.pem"), &folder.join("dc.key"))?;
    std::fs::copy(authority.certificate_path(), folder.join("ca.pem"))?;
    Ok(())
}

/// Moves a controller that came out of a snapshot to the address that this lab gives it.
///
/// # Errors
/// When a file cannot be written, or the controller's DNS does not know the old address.
pub(crate) fn readdress(handle: &ForestHandle, host: &Host, authority: &CertificateAuthority) -> Result<()> {
    let old = std::fs::read_to_string(host.state.join("address"))
        .context("the snapshot does not tell its address: remove it")?;
    let new = host.address.to_string();
    if old == new {
        return Ok(());
    }
    configure(handle, host, authority)?;
    host.exec(&["python3", "-c", READDRESS, &old, &new], b"")?;
    Ok(())
}

/// The controller's whole configuration, for one alone or one with partners. What is not here keeps Samba's default, so LDAP demands signing or TLS.
pub(crate) fn smb_conf(handle: &ForestHandle, host: &Host, partners: bool) -> String {
    let (netbios, realm, address) = (&handle.netbios, &handle.realm, host.address);
    let name = host.name.to_uppercase();
    let domain = &handle.dns_domain;
    let level = if handle.forest.level_2016() { "ad dc functional level = 2016\n" } else { "" };
    let replication = if partners { REPLICATION } else { "" };
    // - `server services`: no file server and no winbind, which nobody here asks for.
    // - `old password allowed period`: else a replaced password goes on working for an hour.
    // - `dns update command`: provisioning made the records already, and loopback addresses would be left out.
    format!(
        "[global]\n\
         netbios name = {name}\n\
         workgroup = {netbios}\n\
         realm = {realm}\n\
         server role = active directory domain controller\n\
         {level}\
         interfaces = {address}/8\n\
         bind interfaces only = yes\n\
         server services = ldap, cldap, kdc, dns, rpc, drepl, kcc\n\
         {replication}\
         old password allowed period = 0\n\
         dns update command = /bin/true\n\
         tls keyfile = tls/dc.key\n\
         tls certfile = tls/dc.pem\n\
         tls cafile = tls/ca.pem\n\
         \n\
         [sysvol]\npath = /var/lib/samba/sysvol\nread only = no\n\
         \n\
         [netlogon]\npath = /var/lib/samba/sysvol/{domain}/scripts\nread only = no\n"
    )
}
