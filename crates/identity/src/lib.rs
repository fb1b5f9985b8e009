//! The tenant's rules as plain values: people, administrators and what they may do, codes, the reset flow, audit facts.
//! No I/O, no clock, no randomness of its own: the present moment and the random source are arguments.
//!
//! One reset in types: a [`name::SignInName`] becomes a [`flow::Flow`] about a [`flow::Person`], known or not; a
//! [`code::OneTimeCode`] passes its gate; a [`request::Request`] carries it to the directory; [`audit::Fact`]s remember it.
//! A [`registration::Registration`] is the other way: from the password to an [`address::NewAddress`] that codes go to.

pub mod address;
pub mod administrator;
pub mod agent;
pub mod agent_forests;
pub mod agent_state;
pub mod agent_token;
pub mod api_token;
pub mod audit;
pub mod audit_chain;
pub mod authenticator;
pub mod banned_word;
pub mod brand;
pub mod cloud_policy;
pub mod code;
mod common_password;
pub mod decoy;
pub mod device_code;
pub mod enrolment;
pub mod expiry;
pub mod flow;
pub mod gates;
pub mod group;
pub mod help_desk;
pub mod ids;
pub mod known_browser;
pub mod language;
pub mod licence;
pub mod limit;
pub mod logo;
pub mod mail;
pub mod mask;
pub mod method;
pub mod name;
pub mod password;
pub mod pepper;
pub mod phone;
pub mod provisioner;
pub mod question;
pub mod realm;
pub mod recovery_code;
pub mod registration;
pub mod removal;
pub mod removal_guard;
pub mod request;
pub mod session;
pub mod sspr;
pub mod subject;
pub mod tenant;
pub mod token;
pub mod user;
pub mod work;
