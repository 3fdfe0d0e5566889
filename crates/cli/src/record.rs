//! `foresee record`: what a block accesses, as an execution record or as the block
//! access list alone.

use crate::{
    Verdict,
    args::{self, RecordFormat},
    engine,
    failure::Failure,
    input::Input,
    output, predicted_list,
    progress::Progress,
    remote::Purpose,
    replay::compare,
    snapshot_file::write_whole,
};
use foresee::{Config, Mode, Recorded};
use foresee_execute::{AccessListRules, execute_in_order};
use foresee_source::HeaderMatch;
use std::time::Instant;

pub(crate) fn run(args: &args::Record) -> Result<Verdict, Failure> {
    if args.predicted {
        return predicted(args);
    }
    let default = Config::default();
    let foresee = engine::start(Config {
        threads: args.threads.map_or(default.threads, usize::from),
        mode: Mode::Parallel,
        score: true,
        access_list: true,
        timeline: true,
        ..default
    })?;
    let progress = Progress::new(1);
    let input = one(&args.blocks, Purpose::Execute, &progress)?;
    progress.part(1, 3, format!("block {}: executing", input.loaded.number));
    let (block, state) = (&input.loaded.block, &input.loaded.state);
    let start = Instant::now();
    let executed = foresee
        .execute_block(block, state)
        .map_err(|error| input.failure("executing in parallel", error))?;
    let elapsed = start.elapsed();
    // Everything that a record needs was asked for above.
    let recorded = foresee.record(block, executed, Some(elapsed));
    let recorded = recorded.expect("accesses and access list are there");
    let bytes = match args.format {
        RecordFormat::Rlp => alloy_rlp::encode(&recorded.access_list),
        RecordFormat::Binary => recorded.record.to_bytes(),
        RecordFormat::Json => (recorded.record.to_json() + "\n").into_bytes(),
    };
    progress.part(2, 3, format!("block {}: verifying", input.loaded.number));
    let difference = difference(&input, &recorded)?;
    drop(progress);
    write(&bytes, args)?;
    match difference {
        None => Ok(Verdict::Verified),
        Some(difference) => {
            output::complain(&input.failure("recorded", difference));
            Ok(Verdict::Differs)
        }
    }
}

/// Writes what is predicted instead.
fn predicted(args: &args::Record) -> Result<Verdict, Failure> {
    if args.format != RecordFormat::Json {
        let reason = "a predicted list is JSON, the other forms do not tell that it is predicted";
        return Err(Failure::Usage(format!("--predicted: {reason}")));
    }
    // Nothing is executed, so one thread will do.
    let foresee = engine::start(Config { threads: 1, ..Config::default() })?;
    let progress = Progress::new(1);
    let input = one(&args.blocks, Purpose::Predict, &progress)?;
    let json = predicted_list::json(&input, &foresee)?;
    drop(progress);
    write(json.as_bytes(), args)?;
    Ok(Verdict::Verified)
}

fn write(bytes: &[u8], args: &args::Record) -> Result<(), Failure> {
    write_whole(bytes, args.out.as_deref().unwrap_or_else(|| "-".as_ref()))
}

/// The block to record.
fn one(blocks: &args::Blocks, purpose: Purpose, progress: &Progress) -> Result<Input, Failure> {
    let remote = blocks.connect(&[])?;
    match blocks.origins(remote.as_ref())[..] {
        [origin] => origin.open(purpose, progress),
        _ => Err(Failure::Usage("a record is of one block, these are several".to_owned())),
    }
}

/// In what the execution differs from in-order execution or from the header.
fn difference(input: &Input, recorded: &Recorded) -> Result<Option<String>, Failure> {
    let Recorded { output, access_list, .. } = recorded;
    let loaded = &input.loaded;
    let in_order = execute_in_order(&loaded.block, &loaded.state)
        .map_err(|error| input.failure("executing in order", error))?;
    if let Some(part) = compare::difference(output, &in_order) {
        return Ok(Some(format!("differs from in-order execution in {part}")));
    }
    let expected = loaded.expected.as_ref();
    if !HeaderMatch::new(output, expected, *loaded.block.cfg.spec()).holds() {
        return Ok(Some("differs from the header".to_owned()));
    }
    let fault = rules(input).and_then(|rules| rules.check(access_list).err());
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
