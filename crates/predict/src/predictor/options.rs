//! How to predict.

/// How to predict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PredictOptions {
    /// Whether slots are labelled. Costs a record of every short hash.
    pub labels: bool,
    /// Whether each access carries [what it depends on](crate::Dependencies).
    pub dependencies: bool,
    /// Whether the time spent in precompiles is measured.
    pub time_precompiles: bool,
    /// Whether results that an execution can use again are kept for
    /// [`take_precompiled`](crate::BlockPredictor::take_precompiled) and
    /// [`take_hashes`](crate::BlockPredictor::take_hashes).
    pub keep_results: bool,
    /// Whether predictions made ahead keep what they saw, so that one may be
    /// [taken over](crate::BlockPredictor::predict_again) in its place in the block. Without
    /// it each is made anew there.
    pub keep_inputs: bool,
    /// How much is learnt from the paths that are taken.
    pub learning: Learning,
    /// The most blocks of register code that one transaction may enter. Blocks take gas, and
    /// no transaction of mainnet has enough to be stopped by the default; one that has is
    /// predicted in blocks alone, so that it stops at the same place whatever is compiled.
    /// Where [slots are guessed](crate::StateView::guess), the limit is a rough one.
    pub steps_max: u64,
    /// The most bytes of code that one predictor may take in and compile. A prediction that
    /// needs more ends there, as [not compiled](crate::Unknown::NotCompiled): where
    /// execution is under way, code that nobody has seen must not keep it waiting.
    pub compile_max: usize,
}

/// How much is learnt from the paths that are taken, for the blocks to come. Predictions
/// do not depend on it, only their cost does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Learning {
    /// Nothing.
    Nothing,
    /// What is worth the most, for a small share of what predicting costs; between
    /// transactions, and when the predictor is dropped. What is left then waits for a moment in
    /// which nobody does ([`ProgramCache::learn`](crate::ProgramCache::learn)), or for the next
    /// predictor.
    #[default]
    Bounded,
    /// Nothing, but what is worth it waits in the same way.
    Aside,
    /// Everything, at once. A block may take several times as long by it.
    Everything,
}

impl Learning {
    /// The same where somebody waits for the prediction: what is to be learnt is left for later.
    #[must_use]
    pub const fn aside(self) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            Self::Aside | Self::Bounded | Self::Everything => Self::Aside,
        }
    }
}

impl Default for PredictOptions {
    fn default() -> Self {
        Self {
            labels: false,
            dependencies: false,
            time_precompiles: false,
            keep_results: false,
            keep_inputs: true,
            learning: Learning::Bounded,
            steps_max: 100_000_000,
            compile_max: usize::MAX,
        }
    }
}
