//! The lab against the real thing: Samba, Kerberos, mail and PostgreSQL as the other tests will use them.

mod administration;
mod delegation;
mod fabrikam;
mod forest;
mod mail;
mod postgres;
mod private;
