//! The faces as a browser sees them: every route, a real database, a real relay with a scripted agent at the other end of
//! its link, real mail.
#![expect(clippy::unwrap_used, reason = "a helper of a test that can't go on says where")]

mod agent;
mod agent_api;
mod api;
mod api_keys;
mod api_manual;
mod api_matrix;
mod api_not_helped;
mod api_world;
mod audit_chain;
mod audit_page;
mod audit_retention;
mod both_languages;
mod brand;
mod browser;
mod change;
mod console;
mod doctor;
mod expiry;
mod follow_up;
mod help_desk;
mod hostile;
mod licences;
mod mail;
mod methods;
mod passkeys;
mod portal;
mod proxied;
mod register;
mod register_limits;
mod scim;
mod scim_compressed;
mod scim_held;
mod second_factor;
mod sms;
mod sspr_policy;
mod tenants;
mod tenants_ids;
mod unlock;
mod world;
