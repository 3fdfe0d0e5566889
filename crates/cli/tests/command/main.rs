//! The command as a user meets it: exit status, what is printed where, and what it
//! says about bad input.

mod answers;
mod bad_input;
mod bad_node;
mod browser;
mod deployed;
mod fake_node;
mod harness;
mod help;
mod http;
mod programs;
mod real_node;
mod records;
mod server;
mod streams;
#[cfg(target_os = "linux")]
mod terminal;
