//! The SCIM 2.0 service (RFC 7643, RFC 7644) that agents export people to.

pub mod leases;
