//! The directory crate against the real forests of the lab, and its driver against servers that misbehave.

#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

#[cfg(test)]
mod anchor;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod content;
mod driver;
#[cfg(test)]
mod groups;
mod import;
#[cfg(test)]
mod judge;
#[cfg(test)]
mod kerberos;
#[cfg(test)]
mod names;
#[cfg(test)]
mod openldap;
#[cfg(test)]
mod openldap_balanced;
#[cfg(test)]
mod openldap_groups;
mod openldap_units;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod playground;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod prepare;
#[cfg(test)]
mod proof;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod reset;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod rogue;
#[cfg(test)]
mod start_tls;
#[cfg(test)]
mod topology;
#[cfg(test)]
mod transport;
#[cfg(test)]
mod two_dcs;
#[cfg(test)]
mod verify;
