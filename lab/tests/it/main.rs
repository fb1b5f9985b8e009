//! The lab against the real thing: Samba, Kerberos, mail and PostgreSQL as the other tests will use them.

mod forest;
