//! The whole way, against real programs, a real forest and real mail.

#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod account;
mod browser;
mod canary;
mod chaos;
mod chaos_pair;
mod dist;
mod doctor;
mod doctor_agent;
mod doctor_bundle;
mod doctor_directory;
mod doctor_licences;
mod doctor_person;
mod doctor_proxy;
mod doctor_tenant;
mod doctor_watch;
mod events;
mod forests;
mod guesses;
mod keys;
mod ldap_tools;
mod methods;
mod middlebox;
mod once;
mod openldap;
mod openldap_groups;
mod openldap_units;
mod outage;
mod pages;
mod refusals;
mod register;
mod sync;
mod sync_by_chance;
mod sync_killed;
mod sync_killed_forests;
mod sync_killed_guard;
mod sync_lease;
mod sync_moments;
mod sync_scope;
mod sync_told;
mod sync_watched;
mod transport;
mod unlock;
mod ways;
mod world;
