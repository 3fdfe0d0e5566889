//! All tests of this crate from outside, in one program: what several of them instantiate is
//! compiled once.

mod scenarios;
mod testdata;
