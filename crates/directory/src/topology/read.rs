//! Reads a forest's topology from a controller, from DNS, and from each controller itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ritorno_protocol::outcome::Fault;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::ping::{Ping, ping};
use super::shape::{
    ControllerShape, DomainShape, OF_CROSS_REF, OF_SITES, controllers, domains, of_domain, upn_suffixes,
};
use super::{Answer, Controller, Domain, PdcRole, Topology};
use crate::error::DirectoryError;
use crate::forest::{Directory, read};
use crate::ldap::{Connection, Filter, LdapError, Scope, Search};
use crate::operations::milliseconds;
use crate::root_dse::RootDse;

/// Longest wait for the answer to a ping, the connection not counted.
const PING_WITHIN: Duration = Duration::from_secs(2);

/// A controller's answer and, if it gave one, its ping.
type Asked = (String, Answer, Option<Ping>);

impl Directory {
    /// Reads the whole topology. Controllers that don't answer take three seconds, all at once.
    ///
    /// # Errors
    /// When no controller of the configuration can be signed in to, or its configuration naming context can't be read. What else can't be
    /// read is in [`Topology::gaps`].
    pub async fn topology(&self) -> Result<Topology, DirectoryError> {
        let limit = self.inner.config.timeout;
        let (mut connection, own) = self.connect_to_any().await?;
        let failed = |error: LdapError| DirectoryError::read(&error);
        let root = read(&mut connection, "", &["rootDomainNamingContext"], limit).await.map_err(failed)?;
        let partitions = format!("CN=Partitions,{}", own.configuration);
        let cross_refs = connection.search(&cross_refs(&own.configuration), &[], limit).await;
        let cross_refs = cross_refs.map_err(failed)?.entries;
        let of_forest = ["msDS-Behavior-Version", "uPNSuffixes"];
        let level = read(&mut connection, &partitions, &of_forest, limit).await;
        let sites = connection.search(&sites(&own.configuration), &[], limit).await.map_err(failed)?;
        let domain_shapes = domains(&cross_refs, root.text("rootDomainNamingContext").unwrap_or_default());
        let shapes = controllers(&sites.entries);
        if domain_shapes.is_empty() || shapes.is_empty() {
            let detail = format!("{} shows no domain or no controller to this account", own.configuration);
            return Err(DirectoryError::fault(Fault::NoPermission, &own.host, detail));
        }
        if let Ok((_, hosts)) = of_domain(&domain_shapes, &shapes, &self.forest().0) {
            self.inner.remember(hosts);
        }

        let upn_suffixes = upn_suffixes(&domain_shapes, level.as_ref().ok());
        let mut gaps = Vec::new();
        let asked = self.ask_all(&shapes, &domain_shapes);
        let named = self.named_by_dns(&shapes, &domain_shapes);
        let (asked, (in_dns, dns_gaps)) = tokio::join!(asked, named);
        gaps.extend(dns_gaps);
        let (mut found, mut systems) = (Vec::new(), BTreeMap::new());
        for shape in domain_shapes {
            let mut elsewhere = None;
            let connection = if shape.dn.eq_ignore_ascii_case(&own.domain) {
                Ok(&mut connection)
            } else {
                self.connect_to_domain(&shapes, &shape.dn).await.map(|found| elsewhere.insert(found))
            };
            let pdc = match connection {
                Ok(connection) => {
                    systems.extend(read_systems(connection, &shapes, &shape.dn, limit).await);
                    pdc(connection, &shape.dn, &shapes, &asked, limit).await
                }
                Err(why) => PdcRole::Unknown { why },
            };
            if let Some(connection) = elsewhere {
                connection.close().await;
            }
            let DomainShape { dn, dns_name, netbios_name, level } = shape;
            found.push(Domain { dn, dns_name, netbios_name, level, pdc });
        }
        connection.close().await;
        let hosts: BTreeSet<&str> = shapes.iter().map(|shape| shape.host.as_str()).collect();
        let strangers = in_dns.iter().filter(|host| !hosts.contains(host.as_str())).cloned().collect();
        let own_site = asked
            .values()
            .filter_map(|(_, ping)| ping.as_ref())
            .find(|ping| !ping.client_site.is_empty())
            .map(|ping| ping.client_site.clone());
        Ok(Topology {
            forest: self.forest().clone(),
            read_from: own.host.clone(),
            level: level
                .ok()
                .and_then(|entry| entry.integer("msDS-Behavior-Version"))
                .and_then(|level| u32::try_from(level).ok()),
            own_site,
            upn_suffixes,
            domains: found,
            controllers: shapes
                .into_iter()
                .map(|shape| Controller {
                    in_dns: in_dns.contains(&shape.host),
                    system: systems.remove(&shape.host),
                    answer: answer_of(&asked, &shape.host),
                    host: shape.host,
                    domain: shape.domain,
                    site: shape.site,
                    writable: shape.writable,
                    global_catalog: shape.global_catalog,
                    level: shape.level,
                })
                .collect(),
            strangers,
            gaps,
        })
    }

    /// A signed-in connection to some controller of a domain that is not the one of the pinned hosts. Never an RODC: it may keep our
    /// password, and what it says may be old.
    async fn connect_to_domain(
        &self,
        shapes: &[ControllerShape],
        domain: &str,
    ) -> Result<Connection, String> {
        let mut why = "it has no writable controller".to_owned();
        let of_domain =
            shapes.iter().filter(|shape| shape.writable && shape.domain.eq_ignore_ascii_case(domain));
        for shape in of_domain.take(3) {
            match self.inner.connect(&shape.host).await {
                Ok(connection) => return Ok(connection),
                Err(error) => why = format!("{}: {}", shape.host, error.operator().detail),
            }
        }
        Err(why)
    }

    /// Pings all controllers at once, without signing in.
    async fn ask_all(
        &self,
        shapes: &[ControllerShape],
        domains: &[DomainShape],
    ) -> BTreeMap<String, (Answer, Option<Ping>)> {
        let mut asking: JoinSet<Asked> = JoinSet::new();
        for shape in shapes {
            let domain = domains.iter().find(|domain| domain.dn.eq_ignore_ascii_case(&shape.domain));
            let domain = domain.map(|domain| domain.dns_name.clone()).unwrap_or_default();
            let (directory, host) = (self.clone(), shape.host.clone());
            asking.spawn(async move {
                let since = Instant::now();
                let pinged = async {
                    let mut connection = directory.inner.connector.connect(&host).await?;
                    let answer = ping(&mut connection, &domain, PING_WITHIN).await;
                    connection.close().await;
                    answer
                };
                match pinged.await {
                    Ok(ping) => {
                        let is_pdc = ping.as_ref().map(|ping| ping.is_pdc);
                        (host, Answer::Here { milliseconds: milliseconds(since), is_pdc }, ping)
                    }
                    Err(error) => (host, Answer::Silent { why: error.to_string() }, None),
                }
            });
        }
        let mut asked = BTreeMap::new();
        while let Some(answer) = asking.join_next().await {
            // A task that panicked has no answer, and is shown as silent.
            if let Ok((host, answer, ping)) = answer {
                asked.insert(host, (answer, ping));
            }
        }
        asked
    }

    /// All hosts that DNS calls controllers: of a domain (MS-ADTS 6.3.2.3), and of a site in it, where RODCs are named. And what could
    /// not be asked.
    async fn named_by_dns(
        &self,
        shapes: &[ControllerShape],
        domains: &[DomainShape],
    ) -> (BTreeSet<String>, Vec<String>) {
        let (mut hosts, mut gaps) = (BTreeSet::new(), Vec::new());
        for domain in domains {
            let of_domain = shapes.iter().filter(|shape| shape.domain.eq_ignore_ascii_case(&domain.dn));
            let sites: BTreeSet<&str> = of_domain.map(|shape| shape.site.as_str()).collect();
            let names = std::iter::once(format!("_ldap._tcp.dc._msdcs.{}", domain.dns_name)).chain(
                sites
                    .into_iter()
                    .map(|site| format!("_ldap._tcp.{site}._sites.dc._msdcs.{}", domain.dns_name)),
            );
            for name in names {
                match self.inner.connector.names().services(&name).await {
                    Ok(found) => hosts.extend(found),
                    Err(why) => gaps.push(format!("DNS, {name}: {why}")),
                }
            }
        }
        (hosts, gaps)
    }
}

/// The naming context and the writable controllers of a domain, by its DNS name, as any controller of its forest has them.
///
/// # Errors
/// What kept us from reading; or that there is no such domain, with those that there are.
pub(crate) async fn domain_of_forest(
    connection: &mut Connection,
    dse: &RootDse,
    dns_name: &str,
    limit: Duration,
) -> Result<(String, Vec<String>), DirectoryError> {
    let failed = |error: LdapError| DirectoryError::read(&error);
    let root = read(connection, "", &["rootDomainNamingContext"], limit).await.map_err(failed)?;
    let cross_refs = connection.search(&cross_refs(&dse.configuration), &[], limit).await.map_err(failed)?;
    let objects = connection.search(&sites(&dse.configuration), &[], limit).await.map_err(failed)?;
    let all = domains(&cross_refs.entries, root.text("rootDomainNamingContext").unwrap_or_default());
    of_domain(&all, &controllers(&objects.entries), dns_name).map_err(|why| {
        DirectoryError::fault(Fault::DirectoryUnavailable, &dse.host, format!("{}: {why}", dse.host))
    })
}

/// The references to all naming contexts.
fn cross_refs(configuration: &str) -> Search {
    let partitions = format!("CN=Partitions,{configuration}");
    subtree(&partitions, Filter::text("objectClass", "crossRef"), &OF_CROSS_REF)
}

/// A writable controller, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its DNS name.
    pub(crate) host: String,
    /// Its site.
    pub(crate) site: String,
}

/// The writable controllers of the domain that the connection's controller is in.
///
/// # Errors
/// What kept us from reading.
pub(crate) async fn places(
    connection: &mut Connection,
    dse: &RootDse,
    limit: Duration,
) -> Result<Vec<Place>, LdapError> {
    let objects = connection.search(&sites(&dse.configuration), &[], limit).await?.entries;
    let shapes = controllers(&objects);
    let own =
        shapes.into_iter().filter(|shape| shape.writable && shape.domain.eq_ignore_ascii_case(&dse.domain));
    Ok(own.map(|shape| Place { host: shape.host, site: shape.site }).collect())
}

fn subtree(base: &str, filter: Filter, attributes: &[&str]) -> Search {
    Search {
        base: base.to_owned(),
        scope: Scope::Subtree,
        filter,
        attributes: attributes.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// Servers and the settings below them.
fn sites(configuration: &str) -> Search {
    let kinds = ["server", "nTDSDSA"].map(|kind| Filter::text("objectClass", kind));
    subtree(&format!("CN=Sites,{configuration}"), Filter::Or(kinds.to_vec()), &OF_SITES)
}

/// Operating systems of a domain's controllers, by host name.
async fn read_systems(
    connection: &mut Connection,
    shapes: &[ControllerShape],
    domain: &str,
    limit: Duration,
) -> BTreeMap<String, String> {
    let mut systems = BTreeMap::new();
    for shape in shapes.iter().filter(|shape| shape.domain.eq_ignore_ascii_case(domain)) {
        let Some(computer) = &shape.computer else { continue };
        // A computer object that may not be read leaves a blank, which says so.
        let Ok(entry) =
            read(connection, computer, &["operatingSystem", "operatingSystemVersion"], limit).await
        else {
            continue;
        };
        let words: Vec<&str> = ["operatingSystem", "operatingSystemVersion"]
            .into_iter()
            .filter_map(|name| entry.text(name))
            .collect();
        if !words.is_empty() {
            systems.insert(shape.host.clone(), words.join(" "));
        }
    }
    systems
}

/// The role's owner, held against what it says itself.
async fn pdc(
    connection: &mut Connection,
    domain: &str,
    shapes: &[ControllerShape],
    asked: &BTreeMap<String, (Answer, Option<Ping>)>,
    limit: Duration,
) -> PdcRole {
    let owner = match read(connection, domain, &["fSMORoleOwner"], limit).await {
        Ok(entry) => entry.text("fSMORoleOwner").unwrap_or_default().to_owned(),
        Err(error) => return PdcRole::Unknown { why: error.to_string() },
    };
    let Some(holder) = shapes.iter().find(|shape| shape.service.eq_ignore_ascii_case(&owner)) else {
        return PdcRole::Unknown { why: format!("the role is held by '{owner}', which is no controller") };
    };
    let host = holder.host.clone();
    match answer_of(asked, &host) {
        Answer::Here { is_pdc: Some(true), .. } => PdcRole::Confirmed { host },
        Answer::Here { is_pdc: Some(false), .. } => {
            PdcRole::Unconfirmed { host, why: "it says that it is not".to_owned() }
        }
        Answer::Here { is_pdc: None, .. } => {
            PdcRole::Unconfirmed { host, why: "it gives no answer to an LDAP ping".to_owned() }
        }
        Answer::Silent { why } => PdcRole::Unconfirmed { host, why },
    }
}

fn answer_of(asked: &BTreeMap<String, (Answer, Option<Ping>)>, host: &str) -> Answer {
    let silent = || Answer::Silent { why: "it was not asked".to_owned() };
    asked.get(host).map_or_else(silent, |(answer, _)| answer.clone())
}
