//! The whole way, against real programs, a real forest and real mail.

mod browser;
