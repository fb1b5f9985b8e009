//! The lab against the real thing: Samba, Kerberos, mail and PostgreSQL as the other tests will use them.

#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod administration;
mod delegation;
mod fabrikam;
mod forest;
mod mail;
mod postgres;
mod private;
mod replica;
