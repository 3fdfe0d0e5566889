//! Access lists to read ahead by: the one that prediction alone yields, which `record
//! --predicted` writes, and whatever else `--prefetch` reads.

use crate::{
    engine::{self, State},
    failure::Failure,
    input::Input,
    output::json_line,
};
use foresee::{Foresee, PredictedAccessList, Rerun};
use foresee_execute::{Record, read_access_list};
use foresee_predict::PredictOptions;
use foresee_source::rpc::StateRead;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, path::Path};

/// The list as it is written. That it is predicted shows in its name, and in that it is
/// an object where the list of a block is not.
#[derive(Serialize, Deserialize)]
struct Document {
    block: u64,
    #[serde(flatten)]
    list: PredictedAccessList,
}

/// Whether this is an object and so cannot be the list of a block.
pub(crate) fn is_document(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{")
}

/// What a block is predicted to access, as one line of JSON.
pub(crate) fn json(input: &Input, foresee: &Foresee) -> Result<String, Failure> {
    let options = PredictOptions::default();
    let predicted = engine::predict(input, foresee.cache(), options, State::PreBlock)?;
    let list = PredictedAccessList::new(&predicted.predictions);
    Ok(json_line(&Document { block: input.loaded.number, list }))
}

/// What a list in a file names, predicted or not, or an execution record.
pub(crate) fn reads(file: &Path) -> Result<BTreeSet<StateRead>, Failure> {
    let failed = |reason: String| Failure::block(&file.display().to_string(), "--prefetch", reason);
    let bytes = std::fs::read(file).map_err(|error| failed(format!("cannot read: {error}")))?;
    let list = match is_document(&bytes) {
        true => serde_json::from_slice(&bytes)
            .map(|Document { list, .. }| list.into_list())
            .map_err(|error| error.to_string()),
        false => read_access_list(&bytes),
    };
    let list = match (list, Record::read(&bytes)) {
        (_, Ok(record)) => Rerun::new(record).named(),
        (list, Err(_)) => list.map_err(failed)?,
    };
    let mut reads = BTreeSet::new();
    for account in list.iter() {
        reads.insert(StateRead::Account(account.address));
        reads.extend(account.storage_slots().map(|slot| StateRead::Slot(account.address, slot)));
    }
    Ok(reads)
}
