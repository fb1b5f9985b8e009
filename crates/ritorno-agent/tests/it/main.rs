//! The agent's program, as an administrator runs it, against the lab's controllers.

#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

#[cfg(test)]
mod events;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod kerberos;
#[cfg(test)]
mod outbound;
