//! What the console and the API both do, one file per operation. Whether somebody may is asked by whoever calls these.

pub(crate) mod agent_changes;
pub(crate) mod agents;
pub(crate) mod audit;
pub(crate) mod audit_export;
pub(crate) mod audit_filter;
pub(crate) mod give_password;
pub(crate) mod guard;
pub(crate) mod hand_out;
pub(crate) mod help_desk;
pub(crate) mod licences;
pub(crate) mod look;
pub(crate) mod methods;
pub(crate) mod onboarding;
pub(crate) mod people;
pub(crate) mod removals;
pub(crate) mod sspr_groups;
pub(crate) mod sspr_policy;
pub(crate) mod switches;
pub(crate) mod timeline;
