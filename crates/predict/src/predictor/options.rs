//! How to predict.

/// How to predict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PredictOptions {
    /// Whether slots are labelled. Costs a record of every short hash.
    pub labels: bool,
    /// Whether the time spent in precompiles is measured.
    pub time_precompiles: bool,
    /// Whether results that an execution can use again are kept for
    /// [`take_precompiled`](crate::BlockPredictor::take_precompiled) and
    /// [`take_hashes`](crate::BlockPredictor::take_hashes).
    pub keep_results: bool,
    /// Whether slices grow from the paths that are taken.
    pub grow_slices: bool,
    /// The most blocks of register code that one transaction may enter.
    pub steps_max: u64,
}

impl Default for PredictOptions {
    fn default() -> Self {
        Self {
            labels: false,
            time_precompiles: false,
            keep_results: false,
            grow_slices: true,
            steps_max: 50_000_000,
        }
    }
}
