//! An SPF record with everything that it names, and whom it permits.

use std::collections::HashSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::names::{Names, Records, Unanswered};
use super::spf::{Mechanism, Qualifier, Record, SpfError, Target, is_spf};

/// Terms that need DNS, of a record and of all that it includes (RFC 7208 section 4.6.4).
pub const LOOKUPS_AT_MOST: u32 = 10;
/// Lookups of these that may find nothing (the same section).
pub const VOID_AT_MOST: u32 = 2;
/// Hosts of one `mx` term (the same section).
const EXCHANGES_AT_MOST: usize = 10;

/// A record, followed to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    terms: Vec<(Qualifier, Matcher)>,
    redirect: Option<Box<Followed>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Matcher {
    All,
    Nets(Vec<IpNet>),
    Included(Box<Followed>),
    /// It depends on each mail.
    Unknown,
    /// What holds for everybody else is another record, and whose depends on each mail.
    UnknownEnd,
}

/// What a record says of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It is permitted.
    Pass,
    /// It is not.
    Fail,
    /// It is probably not.
    SoftFail,
    /// Nothing.
    Neutral,
    /// That depends on each mail: a term before has a macro, or is `ptr` or `exists`.
    Depends,
}

/// Why receivers can't use a record, or nothing can be said of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A record is not written as RFC 7208 has it.
    #[error("the SPF record of {domain}: {error}")]
    Written {
        /// Whose it is.
        domain: String,
        /// What is wrong.
        error: SpfError,
    },
    /// There is no record at all.
    #[error("{0} has no SPF record")]
    NoRecord(String),
    /// There are several, so that none counts (RFC 7208 section 4.5).
    #[error("{domain} has {count} SPF records, so that none of them counts")]
    Several {
        /// Whose they are.
        domain: String,
        /// How many.
        count: usize,
    },
    /// Following it takes more lookups than receivers make.
    #[error("it takes more than {LOOKUPS_AT_MOST} lookups of DNS to follow")]
    TooMany,
    /// Too many of its lookups find nothing.
    #[error("more than {VOID_AT_MOST} of its lookups find nothing")]
    TooManyVoid,
    /// More hosts take mail for a domain of `mx` than receivers look at.
    #[error("'mx' of {0} has more than {EXCHANGES_AT_MOST} hosts")]
    TooManyExchanges(String),
    /// DNS does not answer.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
}

/// What was followed, and what it took.
pub struct Walk<'a> {
    names: &'a Names,
    /// Lookups that were made, as [`LOOKUPS_AT_MOST`] counts them.
    pub lookups: u32,
    void: u32,
}

impl<'a> Walk<'a> {
    /// Nothing yet.
    pub const fn new(names: &'a Names) -> Self {
        Self { names, lookups: 0, void: 0 }
    }

    /// The only SPF record of a domain, as it is written.
    ///
    /// # Errors
    /// [`Broken`].
    pub async fn record(&self, domain: &str) -> Result<Vec<u8>, Broken> {
        let found = self.names.texts(domain).await?.unwrap_or_default();
        let mut found: Vec<Vec<u8>> = found.into_iter().filter(|text| is_spf(text)).collect();
        match (found.pop(), found.len()) {
            (Some(only), 0) => Ok(only),
            (None, _) => Err(Broken::NoRecord(domain.to_owned())),
            (Some(_), others) => Err(Broken::Several { domain: domain.to_owned(), count: others + 1 }),
        }
    }

    /// Follows a domain's record through all that it names. It ends, since each step is one of few lookups.
    ///
    /// # Errors
    /// [`Broken`].
    pub async fn follow(&mut self, domain: &str) -> Result<Followed, Broken> {
        let written = self.record(domain).await?;
        let read =
            Record::read(&written).map_err(|error| Broken::Written { domain: domain.to_owned(), error })?;
        let mut terms = Vec::with_capacity(read.directives.len());
        for (qualifier, mechanism) in read.directives {
            let is_last = mechanism == Mechanism::All;
            terms.push((qualifier, self.matcher(domain, mechanism).await?));
            // Nobody reads on after it, nor heeds `redirect` (RFC 7208 sections 5.1 and 6.1).
            if is_last {
                return Ok(Followed { terms, redirect: None });
            }
        }
        let redirect = match read.redirect {
            None => None,
            Some(target) => {
                self.count()?;
                match target {
                    Target::Name(name) => Some(Box::new(Box::pin(self.follow(&name)).await?)),
                    Target::Macro(_) => {
                        terms.push((Qualifier::Neutral, Matcher::UnknownEnd));
                        None
                    }
                }
            }
        };
        Ok(Followed { terms, redirect })
    }

    fn count(&mut self) -> Result<(), Broken> {
        self.lookups += 1;
        if self.lookups > LOOKUPS_AT_MOST { Err(Broken::TooMany) } else { Ok(()) }
    }

    /// What was found; whether nothing was is counted.
    fn found<T>(&mut self, records: Records<T>) -> Result<Vec<T>, Broken> {
        let found = records?.unwrap_or_default();
        if found.is_empty() {
            self.void += 1;
            if self.void > VOID_AT_MOST {
                return Err(Broken::TooManyVoid);
            }
        }
        Ok(found)
    }

    async fn matcher(&mut self, domain: &str, mechanism: Mechanism) -> Result<Matcher, Broken> {
        match mechanism {
            Mechanism::All => return Ok(Matcher::All),
            Mechanism::Net(net) => return Ok(Matcher::Nets(vec![net])),
            _ => self.count()?,
        }
        let own = || Target::Name(domain.to_owned());
        match mechanism {
            Mechanism::Include(Target::Name(name)) => {
                Ok(Matcher::Included(Box::new(Box::pin(self.follow(&name)).await?)))
            }
            Mechanism::A(target, four, six) => {
                let Target::Name(name) = target.unwrap_or_else(own) else { return Ok(Matcher::Unknown) };
                let records = self.names.addresses(&name).await;
                Ok(Matcher::Nets(nets(self.found(records)?, four, six)))
            }
            Mechanism::Mx(target, four, six) => {
                let Target::Name(name) = target.unwrap_or_else(own) else { return Ok(Matcher::Unknown) };
                let records = self.names.exchanges(&name).await;
                let hosts = self.found(records)?;
                if hosts.len() > EXCHANGES_AT_MOST {
                    return Err(Broken::TooManyExchanges(name));
                }
                let hosts: HashSet<String> = hosts.into_iter().map(|(_, host)| host).collect();
                let mut addresses = Vec::new();
                for host in hosts.iter().filter(|host| !host.is_empty()) {
                    addresses.extend(self.names.addresses(host).await?.unwrap_or_default());
                }
                Ok(Matcher::Nets(nets(addresses, four, six)))
            }
            Mechanism::Include(Target::Macro(_)) | Mechanism::Exists(_) | Mechanism::Ptr => {
                Ok(Matcher::Unknown)
            }
            Mechanism::All | Mechanism::Net(_) => Ok(Matcher::Nets(Vec::new())),
        }
    }
}

fn nets(addresses: Vec<IpAddr>, four: u8, six: u8) -> Vec<IpNet> {
    let net = |address: IpAddr| IpNet::new(address, if address.is_ipv4() { four } else { six }).ok();
    addresses.into_iter().filter_map(net).collect()
}

impl Followed {
    /// What it says of an address.
    pub fn says(&self, address: IpAddr) -> Said {
        for (qualifier, matcher) in &self.terms {
            let matches = match matcher {
                Matcher::All => true,
                Matcher::Nets(nets) => nets.iter().any(|net| net.contains(&address)),
                Matcher::Included(other) => match other.says(address) {
                    Said::Depends => return Said::Depends,
                    said => said == Said::Pass,
                },
                Matcher::Unknown | Matcher::UnknownEnd => return Said::Depends,
            };
            if matches {
                return match qualifier {
                    Qualifier::Pass => Said::Pass,
                    Qualifier::Fail => Said::Fail,
                    Qualifier::SoftFail => Said::SoftFail,
                    Qualifier::Neutral => Said::Neutral,
                };
            }
        }
        self.redirect.as_ref().map_or(Said::Neutral, |other| other.says(address))
    }

    /// Whether it permits everybody, by itself or by what it includes: `+all`, or a network of no bits.
    pub fn permits_everybody(&self) -> bool {
        let everybody = |(qualifier, matcher): &(Qualifier, Matcher)| {
            *qualifier == Qualifier::Pass
                && match matcher {
                    Matcher::All => true,
                    Matcher::Nets(nets) => nets.iter().any(|net| net.prefix_len() == 0),
                    Matcher::Included(other) => other.permits_everybody(),
                    Matcher::Unknown | Matcher::UnknownEnd => false,
                }
        };
        self.terms.iter().any(everybody)
            || self.redirect.as_ref().is_some_and(|other| other.permits_everybody())
    }

    /// Whether it says at its end what holds for everybody else.
    pub fn has_an_end(&self) -> bool {
        self.terms.iter().any(|(_, matcher)| matches!(matcher, Matcher::All | Matcher::UnknownEnd))
            || self.redirect.as_ref().is_some_and(|other| other.has_an_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn followed(terms: Vec<(Qualifier, Matcher)>) -> Followed {
        Followed { terms, redirect: None }
    }

    fn net(text: &str) -> Matcher {
        Matcher::Nets(vec![text.parse().unwrap()])
    }

    #[test]
    fn the_first_match_counts_and_an_include_only_when_it_permits() {
        let inner = followed(vec![
            (Qualifier::Fail, net("192.0.2.1/32")),
            (Qualifier::Pass, net("192.0.2.0/24")),
            (Qualifier::Fail, Matcher::All),
        ]);
        let outer = followed(vec![
            (Qualifier::Pass, Matcher::Included(Box::new(inner.clone()))),
            (Qualifier::Neutral, net("192.0.2.1/32")),
            (Qualifier::SoftFail, net("2001:db8::/32")),
        ]);
        let said = |address: &str| outer.says(address.parse().unwrap());
        assert_eq!(said("192.0.2.7"), Said::Pass);
        assert_eq!(said("192.0.2.1"), Said::Neutral, "an include that refuses is no match");
        assert_eq!(said("2001:db8::1"), Said::SoftFail);
        assert_eq!(said("198.51.100.1"), Said::Neutral, "no end");
        assert!(!outer.has_an_end());
        let redirected = Followed { redirect: Some(Box::new(inner)), ..outer };
        assert_eq!(redirected.says("198.51.100.1".parse().unwrap()), Said::Fail);
        assert!(redirected.has_an_end());
        let depends = followed(vec![
            (Qualifier::Pass, net("192.0.2.1/32")),
            (Qualifier::Pass, Matcher::Unknown),
            (Qualifier::Fail, Matcher::All),
        ]);
        assert!(depends.has_an_end());
        let elsewhere =
            followed(vec![(Qualifier::Pass, net("192.0.2.1/32")), (Qualifier::Neutral, Matcher::UnknownEnd)]);
        assert!(elsewhere.has_an_end() && !elsewhere.permits_everybody());
        assert_eq!(elsewhere.says("192.0.2.1".parse().unwrap()), Said::Pass);
        assert_eq!(elsewhere.says("192.0.2.2".parse().unwrap()), Said::Depends);
        assert_eq!(depends.says("192.0.2.1".parse().unwrap()), Said::Pass);
        assert_eq!(depends.says("192.0.2.2".parse().unwrap()), Said::Depends);
    }

    #[test]
    fn everybody_is_seen_however_it_is_written() {
        let all = || followed(vec![(Qualifier::Pass, Matcher::All)]);
        assert!(all().permits_everybody());
        assert!(followed(vec![(Qualifier::Pass, net("0.0.0.0/0"))]).permits_everybody());
        assert!(followed(vec![(Qualifier::Pass, Matcher::Included(Box::new(all())))]).permits_everybody());
        assert!(Followed { terms: Vec::new(), redirect: Some(Box::new(all())) }.permits_everybody());
        assert!(!followed(vec![(Qualifier::Fail, Matcher::All)]).permits_everybody());
        assert!(!followed(vec![(Qualifier::Fail, Matcher::Included(Box::new(all())))]).permits_everybody());
    }
}
