#![doc = include_str!("../../../README.md")]
//!
//! # The library
//!
//! [`Foresee`] is made once and serves every block: it keeps the threads, and the
//! programs that contracts' bytecode was compiled to. [`Foresee::execute_block`] does
//! all of it; the stages can be called one by one as well:
//! [`predict_block`](Foresee::predict_block), [`schedule`](Foresee::schedule),
//! [`execute_predicted`](Foresee::execute_predicted), and for transactions that are
//! known before their block, [`predict_ahead`](Foresee::predict_ahead) with
//! [`execute_ahead`](Foresee::execute_ahead).
//!
//! Where reads take long, [`execute_cold`](Foresee::execute_cold) fetches what is foreseen,
//! many values at once, while earlier transactions execute; a
//! [`StateSource`](execute::StateSource) is made of any database by
//! [`Readers`](execute::Readers).
//!
//! What is left of a block is a [record](Foresee::record) and its access list. Whoever
//! has one of them need not predict: [`execute_guided`](Foresee::execute_guided).

mod aside;
mod choice;
mod cold;
mod config;
mod crew;
mod executed;
mod guide;
mod lanes;
mod outlook;
mod pipeline;
mod precaution;
mod predicted_list;
mod record;
mod rerun;
mod score;
mod telemetry;

pub use choice::{Decision, DecisionReason, Estimate, costs::MachineCosts};
pub use cold::ColdReads;
pub use config::{Config, Mode};
pub use executed::ExecutedBlock;
pub use foresee_access as access;
pub use foresee_execute as execute;
pub use foresee_predict as predict;
pub use foresee_schedule as schedule;
pub use guide::{Guide, GuideFault};
pub use pipeline::Foresee;
pub use predicted_list::PredictedAccessList;
pub use record::Recorded;
pub use rerun::Rerun;
pub use score::{Misprediction, Score};
