//! The program as an administrator runs it: real processes, a real database, real TLS.

mod administrators;
mod api_client;
mod certificates;
mod commands;
mod hostile;
mod mail;
mod mail_dns;
mod odd_dns;
mod people;
mod place;
mod service;
mod sms;
mod tenant_guard;
mod tenants;
