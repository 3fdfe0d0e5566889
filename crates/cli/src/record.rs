//! `foresee record`: what a block accesses, as an execution record or as the block
//! access list alone.

use crate::{
    Verdict,
    args::{self, RecordFormat},
    engine,
    failure::Failure,
    input::Input,
    output,
    progress::Progress,
    remote::Purpose,
    replay::compare,
    snapshot_file::write_whole,
};
use foresee::{Config, ExecutedBlock, Mode};
use foresee_execute::{AccessList, AccessListRules, execute_in_order};
use foresee_source::HeaderMatch;
use std::time::Instant;

pub(crate) fn run(args: &args::Record) -> Result<Verdict, Failure> {
    let default = Config::default();
    let foresee = engine::start(Config {
        threads: args.threads.map_or(default.threads, usize::from),
        mode: Mode::Parallel,
        score: true,
        access_list: true,
        ..default
    })?;
    let input = one(&args.blocks)?;
    let (block, state) = (&input.loaded.block, &input.loaded.state);
    let start = Instant::now();
    let executed = foresee
        .execute_block(block, state)
        .map_err(|error| input.failure("executing in parallel", error))?;
    let elapsed = start.elapsed();
    let list = executed.access_list.clone().unwrap_or_default();
    let bytes = match args.format {
        RecordFormat::Rlp => alloy_rlp::encode(&list),
        format => {
            let record = foresee.record(block, &executed, Some(elapsed));
            // Everything a record needs was asked for above.
            let record = record.expect("accesses and access list are there");
            match format {
                RecordFormat::Binary => record.to_bytes(),
                _ => (record.to_json() + "\n").into_bytes(),
            }
        }
    };
    write_whole(&bytes, args.out.as_deref().unwrap_or_else(|| "-".as_ref()))?;
    match difference(&input, &executed, &list)? {
        None => Ok(Verdict::Verified),
        Some(difference) => {
            output::complain(&input.failure("recorded", difference));
            Ok(Verdict::Differs)
        }
    }
}

/// The block to record.
fn one(blocks: &args::Blocks) -> Result<Input, Failure> {
    let remote = blocks.connect()?;
    match blocks.origins(remote.as_ref())[..] {
        [origin] => origin.open(Purpose::Execute, &Progress::new(1)),
        _ => Err(Failure::Usage("a record is of one block, these are several".to_owned())),
    }
}

/// In what the execution differs from in-order execution or from the header.
fn difference(
    input: &Input,
    executed: &ExecutedBlock,
    list: &AccessList,
) -> Result<Option<String>, Failure> {
    let loaded = &input.loaded;
    let in_order = execute_in_order(&loaded.block, &loaded.state)
        .map_err(|error| input.failure("executing in order", error))?;
    if let Some(part) = compare::difference(&executed.output, &in_order) {
        return Ok(Some(format!("differs from in-order execution in {part}")));
    }
    let expected = loaded.expected.as_ref();
    if !HeaderMatch::new(&executed.output, expected, *loaded.block.cfg.spec()).holds() {
        return Ok(Some("differs from the header".to_owned()));
    }
    let fault = rules(input).and_then(|rules| rules.check(list).err());
    Ok(fault.map(|fault| fault.to_string()))
}

/// What the access list is checked against, where the block's rules have one.
pub(crate) fn rules(input: &Input) -> Option<AccessListRules> {
    let loaded = &input.loaded;
    loaded.access_list.then(|| AccessListRules {
        transactions: loaded.block.transactions.len(),
        gas_limit: loaded.block.env.gas_limit,
        hash: loaded.expected.as_ref().and_then(|header| header.block_access_list_hash),
    })
}
