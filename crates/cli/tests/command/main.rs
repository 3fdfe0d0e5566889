//! The command as a user meets it: exit status, what is printed where, and what it
//! says about bad input.

mod answers;
mod bad_input;
mod harness;
mod help;
mod records;
mod streams;
