//! One set of repository tests, run on SQLite and on the lab's PostgreSQL. A missing PostgreSQL fails them.

#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod fixture;

mod administrator_passkeys;
mod administrators;
mod agent_tokens;
mod agents;
mod api_tokens;
mod at_rest;
mod audit;
mod audit_chain;
mod cloud_passwords;
mod codes;
mod device_codes;
mod doctor_reports;
mod enrolment_tokens;
mod expiry_notices;
mod flows;
mod group_policies;
mod groups;
mod help_desk;
mod licences;
mod limits;
mod links;
mod mail_closed;
mod mail_outbox;
mod mail_refusals;
mod methods;
mod migrations;
mod own_groups;
mod parity;
mod purge;
mod registrations;
mod removals;
mod requests;
mod security_questions;
mod sessions;
mod signing_keys;
mod snapshots;
mod sync_leases;
mod sync_reports;
mod tenant_in_sql;
mod tenant_removal;
mod tenants;
mod users;
