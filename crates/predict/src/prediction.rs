//! What is predicted of one transaction.

use crate::{dependencies::Dependencies, state::Want, unknown::Unknown};
use foresee_access::{AccessSet, Location};

/// The predicted accesses of one transaction. It is never an error: what could not
/// be found out is named in `unknown`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prediction {
    /// Locations read and written.
    pub access: AccessSet,
    /// Gas used, refunds taken off.
    pub gas_used: u64,
    /// Whether the transaction succeeds.
    pub success: bool,
    /// What is missing. Empty if the prediction is complete.
    pub unknown: Vec<Unknown>,
    /// What the slots are, for those whose shape is known, sorted by location. Only
    /// filled if asked for.
    pub labels: Vec<(Location, String)>,
    /// What each access depends on. Only there if asked for.
    pub dependencies: Option<Box<Dependencies>>,
}

impl Prediction {
    /// Whether everything was found out.
    pub const fn is_complete(&self) -> bool {
        self.unknown.is_empty()
    }

    /// Whether it stands still at code that is not compiled yet. Nothing is wrong with such
    /// a transaction: it may run on the chance that it meets no other.
    pub fn awaits_code(&self) -> bool {
        self.unknown.iter().any(|unknown| matches!(unknown, Unknown::NotCompiled(..)))
    }

    /// Whether it stands still at a precompiled contract whose result the view wanted to be
    /// [deferred](crate::StateView::defers).
    pub fn awaits_result(&self) -> bool {
        let is_result = |unknown: &Unknown| matches!(unknown, Unknown::Value(Want::Precompile(_)));
        self.unknown.iter().any(is_result)
    }

    /// The label of a location.
    pub fn label(&self, location: &Location) -> Option<&str> {
        let position =
            self.labels.binary_search_by_key(location, |(labelled, _)| *labelled).ok()?;
        Some(&self.labels[position].1)
    }
}
