//! The JSON form: the record, and beside it everything that follows from it, so that a
//! reader need compute nothing.
//!
//! What follows from the rest is not believed when a record is read: it is made again
//! and compared.

use super::{Cause, Dependencies, RECORD_VERSION, Record, RecordError};
use alloy_primitives::{B256, keccak256};
use foresee_access::{Difference, TxIndex};
use foresee_schedule::DependencyDag;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// No part of a record has keys that are not strings, all that could go wrong.
const IS_JSON: &str = "a record is JSON";

/// The record as it is written.
#[derive(Serialize)]
struct Document<'a> {
    version: u64,
    digest: B256,
    record: &'a Record,
    differences: Vec<Mispredicted>,
    true_dependencies: Dependencies,
    predicted_dependencies: Option<Dependencies>,
}

/// Where a prediction differs from what was observed.
#[derive(Serialize)]
struct Mispredicted {
    index: TxIndex,
    cause: Cause,
    #[serde(flatten)]
    difference: Difference,
}

/// What is read: the record, and what it is checked with.
#[derive(Deserialize)]
struct Read {
    digest: B256,
    record: Record,
}

/// What waits for what.
struct Dags {
    really: DependencyDag,
    predicted: Option<DependencyDag>,
}

impl Record {
    /// The JSON form, on one line.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.document(self.digest(), &self.dags())).expect(IS_JSON)
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    ///
    /// If it is not the JSON form of a record, whole and unaltered. Space between its
    /// parts does not matter.
    pub fn from_json(json: &str) -> Result<Self, RecordError> {
        let malformed = |error: serde_json::Error| RecordError::Format(error.to_string());
        let document: Value = serde_json::from_str(json).map_err(malformed)?;
        match document.get("version").and_then(Value::as_u64) {
            Some(RECORD_VERSION) => {}
            Some(found) => return Err(RecordError::Version { found }),
            None => return Err(RecordError::Format("it has no version".to_owned())),
        }
        let Read { digest, record } = Read::deserialize(&document).map_err(malformed)?;
        let body = record.body();
        if keccak256(&body) != digest {
            return Err(RecordError::Altered("the digest is not that of the content"));
        }
        let is_whole = Self::from_body(&body)? == record;
        let dags = record.dags();
        let follows =
            || serde_json::to_value(record.document(digest, &dags)).expect(IS_JSON) == document;
        match is_whole && dags.are_as_large_as_in(&document) && follows() {
            true => Ok(record),
            false => Err(RecordError::Altered("parts do not follow from the rest")),
        }
    }

    fn dags(&self) -> Dags {
        Dags { really: self.true_dag(), predicted: self.predicted_dag() }
    }

    fn document(&self, digest: B256, dags: &Dags) -> Document<'_> {
        let differences = self.differences().into_iter().enumerate();
        let mispredicted = differences.filter_map(|(position, difference)| {
            let (difference, cause) = difference?;
            Some(Mispredicted { index: TxIndex::new(position), cause, difference })
        });
        Document {
            version: RECORD_VERSION,
            digest,
            record: self,
            differences: mispredicted.collect(),
            true_dependencies: Dependencies::of(&dags.really),
            predicted_dependencies: dags.predicted.as_ref().map(Dependencies::of),
        }
    }
}

impl Dags {
    /// Whether a document has as many edges. A few bytes may imply millions of them, which
    /// are not spelled out to be compared with nothing.
    fn are_as_large_as_in(&self, document: &Value) -> bool {
        let edges = |part: &str| document[part]["edges"].as_array().map_or(0, Vec::len);
        let Self { really, predicted } = self;
        let count = |dag: &DependencyDag| dag.graph().edge_count();
        count(really) == edges("true_dependencies")
            && predicted.as_ref().map_or(0, count) == edges("predicted_dependencies")
    }
}
