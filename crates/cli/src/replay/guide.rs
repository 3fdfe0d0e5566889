//! Records and access lists to follow, from files.

use crate::{
    args::{self, Blocks},
    failure::Failure,
    input::Input,
    predicted_list::is_document,
    record::rules,
};
use foresee::{Config, Foresee, Guide, Rerun};
use foresee_execute::{AccessList, AccessListFault, Record, read_access_list};
use serde::Serialize;
use std::path::Path;

/// What is known of the block, by whatever file was named.
pub(super) enum Known {
    Record(Box<Rerun>),
    AccessList(AccessList),
}

/// What came of following it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Followed {
    /// `record` or `access list`.
    pub(super) kind: &'static str,
    /// In what it is wrong first, if it is.
    pub(super) fault: Option<String>,
}

impl Known {
    /// Reads the file that was named, if one was. It is of one block, so there must
    /// be one.
    pub(super) fn open(args: &args::Replay) -> Result<Option<Self>, Failure> {
        let (path, option) = match (&args.record, &args.access_list) {
            (Some(path), _) => (path, "--record"),
            (None, Some(path)) => (path, "--access-list"),
            (None, None) => return Ok(None),
        };
        let Blocks { files, rpc, block, .. } = &args.blocks;
        let count = if rpc.is_some() { block.len().max(1) } else { files.len() };
        if count != 1 {
            return Err(Failure::Usage(format!("{option} is of one block, name one")));
        }
        Self::read(path, option).map(Some)
    }

    fn read(path: &Path, option: &str) -> Result<Self, Failure> {
        let origin = path.display().to_string();
        let bytes =
            std::fs::read(path).map_err(|error| Failure::block(&origin, "cannot read", error))?;
        if option == "--record" {
            return match Record::read(&bytes) {
                Ok(record) => Ok(Self::Record(Box::new(record.into()))),
                Err(error) => Err(Failure::block(&origin, "execution record", error)),
            };
        }
        if is_document(&bytes) {
            let reason =
                "this is no block's list; a predicted one is to read ahead by, with --prefetch";
            return Err(Failure::block(&origin, "access list", reason));
        }
        let list = read_access_list(&bytes);
        list.map(Self::AccessList).map_err(|error| Failure::block(&origin, "access list", error))
    }

    pub(super) const fn guide(&self) -> Guide<'_> {
        match self {
            Self::Record(rerun) => Guide::Record(rerun),
            Self::AccessList(list) => Guide::AccessList(list),
        }
    }

    /// Follows it once with everything observed that it could be wrong in.
    pub(super) fn verify(&self, config: Config, input: &Input) -> Result<Followed, Failure> {
        let (kind, by_itself) = match self {
            Self::Record(_) => ("record", None),
            Self::AccessList(list) => {
                ("access list", rules(input).and_then(|rules| rules.check(list).err()))
            }
        };
        let foresee = crate::engine::start(Config { observe: true, access_list: true, ..config })?;
        let fault = self.follow(&foresee, input)?;
        // What a list says says more of it than its hash, but not if it may not be as long.
        let fault = match (by_itself, fault) {
            (Some(by_itself @ AccessListFault::Hash(_)), None) => Some(by_itself.to_string()),
            (Some(AccessListFault::Hash(_)) | None, fault) => fault,
            (Some(by_itself), _) => Some(by_itself.to_string()),
        };
        Ok(Followed { kind, fault })
    }

    fn follow(&self, foresee: &Foresee, input: &Input) -> Result<Option<String>, Failure> {
        let (block, state) = (&input.loaded.block, &input.loaded.state);
        let (_, fault) = foresee
            .execute_guided(block, state, self.guide(), None)
            .map_err(|error| input.failure("executing in parallel", error))?;
        Ok(fault.map(|fault| fault.to_string()))
    }
}
