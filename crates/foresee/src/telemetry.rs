//! What is told of each block to whoever listens: spans and events through `tracing`,
//! counters and histograms through `metrics`. Where nobody listens it costs nothing to
//! speak of: both are looked at once per stage and block, never per read.
//!
//! | metric | |
//! |---|---|
//! | `foresee_blocks_total` | by `decision` |
//! | `foresee_transactions_total` | |
//! | `foresee_transactions_ahead_total` | whose result was ready at their turn, and right |
//! | `foresee_started_early_total` | transactions that were started while those that they wait for were executed |
//! | `foresee_unseen_transactions_total` | not predicted: their code is not compiled yet |
//! | `foresee_compiled_aside_total` | codes that were compiled after a block, because they could not be in it |
//! | `foresee_learnt_aside_total` | kinds of calls of which paths were learnt after a block, because there was no time in it |
//! | `foresee_halves_met_total` | blocks of which a part was executed once more, because the one before left something else than was foreseen |
//! | `foresee_reexecutions_total` | by `reason` |
//! | `foresee_reexecuted_gas_total` | |
//! | `foresee_block_seconds`, `foresee_predict_seconds`, `foresee_schedule_seconds`, `foresee_commit_seconds` | histograms |
//! | `foresee_early_wait_seconds` | histogram: how long those that were started early waited, by block with any |

use crate::{Decision, DecisionReason, ExecutedBlock};
use core::time::Duration;
use foresee_execute::{Reason, Reexecution};
use metrics::{Counter, Key, Label, Level, Metadata};
use std::{sync::OnceLock, time::Instant};
use tracing::Span;

/// Predicts a block.
pub(crate) fn predicting<T>(work: impl FnOnce() -> T) -> T {
    stage(tracing::debug_span!("predict"), "foresee_predict_seconds", work)
}

/// Schedules a block.
pub(crate) fn scheduling<T>(work: impl FnOnce() -> T) -> T {
    stage(tracing::debug_span!("schedule"), "foresee_schedule_seconds", work)
}

/// Does the work of a stage inside its span, and records how long it took.
fn stage<T>(span: Span, metric: &'static str, work: impl FnOnce() -> T) -> T {
    let _entered = span.entered();
    let start = Instant::now();
    let done = work();
    metrics::histogram!(metric).record(start.elapsed());
    done
}

/// Tells how many codes were compiled while no block was executed, and of how many kinds of
/// calls paths were learnt.
pub(crate) fn done_aside(codes: usize, calls: usize) {
    if codes > 0 {
        tracing::debug!(codes, "compiled aside");
        metrics::counter!("foresee_compiled_aside_total").increment(codes as u64);
    }
    if calls > 0 {
        tracing::debug!(calls, "learnt aside");
        metrics::counter!("foresee_learnt_aside_total").increment(calls as u64);
    }
}

/// Tells that a part of a block left something else than was foreseen.
pub(crate) fn halves_met() {
    tracing::debug!("halves met");
    metrics::counter!("foresee_halves_met_total").increment(1);
}

/// Tells of a block that was executed in this time.
pub(crate) fn block(executed: &ExecutedBlock, elapsed: Duration) {
    let decision = executed.decision.text();
    let transactions = executed.output.receipts.len() + executed.output.invalid.len();
    tracing::debug!(
        decision,
        threads = executed.decision.threads,
        transactions,
        ahead = executed.stats.ahead,
        started_early = executed.stats.early,
        waited = ?executed.stats.waited,
        executed_again = executed.stats.reexecuted.len(),
        not_compiled = executed.not_compiled.len(),
        ?elapsed,
        "block executed"
    );
    blocks(&executed.decision).increment(1);
    metrics::counter!("foresee_transactions_total").increment(transactions as u64);
    metrics::counter!("foresee_transactions_ahead_total").increment(executed.stats.ahead as u64);
    if !executed.not_compiled.is_empty() {
        let unseen = executed.not_compiled.len() as u64;
        metrics::counter!("foresee_unseen_transactions_total").increment(unseen);
    }
    if executed.stats.early > 0 {
        let early = executed.stats.early as u64;
        metrics::counter!("foresee_started_early_total").increment(early);
        metrics::histogram!("foresee_early_wait_seconds").record(executed.stats.waited);
    }
    for Reexecution { reason, gas, .. } in &executed.stats.reexecuted {
        let reason = match reason {
            Reason::Conflict(_) => "conflict",
            Reason::Undecided => "undecided",
        };
        metrics::counter!("foresee_reexecutions_total", "reason" => reason).increment(1);
        metrics::counter!("foresee_reexecuted_gas_total").increment(*gas);
    }
    metrics::histogram!("foresee_block_seconds").record(elapsed);
}

/// The blocks that were executed in this way. Making a label takes a good part of what a block
/// with a single payment takes, so that each is made once.
fn blocks(decision: &Decision) -> Counter {
    static METADATA: Metadata<'_> =
        Metadata::new(module_path!(), Level::INFO, Some(module_path!()));
    static KEYS: [OnceLock<Key>; 2 * DecisionReason::COUNT] =
        [const { OnceLock::new() }; 2 * DecisionReason::COUNT];
    let key =
        KEYS[2 * decision.reason as usize + usize::from(decision.parallel)].get_or_init(|| {
            let label = Label::from_static_parts("decision", decision.text());
            Key::from_parts("foresee_blocks_total", vec![label])
        });
    metrics::with_recorder(|recorder| recorder.register_counter(key, &METADATA))
}
