//! The relay's tests: real frames and signatures, a clock that stands until it is moved, and no socket.
#![expect(clippy::unwrap_used, reason = "a helper of a test that can't go on says where")]

mod forests;
mod go_ahead;
mod hello;
mod keeping_alive;
mod memory;
mod nearest;
mod once;
mod recall;
mod rolling;
mod settling;
mod statements;
mod tenant;
mod world;
